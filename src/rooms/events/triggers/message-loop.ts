/** Takes a trigger's messages from its subscription, one helping after the other, and gives them back only when their event is told. */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { Log } from '#ground/telemetry.ts'
import type { SubscriptionPort, TakenMessage } from './types.ts'

export const MESSAGES_MAX = 100
/** After something went wrong. */
export const REST_MS = 1_000

export interface LoopParts {
  subscription: string
  subscriptions: SubscriptionPort
  clock: Clock
  log: Log
  handle(message: TakenMessage): Promise<void>
}

export class MessageLoop {
  private readonly parts: LoopParts
  private readonly stopping = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(parts: LoopParts) {
    this.parts = parts
  }

  start(): void {
    this.running = this.run()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async run(): Promise<void> {
    const { clock, log, subscription } = this.parts
    const { signal } = this.stopping
    while (!signal.aborted) {
      try {
        await this.helping(signal)
      } catch (thrown) {
        if (signal.aborted) return
        if (thrown instanceof Fault && thrown.code === 'NOT_FOUND') return log.warn({ subscription }, 'the subscription of a trigger was deleted: its topic is no longer heard')
        log.warn({ subscription, err: thrown }, 'messages for a trigger could not be taken; tried again')
        await clock.sleep(REST_MS, signal).catch(() => {})
      }
    }
  }

  private async helping(signal: AbortSignal): Promise<void> {
    const { subscriptions, subscription, handle } = this.parts
    const messages = await subscriptions.take(subscription, MESSAGES_MAX, signal)
    // Together: each is a write of its own, and they share a sync.
    const told = await Promise.allSettled(messages.map((message) => handle(message)))
    const done = messages.filter((_, index) => told[index]!.status === 'fulfilled').map(({ ackId }) => ackId)
    if (done.length > 0) await subscriptions.done(subscription, done)
    const failed = told.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
  }
}
