/** What identity and the world of `potoroo exec` cost: tokens, permission checks, a command's start, a request and a stream through the proxy. */
import { execFile, spawn } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { SignJWT } from 'jose'
import type { Caller } from '#ground/door.ts'
import { readConfig } from '#src/config.ts'
import { openHouse } from '#src/house.ts'
import { asker } from '../tests/identity/houses.ts'
import { atLeast, atMost, median, report } from './figures.ts'

const TOKENS = 200
const CHECKS = 100_000
const REQUESTS = 500
const EXECS = 9
const STREAM_BYTES = 256 * 1024 * 1024
const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-identity-'))
const house = await openHouse(readConfig({ port: 0, data: join(folder, 'data'), 'log-level': 'silent', iam: 'enforce' }, {}, folder).config)
try {
  report(import.meta.filename, [...(await tokens()), ...(await execs()), ...(await throughProxy())])
} finally {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)

async function tokens() {
  const key = JSON.parse(readFileSync(join(folder, 'data', 'service-account.json'), 'utf8'))
  const privateKey = createPrivateKey(key.private_key)
  const issue_ms: number[] = []
  let token = ''
  for (let count = 0; count < TOKENS; count++) {
    const now_s = Math.floor(Date.now() / 1000)
    const assertion = await new SignJWT({ iss: key.client_email, aud: 'https://oauth2.googleapis.com/token', iat: now_s, exp: now_s + 3600 }).setProtectedHeader({ alg: 'RS256', kid: key.private_key_id }).sign(privateKey)
    const since = performance.now()
    const { json } = await asker(house.url)('POST', '/token', new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }).toString(), { 'content-type': 'application/x-www-form-urlencoded' })
    issue_ms.push(performance.now() - since)
    token = json.access_token
  }
  const { gate } = (house.rooms.find(({ name }) => name === 'identity') as unknown as { service: { gate: { identify(knock: object): Promise<Caller>; may(caller: Caller, permission: string, resource: object): Promise<boolean> } } }).service
  const knock = { bearer: token, peer: async () => 'same', host: '127.0.0.1' }
  const caller = await gate.identify(knock)
  const verify_us = await each_us(() => gate.identify(knock))
  const may_us = await each_us(() => gate.may(caller, 'storage.objects.get', { type: 'bucket', name: 'bench', project: 'p' }))
  return [
    { name: 'token for a signed assertion, over HTTP', ours: median(issue_ms), unit: 'ms', bound: atMost(5) },
    { name: 'a cached token verified', ours: verify_us, unit: 'µs', bound: atMost(50) },
    { name: 'a permission asked for, enforced', ours: may_us, unit: 'µs' },
  ]
}

async function each_us(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now()
  for (let count = 0; count < CHECKS; count++) await work()
  return ((performance.now() - since) * 1000) / CHECKS
}

async function execs() {
  const alone_ms: number[] = []
  const inside_ms: number[] = []
  const potoroo = join(root, 'bin/potoroo')
  const timed = async (into: number[], command: string, args: string[]) => {
    const since = performance.now()
    await run(command, args, { env: { ...process.env, POTOROO_DATA: join(folder, 'data') } })
    into.push(performance.now() - since)
  }
  await timed([], potoroo, ['exec', '--', 'true'])
  for (let count = 0; count < EXECS; count++) {
    await timed(alone_ms, 'true', [])
    await timed(inside_ms, potoroo, ['exec', '--', 'true'])
  }
  return [{ name: '`potoroo exec` adds to a command', ours: median(inside_ms) - median(alone_ms), unit: 'ms', bound: atMost(150) }]
}

interface Shown {
  proxy: URL
  ca: string
  release(): void
}

/** A world as a command sees it, held open. */
function world(): Promise<Shown> {
  const child = spawn(join(root, 'bin/potoroo'), ['exec', '--', 'sh', '-c', 'echo $HTTPS_PROXY $SSL_CERT_FILE; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, POTOROO_DATA: join(folder, 'data') } })
  return new Promise((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) => {
      const [proxy, bundle] = line.split(' ') as [string, string]
      resolve({ proxy: new URL(proxy), ca: readFileSync(bundle, 'utf8'), release: () => child.stdin.end() })
    })
  })
}

async function throughProxy() {
  const ask = asker(house.url)
  await ask('POST', '/storage/v1/b?project=p', { name: 'bench-lake' })
  await ask('POST', '/upload/storage/v1/b/bench-lake/o?uploadType=media&name=small', 'x')
  const upload = await fetch(`${house.url}/upload/storage/v1/b/bench-lake/o?uploadType=media&name=big`, { method: 'POST', body: Buffer.alloc(STREAM_BYTES, 7) })
  if (!upload.ok) throw new Error(await upload.text())
  const { proxy, ca, release } = await world()
  const direct = new Agent({ keepAlive: true, maxSockets: 1 })
  const tunnelled = new TlsAgent({ keepAlive: true, maxSockets: 1 })
  tunnelled.createConnection = (_options, done) => {
    const socket = connect(Number(proxy.port), proxy.hostname, () => socket.write('CONNECT storage.googleapis.com:443 HTTP/1.1\r\n\r\n'))
    socket.once('data', () => {
      const secure = connectTls({ socket, ca, servername: 'storage.googleapis.com' }, () => done?.(null, secure))
    })
    return undefined as never
  }
  const plain = (name: string) => drain(request(`${house.url}/bench-lake/${name}`, { agent: direct }))
  const secure = (name: string) => drain(tlsRequest(`https://storage.googleapis.com/bench-lake/${name}`, { agent: tunnelled }))
  const [plain_ms, secure_ms] = [await small_ms(plain), await small_ms(secure)]
  const [plain_mbs, secure_mbs] = [await stream_mbs(plain), await stream_mbs(secure)]
  direct.destroy()
  tunnelled.destroy()
  release()
  return [
    { name: 'the proxy adds to a request on a kept connection', ours: secure_ms - plain_ms, unit: 'ms', bound: atMost(1) },
    { name: '256 MB through the proxy', ours: secure_mbs, unit: 'MB/s', bound: atLeast(plain_mbs / 2, 'half of the direct rate, same run') },
    { name: '256 MB directly', ours: plain_mbs, unit: 'MB/s' },
  ]
}

function drain(sent: ReturnType<typeof request>): Promise<number> {
  return new Promise((resolve, reject) => {
    sent.once('error', reject)
    sent.once('response', (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.once('end', () => (response.statusCode === 200 ? resolve(bytes) : reject(new Error(`status ${response.statusCode}`))))
    })
    sent.end()
  })
}

async function small_ms(get: (name: string) => Promise<number>): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < REQUESTS; count++) {
    const since = performance.now()
    await get('small')
    times.push(performance.now() - since)
  }
  return median(times)
}

async function stream_mbs(get: (name: string) => Promise<number>): Promise<number> {
  const rates: number[] = []
  for (let count = 0; count < 3; count++) {
    const since = performance.now()
    const bytes = await get('big')
    if (bytes !== STREAM_BYTES) throw new Error(`only ${bytes} bytes came`)
    rates.push(bytes / 1e6 / ((performance.now() - since) / 1000))
  }
  return median(rates)
}
