/**
 * Events on their way to functions. An event is a row before anyone is told that it was taken; it stays one until the function
 * ran, or until it is known as failed. At least once, the same event id each time.
 */
import type { Clock } from '#ground/clock.ts'
import type { Dice } from '#ground/dice.ts'
import { backoff_ms } from '#ground/dice.ts'
import { failpoint } from '#ground/failpoint.ts'
import { Fault, asFault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Log } from '#ground/telemetry.ts'
import { invalid } from './faults.ts'
import { instancesMax } from './fleet.ts'
import { EVENT_BYTES_MAX, EVENTS_BATCH, RETRY_BASE_MS, RETRY_MAX_MS, RETRY_WINDOW_MS_GEN1, RETRY_WINDOW_MS_GEN2 } from './limits.ts'
import type { Runs } from './runs.ts'
import { sendEvent } from './send-event.ts'
import type { EventShelf } from './shelf.events.ts'
import type { FunctionShelf } from './shelf.ts'
import type { DeployedFunction, Delivery, FunctionEvent } from './types.ts'

export interface EventParts {
  functions: FunctionShelf
  shelf: EventShelf
  runs: Runs
  clock: Clock
  dice: Dice
  ids: Ids
  log: Log
}

/** One function's queue in this process. */
interface Line {
  running: Set<string>
  pumping: boolean
  again: boolean
  cancelTimer: () => void
}

export class FunctionEvents {
  private readonly parts: EventParts
  private readonly lines = new Map<string, Line>()
  private readonly underWay = new Set<Promise<void>>()
  /** Events may be taken before anything can be called. */
  private open = false

  constructor(parts: EventParts) {
    this.parts = parts
  }

  /** What a kill interrupted: with retries it is tried again, without it is known as failed. */
  async start(): Promise<void> {
    const { shelf, functions, clock } = this.parts
    for (const delivery of await shelf.interrupted()) {
      const found = await functions.byId(delivery.function)
      if (!found) continue
      const error = 'The house ended while the function ran.'
      if (retries(found)) await shelf.again(delivery.id, clock.now_ms(), error)
      else await shelf.failed(found, delivery, error, clock.now_ms())
    }
    this.open = true
    for (const id of await shelf.functionsWaiting()) this.rouse(id)
  }

  /** Nothing new is begun. */
  halt(): void {
    this.open = false
    for (const { cancelTimer } of this.lines.values()) cancelTimer()
  }

  async settled(): Promise<void> {
    await Promise.all(this.underWay)
  }

  /** Resolves once the event is the house's to deliver. Taken twice, it is delivered once. */
  async accept(functionId: string, event: FunctionEvent): Promise<void> {
    const { shelf, clock, ids } = this.parts
    if (Buffer.byteLength(JSON.stringify(event.data) ?? '') > EVENT_BYTES_MAX) throw invalid(`The event is larger than ${EVENT_BYTES_MAX} bytes.`)
    const now_ms = clock.now_ms()
    await shelf.add({ id: ids.next(), function: functionId, event, state: 'waiting', attempts: 0, received_ms: now_ms, due_ms: now_ms, ended_ms: null, error: null })
    this.rouse(functionId)
  }

  /** An event that ended is delivered once more, under the same id. */
  async replay(found: DeployedFunction, id: string): Promise<Delivery> {
    const { shelf, clock } = this.parts
    const delivery = await shelf.get(id)
    if (!delivery || delivery.function !== found.id) throw new Fault('NOT_FOUND', 'notFound', `This function has no event ${id}.`)
    if (delivery.state === 'running') throw new Fault('FAILED_PRECONDITION', 'underWay', 'This event is being delivered right now.')
    await shelf.again(id, clock.now_ms(), delivery.error ?? '')
    this.rouse(found.id)
    return { ...delivery, state: 'waiting' }
  }

  /** Looks for what is due, unless it is looking already: then once more. */
  rouse(functionId: string): void {
    if (!this.open) return
    let line = this.lines.get(functionId)
    if (!line) this.lines.set(functionId, (line = { running: new Set(), pumping: false, again: false, cancelTimer: () => {} }))
    if (line.pumping) {
      line.again = true
      return
    }
    line.pumping = true
    const pumped = this.pump(functionId, line)
      .catch((thrown) => {
        this.parts.log.error({ function: functionId, err: thrown }, 'events could not be looked up; tried again')
        this.later(functionId, line, RETRY_BASE_MS)
      })
      .finally(() => {
        line.pumping = false
        this.underWay.delete(pumped)
        if (line.again) {
          line.again = false
          this.rouse(functionId)
        }
      })
    this.underWay.add(pumped)
  }

