import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoff_ms, seededDice, systemDice } from './dice.ts'

test('the same seed rolls the same numbers, another seed others, all in [0, 1)', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const [first, second, other] = [seededDice(seed), seededDice(seed), seededDice(seed + 1)]
      const rolls = Array.from({ length: 20 }, () => first.roll())
      expect(Array.from({ length: 20 }, () => second.roll())).toEqual(rolls)
      expect(Array.from({ length: 20 }, () => other.roll())).not.toEqual(rolls)
      for (const roll of rolls) expect(roll >= 0 && roll < 1).toBe(true)
    }),
  )
})

test('back-off lies between half and all of its ceiling, doubles, and never passes its bound', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 5000, max: 600_000 }), (attempt, base_ms, max_ms) => {
      const delay_ms = backoff_ms(attempt, base_ms, max_ms, systemDice())
      const ceiling_ms = Math.min(max_ms, base_ms * 2 ** Math.min(attempt, 30))
      expect(delay_ms).toBeGreaterThanOrEqual(ceiling_ms / 2)
      expect(delay_ms).toBeLessThanOrEqual(ceiling_ms)
    }),
  )
})
