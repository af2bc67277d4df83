/**
 * Pub/Sub from a raw gRPC client: publishing in batches, publish with streaming pull and acknowledgement, one message end to end, and what
 * waiting messages cost in memory. Starts a house of its own unless told an address.
 * node bench/bus.ts [--address 127.0.0.1:4280 --pid N] [--messages 200000] [--waiting 1000000] [--bytes 1024]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import grpc from '@grpc/grpc-js'
import { loadProtos } from '#ground/protos.ts'
import { startHouse } from '../tests/support/house-process.ts'

const { values } = parseArgs({
  options: { address: { type: 'string' }, pid: { type: 'string' }, messages: { type: 'string', default: '200000' }, waiting: { type: 'string', default: '1000000' }, callers: { type: 'string', default: '8' }, bytes: { type: 'string', default: '1024' } },
})
const messages = Number(values.messages)
const waiting = Number(values.waiting)
const callers = Number(values.callers)
const BATCH = 100
const BYTES = Number(values.bytes)

type Call = (request: object) => Promise<any>

async function connect(address: string) {
  const protos = await loadProtos('google/pubsub/v1/pubsub.proto')
  const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
  const make = (name: string) => new (grpc.makeGenericClientConstructor(protos.service(`google.pubsub.v1.${name}`), name))(address, grpc.credentials.createInsecure(), options) as any
  const publisher = make('Publisher')
  const subscriber = make('Subscriber')
  const unary = (client: any, method: string): Call => (request) => new Promise((resolve, reject) => client[method](request, (error: Error | null, answer: unknown) => (error ? reject(error) : resolve(answer))))
  return {
    publish: unary(publisher, 'Publish'),
    createTopic: unary(publisher, 'CreateTopic'),
    createSubscription: unary(subscriber, 'CreateSubscription'),
    acknowledge: unary(subscriber, 'Acknowledge'),
    stream: () => subscriber.StreamingPull(),
    close: () => [publisher, subscriber].forEach((client) => client.close()),
  }
}

const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
const house = values.address === undefined ? await startHouse(folder) : undefined
const address = values.address ?? `127.0.0.1:${house!.port}`
const pid = Number(values.pid ?? house?.pid)
const rss_mb = () => (pid ? Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024) : Number.NaN)
const cpu_ms = () => {
  if (!pid) return Number.NaN
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / Number(execFileSync('getconf', ['CLK_TCK']))
}
const bus = await connect(address)
const tag = process.pid
const names = (id: string) => ({ topic: `projects/bench/topics/${id}-${tag}`, subscription: `projects/bench/subscriptions/${id}-${tag}` })
const batch = Array.from({ length: BATCH }, () => ({ data: Buffer.alloc(BYTES, 'x') }))

async function publishAll(topic: string, count: number): Promise<void> {
  let left = count / BATCH
  await Promise.all(Array.from({ length: callers }, async () => {
    while (left-- > 0) await bus.publish({ topic, messages: batch })
  }))
}

async function measured(what: string, count: number, work: () => Promise<Record<string, unknown> | void>): Promise<void> {
  const cpu = cpu_ms()
  const since = performance.now()
  const more = await work()
  const s = (performance.now() - since) / 1000
  console.log(JSON.stringify({ what, count, per_s: Math.round(count / s), server_cpu_us_per_message: Number((((cpu_ms() - cpu) * 1000) / count).toFixed(1)), rss_mb: rss_mb(), ...more }))
}

async function made(id: string): Promise<{ topic: string; subscription: string }> {
  const { topic, subscription } = names(id)
  await bus.createTopic({ name: topic })
  await bus.createSubscription({ name: subscription, topic, ackDeadlineSeconds: 60 })
  return { topic, subscription }
}

/** Receives and acknowledges until `count` messages have come. */
async function receiveAll(subscription: string, count: number, onMessage: (message: any) => void = () => {}): Promise<void> {
  const stream = bus.stream()
  const done = new Promise<void>((resolve, reject) => {
    let seen = 0
    stream.on('error', (error: { code: number }) => (error.code === grpc.status.CANCELLED ? resolve() : reject(error)))
    stream.on('data', ({ receivedMessages = [] }: { receivedMessages?: { ackId: string; message: any }[] }) => {
      seen += receivedMessages.length
      for (const { message } of receivedMessages) onMessage(message)
      stream.write({ ackIds: receivedMessages.map(({ ackId }) => ackId) })
      if (seen >= count) resolve()
    })
  })
  stream.write({ subscription, streamAckDeadlineSeconds: 60, maxOutstandingMessages: '10000' })
  await done
  stream.cancel()
}

console.log(JSON.stringify({ what: 'idle', rss_mb: rss_mb() }))
const only = await made('publish')
await publishAll(only.topic, 10_000) // Warm.
await measured('publish', messages, () => publishAll(only.topic, messages))

const both = await made('through')
await measured('publish, stream, acknowledge', messages, async () => {
  const received = receiveAll(both.subscription, messages)
  await publishAll(both.topic, messages)
  await received
})

const one = await made('one')
await measured('one message end to end', 500, async () => {
  const waits: number[] = []
  let sent = 0
  let arrived = () => {}
  const received = receiveAll(one.subscription, 500, () => {
    waits.push(performance.now() - sent)
    arrived()
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (let count = 0; count < 500; count++) {
    const there = new Promise<void>((resolve) => (arrived = resolve))
    sent = performance.now()
    await bus.publish({ topic: one.topic, messages: [{ data: Buffer.from('x') }] })
    await there
  }
  await received
  waits.sort((a, b) => a - b)
  return { p50_ms: Number(waits[250]!.toFixed(2)), p99_ms: Number(waits[495]!.toFixed(2)) }
})

if (waiting > 0) {
  const many = await made('waiting')
  await measured('publish, nobody takes', waiting, () => publishAll(many.topic, waiting))
  await new Promise((resolve) => setTimeout(resolve, 5000))
  console.log(JSON.stringify({ what: `${waiting} waiting, at rest`, rss_mb: rss_mb() }))
  await measured('take what waited', waiting, () => receiveAll(many.subscription, waiting))
}
bus.close()
await house?.stop()
rmSync(folder, { recursive: true, force: true })
