/** What the house does when something has happened. Each kind of reaction is one of these: notifications and topics today. */
import type { Fact } from '#ground/facts.ts'

export interface Reaction {
  /** Called for every fact, in order, at least once; what it starts is idempotent by the fact's id. */
  react(fact: Fact): Promise<void>
}

/** A message for a topic, as the bus takes it. */
export interface EventMessage {
  data: Buffer
  attributes: Record<string, string>
  orderingKey: string
}

/** Where messages go: the bus room. */
export interface TopicPort {
  /** False where there is no such topic. Resolves once they are durable. */
  publish(topic: string, messages: EventMessage[]): Promise<boolean>
  /** Full names of the topics of all projects whose last part is this. */
  withId(id: string): string[]
}
