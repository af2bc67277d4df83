/**
 * kill -9 at random moments while messages are published, pulled, acknowledged, sought and pushed. Every publish that was answered must reach
 * every subscription that existed; keys stay in order; an answered acknowledgement is not forgotten. FAULT_ROUNDS sets the number of
 * kills of each kind (3 by default), FAULT_SEED the chance.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { seededDice } from '#ground/dice.ts'
import { faultFolder, faultRounds, startHouse } from '../support/house-process.ts'
import type { HouseProcess } from '../support/house-process.ts'

const ROUNDS = faultRounds(3)
const SEED = Number(process.env['FAULT_SEED'] ?? 20260101)
const TEST_MS = 30_000 + ROUNDS * 15_000
const TOPIC = 'projects/p/topics/news'
const PUBLISHERS = 4

interface Received {
  ackId: string
  /** `key:number`. */
  text: string
}

class Bus {
  house: HouseProcess
  constructor(house: HouseProcess) {
    this.house = house
  }

  /** Undefined where the house died before it answered. */
  async ask(verb: string, path: string, body?: unknown): Promise<any> {
    let response: Response
    let answer: unknown
    try {
      response = await fetch(`${this.house.url}/v1/${path}`, { method: verb, ...(body !== undefined && { body: JSON.stringify(body) }) })
      answer = await response.json()
    } catch {
      return undefined
    }
    if (!response.ok) throw new Error(`${verb} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }

  async publish(texts: string[]): Promise<boolean> {
    const messages = texts.map((text) => ({ data: Buffer.from(text).toString('base64'), orderingKey: text.split(':')[0] }))
    return (await this.ask('POST', `${TOPIC}:publish`, { messages })) !== undefined
  }

  async pull(subscription: string, immediately = true): Promise<Received[] | undefined> {
    const answer = await this.ask('POST', `projects/p/subscriptions/${subscription}:pull`, { maxMessages: 100, returnImmediately: immediately })
    return answer && ((answer.receivedMessages ?? []) as any[]).map(({ ackId, message }) => ({ ackId, text: Buffer.from(message.data, 'base64').toString() }))
  }

  async acknowledge(subscription: string, received: Received[]): Promise<boolean> {
    return (await this.ask('POST', `projects/p/subscriptions/${subscription}:acknowledge`, { ackIds: received.map(({ ackId }) => ackId) })) !== undefined
  }

  /** Everything that waits, acknowledged on the way. */
  async drain(subscription: string): Promise<string[]> {
    const texts: string[] = []
    for (;;) {
      const received = await this.pull(subscription)
      if (!received) throw new Error('the house has gone')
      if (received.length === 0) return texts
      texts.push(...received.map(({ text }) => text))
      await this.acknowledge(subscription, received)
    }
  }
}

/** Publishes under its own key, one batch after the other, until the house dies. */
async function publishUntilDeath(bus: Bus, key: string, from: number, answered: string[]): Promise<void> {
  for (let number = from; ; number += 3) {
    const texts = [0, 1, 2].map((more) => `${key}:${number + more}`)
    if (!(await bus.publish(texts))) return
    answered.push(...texts)
  }
}

function expectInOrder(texts: string[]): void {
  const last = new Map<string, number>()
  for (const text of texts) {
    const [key, number] = text.split(':') as [string, string]
    expect(Number(number), text).toBeGreaterThan(last.get(key) ?? -1)
    last.set(key, Number(number))
  }
}

async function rounds(subscriptions: Record<string, object>, round: (bus: Bus, kill: () => Promise<void>, number: number) => Promise<(after: Bus) => Promise<void>>, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const dice = seededDice(SEED)
  const folder = faultFolder()
  const bus = new Bus(await startHouse(folder.path, { env }))
  await bus.ask('PUT', TOPIC, {})
  for (const [name, config] of Object.entries(subscriptions)) await bus.ask('PUT', `projects/p/subscriptions/${name}`, { topic: TOPIC, ...config })
  for (let number = 0; number < ROUNDS; number++) {
    const kill = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30 + dice.roll() * 300))
      await bus.house.kill()
    }
    const check = await round(bus, kill, number)
    bus.house = await startHouse(folder.path, { env })
    await check(bus)
  }
  await bus.house.stop()
  folder.passed()
}

describe('kill -9', () => {
  it('during publish: what was answered is delivered to every subscription, keys in order', { timeout: TEST_MS }, async () => {
    await rounds({ plain: {}, ordered: { enableMessageOrdering: true } }, async (bus, kill, number) => {
      const answered: string[] = []
      const publishers = Array.from({ length: PUBLISHERS }, (_, index) => publishUntilDeath(bus, `r${number}k${index}`, 0, answered))
      await Promise.all([...publishers, kill()])
      expect(answered.length).toBeGreaterThan(0)
      return async (after) => {
        expect(missing(answered, await after.drain('plain'))).toEqual([])
        const ordered = await after.drain('ordered')
        expect(missing(answered, ordered)).toEqual([])
        expectInOrder(ordered)
      }
    })
  })

  it('during pull and acknowledge: answered acknowledgements hold, everything else comes again', { timeout: TEST_MS }, async () => {
    await rounds({ plain: {} }, async (bus, kill, number) => {
      const published = Array.from({ length: 600 }, (_, index) => `r${number}:${index}`)
      for (let from = 0; from < published.length; from += 100) await bus.publish(published.slice(from, from + 100))
      const done = new Set<string>()
      const unsure = new Set<string>()
      const consume = async () => {
        for (;;) {
          const received = await bus.pull('plain', true)
          if (!received) return
          const mine = received.slice(0, Math.ceil(received.length / 3))
          if (mine.length === 0) continue
          for (const { text } of mine) unsure.add(text)
          if (!(await bus.acknowledge('plain', mine))) return
          for (const { text } of mine) done.add(text)
        }
      }
      await Promise.all([consume(), consume(), kill()])
      return async (after) => {
        const again = await after.drain('plain')
        expect(again.filter((text) => done.has(text)), 'acknowledged, and delivered again').toEqual([])
        expect(missing(published.filter((text) => !unsure.has(text)), again)).toEqual([])
      }
    })
  })

  it('during seek: an answered seek brings everything back', { timeout: TEST_MS }, async () => {
    const published: string[] = []
    await rounds({ plain: { retainAckedMessages: true } }, async (bus, kill, number) => {
      const texts = Array.from({ length: 100 }, (_, index) => `r${number}:${index}`)
      await bus.publish(texts)
      published.push(...texts)
      await bus.drain('plain')
      let sought = 0
      const seek = async () => {
        while ((await bus.ask('POST', 'projects/p/subscriptions/plain:seek', { time: '2026-01-01T00:00:00Z' })) !== undefined) sought++
      }
      await Promise.all([seek(), kill()])
      expect(sought).toBeGreaterThan(0)
      return async (after) => expect(missing(published, await after.drain('plain'))).toEqual([])
    })
  })

  it('during push: every message arrives', { timeout: TEST_MS }, async () => {
    const arrived = new Set<string>()
    let requests = 0
    const server = createServer(async (request, response) => {
      const body = JSON.parse(Buffer.concat(await request.toArray()).toString())
      const accepted = ++requests % 7 !== 0
      if (accepted) arrived.add(Buffer.from(body.message.data, 'base64').toString())
      response.writeHead(accepted ? 204 : 500).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const pushEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await rounds(
      { pushed: { pushConfig: { pushEndpoint } } },
      async (bus, kill, number) => {
        const answered: string[] = []
        await Promise.all([publishUntilDeath(bus, `r${number}`, 0, answered), kill()])
        return async () => expect.poll(() => missing(answered, [...arrived]), { timeout: 20_000, interval: 200 }).toEqual([])
      },
      { POTOROO_EGRESS_ALLOW: '127.0.0.1' },
    )
    server.close()
  })
})

it('a clean restart forgets no acknowledgement and no lease that was given back', { timeout: 60_000 }, async () => {
  const folder = faultFolder()
  const bus = new Bus(await startHouse(folder.path))
  await bus.ask('PUT', TOPIC, {})
  await bus.ask('PUT', 'projects/p/subscriptions/plain', { topic: TOPIC })
  await bus.publish(Array.from({ length: 50 }, (_, index) => `a:${index}`))
  const received = (await bus.pull('plain'))!
  await bus.acknowledge('plain', received.filter((_, index) => index % 2 === 0))
  await bus.house.stop()
  bus.house = await startHouse(folder.path)
  const again = await bus.drain('plain')
  expect(again.sort()).toEqual(received.filter((_, index) => index % 2 === 1).map(({ text }) => text).sort())
  await bus.house.stop()
  folder.passed()
})

function missing(wanted: string[], found: string[]): string[] {
  const there = new Set(found)
  return wanted.filter((text) => !there.has(text))
}
