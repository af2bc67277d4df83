/** The only source of chance that is not an identifier: jitter, sampling. Tests give a seeded one. */

export interface Dice {
  /** In [0, 1). */
  roll(): number
}

export const systemDice = (): Dice => ({ roll: () => Math.random() })

/** mulberry32: small, fast, the same numbers for the same seed. */
export function seededDice(seed: number): Dice {
  let state = seed >>> 0
  return {
    roll() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
  }
}

/** Exponential back-off with full jitter: somewhere between half and all of `base_ms * 2^attempt`, at most `max_ms`. */
export function backoff_ms(attempt: number, base_ms: number, max_ms: number, dice: Dice): number {
  const ceiling_ms = Math.min(max_ms, base_ms * 2 ** Math.min(attempt, 30))
  return ceiling_ms / 2 + (dice.roll() * ceiling_ms) / 2
}
