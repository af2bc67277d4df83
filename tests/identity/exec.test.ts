/**
 * `potoroo exec` with the real clients, none of which is told an endpoint. Python needs google-cloud-storage and google-cloud-pubsub
 * (POTOROO_PYTHON names one that has them); curl and gcloud are used where they are installed.
 */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startHouse } from '../support/house-process.ts'
import type { HouseProcess } from '../support/house-process.ts'

const root = resolve(import.meta.dirname, '../..')
const python = process.env['POTOROO_PYTHON'] ?? 'python3'
const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0
const hasPython = has(python, '-c', 'import google.cloud.storage, google.cloud.pubsub_v1, requests')
const hasCurl = has('curl', '--version')
const hasGcloud = has('gcloud', '--version')

let house: HouseProcess
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-exec-test-'))
  house = await startHouse(folder, { flags: ['--iam', 'enforce'] })
  const bucket = await fetch(`${house.url}/storage/v1/b?project=potoroo-dev`, { method: 'POST', body: '{"name":"exec-lake"}' })
  const object = await fetch(`${house.url}/upload/storage/v1/b/exec-lake/o?uploadType=media&name=day.csv`, { method: 'POST', body: 'day,rides\n' })
  expect([bucket.status, object.status]).toEqual([200, 200])
})

afterAll(async () => {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Outcome {
  code: number | null
  out: string
  err: string
}

function potoroo(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [join(root, 'src/cli/main.ts'), ...args], { cwd: tmpdir(), env: { ...process.env, POTOROO_LOG_LEVEL: 'warn', ...env }, timeout: 60_000 }, (_error, out, err) =>
      done({ code: child.exitCode, out, err }),
    )
    child.stdin?.end()
  })
}

const exec = (command: string[], options: string[] = [], env: NodeJS.ProcessEnv = {}) => potoroo(['exec', '--data', folder, ...options, '--', ...command], env)

describe('a program written for the cloud runs as it is', () => {
  const PROGRAM = `
import os, google.auth, requests
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage, pubsub_v1
from google.oauth2 import id_token
print('client', [blob.name for blob in storage.Client().list_blobs('exec-lake')])
credentials, project = google.auth.default(scopes=['https://www.googleapis.com/auth/cloud-platform'])
print('session', project, AuthorizedSession(credentials).get('https://storage.googleapis.com/storage/v1/b/exec-lake/o/day.csv?alt=media').text.strip())
for name in ('STORAGE_EMULATOR_HOST', 'PUBSUB_EMULATOR_HOST', 'GOOGLE_APPLICATION_CREDENTIALS'):
    os.environ.pop(name, None)
credentials, project = google.auth.default(scopes=['https://www.googleapis.com/auth/cloud-platform'])
print('metadata', type(credentials).__module__, project, storage.Client().bucket('exec-lake').exists())
token = id_token.fetch_id_token(Request(), 'https://hello.run.app')
print('identity', id_token.verify_oauth2_token(token, Request(), 'https://hello.run.app')['email'])
publisher = pubsub_v1.PublisherClient()
print('grpc', publisher.create_topic(name='projects/potoroo-dev/topics/from-' + os.environ['RUN']).name, publisher.api_endpoint)
`
  test.skipIf(!hasPython)('Python: Client(), AuthorizedSession to a written-out URL, metadata credentials, identity tokens, gRPC to pubsub.googleapis.com', async () => {
    const { out, err } = await exec([python, '-c', PROGRAM], [], { RUN: 'python' })
    expect([out.trim().split('\n'), err]).toEqual([
      [
        "client ['day.csv']",
        'session potoroo-dev day,rides',
        'metadata google.auth.compute_engine.credentials potoroo-dev True',
        'identity developer@potoroo-dev.iam.gserviceaccount.com',
        'grpc projects/potoroo-dev/topics/from-python pubsub.googleapis.com',
      ],
      expect.any(String),
    ])
  })

  test('Node: new Storage() and fetch of a written-out URL', async () => {
    const program = `
      import { Storage } from '@google-cloud/storage'
      const [[bucket]] = await new Storage().getBuckets()
      console.log(bucket.name)
      delete process.env.STORAGE_EMULATOR_HOST
      console.log(String(await new Storage().bucket('exec-lake').file('day.csv').download()).trim())
      const answer = await fetch('https://storage.googleapis.com/storage/v1/b/exec-lake/o/day.csv')
      console.log((await answer.json()).size)`
    mkdirSync(join(root, '.cache'), { recursive: true })
    const file = join(root, `.cache/exec-test-${process.pid}.mjs`)
    writeFileSync(file, program)
    onTestFinished(() => rmSync(file, { force: true }))
    const { out, err } = await exec([process.execPath, file])
    expect([out.trim().split('\n'), err]).toEqual([['exec-lake', 'day,rides', '10'], expect.any(String)])
  })

  test.skipIf(!hasCurl)('curl, though it offers HTTP/2 as well', async () => {
    expect(await exec(['curl', '-sS', 'https://storage.googleapis.com/exec-lake/day.csv'])).toEqual({ code: 0, out: 'day,rides\n', err: '' })
  })

  test.skipIf(!hasGcloud)('gcloud', async () => {
    expect((await exec(['gcloud', 'storage', 'ls'])).out).toBe('gs://exec-lake/\n')
    expect((await exec(['gcloud', 'storage', 'cat', 'gs://exec-lake/day.csv'])).out).toBe('day,rides\n')
  })

  test.skipIf(!hasCurl)('a service of the cloud that the house lacks says so, and the real one is never asked', async () => {
    const { out } = await exec(['curl', '-sS', 'https://vision.googleapis.com/v1/images:annotate'])
    expect(JSON.parse(out).error).toMatchObject({ code: 501, message: expect.stringContaining('vision.googleapis.com') })
  })
})

