/** A child process for `children.test.ts`: each method does one thing that a real child may do. */
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from './child-side.ts'
import { Fault } from './fault.ts'

export interface FixtureCalls {
  echo(body: unknown): unknown
  argv(body: null): string[]
  variables(body: null): Record<string, string | undefined>
  count(body: { upTo: number; print?: boolean }): AsyncIterable<number>
  produced(body: null): number
  forever(body: null): AsyncIterable<number>
  cancelled(body: null): number
  hang(body: null): never
  block(body: null): never
  refuse(body: null): never
  bug(body: null): never
  exit(body: number): never
}

if (process.argv.includes('--crash')) {
  console.error('cannot go on: no such thing')
  process.exit(3)
}

let produced = 0
let cancelled = 0

await serve<FixtureCalls>(
  {
    echo: (body) => body,
    argv: () => process.argv.slice(2),
    variables: () => ({ ...process.env }),
    async *count({ upTo, print }) {
      for (let n = 0; n < upTo; n++) {
        if (print) console.log(`printed ${n}`)
        produced = n
        yield n
      }
    },
    produced: () => produced,
    async *forever(_, { signal }) {
      try {
        for (let n = 0; ; n++) {
          signal.throwIfAborted()
          yield n
        }
      } finally {
        cancelled += 1
      }
    },
    cancelled: () => cancelled,
    async hang(_, { signal }) {
      await sleep(1e9, undefined, { signal }).finally(() => (cancelled += 1))
      throw new Error('not reached')
    },
    block() {
      for (;;);
    },
    refuse() {
      throw new Fault('NOT_FOUND', 'notFound', 'No such row.', { hint: 'Look again.', details: { row: 7 } })
    },
    bug() {
      throw new TypeError('a bug of ours')
    },
    exit: (code) => process.exit(code),
  },
  process.argv.includes('--slow-close') ? { close: () => new Promise(() => {}) } : {},
)
console.log('fixture is up')
