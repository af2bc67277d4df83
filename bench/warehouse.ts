/**
 * The warehouse's figures, each beside plain DuckDB on the same file, its CHECKPOINT included. Run on a quiet machine:
 *   node bench/warehouse.ts [--mb 100] [--out bench/results/warehouse.json]
 */
import { DuckDBInstance } from '@duckdb/node-api'
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startHouse } from '../tests/support/house-process.ts'

const argument = (name: string, fallback: string) => process.argv[process.argv.indexOf(`--${name}`) + 1 || Infinity] ?? fallback
const mb = Number(argument('mb', '100'))
const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
const csv = join(folder, 'rows.csv')
const figures: Record<string, unknown> = { command: `node bench/warehouse.ts --mb ${mb}`, node: process.version }

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const since = performance.now()
  const value = await work()
  return [Math.round((performance.now() - since) * 10) / 10, value]
}

async function writeCsv(): Promise<number> {
  const out = createWriteStream(csv)
  out.write('id,name,value,at\n')
  let rows = 0
  for (let bytes = 0; bytes < mb * 1e6; ) {
    let part = ''
    for (let index = 0; index < 5000; index++, rows++) part += `${rows},name of row ${rows % 1000},${(rows * 0.37).toFixed(4)},2024-01-${String((rows % 28) + 1).padStart(2, '0')} 12:00:00\n`
    bytes += part.length
    if (!out.write(part)) await new Promise<void>((resolve) => out.once('drain', () => resolve()))
  }
  await new Promise<void>((resolve) => out.end(() => resolve()))
  return rows
}

const rows = await writeCsv()
figures['csv'] = { bytes: statSync(csv).size, rows }

// Plain DuckDB: the same columns, read and checkpointed.
const instance = await DuckDBInstance.create(join(folder, 'plain.duckdb'))
const plain = await instance.connect()
const [plainLoad_ms] = await timed(async () => {
  await plain.run(`CREATE TABLE t AS SELECT * FROM read_csv('${csv}', header=true, columns={'id':'BIGINT','name':'VARCHAR','value':'DOUBLE','at':'TIMESTAMPTZ'})`)
  await plain.run('CHECKPOINT')
})
const GROUP = 'SELECT name, COUNT(*) AS n, SUM(value) AS v FROM t GROUP BY name'
await plain.run(GROUP)
const [plainGroup_ms] = await timed(() => plain.runAndReadAll(GROUP))
plain.closeSync()
instance.closeSync()

const house = await startHouse(join(folder, 'data'))
const api = async (method: string, path: string, body?: unknown): Promise<any> =>
  (await fetch(`${house.url}/bigquery/v2/projects/bench${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })).json()
await api('POST', '/datasets', { datasetReference: { datasetId: 'b' } })
await fetch(`${house.url}/storage/v1/b?project=bench`, { method: 'POST', body: '{"name":"bench"}' })
await fetch(`${house.url}/upload/storage/v1/b/bench/o?uploadType=media&name=rows.csv`, { method: 'POST', body: createReadStream(csv) as never, duplex: 'half' } as RequestInit)
const load = {
  sourceUris: ['gs://bench/rows.csv'], skipLeadingRows: 1, destinationTable: { projectId: 'bench', datasetId: 'b', tableId: 't' },
  schema: { fields: [{ name: 'id', type: 'INTEGER' }, { name: 'name', type: 'STRING' }, { name: 'value', type: 'FLOAT' }, { name: 'at', type: 'TIMESTAMP' }] },
}
const [load_ms] = await timed(async () => {
  let job = await api('POST', '/jobs', { configuration: { load } })
  while (job.status.state !== 'DONE') {
    await new Promise((resolve) => setTimeout(resolve, 5))
    job = await api('GET', `/jobs/${job.jobReference.jobId}`)
  }
  if (job.status.errorResult) throw new Error(job.status.errorResult.message)
})
figures['load'] = { potoroo_ms: load_ms, duckdb_ms: plainLoad_ms, ratio: load_ms / plainLoad_ms, wanted: 1.25 }

const query = (text: string) => api('POST', '/queries', { query: text, useLegacySql: false, timeoutMs: 60_000 })
await query(GROUP.replace('FROM t', 'FROM b.t'))
const [group_ms] = await timed(() => query(GROUP.replace('FROM t', 'FROM b.t')))
figures['groupBy'] = { rows, potoroo_ms: group_ms, duckdb_ms: plainGroup_ms, ratio: group_ms / plainGroup_ms, wanted: 1.2 }

const times: number[] = []
for (let turn = 0; turn < 200; turn++) times.push((await timed(() => query('SELECT 1')))[0])
times.sort((a, b) => a - b)
figures['select1'] = { p50_ms: times[100], p95_ms: times[190], note: 'over HTTP, without the Python client’s own 1.6 ms', wanted_ms: 5 }

await api('POST', '/datasets/b/tables', { tableReference: { tableId: 's' }, schema: { fields: [{ name: 'n', type: 'INTEGER' }, { name: 's', type: 'STRING' }] } })
const [insert_ms] = await timed(() => api('POST', '/datasets/b/tables/s/insertAll', { rows: Array.from({ length: 10_000 }, (_, n) => ({ insertId: `i${n}`, json: { n, s: `row ${n}` } })) }))
figures['insertAll10k'] = { ms: insert_ms, wanted_ms: 400 }

await house.stop()
rmSync(folder, { recursive: true, force: true })
const out = argument('out', 'bench/results/warehouse.json')
mkdirSync(dirname(out), { recursive: true })
writeFileSync(out, `${JSON.stringify(figures, null, 2)}\n`)
console.log(JSON.stringify(figures, null, 2))
