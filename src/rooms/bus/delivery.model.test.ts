import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SUBSCRIPTION, testBus, textsOf } from './bus.test-support.ts'
import type { Delivered } from './delivery/delivered.ts'

const DEADLINE_MS = 10_000

/** What a subscription is, said plainly: messages, which of them are acknowledged, until when which are out. */
interface Known {
  time_ms: number
  acked: boolean
  outUntil_ms: number
}

type Step =
  | { do: 'publish'; count: number }
  | { do: 'pull'; limit: number }
  | { do: 'ack' | 'nack'; which: number }
  | { do: 'extend'; which: number; by_s: number }
  | { do: 'wait'; ms: number }
  | { do: 'seek'; back_ms: number }
  | { do: 'purge' }
  | { do: 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pull' as const), limit: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('ack' as const, 'nack' as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('extend' as const), which: fc.nat(9), by_s: fc.integer({ min: 10, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 15_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('seek' as const), back_ms: fc.integer({ min: 0, max: 40_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)

describe('a subscription against a plain model', () => {
  for (const retain of [false, true]) {
    it(`delivers exactly what waits, whatever the order of things${retain ? ', and again what it retains' : ''}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const house = await testBus()
          await house.subscribe({ ackDeadlineSeconds: DEADLINE_MS / 1000, retainAckedMessages: retain })
          const messages = new Map<string, Known>()
          /** The newest ack id of each message that was ever out. */
          const out = new Map<string, Delivered>()
          for (const next of steps) await run(next)
          await house.clock.advance(120_000)
          await run({ do: 'pull', limit: 1000 })

          async function run(next: Step): Promise<void> {
            const now_ms = house.clock.now_ms()
            const [text, delivered] = 'which' in next ? ([...out][next.which % Math.max(1, out.size)] ?? []) : []
            const known = text === undefined ? undefined : messages.get(text)
            switch (next.do) {
              case 'publish':
                for (let count = 0; count < next.count; count++) {
                  const name = String(messages.size)
                  await house.publish(name)
                  messages.set(name, { time_ms: now_ms, acked: false, outUntil_ms: 0 })
                }
                return
              case 'pull': {
                const waiting = [...messages].filter(([, { acked, outUntil_ms }]) => !acked && outUntil_ms <= now_ms).map(([name]) => name)
                const batch = await house.pull(next.limit)
                const got = textsOf(batch)
                expect(new Set(got).size, 'nothing comes twice in one answer').toBe(got.length)
                expect(waiting, 'only what waits comes').toEqual(expect.arrayContaining(got))
                expect(got.length, 'all that waits comes, up to the limit').toBe(Math.min(next.limit, waiting.length))
                for (const [index, name] of got.entries()) {
                  messages.get(name)!.outUntil_ms = now_ms + DEADLINE_MS
                  out.set(name, batch[index]!)
                }
                return
              }
              case 'ack':
                if (!delivered || !known) return
                await house.ack([delivered])
                out.delete(text!)
                known.acked = true
                return
              case 'nack':
                if (!delivered || !known) return
                await house.nack([delivered])
                if (!known.acked) known.outUntil_ms = Math.min(known.outUntil_ms, now_ms)
                return
              case 'extend':
                if (!delivered || !known) return
                await house.bus.modifyDeadline(SUBSCRIPTION, [delivered.ackId], next.by_s)
                if (!known.acked && known.outUntil_ms > now_ms) known.outUntil_ms = now_ms + next.by_s * 1000
                return
              case 'wait':
                await house.clock.advance(next.ms)
                return
              case 'seek':
                await house.bus.seek.toTime(SUBSCRIPTION, (now_ms - next.back_ms) * 1000)
                for (const message of messages.values()) {
                  if (message.time_ms < now_ms - next.back_ms) message.acked = true
                  else if (retain) message.acked = false
                  message.outUntil_ms = 0
                }
                out.clear()
                return
              case 'purge':
                await house.bus.seek.toTime(SUBSCRIPTION, (now_ms + 3_600_000) * 1000)
                for (const message of messages.values()) message.acked = true
                out.clear()
                return
              case 'restart':
                await house.restart()
                for (const message of messages.values()) message.outUntil_ms = 0
                out.clear()
            }
          }
        }),
        { numRuns: 60 },
      )
    })
  }

  it('messages of one ordering key come in order, each acknowledged before the next pull has more of its key', async () => {
    const keyed = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), key: fc.constantFrom('a', 'b', 'c') }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('pull' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('ack' as const, 'nack' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 15_000 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(keyed, { minLength: 5, maxLength: 40 }), async (steps) => {
        const house = await testBus()
        await house.subscribe({ enableMessageOrdering: true })
        const published = new Map<string, number>()
        const acked = new Map<string, number>()
        const out: { key: string; number: number; delivered: Delivered }[] = []
        const take = async (limit: number) => {
          const batch = await house.pull(limit)
          for (const [index, text] of textsOf(batch).entries()) {
            const [key, number] = [text[0]!, Number(text.slice(1))]
            const before = out.filter((known) => known.key === key)
            // Within what is out, and behind what is acknowledged, there is no gap.
            expect(number).toBe((acked.get(key) ?? 0) + before.length)
            out.push({ key, number, delivered: batch[index]! })
          }
          return batch.length
        }
        for (const next of steps) {
          if (next.do === 'publish') {
            const number = published.get(next.key) ?? 0
            await house.publish(`${next.key}${number}`, { orderingKey: next.key })
            published.set(next.key, number + 1)
          } else if (next.do === 'pull') await take(next.limit)
          else if (next.do === 'wait') {
            await house.clock.advance(next.ms + 10_000)
            out.length = 0
          } else if (next.do === 'restart') {
            await house.restart()
            out.length = 0
          } else if (out[0]) {
            const { key, delivered } = out[0]
            if (next.do === 'ack') {
              await house.ack([delivered])
              acked.set(key, (acked.get(key) ?? 0) + 1)
              out.shift()
            } else {
              await house.nack([delivered])
              for (let at = out.length - 1; at >= 0; at--) if (out[at]!.key === key) out.splice(at, 1)
            }
          }
        }
        // In the end everything comes, in order.
        await house.clock.advance(60_000)
        out.length = 0
        while ((await take(3)) > 0) {
          await house.ack(out.map(({ delivered }) => delivered))
          for (const { key } of out.splice(0)) acked.set(key, (acked.get(key) ?? 0) + 1)
        }
        expect(acked).toEqual(published)
      }),
      { numRuns: 60 },
    )
  })
})
