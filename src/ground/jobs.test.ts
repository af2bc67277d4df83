import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timedGround } from '../../tests/support/ground.ts'
import type { Job } from './jobs.ts'
import { LedgerJobs, RunAgain } from './jobs.ts'
import { currentTrace, newTrace, withTrace } from './trace.ts'

const HOUR_MS = 3_600_000

interface Planned {
  id: string
  run_at_ms: number
  failures: number
  cancelled: boolean
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('enqueue' as const), delay_ms: fc.constantFrom(0, 0, 500, 20_000), failures: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), by_ms: fc.integer({ min: 1, max: 15_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)

test('every job comes to the end that a plain model says, never before its time, never after it was cancelled, restarts included', async () => {
  const tries_max = 3
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const ground = await timedGround()
      const { clock, ledger } = ground
      const planned: Planned[] = []
      const begun = new Map<string, number>()
      const handle = async ({ id, attempt }: Job) => {
        const plan = planned.find((one) => one.id === id)!
        expect(plan.cancelled).toBe(false)
        expect(clock.now_ms()).toBeGreaterThanOrEqual(plan.run_at_ms)
        begun.set(id, (begun.get(id) ?? 0) + 1)
        expect(attempt).toBe(begun.get(id))
        if (attempt <= plan.failures) throw new Error(`failure ${attempt}`)
      }
      const open = async () => {
        const jobs = new LedgerJobs(ground)
        await jobs.releaseForeignLeases()
        jobs.work('q', { concurrency: 2 }, handle)
        return jobs
      }
      let jobs = await open()
      for (const what of steps) {
        if (what.do === 'advance') await clock.advance(what.by_ms)
        else if (what.do === 'restart') {
          await jobs.stop()
          jobs = await open()
        } else if (what.do === 'cancel') {
          const plan = planned[what.which % Math.max(1, planned.length)]
          if (plan && (await jobs.cancel(plan.id))) plan.cancelled = true
        } else {
          const run_at_ms = clock.now_ms() + what.delay_ms
          const job = jobs.enqueue({ queue: 'q', payload: null, run_at_ms, tries_max })
          planned.push({ id: job.id, run_at_ms, failures: what.failures, cancelled: false })
          await ledger.write(job)
        }
      }
      await clock.advance(HOUR_MS)
      await jobs.stop()
      for (const { id, failures, cancelled } of planned) {
        const job = await jobs.get(id)
        expect(job?.state).toBe(cancelled ? 'cancelled' : failures < tries_max ? 'done' : 'failed')
        if (!cancelled) expect(begun.get(id)).toBe(Math.min(failures + 1, tries_max))
      }
    }),
    { numRuns: 30 },
  )
})

test('at most as many run at once as the queue allows, and all of them get their turn', async () => {
  const { clock, ledger, jobs } = await timedGround()
  let running = 0
  let most = 0
  let ended = 0
  jobs.work('q', { concurrency: 3 }, async () => {
    most = Math.max(most, ++running)
    await clock.sleep(1000)
    running--
    ended++
  })
  await Promise.all(Array.from({ length: 10 }, () => ledger.write(jobs.enqueue({ queue: 'q', payload: null }))))
  await clock.advance(10_000)
  await jobs.stop()
  expect([most, ended]).toEqual([3, 10])
})

test('a job that was running when its house was killed runs again in the next one', async () => {
  const ground = await timedGround()
  const { ledger, jobs, clock } = ground
  const job = jobs.enqueue({ queue: 'q', payload: 'x' })
  jobs.work('q', { concurrency: 1 }, () => new Promise(() => {})) // The killed house: it never comes to an end.
  await ledger.write(job)
  await clock.advance(10)
  expect((await jobs.get(job.id))?.state).toBe('running')

  const next = new LedgerJobs(ground)
  await next.releaseForeignLeases()
  const attempts: number[] = []
  next.work('q', { concurrency: 1 }, async ({ attempt }) => void attempts.push(attempt))
  await clock.advance(10)
  expect(attempts).toEqual([2])
  expect((await next.get(job.id))?.state).toBe('done')
  await next.stop()
})

test('a job that takes its house down with it is given up after its tries', async () => {
  const ground = await timedGround()
  const { ledger, jobs, clock } = ground
  const job = jobs.enqueue({ queue: 'q', payload: null, tries_max: 2 })
  await ledger.write(job)
  let begun = 0
  for (let life = 0; life < 4; life++) {
    const house = new LedgerJobs(ground)
    await house.releaseForeignLeases()
    house.work('q', { concurrency: 1 }, () => {
      begun++
      return new Promise(() => {})
    })
    await clock.advance(10)
  }
  expect(begun).toBe(2)
  expect(await jobs.get(job.id)).toMatchObject({ state: 'failed', error: expect.stringContaining('never came to an end') })
})

