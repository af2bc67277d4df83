/** A trigger: what has to happen, and who is told of it. */

export interface EventFilter {
  attribute: string
  value: string
  operator?: string
}

export interface Trigger {
  /** `function ID`, or an Eventarc trigger's name. */
  owner: string
  project: string
  location: string
  /** As CloudEvents name it. */
  type: string
  filters: EventFilter[]
  /** For messages: `projects/P/topics/T`. */
  topic: string | null
  /** The subscription that takes the topic's messages for this trigger. */
  subscription: string | null
  destination: Destination
  created_ms: number
  /** The resource's other fields, for those who show it. */
  config: Record<string, unknown>
}

export type Destination = { kind: 'function'; id: string } | { kind: 'workflow'; name: string } | { kind: 'http'; uri: string }

/** An event in both shapes: a CloudEvent, and what a background function gets. */
export interface TriggerEvent {
  attributes: { id: string; type: string; source: string; time: string; subject?: string; specversion: '1.0'; datacontenttype: string }
  data: unknown
  legacy: { context: { eventId: string; timestamp: string; eventType: string; resource: { service: string; name: string; type: string } }; data: unknown }
}

export interface TakenMessage {
  ackId: string
  messageId: string
  publish_ms: number
  data: Buffer
  attributes: Record<string, string>
  orderingKey: string
}

/** Subscriptions of our own: the bus room. */
export interface SubscriptionPort {
  /** Makes the topic as well, as deploying a function does in the cloud. */
  ensure(subscription: string, topic: string): Promise<void>
  remove(subscription: string): Promise<void>
  /** Waits a while for messages; none is an answer too. */
  take(subscription: string, messages_max: number, signal: AbortSignal): Promise<TakenMessage[]>
  done(subscription: string, ackIds: string[]): Promise<void>
}

export interface DestinationPort {
  /** Resolves once the event is theirs to deliver. */
  toFunction(id: string, event: TriggerEvent): Promise<void>
  toWorkflow(name: string, event: TriggerEvent): Promise<void>
  toHttp(uri: string, event: TriggerEvent): Promise<void>
}
