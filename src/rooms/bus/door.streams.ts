/** StreamingPull: one call that stays open, with messages one way and acknowledgements the other. */
import type { ServerDuplexStream, handleBidiStreamingCall } from '@grpc/grpc-js'
import { Fault } from '#ground/fault.ts'
import type { Delivered } from './delivery/delivered.ts'
import type { Delivery } from './delivery/delivery.ts'
import { Stream } from './delivery/stream.ts'
import { invalid } from './faults.ts'
import { textOf, textsOf, wholeOf } from './json.ts'
import type { Json } from './json.ts'
import { ACK_DEADLINE_S_MAX, ACK_DEADLINE_S_MIN, ACK_IDS_MAX, STREAMS_MAX } from './limits.ts'
import type { BusService } from './service.ts'
import { writeReceived } from './wire/batches.ts'
import type { GrpcErrors } from './wire/grpc-errors.ts'
import { field } from './wire/protobuf.ts'

type PullCall = ServerDuplexStream<Json, object>

export function streamingPull(bus: BusService, errors: GrpcErrors): handleBidiStreamingCall<Json, object> {
  return (call) => {
    const session = new Session(bus, call, errors)
    session.begin()
  }
}

class Session {
  private readonly bus: BusService
  private readonly call: PullCall
  private readonly errors: GrpcErrors
  private name = ''
  private delivery: Delivery | undefined
  private stream: Stream | undefined
  private ended = false
  /** Requests are taken one after the other. */
  private work: Promise<void> = Promise.resolve()

  constructor(bus: BusService, call: PullCall, errors: GrpcErrors) {
    this.bus = bus
    this.call = call
    this.errors = errors
  }

  begin(): void {
    if (this.bus.streams.size >= STREAMS_MAX) return this.fail(new Fault('RESOURCE_EXHAUSTED', 'resourceExhausted', `The house keeps at most ${STREAMS_MAX} streams open.`))
    const close = () => this.end()
    this.bus.streams.add(this)
    this.call.on('data', (request: Json) => {
      this.call.pause()
      this.work = this.work.then(() => this.take(request)).catch((thrown) => this.fail(thrown)).finally(() => this.call.resume())
    })
    this.call.on('drain', () => this.stream?.drained())
    this.call.on('error', close)
    this.call.on('cancelled', close)
    this.call.on('end', () => {
      this.work = this.work.then(() => {
        close()
        this.call.end()
      })
    })
  }

  /** The house is stopping, or the subscription is no longer one to pull from. */
  close(why: Fault): void {
    this.fail(why)
  }

  get subscription(): string {
    return this.name
  }

  private async take(request: Json): Promise<void> {
    // What a client acknowledged before it went still counts.
    if (!this.delivery && !this.ended) await this.open(request)
    else if (request['subscription'] !== undefined && request['subscription'] !== '') throw invalid('In subsequent streaming requests the subscription must not be set.')
    if (!this.delivery || !this.stream) return
    const deadline_s = wholeOf(request['streamAckDeadlineSeconds'] ?? 0, 'streamAckDeadlineSeconds')
    if (deadline_s !== 0) this.stream.lease_ms = leaseOf(deadline_s)
    await this.modify(request, this.delivery)
    await this.acknowledge(request, this.delivery)
  }

  private async open(request: Json): Promise<void> {
    this.name = textOf(request['subscription'] ?? '', 'subscription')
    const delivery = await this.bus.subscriptions.forPull(this.name)
    if (this.ended) return
    const deadline_s = wholeOf(request['streamAckDeadlineSeconds'] ?? 0, 'streamAckDeadlineSeconds')
    const limits = {
      messages: wholeOf(request['maxOutstandingMessages'] ?? 0, 'maxOutstandingMessages'),
      bytes: wholeOf(request['maxOutstandingBytes'] ?? 0, 'maxOutstandingBytes'),
      lease_ms: leaseOf(deadline_s),
    }
    this.delivery = delivery
    this.stream = new Stream(delivery, limits, (batch) => this.write(batch))
    delivery.attach(this.stream)
  }

  /** Tells each time what kind of subscription it is: clients read it from any answer. */
  private write(batch: Delivered[]): boolean {
    const { exactlyOnce, ordered } = this.delivery!.settings
    const properties = Buffer.from([...(exactlyOnce ? [1 << 3, 1] : []), ...(ordered ? [2 << 3, 1] : [])])
    return this.call.write(writeReceived(batch, field(4, properties)))
  }

  private async modify(request: Json, delivery: Delivery): Promise<void> {
    const ackIds = textsOf(request['modifyDeadlineAckIds'] ?? [], 'modifyDeadlineAckIds', ACK_IDS_MAX)
    const deadlines = request['modifyDeadlineSeconds'] ?? []
    if (!Array.isArray(deadlines) || deadlines.length !== ackIds.length) throw invalid('modify_deadline_seconds and modify_deadline_ack_ids have the same number of entries.')
    const late: string[] = []
    for (const [index, ackId] of ackIds.entries()) {
      const deadline_s = wholeOf(deadlines[index], 'modifyDeadlineSeconds')
      if (deadline_s < 0 || deadline_s > ACK_DEADLINE_S_MAX) throw invalid(`Invalid ack deadline given (ack_deadline_seconds=${deadline_s}).`)
      if (delivery.modify([ackId], deadline_s)[0] === 'invalid') late.push(ackId)
    }
    if (ackIds.length > 0 && delivery.settings.exactlyOnce) this.confirm('modifyAckDeadlineConfirmation', ackIds, late)
  }

  private async acknowledge(request: Json, delivery: Delivery): Promise<void> {
    const ackIds = textsOf(request['ackIds'] ?? [], 'ackIds', ACK_IDS_MAX)
    if (ackIds.length === 0) return
    const outcomes = await delivery.acknowledge(ackIds)
    if (delivery.settings.exactlyOnce) this.confirm('acknowledgeConfirmation', ackIds, ackIds.filter((_, index) => outcomes[index] === 'invalid'))
  }

  private confirm(kind: 'acknowledgeConfirmation' | 'modifyAckDeadlineConfirmation', ackIds: string[], late: string[]): void {
    if (this.ended) return
    const done = ackIds.filter((ackId) => !late.includes(ackId))
    this.call.write({ [kind]: { ackIds: done, invalidAckIds: late }, subscriptionProperties: { exactlyOnceDeliveryEnabled: true, messageOrderingEnabled: this.delivery!.settings.ordered } })
  }

  private fail(thrown: unknown): void {
    if (this.ended) return
    this.end()
    this.call.emit('error', this.errors.of(thrown))
  }

  private end(): void {
    this.ended = true
    this.bus.streams.delete(this)
    if (this.stream) this.delivery?.detach(this.stream)
  }
}

function leaseOf(deadline_s: number): number | undefined {
  if (deadline_s === 0) return undefined
  if (deadline_s < ACK_DEADLINE_S_MIN || deadline_s > ACK_DEADLINE_S_MAX) throw invalid(`Invalid ack deadline given (stream_ack_deadline_seconds=${deadline_s}).`)
  return deadline_s * 1000
}
