/** A bus without doors, for tests of its meaning: a ledger in memory, a clock moved by hand, logs in a folder of the test's own. */
import { onTestFinished } from 'vitest'
import { fakeClock } from '#ground/clock.ts'
import { Disk } from '#ground/disk.ts'
import { memoryLedger } from '#ground/ledger.ts'
import { testFolder } from '../../../tests/support/folder.ts'
import { testGround } from '../../../tests/support/ground.ts'
import type { Delivered } from './delivery/delivered.ts'
import { busMigrations } from './migrations.ts'
import type { OutletPorts } from './outlets/outlets.ts'
import { BusService } from './service.ts'
import { decodeMessage, encodeMessage } from './wire/message.ts'

export const TOPIC = 'projects/p/topics/news'
export const SUBSCRIPTION = 'projects/p/subscriptions/reader'

const NO_PORTS: OutletPorts = {
  courier: { send: () => Promise.reject(new Error('this test has no network')) },
  tokens: { identity: async (account, audience) => `token-of-${account}-for-${audience}` },
}

export async function testBus(ports: Partial<OutletPorts> = {}) {
  const clock = fakeClock()
  const ledger = memoryLedger()
  const disk = new Disk(testFolder(), { durable: false })
  const ground = { ...(await testGround(clock, ledger)), disk }
  await ledger.migrate('bus', busMigrations)
  const open = async () => {
    const service = new BusService(ground, { ...NO_PORTS, ...ports }, { isHouseTopic: (id) => id.startsWith('potoroo.') })
    await service.start()
    return service
  }
  let bus = await open()
  onTestFinished(() => bus.stop())
  return {
    clock,
    ledger,
    facts: ground.facts,
    get bus() {
      return bus
    },
    /** Stops the bus and opens it again on the same data. */
    async restart() {
      await bus.stop()
      await clock.advance(1)
      bus = await open()
    },
    async subscribe(config: Record<string, unknown> = {}, name = SUBSCRIPTION, topic = TOPIC) {
      if (!bus.topics.find(topic)) await bus.topics.create(topic, {})
      return bus.subscriptions.create(name, { topic, ...config })
    },
    publish: (text: string, more: { attributes?: Record<string, string>; orderingKey?: string; topic?: string } = {}) =>
      bus.topics.publish(more.topic ?? TOPIC, [encodeMessage({ data: Buffer.from(text), attributes: more.attributes ?? {}, orderingKey: more.orderingKey ?? '' })]),
    pull: (limit = 100, name = SUBSCRIPTION) => bus.pull(name, { messages_max: limit, immediately: true }),
    ack: (batch: Delivered[], name = SUBSCRIPTION) => bus.acknowledge(name, batch.map(({ ackId }) => ackId)),
    nack: (batch: Delivered[], name = SUBSCRIPTION) => bus.modifyDeadline(name, batch.map(({ ackId }) => ackId), 0),
  }
}

export const textsOf = (batch: Delivered[]): string[] => batch.map(({ record }) => decodeMessage(record.payload).data.toString())
