/** Users for user code: a house that runs as root gives each run a number of its own, held by nobody else on the machine. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from './fault.ts'
import { startTicks } from './process-group.ts'

/** Below 65,536, so that it exists inside containers too; above what distributions give to people and services. */
const UID_FIRST = 62_000
const UIDS_MAX = 1_000

export class Uids {
  readonly #folder: string
  readonly #known: ReadonlySet<number>
  #next = 0

  constructor(folder = join(existsSync('/run') ? '/run' : tmpdir(), 'potoroo-uids')) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#known = namedUids()
  }

  lease(): number {
    for (let tries = 0; tries < UIDS_MAX; tries++) {
      const uid = UID_FIRST + (this.#next++ % UIDS_MAX)
      if (!this.#known.has(uid) && this.#take(uid)) return uid
    }
    throw new Fault('RESOURCE_EXHAUSTED', 'noUidLeft', `All ${UIDS_MAX} users for user code are taken on this machine.`)
  }

  release(uid: number): void {
    rmSync(this.#file(uid), { force: true })
  }

  /** For what a killed house left: false when a living house, this one included, has the number by now. */
  reclaim(uid: number): boolean {
    return this.#take(uid)
  }

  #take(uid: number): boolean {
    const file = this.#file(uid)
    const mine = `${process.pid} ${startTicks(process.pid) ?? 0}`
    for (let tries = 0; tries < 2; tries++) {
      try {
        const handle = openSync(file, 'wx', 0o600)
        writeSync(handle, mine)
        closeSync(handle)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      if (holderLives(file)) return false
      rmSync(file, { force: true })
    }
    return false
  }

  #file(uid: number): string {
    return join(this.#folder, String(uid))
  }
}

function holderLives(file: string): boolean {
  try {
    const [pid, start_ticks] = readFileSync(file, 'utf8').split(' ').map(Number)
    return pid !== undefined && start_ticks !== undefined && startTicks(pid) === start_ticks
  } catch {
    return true // being taken or released at this moment: leave it alone
  }
}

function namedUids(): Set<number> {
  const lines = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  return new Set(lines.map((line) => Number(line.split(':')[2])))
}
