/** The ground for a test of one thing on it: a ledger in memory, a clock moved by hand, counted ids, loaded dice, no log. */
import { fakeClock } from '#ground/clock.ts'
import type { Clock } from '#ground/clock.ts'
import { seededDice } from '#ground/dice.ts'
import { LedgerFacts, factMigrations } from '#ground/facts.ts'
import { systemIds } from '#ground/ids.ts'
import { LedgerJobs, jobMigrations } from '#ground/jobs.ts'
import { memoryLedger } from '#ground/ledger.ts'
import type { Ledger } from '#ground/ledger.ts'
import { silentLog } from '#ground/telemetry.ts'

export async function testGround<C extends Clock>(clock: C, ledger: Ledger = memoryLedger()) {
  const ground = { clock, ledger, ids: systemIds(clock), dice: seededDice(1), log: silentLog() }
  await ledger.migrate('facts', factMigrations)
  await ledger.migrate('jobs', jobMigrations)
  return { ...ground, facts: new LedgerFacts(ground), jobs: new LedgerJobs(ground) }
}

export const timedGround = () => testGround(fakeClock())
