/** The hatch with its environments and code folders, opened when something first wants to run user code: a house that runs none pays nothing. */
import type { Clock } from './clock.ts'
import { CodeFolders } from './code-folders.ts'
import type { Disk } from './disk.ts'
import { Envs } from './envs.ts'
import { Fault } from './fault.ts'
import { Hatch, type Rung, type RungLevel } from './hatch.ts'
import type { Ids } from './ids.ts'
import type { Log } from './telemetry.ts'

export interface Bench {
  hatch: Hatch
  envs: Envs
  code: CodeFolders
}

export interface WorkshopOptions {
  disk: Disk
  clock: Clock
  ids: Ids
  log: Log
  /** For an operator who must do without the higher ones. */
  rung_max?: RungLevel | undefined
}

/** 0, 1 or 2: the highest rung of the sandbox ladder that is tried. */
export const SANDBOX_VARIABLE = 'POTOROO_SANDBOX_MAX'

export function rungIn(text: string | undefined): RungLevel | undefined {
  if (text === undefined || text === '') return undefined
  const level = Number(text)
  if (level !== 0 && level !== 1 && level !== 2) throw new Fault('INVALID_ARGUMENT', 'usage', `${SANDBOX_VARIABLE} is 0, 1 or 2.`)
  return level
}

export class Workshop {
  readonly #options: WorkshopOptions
  #opening: Promise<Bench> | undefined
  #bench: Bench | undefined

  constructor(options: WorkshopOptions) {
    this.#options = options
  }

  get(): Promise<Bench> {
    return (this.#opening ??= this.#open())
  }

  /** Of what is open already; undefined before that. */
  get rung(): Rung | undefined {
    return this.#bench?.hatch.rung
  }

  /** Ends what a killed house left running, without waiting for somebody to want the hatch. */
  async clearUp(): Promise<void> {
    if ((await this.#options.disk.list('hatch-runs')).length > 0) await this.get()
  }

  async close(): Promise<void> {
    const bench = await this.#opening?.catch(() => undefined)
    await bench?.hatch.close()
  }

  async #open(): Promise<Bench> {
    const { disk, clock, ids, log, rung_max } = this.#options
    const hatch = await Hatch.open({ disk, clock, ids, ...(rung_max !== undefined && { rung_max }), onNote: (note) => log.warn({ hatch: true }, note) })
    const envs = await Envs.open(hatch)
    this.#bench = { hatch, envs, code: new CodeFolders(hatch.root) }
    log.info({ rung: hatch.rung.level, reason: hatch.rung.reason }, 'user code runs in the hatch')
    return this.#bench
  }
}
