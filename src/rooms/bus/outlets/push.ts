/** Push: each message is one request to the subscription's endpoint. The window of requests widens while it answers well and narrows when it does not. */
import type { Clock } from '#ground/clock.ts'
import { asFault } from '#ground/fault.ts'
import type { CourierAnswer, CourierRequest } from '#ground/courier.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Consumer, Delivered, Room } from '../delivery/delivered.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { timeText } from '../durations.ts'
import { BATCH_BYTES_MAX, PUSH_ANSWER_BYTES_MAX, PUSH_BACKOFF_MS_MAX, PUSH_BACKOFF_MS_MIN, PUSH_HEADER_BYTES_MAX, PUSH_REFUSALS_MANY, PUSH_WINDOW_MAX, PUSH_WINDOW_START } from '../limits.ts'
import type { PushConfig, Subscription } from '../types.ts'
import { decodeMessage } from '../wire/message.ts'

export interface CourierPort {
  send(request: CourierRequest): Promise<Pick<CourierAnswer, 'status' | 'body'>>
}

/** Tokens that name a service account, for endpoints that check them. */
export interface TokenPort {
  identity(serviceAccount: string, audience: string): Promise<string>
}

export interface PushParts {
  courier: CourierPort
  tokens: TokenPort
  clock: Clock
  log: Log
}

/** Everything else is a refusal. */
const ACCEPTED = new Set([102, 200, 201, 202, 204])

export class Push implements Consumer {
  readonly lease_ms: number
  private readonly subscription: Subscription
  private readonly config: PushConfig
  private readonly delivery: Delivery
  private readonly parts: PushParts
  private readonly stopping = new AbortController()
  private out = 0
  private window = PUSH_WINDOW_START
  private refusals = 0
  private pausedUntil_ms = 0

  constructor(subscription: Subscription, delivery: Delivery, parts: PushParts) {
    this.subscription = subscription
    this.config = subscription.config.pushConfig!
    this.delivery = delivery
    this.parts = parts
    // The request itself ends at the deadline; the lease outlives it, so that each message has one request at a time.
    this.lease_ms = subscription.config.ackDeadlineSeconds * 1000 + LEASE_MARGIN_MS
  }

  start(): void {
    this.delivery.attach(this)
  }

  stop(): void {
    this.delivery.detach(this)
    this.stopping.abort()
  }

  room(): Room {
    if (this.parts.clock.now_ms() < this.pausedUntil_ms) return { messages: 0, bytes: 0 }
    return { messages: Math.floor(this.window) - this.out, bytes: BATCH_BYTES_MAX }
  }

  deliver(batch: Delivered[]): void {
    this.out += batch.length
    // Messages of one ordering key go one after the other, the rest side by side.
    const lines = new Map<string, Delivered[]>()
    for (const delivered of batch) {
      const key = this.subscription.config.enableMessageOrdering ? decodeMessage(delivered.record.payload).orderingKey : ''
      if (key === '') void this.pushAll([delivered])
      else lines.set(key, [...(lines.get(key) ?? []), delivered])
    }
    for (const line of lines.values()) void this.pushAll(line)
  }

  released(): void {}

  private async pushAll(batch: Delivered[]): Promise<void> {
    let refused = false
    for (const delivered of batch) {
      // Those behind a refused one of their key have come back with it.
      if (!refused) refused = !(await this.pushOne(delivered))
      this.out--
    }
    this.delivery.wake()
  }

  private async pushOne(delivered: Delivered): Promise<boolean> {
    const accepted = await this.request(delivered)
    if (this.stopping.signal.aborted) return false
    if (!accepted) {
      this.refuse(delivered)
      return false
    }
    this.refusals = 0
    this.window = Math.min(PUSH_WINDOW_MAX, this.window + 1)
    await this.delivery.acknowledge([delivered.ackId]).catch((thrown) => this.parts.log.warn({ subscription: this.subscription.name, err: thrown }, 'a pushed message could not be noted as delivered'))
    return true
  }

