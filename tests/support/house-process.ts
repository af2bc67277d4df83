/** A house in a process of its own, as users run it: so that a test may kill it and look at what the next one finds. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(import.meta.dirname, '../..')
/** What `npm start` runs a house with. */
const { NODE_FLAGS, compileCache }: { NODE_FLAGS: string[]; compileCache(root: string): string } = await import(pathToFileURL(join(root, 'scripts/node24.mjs')).href)

const START_MS_MAX = 20_000

export interface HouseProcess {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** From the start of the process until it was ready. */
  readonly started_ms: number
  /** SIGKILL, and the end of it awaited. */
  kill(): Promise<void>
  /** SIGTERM, as a person would stop it. */
  stop(): Promise<void>
  /** Resolves when the process has ended by itself. */
  readonly ended: Promise<void>
  log(): string
}

/** Starts a house on a free port with its data in `folder`. */
export async function startHouse(folder: string, options: { failpoints?: string; flags?: string[]; env?: NodeJS.ProcessEnv } = {}): Promise<HouseProcess> {
  const since = performance.now()
  const child = spawn(process.execPath, [...NODE_FLAGS, join(root, 'src/cli/main.ts'), 'up', '--json', '--port', '0', '--data', folder, ...(options.flags ?? [])], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache(root), POTOROO_LOG_LEVEL: 'warn', ...options.env, ...(options.failpoints !== undefined && { POTOROO_FAILPOINTS: options.failpoints }) },
  })
  let log = ''
  child.stderr!.on('data', (chunk) => (log += chunk))
  // A failed test leaves its folder for looking at, not its house running.
  const atExit = () => child.kill('SIGKILL')
  process.once('exit', atExit)
  const ended = new Promise<void>((done) =>
    child.once('exit', () => {
      process.off('exit', atExit)
      done()
    }),
  )
  const url = await address(child, () => log)
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid!,
    started_ms: performance.now() - since,
    ended,
    log: () => log,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** The line that tells the address is printed once the doors are open. */
function address(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolveAddress, reject) => {
    let printed = ''
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the house was not ready in ${START_MS_MAX} ms\n${printed}\n${log()}`))
    }, START_MS_MAX)
    child.stdout!.on('data', (chunk) => {
      printed += chunk
      const found = /"url":"([^"]+)"/.exec(printed)
      if (!found) return
      clearTimeout(late)
      resolveAddress(found[1]!)
    })
    child.once('exit', (code, signal) => {
      clearTimeout(late)
      reject(new Error(`the house ended with ${code ?? signal}\n${printed}\n${log()}`))
    })
  })
}

/** How many rounds a fault test runs: few by default, more in CI, many by FAULT_ROUNDS. */
export function faultRounds(fallback = 3): number {
  return Number(process.env['FAULT_ROUNDS'] ?? fallback)
}

/** A folder that a failing test leaves behind for looking at, and a passing one removes. */
export function faultFolder(): { path: string; passed(): void } {
  const path = mkdtempSync(join(tmpdir(), 'potoroo-fault-'))
  return { path, passed: () => rmSync(path, { recursive: true, force: true }) }
}
