/** A message on its way to a subscriber, and what may take one. */
import type { LogRecord } from '#ground/log.ts'

export interface Delivered {
  record: LogRecord
  ackId: string
  messageId: string
  /** Which try this is, from 1; 0 where the subscription does not count them. */
  attempt: number
}

export interface Room {
  messages: number
  bytes: number
}

/** Someone who takes messages: a waiting pull, a stream, a push endpoint. */
export interface Consumer {
  /** How much it takes now; nothing where `messages` is 0. */
  room(): Room
  deliver(batch: Delivered[]): void
  /** How long it has for each message; the subscription's own deadline otherwise. */
  readonly lease_ms: number | undefined
  /** A message is no longer out with it: acknowledged, given back or late. */
  released(bytes: number): void
  /** Nothing more can be delivered for now. */
  idle?(): void
}
