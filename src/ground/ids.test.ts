import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fakeClock } from './clock.ts'
import { countedIds, systemIds } from './ids.ts'

test('ids sort by the time they were made, also within one millisecond and when the clock steps back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 200 }), (steps) => {
      let now = 1_700_000_000_000
      const ids = systemIds({ ...fakeClock(), now_ms: () => now })
      const made = steps.map((step) => {
        now += step
        return ids.next()
      })
      expect(made).toEqual(made.toSorted())
      expect(new Set(made).size).toBe(made.length)
    }),
  )
})

test('every id can be a file name of ours', () => {
  const ids = systemIds(fakeClock())
  for (let index = 0; index < 1000; index++) expect(ids.next()).toMatch(/^[0-9a-z]{26}$/)
})

test('secrets are long and never repeat', () => {
  const ids = systemIds(fakeClock())
  const secrets = new Set(Array.from({ length: 1000 }, () => ids.secret()))
  expect(secrets.size).toBe(1000)
  for (const secret of secrets) expect(Buffer.from(secret, 'base64url').length).toBe(32)
})

test('counted ids are the same in every run', () => {
  const [first, second] = [countedIds(), countedIds()]
  expect([first.next(), first.uuid(), first.secret()]).toEqual([second.next(), second.uuid(), second.secret()])
})
