/**
 * The only way to start user code: functions, tasks, model code, builds. Each run has its own scratch folder, a clean
 * environment, limits, and ends with everything it forked. How far it is shut in depends on the machine: the ladder is
 * tried at start by really running it. Rung 0 contains accidents and is no boundary against ill will. Our own processes are `children.ts`'s.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import { Fault } from './fault.ts'
import { type RungLevel, launchLine, type Tools } from './hatch-launch.ts'
import { RUN_LIMITS, type RunLimits, RUNS_MAX, WATCH_EVERY_MS } from './hatch-limits.ts'
import { endMembers, type Membership, ProcessTable, RUN_VARIABLE } from './hatch-members.ts'
import { climb } from './hatch-probe.ts'
import { type RunRecord, RunRecords } from './hatch-records.ts'
import { type Ending, Run } from './hatch-run.ts'
import { giveTo, makeScratch, outsideRoot, reachableByOthers, removeScratch } from './hatch-scratch.ts'
import { Uids } from './hatch-uids.ts'
import type { Ids } from './ids.ts'
import { bootId, startTicks, whichProgram } from './process-group.ts'

export type { Ending, EndReason, Run } from './hatch-run.ts'
export type { RungLevel } from './hatch-launch.ts'

export interface HatchOptions {
  disk: Disk
  clock: Clock
  ids: Ids
  /** For tests of the lower rungs, and for an operator who must do without. */
  rung_max?: RungLevel
  onNote?: (note: string) => void
}

export interface Order {
  /** In logs: `function hello`, `task 17`. */
  name: string
  command: readonly string[]
  /** All that the code sees, beside PATH, HOME, TMPDIR, LANG and a mark of ours. */
  env?: Readonly<Record<string, string>>
  /** Puts the code's files into its scratch folder before it starts. */
  fill?: (scratch: string) => Promise<void>
  /** Folders outside its scratch that it needs to read, such as its environment and its runtime. */
  readable?: readonly string[]
  /** Only for programs that we chose ourselves, with `asHouse`: caches. */
  writable?: readonly string[]
  /** Runs as the house's own user: for programs that we chose ourselves and that run no user code. */
  asHouse?: boolean
  limits?: Partial<RunLimits>
  /** `none` needs rung 2. */
  network?: 'host' | 'none'
  /** A pipe at its fd 3 and one at its fd 4. */
  talk?: boolean
  stdin?: boolean
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Awaited when its processes have ended, before its scratch folder goes: the place to take results out. */
  harvest?: (scratch: string, ending: Ending) => Promise<void>
}

/** What `potoroo status` shows. */
export interface Rung {
  level: RungLevel
  /** Why it is not higher, or what it gives. */
  reason: string
  /** Runs have users of their own. */
  ownUsers: boolean
  memory: 'watch' | 'none'
}

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

export class Hatch {
  readonly #options: HatchOptions
  readonly #tools: Tools
  readonly #records: RunRecords
  readonly #uids: Uids | undefined
  readonly #table = new ProcessTable()
  readonly #boot = bootId()
  readonly #runs = new Map<string, Run>()
  #root: string
  #rung: Rung = { level: 0, reason: 'not tried yet', ownUsers: false, memory: 'none' }
  #watching = false
  #closed = false

  /** Ends what a killed house left running, then finds out how far this machine can shut code in. */
  static async open(options: HatchOptions): Promise<Hatch> {
    const hatch = new Hatch(options, await options.disk.folder('hatch'))
    await hatch.#endOrphans()
    await hatch.#climb()
    return hatch
  }

  private constructor(options: HatchOptions, root: string) {
    this.#options = options
    this.#root = root
    this.#records = new RunRecords(options.disk)
    const linux = process.platform === 'linux'
    const tool = (name: string) => (linux ? whichProgram(name) : undefined)
    this.#tools = { sh: '/bin/sh', setpriv: tool('setpriv'), prlimit: tool('prlimit'), unshare: tool('unshare') }
    this.#uids = linux && process.getuid?.() === 0 && this.#tools.setpriv ? new Uids() : undefined
  }

  get rung(): Rung {
    return this.#rung
  }

  /** Where scratch folders lie: what is to be moved into or out of one by a rename lies beside them. */
  get root(): string {
    return this.#root
  }

  get runs(): number {
    return this.#runs.size
  }

