/**
 * Which executions have a driver in memory. The others are rows: what sleeps is found again by its due time, and of all
 * of them together there is one timer. After a kill, everything that was under way is due at once and goes on from its journal.
 */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import { projectNumber } from '#ground/project-number.ts'
import type { Log } from '#ground/telemetry.ts'
import { newTrace, withTrace } from '#ground/trace.ts'
import { connectors } from './connectors/engine.ts'
import { NotJson, parseJson } from './language/json.ts'
import type { Program } from './language/program.ts'
import type { ValueMap } from './language/values.ts'
import { noRevision, unfitState } from './faults.ts'
import { DRIVEN_MAX, DUE_BATCH } from './limits.ts'
import { Driver } from './machine/driver.ts'
import type { LogLine, MachineHost } from './machine/host.ts'
import { MAIN_THREAD, Machine } from './machine/machine.ts'
import type { HttpCaller, Journal } from './machine/ports.ts'
import { STATE_VERSION, type MachineState } from './machine/state.ts'
import { readState } from './machine/state-json.ts'
import { lastSegment, workflowPath } from './names.ts'
import type { Programs } from './programs.ts'
import type { ExecutionShelf, Journalled } from './shelf.executions.ts'
import type { WorkflowShelf } from './shelf.ts'
import type { Execution, Revision } from './types.ts'

export interface PerformerParts {
  workflows: WorkflowShelf
  shelf: ExecutionShelf
  programs: Programs
  clock: Clock
  ids: Ids
  log: Log
  caller(serviceAccount: string): HttpCaller
  writeLogs(execution: Execution, lines: readonly LogLine[]): Promise<void>
  callbackBase(): string
}

/** How long an execution waits after a fault of the house itself, such as a full disk, before it is taken up again. */
const AFTER_FAULT_MS = 1_000

interface Seat {
  /** Once it is loaded; undefined where there was nothing to drive. */
  driver: Promise<Driver | undefined>
  done: Promise<void>
}

export class Performer {
  private readonly parts: PerformerParts
  private readonly driven = new Map<string, Seat>()
  private timer: { due_ms: number; cancel(): void } | undefined
  private stopped = false

  constructor(parts: PerformerParts) {
    this.parts = parts
  }

  get count(): number {
    return this.driven.size
  }

  /** Takes up whatever is due, and sets the timer for what will be. */
  async start(): Promise<void> {
    await this.takeUpDue()
  }

  /** Goes on with an execution now, unless a driver has it already. */
  drive(name: string): void {
    if (this.stopped || this.driven.has(name)) return
    if (this.driven.size >= DRIVEN_MAX) return this.wakeAt(this.parts.clock.now_ms())
    const { promise, resolve } = Promise.withResolvers<Driver | undefined>()
    const seat: Seat = { driver: promise, done: Promise.resolve() }
    this.driven.set(name, seat)
    seat.done = this.perform(name, resolve).finally(() => {
      resolve(undefined)
      this.driven.delete(name)
      if (this.driven.size === DRIVEN_MAX - 1) this.wakeAt(this.parts.clock.now_ms())
    })
  }

  /** Resolves once the end is written down. */
  async cancel(name: string): Promise<void> {
    const seat = this.driven.get(name)
    const driver = await seat?.driver
    if (driver?.running) driver.cancel()
    await seat?.done
    const known = await this.parts.shelf.journalled(name)
    if (known?.execution.state === 'ACTIVE') await (await this.driverOf(known)).cancelAtRest()
  }

  /** Hands a callback's request to its execution, waking it where it sleeps. */
  async deliverCallback(name: string, id: string, request: ValueMap): Promise<'accepted' | 'pending' | 'unknown'> {
    const seat = this.driven.get(name)
    const driver = await seat?.driver
    if (driver?.running) return driver.deliverCallback(id, request)
    await seat?.done
    const known = await this.parts.shelf.journalled(name)
    if (!known || known.execution.state !== 'ACTIVE' || known.machine === null) return 'unknown'
    const answer = await (await this.driverOf(known)).deliverCallback(id, request)
    if (answer === 'accepted') this.drive(name)
    return answer
  }

  /** Where an execution stands, for those who look at it: the calls of its main thread, and its callbacks. */
  async look({ execution, machine }: Journalled): Promise<{ steps: { routine: string; step: string }[]; state: MachineState } | undefined> {
    if (machine === null || execution.state !== 'ACTIVE') return undefined
    const state = stateOf(execution, machine)
    const program = await this.programOf(execution)
    const frames = state.threads[MAIN_THREAD]?.frames ?? []
    return { state, steps: frames.map(({ routine, at }) => ({ routine, step: program.routines.get(routine)!.nodes[at]!.name })) }
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.timer?.cancel()
    await Promise.all([...this.driven.values()].map(async ({ driver, done }) => {
      const loaded = await driver
      loaded?.leave()
      await done
    }))
  }