  private refuse({ ackId }: Delivered): void {
    const pause_ms = Math.min(PUSH_BACKOFF_MS_MAX, PUSH_BACKOFF_MS_MIN * 2 ** Math.min(this.refusals++, 30))
    // One refusal among successes is about that message; a row of them is about the endpoint, and all of the subscription slows down.
    if (this.refusals >= PUSH_REFUSALS_MANY) {
      this.window = Math.max(1, this.window / 2)
      this.pausedUntil_ms = this.parts.clock.now_ms() + pause_ms
      this.parts.clock.after(pause_ms, () => this.delivery.wake())
    }
    if (this.subscription.config.retryPolicy) this.delivery.modify([ackId], 0)
    else this.delivery.refuse(ackId, pause_ms)
  }

  private async request(delivered: Delivered): Promise<boolean> {
    const timeout_ms = this.subscription.config.ackDeadlineSeconds * 1000
    try {
      const { body, headers } = this.config.noWrapper ? this.bare(delivered) : this.wrapped(delivered)
      const token = await this.token()
      const answer = await this.parts.courier.send({
        url: this.config.pushEndpoint!, method: 'POST', body, timeout_ms, redirects_max: 0, response_bytes_max: PUSH_ANSWER_BYTES_MAX, signal: this.stopping.signal,
        headers: { ...headers, ...token, 'user-agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)' },
      })
      answer.body.on('error', () => {}) // Nobody reads it; its status has said all.
      answer.body.resume()
      return ACCEPTED.has(answer.status)
    } catch (thrown) {
      const level = asFault(thrown).reason === 'egressForbidden' ? 'warn' : 'debug'
      if (!this.stopping.signal.aborted) this.parts.log[level]({ subscription: this.subscription.name, endpoint: this.config.pushEndpoint, err: thrown }, 'a push did not arrive')
      return false
    }
  }

  private async token(): Promise<Record<string, string>> {
    const { oidcToken, pushEndpoint } = this.config
    if (!oidcToken?.serviceAccountEmail) return {}
    return { authorization: `Bearer ${await this.parts.tokens.identity(oidcToken.serviceAccountEmail, oidcToken.audience || pushEndpoint!)}` }
  }

  private wrapped({ record, messageId, attempt }: Delivered): { body: string; headers: Record<string, string> } {
    const { data, attributes, orderingKey } = decodeMessage(record.payload)
    const time = timeText(record.time_us)
    const message = {
      ...(Object.keys(attributes).length > 0 && { attributes }),
      ...(data.length > 0 && { data: data.toString('base64') }),
      messageId, message_id: messageId, publishTime: time, publish_time: time,
      ...(orderingKey !== '' && { orderingKey }),
    }
    return { body: JSON.stringify({ message, subscription: this.subscription.name, ...(attempt > 0 && { deliveryAttempt: attempt }) }), headers: { 'content-type': 'application/json' } }
  }

  private bare({ record, messageId }: Delivered): { body: Buffer; headers: Record<string, string> } {
    const { data, attributes, orderingKey } = decodeMessage(record.payload)
    if (!this.config.noWrapper?.writeMetadata) return { body: data, headers: {} }
    const metadata = {
      'x-goog-pubsub-subscription-name': this.subscription.name,
      'x-goog-pubsub-message-id': messageId,
      'x-goog-pubsub-publish-time': timeText(record.time_us),
      ...(orderingKey !== '' && HEADER_VALUE.test(orderingKey) && { 'x-goog-pubsub-ordering-key': orderingKey }),
    }
    return { body: data, headers: { ...headersOf(attributes), ...metadata } }
  }
}

const LEASE_MARGIN_MS = 5000
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const HEADER_VALUE = /^[\t\x20-\x7e]*$/

/** Attributes that cannot be headers are left out. */
function headersOf(attributes: Record<string, string>): Record<string, string> {
  let bytes = 0
  return Object.fromEntries(
    Object.entries(attributes).filter(([name, value]) => {
      if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) return false
      bytes += name.length + value.length
      return bytes <= PUSH_HEADER_BYTES_MAX
    }),
  )
}