  private async pump(functionId: string, line: Line): Promise<void> {
    const { functions, shelf, clock } = this.parts
    const found = await functions.byId(functionId)
    // Without a revision there is nobody to take them: its deployment's end rouses us.
    if (!found || found.revision === null) return
    const room = instancesMax(found.config) * found.config.concurrency - line.running.size
    if (room <= 0) return
    const waiting = (await shelf.waiting(functionId, line.running.size + Math.min(room, EVENTS_BATCH))).filter(({ id }) => !line.running.has(id))
    const now_ms = clock.now_ms()
    const due = waiting.filter(({ due_ms }) => due_ms <= now_ms).slice(0, room)
    for (const delivery of due) this.begin(found, delivery, line)
    const next = waiting.find(({ due_ms }) => due_ms > now_ms)
    if (next) this.later(functionId, line, next.due_ms - now_ms)
    if (due.length === EVENTS_BATCH) line.again = true
  }

  private later(functionId: string, line: Line, delay_ms: number): void {
    line.cancelTimer()
    line.cancelTimer = this.parts.clock.after(delay_ms, () => this.rouse(functionId))
  }

  private begin(found: DeployedFunction, delivery: Delivery, line: Line): void {
    line.running.add(delivery.id)
    const run = this.deliver(found, delivery)
      .catch((thrown) => this.parts.log.error({ delivery: delivery.id, err: thrown }, 'the end of a delivery could not be recorded'))
      .finally(() => {
        line.running.delete(delivery.id)
        this.underWay.delete(run)
        this.rouse(found.id)
      })
    this.underWay.add(run)
  }

  private async deliver(found: DeployedFunction, before: Delivery): Promise<void> {
    const { shelf, runs, clock } = this.parts
    const delivery = { ...before, attempts: before.attempts + 1 }
    if (tooOld(found, delivery, clock.now_ms())) {
      return shelf.failed(found, before, `${before.error ?? 'It was never delivered'}; the event is older than it may be.`, clock.now_ms())
    }
    try {
      await failpoint('functions.event.accepted')
      const ran = await runs.call(found, {
        trigger: before.ended_ms === null ? 'event' : 'replay',
        begin: async () => {
          await shelf.begin(delivery.id, delivery.attempts)
          await failpoint('functions.event.running')
        },
        send: (kind) => sendEvent(delivery.event, kind),
      })
      if (ran.error === undefined) return await shelf.delivered(delivery.id, clock.now_ms())
      await this.failed(found, delivery, ran.error)
    } catch (thrown) {
      // A house that stops has given nothing up: the event waits for the next start.
      if (!this.open) return shelf.again(delivery.id, clock.now_ms(), 'The house stopped.')
      const fault = asFault(thrown)
      if (fault.code === 'INTERNAL') throw thrown
      if (fault.reason === 'noInstance' || fault.reason === 'hatchClosed') return shelf.again(delivery.id, clock.now_ms() + RETRY_BASE_MS, fault.message)
      await this.failed(found, delivery, fault.message)
    }
  }

  private async failed(found: DeployedFunction, delivery: Delivery, error: string): Promise<void> {
    const { shelf, clock, dice } = this.parts
    const now_ms = clock.now_ms()
    if (!retries(found)) return shelf.failed(found, delivery, error, now_ms)
    await shelf.again(delivery.id, now_ms + backoff_ms(delivery.attempts - 1, RETRY_BASE_MS, RETRY_MAX_MS, dice), error)
  }
}

const retries = ({ config: { trigger } }: DeployedFunction): boolean => trigger.kind === 'event' && trigger.retry

/** Only what was tried: an event that waited for its function's first deployment is not the function's fault. */
function tooOld({ generation }: DeployedFunction, { received_ms, attempts }: Delivery, now_ms: number): boolean {
  return attempts > 1 && now_ms - received_ms > (generation === 1 ? RETRY_WINDOW_MS_GEN1 : RETRY_WINDOW_MS_GEN2)
}

export type { FunctionEvent }
