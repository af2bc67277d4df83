/**
 * The one path from what happened to who is told: objects come as facts of the house, messages through a subscription of the trigger's
 * own. An event counts as told when its destination has it; until then it comes again.
 */
import type { Clock } from '#ground/clock.ts'
import type { Fact } from '#ground/facts.ts'
import { Fault } from '#ground/fault.ts'
import type { Ledger } from '#ground/ledger.ts'
import type { Log } from '#ground/telemetry.ts'
import type { ObjectEvent } from '../notifications.ts'
import type { Reaction } from '../reaction.ts'
import { MessageLoop } from './message-loop.ts'
import { OBJECT_TYPES, messageEvent, objectEvent } from './shapes.ts'
import { TriggerShelf, triggerMigrations } from './shelf.ts'
import type { DestinationPort, SubscriptionPort, TakenMessage, Trigger, TriggerEvent } from './types.ts'

export interface TriggerParts {
  ledger: Ledger
  clock: Clock
  log: Log
  subscriptions: SubscriptionPort
  destinations: DestinationPort
  /** The object as the JSON API shows it. */
  resource(object: ObjectEvent['object']): Record<string, unknown>
}

export class Triggers implements Reaction {
  private readonly parts: TriggerParts
  private readonly shelf: TriggerShelf
  private readonly known = new Map<string, Trigger>()
  private readonly loops = new Map<string, MessageLoop>()

  constructor(parts: TriggerParts) {
    this.parts = parts
    this.shelf = new TriggerShelf(parts.ledger)
  }

  async start(): Promise<void> {
    await this.parts.ledger.migrate('triggers', triggerMigrations)
    for (const trigger of await this.shelf.all()) {
      this.known.set(trigger.owner, trigger)
      this.listen(trigger)
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.loops.values()].map((loop) => loop.stop()))
  }

  get(owner: string): Trigger | undefined {
    return this.known.get(owner)
  }

  /** Sorted by owner. */
  list(wanted: (trigger: Trigger) => boolean): Trigger[] {
    return [...this.known.values()].filter(wanted).sort((a, b) => (a.owner < b.owner ? -1 : 1))
  }

  /** The owner's only trigger from now on. */
  async set(given: Omit<Trigger, 'created_ms'>): Promise<Trigger> {
    const before = this.known.get(given.owner)
    const trigger: Trigger = { ...given, created_ms: before?.created_ms ?? this.parts.clock.now_ms() }
    const kept = before?.subscription === trigger.subscription && before?.topic === trigger.topic
    if (trigger.topic !== null && trigger.subscription !== null && !kept) {
      if (before) await this.silence(before)
      await this.parts.subscriptions.ensure(trigger.subscription, trigger.topic)
    }
    await this.shelf.put(trigger)
    this.known.set(trigger.owner, trigger)
    if (before && !kept && trigger.topic === null) await this.silence(before)
    if (!kept) this.listen(trigger)
    return trigger
  }

  async remove(owner: string): Promise<void> {
    const trigger = this.known.get(owner)
    if (!trigger) return
    this.known.delete(owner)
    await this.shelf.remove(owner)
    await this.silence(trigger)
  }

  async react(fact: Fact): Promise<void> {
    const names = OBJECT_TYPES[fact.type]
    if (!names) return
    const told = this.list((trigger) => trigger.topic === null && matches(trigger, names.type, fact.data as ObjectEvent))
    if (told.length === 0) return
    const event = objectEvent(fact, this.parts.resource((fact.data as ObjectEvent).object))
    if (event) for (const trigger of told) await this.tell(trigger, event)
  }

  private listen(trigger: Trigger): void {
    const { owner, topic, subscription } = trigger
    if (topic === null || subscription === null) return
    const loop = new MessageLoop({
      subscription,
      subscriptions: this.parts.subscriptions,
      clock: this.parts.clock,
      log: this.parts.log,
      handle: (message: TakenMessage) => this.tell(this.known.get(owner) ?? trigger, messageEvent(topic, subscription, message)),
    })
    this.loops.set(owner, loop)
    loop.start()
  }

  private async silence({ owner, subscription }: Trigger): Promise<void> {
    await this.loops.get(owner)?.stop()
    this.loops.delete(owner)
    if (subscription !== null) await this.parts.subscriptions.remove(subscription)
  }

  /** What a destination refuses for good is dropped, and said; anything else comes again. */
  private async tell(trigger: Trigger, event: TriggerEvent): Promise<void> {
    const { destinations, log } = this.parts
    const { destination } = trigger
    try {
      if (destination.kind === 'function') await destinations.toFunction(destination.id, event)
      else if (destination.kind === 'workflow') await destinations.toWorkflow(destination.name, event)
      else await destinations.toHttp(destination.uri, event)
    } catch (thrown) {
      if (!(thrown instanceof Fault) || !FINAL.has(thrown.code)) throw thrown
      log.warn({ trigger: trigger.owner, event: event.attributes.id, err: thrown }, 'an event was dropped: its destination refused it')
    }
  }
}

const FINAL = new Set(['INVALID_ARGUMENT', 'NOT_FOUND', 'FAILED_PRECONDITION', 'PERMISSION_DENIED', 'UNIMPLEMENTED'])

function matches({ type, filters }: Trigger, happened: string, { object }: ObjectEvent): boolean {
  if (type !== happened) return false
  return filters.every(({ attribute, value, operator }) => {
    if (attribute === 'type') return value === happened
    const found = attribute === 'bucket' ? object.bucket : attribute === 'object' || attribute === 'subject' ? object.name : undefined
    if (found === undefined) return false
    return operator === 'match-path-pattern' ? pathPattern(value).test(found) : found === value
  })
}

/** `*` is one segment, `**` any number of them. */
function pathPattern(pattern: string): RegExp {
  const source = pattern.split(/(\*\*|\*)/).map((part) => (part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))).join('')
  return new RegExp(`^${source}$`)
}