  async start(order: Order): Promise<Run> {
    if (this.#closed) throw new Fault('UNAVAILABLE', 'hatchClosed', 'The house is stopping; no code is started any more.')
    if (this.#runs.size >= RUNS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'tooManyRuns', `${RUNS_MAX} runs are under way already.`)
    if (order.network === 'none' && this.#rung.level < 2) {
      throw new Fault('FAILED_PRECONDITION', 'noNetworkJail', `Code can only be kept off the network on sandbox rung 2; this is rung ${this.#rung.level}.`, { hint: this.#rung.reason })
    }
    return this.#startOn(this.#rung.level, order)
  }

  /** Ends all runs. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#runs.values()].map((run) => run.stop()))
  }

  async #startOn(level: RungLevel, order: Order): Promise<Run> {
    const id = this.#options.ids.next()
    const uid = level > 0 && !order.asHouse ? this.#uids?.lease() : undefined
    const limits = { ...RUN_LIMITS, ...order.limits }
    const scratch = await makeScratch(this.#root, id)
    const record: RunRecord = { id, name: order.name, token: id, boot: this.#boot, uid, scratch }
    // Recorded before it exists: a house killed in between finds it by the mark in its environment.
    await this.#records.write(record)
    let line: string[]
    try {
      await order.fill?.(scratch)
      if (uid !== undefined) await giveTo(uid, scratch)
      const { command, readable = [], writable = [], network = 'host' } = order
      line = launchLine(level, this.#tools, { command, scratch, readable, writable, limits, network, uid })
    } catch (reason) {
      await this.#clear(record)
      throw reason
    }
    const child = spawn(line[0] as string, line.slice(1), {
      cwd: scratch,
      env: environment(level, order, scratch, id),
      stdio: [order.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(order.talk ? (['pipe', 'pipe'] as const) : [])],
      detached: true,
    })
    const run = new Run({
      process: child,
      membership: { token: id, uid },
      scratch,
      limits,
      clock: this.#options.clock,
      setpriv: this.#tools.setpriv,
      onLine: order.onLine,
      finish: (ending) => this.#finish(record, order, ending),
    })
    this.#runs.set(id, run)
    this.#watch()
    await this.#notePid(record, run)
    return run
  }

  async #notePid(record: RunRecord, run: Run): Promise<void> {
    if (run.pid === undefined) return
    try {
      await this.#records.write({ ...record, pid: run.pid, start_ticks: startTicks(run.pid) })
      // A very short run is over by now, and its record must not come back.
      if (!this.#runs.has(record.id)) await this.#records.forget(record.id)
    } catch (reason) {
      await run.kill('its process number could not be recorded')
      throw reason
    }
  }

  async #finish(record: RunRecord, order: Order, ending: Ending): Promise<void> {
    try {
      await order.harvest?.(record.scratch, ending)
    } catch (reason) {
      this.#options.onNote?.(`${order.name}: its results could not be taken out: ${String(reason)}`)
    }
    this.#runs.delete(record.id)
    if (ending.clean) return this.#clear(record)
    // Neither its user nor its folder may be given to another while it lives.
    this.#options.onNote?.(`${order.name} left processes that could not be ended; they are tried again at the next start.`)
  }

  /** Not being able to clear up is no failure of the run: what stays is tried again at the next start. */
  async #clear({ id, name, uid, scratch }: RunRecord): Promise<void> {
    try {
      await removeScratch(scratch)
      await this.#records.forget(id)
      if (uid !== undefined) this.#uids?.release(uid)
    } catch (reason) {
      this.#options.onNote?.(`The scratch folder ${scratch} of ${name} could not be removed: ${String(reason)}`)
    }
  }

  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    this.#options.clock.after(WATCH_EVERY_MS, () => {
      this.#watching = false
      if (this.#runs.size === 0) return
      this.#table.look()
      for (const run of this.#runs.values()) run.check(this.#table)
      this.#watch()
    })
  }

  async #endOrphans(): Promise<void> {
    const { clock, onNote } = this.#options
    for (const record of await this.#records.all()) {
      const { name } = record
      if (record.boot !== this.#boot) {
        await this.#clear({ ...record, uid: undefined })
        continue
      }
      const uid = record.uid !== undefined && this.#uids?.reclaim(record.uid) ? record.uid : undefined
      if (!(await endMembers(leftBehind(record, uid), clock, this.#tools.setpriv))) {
        onNote?.(`${name}, left by a killed house, could not be ended.`)
        continue
      }
      onNote?.(`${name}, left by a killed house, was ended.`)
      await this.#clear({ ...record, uid })
    }
  }

  async #climb(): Promise<void> {
    const { rung_max = 2, disk } = this.#options
    const own = this.#root
    const rung = await climb({
      level_max: rung_max,
      tools: this.#tools,
      ownUsers: this.#uids !== undefined,
      secret: { disk, place: ['hatch', 'probe-secret'] },
      start: async (level, order) => {
        this.#root = level === 1 && !reachableByOthers(own) ? outsideRoot(disk.root) : own
        return this.#startOn(level, order)
      },
    })
    if (rung.level !== 1) this.#root = own
    this.#rung = { ...rung, memory: process.platform === 'linux' ? 'watch' : 'none' }
    mkdirSync(this.#root, { recursive: true })
  }
}

/** A number that another process bears by now is left alone; one that nobody bears still names the session. */
function leftBehind({ token, pid, start_ticks }: RunRecord, uid: number | undefined): Membership {
  const now_ticks = pid === undefined ? undefined : startTicks(pid)
  const same = now_ticks === undefined || now_ticks === start_ticks
  return { token, uid, pid: same ? pid : undefined }
}

function environment(level: RungLevel, order: Order, scratch: string, id: string): Record<string, string> {
  const path = order.env?.['PATH'] ?? DEFAULT_PATH
  return { HOME: scratch, TMPDIR: `${scratch}/tmp`, LANG: 'C.UTF-8', ...order.env, PATH: path, ...(level === 2 ? { HATCH_PATH: path } : {}), [RUN_VARIABLE]: id }
}
