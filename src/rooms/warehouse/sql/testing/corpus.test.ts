/**
 * The house's own corpus of statements, kept outside the repository: run it with GOOGLESQL_CORPUS=<file> through testing/server.ts and its
 * runner. Here only the part that needs no runner: every text compiles, or is refused with a named fault.
 */
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fault } from '#ground/fault.ts'
import { house, type SqlHouse } from './house.ts'

const corpus = process.env['GOOGLESQL_CORPUS']

describe.skipIf(!corpus || !existsSync(corpus))('the corpus (GOOGLESQL_CORPUS names it; skipped where it is not set)', () => {
  let sql: SqlHouse
  beforeAll(async () => void (sql = await house()))
  afterAll(() => sql.stop())

  it('answers every text with rows or with a named fault, never with an internal error', async () => {
    const { cases } = JSON.parse(readFileSync(corpus!, 'utf8')) as { cases: { id: string; setup: string[]; query: string }[] }
    const internal: string[] = []
    for (const each of cases) {
      if (each.setup.length) continue
      try {
        await sql.run(each.query)
      } catch (thrown) {
        if (!(thrown instanceof Fault) || thrown.code === 'INTERNAL') internal.push(`${each.id}: ${String(thrown)}`)
      }
    }
    expect(internal).toEqual([])
  }, 120_000)
})
