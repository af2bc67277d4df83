/** Random bytes for identifiers, drawn from the system in one go for many: each draw is a system call. */
import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(4096)
let drawn = pool.length

/** To be used up at once: the next draws share the same memory. */
export function draw(bytes: number): Buffer {
  if (drawn + bytes > pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  return pool.subarray(drawn, (drawn += bytes))
}
