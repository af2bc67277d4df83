import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timedGround } from '../../tests/support/ground.ts'
import type { Fact } from './facts.ts'
import { LedgerFacts } from './facts.ts'
import { newTrace, withTrace } from './trace.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('each consumer sees every fact of its types, in order, whatever else is written and however often it fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ type: fc.constantFrom('a', 'b', 'c'), failures: fc.nat(2) }), { maxLength: 30 }),
      fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
      fc.nat(30),
      async (written, types, startedAfter) => {
        const { clock, ledger, facts } = await timedGround()
        const left = new Map<string, number>()
        const seen: string[] = []
        const consume = () =>
          facts.consume('reader', types, async ({ subject }) => {
            const failures = left.get(subject)!
            left.set(subject, failures - 1)
            if (failures > 0) throw new Error('not yet')
            seen.push(subject)
          })
        for (const [index, { type, failures }] of written.entries()) {
          if (index === startedAfter) consume()
          left.set(`f${index}`, failures)
          await ledger.write(facts.append({ type, subject: `f${index}`, data: null }))
        }
        if (written.length <= startedAfter) consume()
        // Each failure is waited out with a back-off of its own.
        for (let round = 0; round < 70; round++) await clock.advance(1000)
        await facts.stop()
        expect(seen).toEqual(written.flatMap(({ type }, index) => (types.includes(type) ? [`f${index}`] : [])))
      },
    ),
    { numRuns: 25 },
  )
})

test('a consumer goes on where it was, and sees again only what it had not finished', async () => {
  const ground = await timedGround()
  const { ledger, facts } = ground
  for (const subject of ['a', 'b', 'c']) await ledger.write(facts.append({ type: 't', subject, data: null }))
  const seen: string[] = []
  let release = () => {}
  facts.consume('reader', ['t'], async ({ subject }) => {
    if (subject === 'b') await new Promise<void>((resolve) => (release = resolve))
    seen.push(subject)
  })
  await settled()
  const stopping = facts.stop()
  release()
  await stopping
  expect(seen).toEqual(['a', 'b'])
  const again = new LedgerFacts(ground)
  await again.consume('reader', ['t'], async ({ subject }) => void seen.push(subject)).caughtUp()
  await again.stop()
  expect(seen).toEqual(['a', 'b', 'c'])
})

test('two consumers do not wait for each other', async () => {
  const { ledger, facts } = await timedGround()
  await ledger.write(facts.append({ type: 't', subject: 'a', data: null }))
  facts.consume('stuck', ['t'], () => Promise.reject(new Error('never')))
  const seen: string[] = []
  await facts.consume('free', ['t'], async ({ subject }) => void seen.push(subject)).caughtUp()
  await facts.stop()
  expect(seen).toEqual(['a'])
})

test('a fact carries the trace that caused it', async () => {
  const { ledger, facts } = await timedGround()
  const trace = newTrace()
  await withTrace(trace, () => ledger.write(facts.append({ type: 't', subject: 'caused', data: { n: 1 } })))
  await ledger.write(facts.append({ type: 't', subject: 'uncaused', data: null }))
  const [caused, uncaused] = await facts.since(0)
  expect(caused).toMatchObject({ subject: 'caused', trace: trace.traceId, data: { n: 1 } })
  expect(uncaused?.trace).toBeNull()
  expect((await facts.since(0, { trace: trace.traceId })).map(({ subject }) => subject)).toEqual(['caused'])
})

test('pruning keeps what a consumer has not seen, and what is young', async () => {
  const { clock, ledger, facts } = await timedGround()
  const write = (subject: string) => ledger.write(facts.append({ type: 't', subject, data: null }))
  const left = async () => (await facts.since(0)).map(({ subject }) => subject)
  await write('old')
  expect(await facts.prune(clock.now_ms() + 1)).toBe(0)
  const consumer = facts.consume('reader', ['t'], async () => {})
  await consumer.caughtUp()
  await facts.stop()
  await clock.advance(1000)
  await write('unseen')
  expect(await facts.prune(clock.now_ms() + 1)).toBe(1)
  expect(await left()).toEqual(['unseen'])
})

test('a consumer that cannot reach the ledger tries again', async () => {
  const ground = await timedGround()
  const { clock, ledger } = ground
  let broken = true
  const shaky = Object.assign(Object.create(ledger) as typeof ledger, {
    first: (query: never) => (broken ? Promise.reject(new Error('away')) : ledger.first(query)),
  })
  const facts = new LedgerFacts({ ...ground, ledger: shaky })
  const seen: Fact[] = []
  await ledger.write(facts.append({ type: 't', subject: 'a', data: null }))
  facts.consume('reader', ['t'], async (fact) => void seen.push(fact))
  await clock.advance(1000)
  expect(seen).toEqual([])
  broken = false
  await clock.advance(60_000)
  await facts.stop()
  expect(seen.length).toBe(1)
})

test('a fact that fails waits no longer for those that failed before it and were handled', async () => {
  const { clock, ledger, facts } = await timedGround()
  const failed = new Set<string>()
  const seen: string[] = []
  facts.consume('reader', ['t'], async ({ subject }) => {
    if (!failed.has(subject)) {
      failed.add(subject)
      throw new Error('not yet')
    }
    seen.push(subject)
  })
  for (let n = 0; n < 20; n++) await ledger.write(facts.append({ type: 't', subject: `f${n}`, data: null }))
  for (let round = 0; round < 40; round++) await clock.advance(100)
  await facts.stop()
  expect(seen.length).toBe(20)
})
