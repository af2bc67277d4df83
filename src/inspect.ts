/** Looks into a data folder from outside, whether or not a house runs on it: rooms are built on a ledger that only reads, and never started. */
import { join } from 'node:path'
import { systemClock } from '#ground/clock.ts'
import { systemDice } from '#ground/dice.ts'
import { Disk } from '#ground/disk.ts'
import { LedgerFacts } from '#ground/facts.ts'
import { systemIds } from '#ground/ids.ts'
import { LedgerJobs } from '#ground/jobs.ts'
import { readSqliteLedger } from '#ground/ledger.ts'
import { openMetrics, silentLog } from '#ground/telemetry.ts'
import { openStorage } from '#rooms/storage/room.ts'
import type { StoragePorts } from '#rooms/storage/service.ts'

/** Its doors are not opened here, so nobody's rights are asked for. */
const NOBODY_ASKS = {} as StoragePorts['policies']

/** The files that the ledger names and the disk does not hold, or not whole. */
export async function missingFiles(folder: string): Promise<string[]> {
  const ledger = readSqliteLedger(join(folder, 'ledger.sqlite'))
  try {
    const clock = systemClock()
    const base = { clock, ledger, ids: systemIds(clock), dice: systemDice(), log: silentLog() }
    const ground = { ...base, disk: new Disk(folder, { durable: true }), facts: new LedgerFacts(base), jobs: new LedgerJobs(base), metrics: openMetrics() }
    const storage = openStorage(ground, { signers: { verify: async () => 'unknown' }, policies: NOBODY_ASKS })
    return await storage.missingFiles()
  } finally {
    await ledger.close()
  }
}