  private async perform(name: string, announce: (driver: Driver) => void): Promise<void> {
    try {
      const known = await this.parts.shelf.journalled(name)
      if (!known || known.execution.state !== 'ACTIVE') return
      const trace = { ...newTrace(), ...(known.execution.trace !== null && { traceId: known.execution.trace }) }
      await withTrace(trace, async () => {
        const driver = await this.driverOf(known)
        announce(driver)
        const rest = await driver.run()
        if (rest.rest === 'asleep' && rest.wake_at_ms !== null) this.wakeAt(rest.wake_at_ms)
      })
    } catch (error) {
      this.parts.log.error({ err: error, execution: name }, 'an execution stopped; it is taken up again from its journal')
      this.wakeAt(this.parts.clock.now_ms() + AFTER_FAULT_MS)
    }
  }

  private async driverOf({ execution, machine, batches }: Journalled): Promise<Driver> {
    const { shelf, clock } = this.parts
    const revision = await this.revisionOf(execution)
    const program = await this.programOf(execution)
    const host = this.host(execution, revision)
    const runner = machine === null ? Machine.begin(program, argumentOf(execution), host) : new Machine(program, stateOf(execution, machine), host)
    let number = batches
    const journal: Journal = {
      append: async (batch) => {
        await shelf.append(execution, ++number, batch, clock.now_ms())
        if (batch.logs.length > 0) await this.parts.writeLogs(execution, batch.logs)
      },
    }
    const breathe = () => new Promise<void>((resolve) => setImmediate(resolve))
    return new Driver(runner, lastSegment(execution.name), { clock, http: this.parts.caller(lastSegment(revision.config.serviceAccount)), journal, breathe })
  }

  private async revisionOf({ workflow, revision }: Execution): Promise<Revision> {
    const found = await this.parts.workflows.revision(workflow, revision)
    if (!found) throw noRevision(workflow, revision)
    return found
  }

  programOf(execution: Execution): Promise<Program> {
    return this.parts.programs.of(`${execution.workflow}@${execution.revision}`, async () => (await this.revisionOf(execution)).config.sourceContents)
  }

  private host(execution: Execution, revision: Revision): MachineHost {
    const { project, location, workflow } = workflowPath(execution.workflow)
    const env: Record<string, string> = {
      ...revision.config.userEnvVars,
      GOOGLE_CLOUD_LOCATION: location,
      GOOGLE_CLOUD_PROJECT_ID: project,
      GOOGLE_CLOUD_PROJECT_NUMBER: projectNumber(project),
      GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME: lastSegment(revision.config.serviceAccount),
      GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID: lastSegment(execution.name),
      GOOGLE_CLOUD_WORKFLOW_ID: workflow,
      GOOGLE_CLOUD_WORKFLOW_REVISION_ID: execution.revision,
    }
    return {
      env: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
      now_ms: () => this.parts.clock.now_ms(),
      uuid: () => this.parts.ids.uuid(),
      callbackUrl: (id) => `${this.parts.callbackBase()}/v1/${execution.name}/callbacks/${id}`,
      connectors,
      detailed: execution.executionHistoryLevel === 'EXECUTION_HISTORY_DETAILED',
    }
  }

  // ----- what sleeps -----

  private wakeAt(due_ms: number): void {
    if (this.stopped || (this.timer && this.timer.due_ms <= due_ms)) return
    this.timer?.cancel()
    const cancel = this.parts.clock.after(Math.max(0, due_ms - this.parts.clock.now_ms()), () => {
      this.timer = undefined
      void this.takeUpDue()
    })
    this.timer = { due_ms, cancel }
  }

  private async takeUpDue(): Promise<void> {
    const { shelf, clock, log } = this.parts
    try {
      const now_ms = clock.now_ms()
      // Those with a driver are due all the time; they stand first and are passed over.
      const due = await shelf.due(now_ms, this.driven.size + DUE_BATCH)
      const waiting = due.filter((name) => !this.driven.has(name))
      for (const name of waiting.slice(0, DRIVEN_MAX - this.driven.size)) this.drive(name)
      if (waiting.length >= DUE_BATCH && this.driven.size < DRIVEN_MAX) return this.wakeAt(now_ms)
      const next_ms = await shelf.nextDue_ms(now_ms)
      if (next_ms !== undefined) this.wakeAt(next_ms)
    } catch (error) {
      log.error({ err: error }, 'due executions could not be looked up; tried again')
      this.wakeAt(clock.now_ms() + AFTER_FAULT_MS)
    }
  }
}

function argumentOf({ argument }: Execution) {
  if (argument === null) return null
  try {
    return parseJson(argument)
  } catch (error) {
    // Checked when the execution was created.
    if (error instanceof NotJson) return null
    throw error
  }
}

function stateOf({ name }: Execution, text: string) {
  const state = readState(text)
  if (state.version !== STATE_VERSION) throw unfitState(name)
  return state
}
