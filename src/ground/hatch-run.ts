/** One run of user code, from its start to the end of its last process. Where it may run and as whom was decided by `hatch.ts`. */
import type { ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from './clock.ts'
import { type RunLimits, SCRATCH_ENTRIES_MAX, SCRATCH_LOOK_EVERY_MS } from './hatch-limits.ts'
import { cpuOf_ms, endMembers, type Membership, memoryOf, type ProcessTable } from './hatch-members.ts'
import { bytesIn } from './hatch-scratch.ts'
import { eachLine, type LineCount } from './lines.ts'
import { signalGroup } from './process-group.ts'

export type EndReason = 'exit' | 'stopped' | 'killed' | 'time' | 'memory' | 'cpu' | 'processes' | 'disk' | 'start'

export interface Ending {
  /** Why it ended: `exit` is its own doing, whatever the code. */
  reason: EndReason
  code: number | null
  signal: NodeJS.Signals | null
  /** For people, such as "used 540 MB of memory; its limit is 512 MB". */
  message: string
  memory_bytes_max: number
  cpu_ms: number
  wall_ms: number
  output: LineCount
  /** False when a process of it could not be ended: it is recorded, and tried again at the next start. */
  clean: boolean
}

export interface RunOptions {
  process: ChildProcess
  membership: Membership
  scratch: string
  limits: RunLimits
  clock: Clock
  setpriv: string | undefined
  onLine: ((line: string, stream: 'stdout' | 'stderr') => void) | undefined
  /** What is left to do before the run counts as ended: taking results out, clearing up. */
  finish: (ending: Ending) => Promise<void>
}

const MB = 1024 * 1024

export class Run {
  readonly scratch: string
  readonly ended: Promise<Ending>
  readonly #options: RunOptions
  readonly #started_ms: number
  readonly #cancelWall: () => void
  #reason: EndReason = 'exit'
  #why: string | undefined
  #memory_bytes_max = 0
  #cpu_ms = 0
  #diskLook_ms = 0

  constructor(options: RunOptions) {
    this.#options = options
    this.scratch = options.scratch
    const { clock, limits } = options
    this.#started_ms = clock.elapsed_ms()
    this.#cancelWall = clock.after(limits.wall_ms, () => this.#endBecause('time', `ran longer than ${limits.wall_ms} ms`))
    this.ended = this.#untilEnd().then(async (ending) => {
      await options.finish(ending)
      return ending
    })
  }

  /** Of the outermost process: the code itself, or the jail around it. */
  get pid(): number | undefined {
    return this.#options.process.pid
  }

  get membership(): Membership {
    return { ...this.#options.membership, pid: this.pid }
  }

  get memory_bytes_max(): number {
    return this.#memory_bytes_max
  }

  get stdin(): Writable | null {
    return this.#options.process.stdin
  }

  /** The pipes at its fd 3 (to it) and fd 4 (from it), for a run that was started with `talk`. */
  get talk(): { output: Writable; input: Readable } | undefined {
    const [, , , output, input] = this.#options.process.stdio as unknown as [null, null, null, Writable?, Readable?]
    return output && input ? { output, input } : undefined
  }

  /** A polite signal, and the hard one after `stop_ms`. */
  async stop(): Promise<Ending> {
    if (this.#reason === 'exit') this.#reason = 'stopped'
    const { clock, limits } = this.#options
    if (this.pid !== undefined) signalGroup(this.pid, 'SIGTERM')
    const cancel = clock.after(limits.stop_ms, () => this.#kill())
    const ending = await this.ended
    cancel()
    return ending
  }

  async kill(why = 'killed'): Promise<Ending> {
    this.#endBecause('killed', why)
    return this.ended
  }

  /** Called by the hatch's watch: is it still within its limits? */
  check(table: ProcessTable): void {
    const { limits } = this.#options
    const members = table.members(this.membership)
    const memory_bytes = memoryOf(members, limits.memory_bytes)
    this.#memory_bytes_max = Math.max(this.#memory_bytes_max, memory_bytes)
    // Ended processes are no longer seen, so the figure only grows by what is alive.
    this.#cpu_ms = Math.max(this.#cpu_ms, cpuOf_ms(members))
    if (memory_bytes > limits.memory_bytes) {
      this.#endBecause('memory', `used ${Math.ceil(memory_bytes / MB)} MB of memory; its limit is ${Math.floor(limits.memory_bytes / MB)} MB`)
    } else if (members.length > limits.processes_max) {
      this.#endBecause('processes', `had ${members.length} processes; its limit is ${limits.processes_max}`)
    } else if (this.#cpu_ms > limits.cpu_ms) {
      this.#endBecause('cpu', `used more than ${limits.cpu_ms} ms of processor time`)
    }
    const now_ms = this.#options.clock.elapsed_ms()
    if (now_ms < this.#diskLook_ms) return
    this.#diskLook_ms = Infinity // until this look is over
    void this.#checkDisk().then(() => (this.#diskLook_ms = now_ms + SCRATCH_LOOK_EVERY_MS))
  }

  async #checkDisk(): Promise<void> {
    const { scratch_bytes } = this.#options.limits
    const bytes = await bytesIn(this.scratch, SCRATCH_ENTRIES_MAX)
    if (bytes > scratch_bytes) this.#endBecause('disk', `filled its folder with more than ${Math.floor(scratch_bytes / MB)} MB`)
  }

  #endBecause(reason: EndReason, why: string): void {
    if (this.#why !== undefined) return
    this.#reason = reason
    this.#why = why
    this.#kill()
  }

  #kill(): void {
    if (this.pid !== undefined) signalGroup(this.pid, 'SIGKILL')
  }

  async #untilEnd(): Promise<Ending> {
    const { process, clock, setpriv } = this.#options
    const output = this.#readOutput()
    const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      process.once('error', (error) => {
        this.#reason = 'start'
        this.#why = `could not be started: ${error.message}`
        resolve({ code: null, signal: null })
      })
      process.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.#cancelWall()
    // What it forked ends with it, also where it had left the group.
    const clean = this.pid === undefined || (await endMembers(this.membership, clock, setpriv))
    const own = signal ? `was ended by ${signal}` : `ended with exit code ${code}`
    return {
      reason: this.#reason,
      code,
      signal,
      message: this.#why ?? own,
      memory_bytes_max: this.#memory_bytes_max,
      cpu_ms: this.#cpu_ms,
      wall_ms: clock.elapsed_ms() - this.#started_ms,
      output: await output,
      clean,
    }
  }

  async #readOutput(): Promise<LineCount> {
    const { process, limits, onLine } = this.#options
    const caps = { line_bytes_max: limits.line_bytes_max, total_bytes_max: limits.log_bytes_max }
    const read = (stream: Readable | null, from: 'stdout' | 'stderr') =>
      stream ? eachLine(stream, caps, (line) => onLine?.(line, from)) : { bytes: 0, bytes_dropped: 0 }
    const [out, err] = await Promise.all([read(process.stdout, 'stdout'), read(process.stderr, 'stderr')])
    return { bytes: out.bytes + err.bytes, bytes_dropped: out.bytes_dropped + err.bytes_dropped }
  }
}