test('a long job keeps its lease: nobody else begins it', async () => {
  const ground = await timedGround()
  const { ledger, jobs, clock } = ground
  let begun = 0
  const handle = async () => {
    begun++
    await clock.sleep(5 * 60_000)
  }
  jobs.work('q', { concurrency: 1 }, handle)
  const other = new LedgerJobs(ground)
  other.work('q', { concurrency: 1 }, handle)
  await ledger.write(jobs.enqueue({ queue: 'q', payload: null }))
  await clock.advance(6 * 60_000)
  await Promise.all([jobs.stop(), other.stop()])
  expect(begun).toBe(1)
})

test('cancelling raises the signal of a running job, and it stays cancelled whatever its handler does', async () => {
  const { ledger, jobs, clock } = await timedGround()
  const reasons: unknown[] = []
  jobs.work('q', { concurrency: 1 }, async (_job, signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    reasons.push(signal.reason)
  })
  const job = jobs.enqueue({ queue: 'q', payload: null })
  await ledger.write(job)
  await clock.advance(10)
  expect(await jobs.cancel(job.id)).toBe(true)
  expect(await jobs.cancel(job.id)).toBe(false)
  await clock.advance(10)
  await jobs.stop()
  expect(reasons).toEqual([new Error('the job was cancelled')])
  expect((await jobs.get(job.id))?.state).toBe('cancelled')
})

test('stopping is no failure: the job waits for the next start with its try given back', async () => {
  const { ledger, jobs, clock } = await timedGround()
  jobs.work('q', { concurrency: 1 }, async (_job, signal) => clock.sleep(HOUR_MS, signal))
  const job = jobs.enqueue({ queue: 'q', payload: null })
  await ledger.write(job)
  await clock.advance(10)
  await jobs.stop()
  expect(await jobs.get(job.id)).toMatchObject({ state: 'waiting', attempt: 0 })
})

test('a handler may ask for another time without that counting as a failure', async () => {
  const { ledger, jobs, clock } = await timedGround()
  const times: number[] = []
  const start = clock.now_ms()
  jobs.work('q', { concurrency: 1 }, async ({ attempt }) => {
    expect(attempt).toBe(1)
    times.push(clock.now_ms() - start)
    if (times.length < 3) throw new RunAgain(clock.now_ms() + 60_000)
  })
  await ledger.write(jobs.enqueue({ queue: 'q', payload: null, tries_max: 1 }))
  await clock.advance(HOUR_MS)
  await jobs.stop()
  expect(times).toEqual([0, 60_000, 120_000])
})

test('a queue goes on after the ledger was away, without anyone enqueueing', async () => {
  const ground = await timedGround()
  const { clock, ledger } = ground
  let broken = false
  const shaky = Object.assign(Object.create(ledger) as typeof ledger, {
    write: (...statements: never[]) => (broken ? Promise.reject(new Error('away')) : ledger.write(...statements)),
  })
  const jobs = new LedgerJobs({ ...ground, ledger: shaky })
  const job = jobs.enqueue({ queue: 'q', payload: null, run_at_ms: clock.now_ms() + 1000 })
  await ledger.write(job)
  jobs.work('q', { concurrency: 1 }, async () => {})
  broken = true
  await clock.advance(20_000)
  broken = false
  await clock.advance(20_000)
  await jobs.stop()
  expect((await jobs.get(job.id))?.state).toBe('done')
})

test('a job runs under the trace that caused it', async () => {
  const { ledger, jobs, clock } = await timedGround()
  const traces: (string | undefined)[] = []
  jobs.work('q', { concurrency: 1 }, async () => void traces.push(currentTrace()?.traceId))
  const trace = newTrace()
  await withTrace(trace, () => ledger.write(jobs.enqueue({ queue: 'q', payload: null })))
  await clock.advance(10)
  await jobs.stop()
  expect(traces).toEqual([trace.traceId])
})

test('ended jobs are forgotten once they are old, others never', async () => {
  const { ledger, jobs, clock } = await timedGround()
  jobs.work('q', { concurrency: 1 }, async () => {})
  const [ended, waiting] = [jobs.enqueue({ queue: 'q', payload: null }), jobs.enqueue({ queue: 'other', payload: null })]
  await ledger.write(ended, waiting)
  await clock.advance(10)
  await jobs.stop()
  expect(await jobs.prune(clock.now_ms() - 1000)).toBe(0)
  expect(await jobs.prune(clock.now_ms() + 1)).toBe(1)
  expect(await jobs.get(ended.id)).toBeUndefined()
  expect((await jobs.get(waiting.id))?.state).toBe('waiting')
})
