/** A secret in memory that cannot be printed by accident: only `reveal()` gives it out. Sealing at rest is `vault.ts`'s. */
import { inspect } from 'node:util'

const STARS = '*****'

export class Sealed<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return STARS
  }

  toJSON(): string {
    return STARS
  }

  [Symbol.toPrimitive](): string {
    return STARS
  }

  [inspect.custom](): string {
    return STARS
  }
}