describe('as a service account', () => {
  test.skipIf(!hasCurl)('a command may do what the account may, with a token or without', async () => {
    const { out: email } = await potoroo(['service-account', 'create', 'reader', '--data', folder])
    const list = () => exec(['sh', '-c', 'curl -sS -o /dev/null -w "%{http_code} " "https://storage.googleapis.com/storage/v1/b/exec-lake/o"; curl -sS -o /dev/null -w "%{http_code} " "$STORAGE_EMULATOR_HOST/storage/v1/b/exec-lake/o"; curl -sS -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $(cat $CLOUDSDK_AUTH_ACCESS_TOKEN_FILE)" "https://storage.googleapis.com/storage/v1/b/exec-lake/o"'], ['--as', email.trim()])
    expect((await list()).out).toBe('403 403 403')
    await potoroo(['iam', 'grant', `serviceAccount:${email.trim()}`, 'roles/storage.objectViewer', 'gs://exec-lake', '--data', folder])
    expect((await list()).out).toBe('200 200 200')
  })

  test('one that is not there is named', async () => {
    const { code, err } = await exec(['true'], ['--as', 'nobody@example.com'])
    expect([code, err]).toEqual([3, expect.stringContaining('nobody@example.com')])
  })
})

describe('the command', () => {
  test('ends with its own exit code', async () => {
    expect((await exec(['sh', '-c', 'exit 7'])).code).toBe(7)
    expect((await exec(['no-such-command-anywhere'])).code).toBe(127)
  })

  test('is sent the signals that come', async () => {
    const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), 'exec', '--data', folder, '--', 'sh', '-c', 'trap "echo heard; exit 9" TERM; echo ready; while :; do sleep 0.05; done'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    const code = await new Promise((done) => {
      child.stdout.on('data', (chunk) => {
        out += chunk
        if (String(chunk).includes('ready')) child.kill('SIGTERM')
      })
      child.once('exit', done)
    })
    expect([out, code]).toEqual(['ready\nheard\n', 9])
  })

  test('leaves neither files nor its world behind, also when it is killed', async () => {
    const mine = mkdtempSync(join(tmpdir(), 'potoroo-exec-tmp-'))
    onTestFinished(() => rmSync(mine, { recursive: true, force: true }))
    const { out } = await exec(['sh', '-c', 'echo $STORAGE_EMULATOR_HOST; ls $(dirname $GOOGLE_APPLICATION_CREDENTIALS)'], [], { TMPDIR: mine })
    expect(out).toContain('credentials.json')
    expect(readdirSync(mine)).toEqual([])
    await expect(fetch(out.split('\n')[0]!)).rejects.toThrow()

    const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), 'exec', '--data', folder, '--', 'sh', '-c', 'echo $STORAGE_EMULATOR_HOST; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true, env: { ...process.env, TMPDIR: mine } })
    const world = await new Promise<string>((done) => child.stdout.once('data', (chunk) => done(String(chunk).trim())))
    expect((await fetch(`${world}/livez`)).status).toBe(200)
    process.kill(-child.pid!, 'SIGKILL')
    const left = () => readdirSync(mine).filter((name) => name.startsWith(`potoroo-exec-${child.pid}-`))
    expect(left()).toHaveLength(1)
    expect((await exec(['true'], [], { TMPDIR: mine })).code).toBe(0)
    expect(left()).toEqual([]) // The next command clears up what a kill left.
    await expect.poll(() => fetch(`${world}/livez`).then(({ status }) => status, () => 'gone')).toBe('gone')
  })

  test('gets a throw-away house with --ephemeral, and one of its own where none runs', async () => {
    const nowhere = mkdtempSync(join(tmpdir(), 'potoroo-none-'))
    onTestFinished(() => rmSync(nowhere, { recursive: true, force: true }))
    const program = ['sh', '-c', 'test "$STORAGE_EMULATOR_HOST" && echo $POTOROO_URL']
    const thrownAway = await potoroo(['exec', '--ephemeral', '--', ...program])
    expect([thrownAway.code, thrownAway.out]).toEqual([0, expect.stringMatching(/^http:\/\/127/)])
    const own = await potoroo(['exec', '--data', join(nowhere, 'data'), '--', ...program])
    expect([own.code, own.out]).toEqual([0, expect.stringMatching(/^http:\/\/127/)])
    expect(readdirSync(join(nowhere, 'data'))).not.toContain('run.json')
  })

  test('keeps the proxy and the certificates that were there before', async () => {
    const asked: string[] = []
    const proxy = createServer((_request, response) => void response.end())
    proxy.on('connect', (request, socket) => {
      asked.push(request.url!)
      socket.end('HTTP/1.1 502 no\r\n\r\n')
    })
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
    onTestFinished(() => void proxy.close())
    const bundle = join(folder, '..', `bundle-${process.pid}.pem`)
    writeFileSync(bundle, '# certificates of a company\n')
    onTestFinished(() => rmSync(bundle, { force: true }))
    const { out } = await exec(['sh', '-c', 'grep -c "of a company" $SSL_CERT_FILE; echo $NO_PROXY; curl -sS https://example.com 2>/dev/null; true'], [], {
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      REQUESTS_CA_BUNDLE: bundle,
      NO_PROXY: 'internal.example,.googleapis.com,*',
    })
    expect(out.split('\n').slice(0, 2)).toEqual(['1', '127.0.0.1,localhost,::1,internal.example'])
    if (hasCurl) expect(asked).toEqual(['example.com:443'])
  })
})

test('the authority’s key never leaves the data folder, and may be read by its owner only', async () => {
  const { out } = await exec(['sh', '-c', 'cat $(dirname $GOOGLE_APPLICATION_CREDENTIALS)/* | grep -c "PRIVATE KEY"; env | grep -c "PRIVATE KEY"'])
  expect(out).toBe('1\n0\n') // The service account's own, in its key file.
  const { key } = JSON.parse(readFileSync(join(folder, 'authority.json'), 'utf8'))
  expect(key).toContain('PRIVATE KEY')
  expect(spawnSync('stat', ['-c', '%a', join(folder, 'authority.json')], { encoding: 'utf8' }).stdout.trim()).toBe('600')
})
