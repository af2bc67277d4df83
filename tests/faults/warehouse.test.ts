/** The warehouse under kill -9 of the house and of its engine, and with a damaged log. A failing round leaves its folder behind for looking at. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { faultFolder, faultRounds, startHouse } from '../support/house-process.ts'
import { get, post, WarehouseWorkload } from './warehouse-workload.ts'

const ROUNDS = faultRounds()
const TIMEOUT_MS = 60_000 + ROUNDS * 20_000
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The engine's process: a child of the house that runs its module. */
function enginePid(house: number): number | undefined {
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'))?.[1])
      if (parent === house && readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes('warehouse/engine/child')) return Number(entry)
    } catch {
      // It ended while it was looked at.
    }
  }
  return undefined
}

/** A house takes an engine that ends more often than this in a minute for broken, and says so instead of starting it again at once. */
const KILLS_PER_HOUSE = 3

describe('the warehouse', () => {
  test(`loses nothing acknowledged and doubles nothing on retry over ${ROUNDS} kills of the house`, { timeout: TIMEOUT_MS }, async () => {
    const folder = faultFolder()
    const workload = new WarehouseWorkload()
    for (let round = 0; round < ROUNDS; round++) {
      const house = await startHouse(folder.path)
      await workload.prepare(house.url)
      const running = workload.run(house.url)
      await later(700 + Math.random() * 900)
      await house.kill()
      await running
      const next = await startHouse(folder.path)
      expect(await workload.check(next.url), `folder ${folder.path}, round ${round}`).toEqual([])
      expect(await workload.retry(next.url), `folder ${folder.path}, round ${round}`).toEqual([])
      expect(await workload.check(next.url), `folder ${folder.path}, round ${round}, after the retries`).toEqual([])
      await next.stop()
    }
    expect(workload.acknowledgements).toBeGreaterThan(ROUNDS)
    folder.passed()
  })

  test(`outlives its engine over ${ROUNDS} kills: what ran says so, nothing acknowledged is lost, and it goes on`, { timeout: TIMEOUT_MS }, async () => {
    const folder = faultFolder()
    const workload = new WarehouseWorkload()
    let house = await startHouse(folder.path)
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0 && round % KILLS_PER_HOUSE === 0) {
        await house.stop()
        house = await startHouse(folder.path)
      }
      await workload.prepare(house.url)
      let over = false
      const running = workload.run(house.url, () => over)
      await later(500 + Math.random() * 500)
      const pid = enginePid(house.pid)
      expect(pid).toBeDefined()
      process.kill(pid!, 'SIGKILL')
      await later(1000)
      over = true
      await running
      expect(await workload.retry(house.url), `folder ${folder.path}, round ${round}`).toEqual([])
      expect(await workload.check(house.url), `folder ${folder.path}, round ${round}`).toEqual([])
    }
    expect(workload.acknowledgements).toBeGreaterThan(ROUNDS)
    await house.stop()
    folder.passed()
  })

  test.each(['warehouse.engine.commit', 'warehouse.engine.committed', 'warehouse.ledger'])('a kill at %s leaves the change whole or undone, and a retry makes it whole once', { timeout: 60_000 }, async (failpoint) => {
    const folder = faultFolder()
    const workload = new WarehouseWorkload()
    const broken = await startHouse(folder.path, { failpoints: `${failpoint}=kill@12` })
    await workload.prepare(broken.url)
    const running = workload.run(broken.url)
    await Promise.race([running, later(1500)])
    await broken.kill()
    await running
    const house = await startHouse(folder.path)
    expect(await workload.check(house.url), `folder ${folder.path}`).toEqual([])
    expect(await workload.retry(house.url), `folder ${folder.path}`).toEqual([])
    expect(await workload.check(house.url), `folder ${folder.path}`).toEqual([])
    await house.stop()
    folder.passed()
  })

  test('a load that was cut off says that it was interrupted', { timeout: 60_000 }, async () => {
    const folder = faultFolder()
    const house = await startHouse(folder.path, { failpoints: 'warehouse.engine.commit=wait:60000@1' })
    await post(house.url, '/projects/p/datasets', { datasetReference: { datasetId: 'f' } })
    await post(house.url, '/projects/p/datasets/f/tables', { tableReference: { tableId: 't' }, schema: { fields: [{ name: 'n', type: 'INTEGER' }] } })
    await post(house.url, '/projects/p/jobs', { jobReference: { jobId: 'cut' }, configuration: { query: { query: 'INSERT INTO f.t SELECT n FROM UNNEST(GENERATE_ARRAY(1, 10)) n', useLegacySql: false } } })
    await later(300)
    await house.kill()
    const next = await startHouse(folder.path)
    const job = await get(next.url, '/projects/p/jobs/cut')
    expect(job.status).toMatchObject({ state: 'DONE', errorResult: { message: expect.stringContaining('interrupted') } })
    expect((await get(next.url, '/projects/p/datasets/f/tables/t')).numRows).toBe('0')
    await next.stop()
    folder.passed()
  })

  test.each(['cut short', 'zeroed'])('a log that was %s is set aside or replayed, and costs nothing that was acknowledged', { timeout: 60_000 }, async (damage) => {
    const folder = faultFolder()
    // The engine commits and then waits before its checkpoint: what it wrote is in the log only, and nobody was told.
    const house = await startHouse(folder.path, { failpoints: 'warehouse.engine.committed=wait:60000@3' })
    await post(house.url, '/projects/p/datasets', { datasetReference: { datasetId: 'f' } })
    await post(house.url, '/projects/p/datasets/f/tables', { tableReference: { tableId: 't' }, schema: { fields: [{ name: 'n', type: 'INTEGER' }] } })
    const rows = (from: number) => ({ rows: Array.from({ length: 50 }, (_, n) => ({ json: { n: from + n } })) })
    for (const from of [0, 100]) expect(await post(house.url, '/projects/p/datasets/f/tables/t/insertAll', rows(from))).not.toHaveProperty('error')
    const unanswered = post(house.url, '/projects/p/datasets/f/tables/t/insertAll', rows(200)).catch(() => undefined)
    await later(500)
    await house.kill()
    await unanswered
    const log = join(folder.path, 'warehouse', 'tables.duckdb.wal')
    expect(existsSync(log)).toBe(true)
    const size = statSync(log).size
    if (damage === 'cut short') truncateSync(log, Math.floor(size * 0.6))
    else {
      const bytes = readFileSync(log)
      bytes.fill(0, Math.floor(size * 0.5))
      writeFileSync(log, bytes)
    }
    const next = await startHouse(folder.path)
    const answer = await post(next.url, '/projects/p/queries', { query: 'SELECT COUNT(*) FROM f.t', useLegacySql: false })
    expect(answer.rows[0].f[0].v).toBe('100')
    await next.stop()
    folder.passed()
  })

  test('a database file from before the last acknowledgement is found at the start, and its tables refuse to be read', { timeout: 60_000 }, async () => {
    const folder = faultFolder()
    const file = join(folder.path, 'warehouse', 'tables.duckdb')
    const house = await startHouse(folder.path)
    await post(house.url, '/projects/p/datasets', { datasetReference: { datasetId: 'f' } })
    await post(house.url, '/projects/p/datasets/f/tables', { tableReference: { tableId: 't' }, schema: { fields: [{ name: 'n', type: 'INTEGER' }] } })
    await house.stop()
    copyFileSync(file, `${file}.before`)
    const second = await startHouse(folder.path)
    expect(await post(second.url, '/projects/p/datasets/f/tables/t/insertAll', { rows: [{ json: { n: 1 } }] })).not.toHaveProperty('error')
    await second.stop()
    copyFileSync(`${file}.before`, file)
    const third = await startHouse(folder.path)
    const answer = await post(third.url, '/projects/p/queries', { query: 'SELECT * FROM f.t', useLegacySql: false })
    expect(answer.error.message).toMatch(/damaged/)
    const health = await (await fetch(`${third.url}/healthz`)).text()
    expect(health).toMatch(/acknowledged are missing from p:f\.t/)
    // Loading it anew heals it.
    const loaded = await post(third.url, '/projects/p/jobs', { jobReference: { jobId: 'heal' }, configuration: { query: { query: 'SELECT 7 AS n', useLegacySql: false, destinationTable: { projectId: 'p', datasetId: 'f', tableId: 't' }, writeDisposition: 'WRITE_TRUNCATE' } } })
    expect(loaded.error).toBeUndefined()
    await later(300)
    expect((await post(third.url, '/projects/p/queries', { query: 'SELECT * FROM f.t', useLegacySql: false })).rows[0].f[0].v).toBe('7')
    await third.stop()
    folder.passed()
  })
})
