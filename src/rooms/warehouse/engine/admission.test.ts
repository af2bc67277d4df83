import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Admission } from './admission.ts'

test('no more memory is ever given out than there is, whoever asks for how much, and everyone gets in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 40 }), async (wishes) => {
      const admission = new Admission(100, 1000)
      let taken = 0
      let inside = 0
      await Promise.all(
        wishes.map(async (bytes) => {
          const leave = await admission.enter(bytes)
          taken += Math.min(bytes, 100)
          inside += 1
          expect(taken).toBeLessThanOrEqual(100)
          await Promise.resolve()
          taken -= Math.min(bytes, 100)
          leave()
        }),
      )
      expect(inside).toBe(wishes.length)
    }),
  )
})

test('who gives up while waiting takes nothing, and those behind move up', async () => {
  const admission = new Admission(10, 10)
  const leave = await admission.enter(10)
  const abort = new AbortController()
  const given = admission.enter(10, abort.signal)
  const behind = admission.enter(5)
  abort.abort(new Error('gone'))
  await expect(given).rejects.toThrow('gone')
  leave()
  await expect(behind).resolves.toBeTypeOf('function')
  expect(admission.waiting).toBe(0)
})

test('a queue that is full refuses', async () => {
  const admission = new Admission(10, 1)
  await admission.enter(10)
  void admission.enter(1)
  await expect(admission.enter(1)).rejects.toMatchObject({ reason: 'rateLimitExceeded' })
})
