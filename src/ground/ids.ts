/** The only source of identifiers. Ids sort by the time they were made, so rows made together lie together. */
import { randomBytes, randomUUID } from 'node:crypto'
import { draw } from './chance.ts'
import type { Clock } from './clock.ts'

export interface Ids {
  /** A sortable id: time in milliseconds, a counter, and chance; 26 characters of Crockford's base 32. */
  next(): string
  /** Unpredictable, for what must not be guessed: tokens, upload ids, session ids. */
  secret(): string
  uuid(): string
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export function systemIds(clock: Clock): Ids {
  let last_ms = 0
  let count = 0
  return {
    next() {
      const now = clock.now_ms()
      if (now > last_ms) {
        last_ms = now
        count = 0
      }
      return base32(last_ms, 10) + base32(count++, 4) + chance(12)
    },
    secret: () => randomBytes(32).toString('base64url'),
    uuid: () => randomUUID(),
  }
}

/** Predictable ids for tests. */
export function countedIds(): Ids {
  let count = 0
  return {
    next: () => base32(++count, 26),
    secret: () => `secret-${++count}`,
    uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
  }
}

function base32(value: number, width: number): string {
  let text = ''
  for (let rest = value; text.length < width; rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32] + text
  return text
}

function chance(width: number): string {
  let text = ''
  for (const byte of draw(width)) text += ALPHABET[byte % 32]
  return text
}
