/** A world of its own for one command: asked of the house, laid out as files, held as long as the command runs. */
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import type { ClientRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '#ground/fault.ts'
import { CLOUD_DOMAINS } from '#gateway/world/hosts.ts'
import { isAlive } from './find-house.ts'
import { errorOf, unreachable } from './house-client.ts'

interface WorldAnswer {
  account: string
  url: string
  /** What stands in the variables where the folder belongs. */
  folder: string
  files: Record<string, string>
  variables: Record<string, string>
}

export interface HeldWorld {
  readonly account: string
  readonly variables: Record<string, string>
  /** Ends the world and removes its files. */
  release(): void
}

const FOLDER = 'potoroo-exec-'
const LEFT = /^potoroo-exec-(\d+)-\w{6}$/
/** Where tools say which authorities they trust; what stood there before is trusted still. */
const BUNDLES = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']

export async function holdWorld(house: { url: string; token: string | undefined }, wish: { as?: string | undefined; project?: string | undefined; via: string }, env: NodeJS.ProcessEnv): Promise<HeldWorld> {
  const upstream = env['HTTPS_PROXY'] ?? env['https_proxy'] ?? env['ALL_PROXY']
  const { answer, held } = await ask(house, { ...wish, upstream })
  removeLeftBehind()
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-`))
  const release = () => {
    held.destroy()
    removeFolder(folder, Object.keys(answer.files))
  }
  try {
    const files = { ...answer.files, 'certificates.pem': `${answer.files['certificates.pem'] ?? ''}${trustedBefore(env)}` }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 })
    const variables = Object.fromEntries(Object.entries(answer.variables).map(([name, value]) => [name, value.replaceAll(answer.folder, folder)]))
    for (const name of ['NO_PROXY', 'no_proxy']) variables[name] = [variables[name], ...directBefore(env)].filter(Boolean).join(',')
    return { account: answer.account, variables, release }
  } catch (thrown) {
    release()
    throw thrown
  }
}

/** Those of commands that were killed: their number stands in the name. */
function removeLeftBehind(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = LEFT.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const path = join(tmpdir(), name)
    if (statSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.()) rmSync(path, { recursive: true, force: true })
  }
}

/** By name, since a recursive removal costs 20 ms; the command may have put more there, as gcloud does. */
function removeFolder(folder: string, files: string[]): void {
  for (const name of files) rmSync(join(folder, name), { force: true })
  if (readdirSync(folder).length === 0) rmdirSync(folder)
  else rmSync(folder, { recursive: true, force: true })
}

/** Not `fetch`: it gives up on an answer that stays silent for minutes, and this one is silent for as long as the command runs. */
function ask({ url, token }: { url: string; token: string | undefined }, wish: Record<string, unknown>): Promise<{ answer: WorldAnswer; held: ClientRequest }> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(wish)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    const held = request(new URL('/potoroo/v1/worlds', url), { method: 'POST', headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('error', () => undefined) // It ends when we or the house end it; the command finds out by itself.
      response.on('data', (chunk: string) => {
        text += chunk
        if (response.statusCode === 200 && text.endsWith('\n')) resolve({ answer: JSON.parse(text) as WorldAnswer, held })
      })
      response.on('end', () => reject(errorOf(response.statusCode ?? 0, response.statusMessage ?? '', text, String(response.headers['x-request-id'] ?? ''))))
    })
    held.on('error', (cause) => reject(unreachable(url, { cause })))
    held.end(body)
  })
}

function trustedBefore(env: NodeJS.ProcessEnv): string {
  const paths = new Set(BUNDLES.map((name) => env[name]).filter((path) => path !== undefined && path !== ''))
  return [...paths].map((path) => readBundle(path!)).join('\n')
}

function readBundle(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault('INVALID_ARGUMENT', 'usage', `The certificates in ${path}, named by the environment, cannot be read.`, { cause })
  }
}

/** What went past a proxy before still does, save for the hosts that the house stands in for. */
function directBefore(env: NodeJS.ProcessEnv): string[] {
  const entries = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(',').map((entry) => entry.trim())
  return entries.filter((entry) => {
    const plain = entry.replace(/^\*?\./, '').toLowerCase()
    return plain !== '' && plain !== '*' && !CLOUD_DOMAINS.some((domain) => plain === domain || plain.endsWith(`.${domain}`) || domain.endsWith(`.${plain}`))
  })
}
