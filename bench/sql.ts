/**
 * The SQL side's own speed: start, analysis, cache, and what each function of ours costs a row.
 *   node bench/sql.ts [rows]          (JSON on stdout; run it alone)
 */
import { fileURLToPath } from 'node:url'
import { systemClock } from '#ground/clock.ts'
import { seededDice } from '#ground/dice.ts'
import { createCompiler } from '#rooms/warehouse/sql/compiler.ts'
import { MemoryWarehouse } from '#rooms/warehouse/sql/testing/memory-warehouse.ts'
import type { CompileOptions } from '#rooms/warehouse/sql/types.ts'

const rows = Number(process.argv[2] ?? 1_000_000)
const clock = systemClock()
const warehouse = await MemoryWarehouse.open()
const compiler = createCompiler({ clock, dice: seededDice(1), folder: fileURLToPath(new URL('../.cache/googlesql', import.meta.url)) })
const options: CompileOptions = { projectId: 'p', defaultDataset: { projectId: 'p', datasetId: 'd' }, catalog: warehouse }

async function timed<T>(run: () => Promise<T>): Promise<[number, T]> {
  const start = clock.elapsed_ms()
  const value = await run()
  return [clock.elapsed_ms() - start, value]
}
const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!
const run = async (text: string) => {
  const statement = await compiler.compile(text, options)
  if (statement.kind === 'script') throw new Error('a single statement is expected')
  await warehouse.carryOut(statement)
}

const [firstSql_ms] = await timed(() => compiler.compile('SELECT 1', options))
await run(`CREATE TABLE d.t AS SELECT n, CONCAT('text ', CAST(n AS STRING), ' of row') AS s, n / 7 AS f, CAST(n AS NUMERIC) AS m, TIMESTAMP_MICROS(1577836800000000 + n * 1000000) AS ts,
  DATE_ADD(DATE '2020-01-01', INTERVAL MOD(n, 1000) DAY) AS dt, CONCAT('{"a":{"b":', CAST(n AS STRING), '},"c":"x"}') AS j FROM UNNEST(GENERATE_ARRAY(1, ${rows})) AS n`)

const twentyLines = (salt: number) => `
WITH recent AS (
  SELECT n, s, f, dt, EXTRACT(YEAR FROM ts) AS year,
    ROW_NUMBER() OVER (PARTITION BY dt ORDER BY f DESC) AS place
  FROM d.t
  WHERE ts >= TIMESTAMP '2020-01-0${1 + (salt % 9)} 00:00:00+00'
    AND s LIKE 'text %'
),
grouped AS (
  SELECT dt, year, COUNT(*) AS rows_, SUM(f) AS total,
    COUNTIF(place = 1) AS firsts,
    APPROX_QUANTILES(f, 4)[OFFSET(2)] AS middle
  FROM recent
  WHERE place <= ${salt + 5}
  GROUP BY dt, year
)
SELECT g.dt, g.total, SAFE_DIVIDE(g.total, g.rows_) AS mean,
  FORMAT_DATE('%Y-%m', g.dt) AS month, IF(g.middle > 10, 'high', 'low') AS kind
FROM grouped AS g
ORDER BY g.total DESC
LIMIT 10`

for (let i = 0; i < 30; i++) await compiler.compile(twentyLines(100 + i), options)
const analyze: number[] = []
for (let i = 0; i < 60; i++) analyze.push((await timed(() => compiler.compile(twentyLines(i), options)))[0])
const cached: number[] = []
for (let i = 0; i < 200; i++) cached.push((await timed(() => compiler.compile(twentyLines(3), options)))[0])

const EXPRESSIONS: Record<string, string> = {
  baseline: 'n', upper: 'LENGTH(UPPER(s))', substr: 'LENGTH(SUBSTR(s, 3, 4))', substr_negative: 'LENGTH(SUBSTR(s, -4))', left: 'LENGTH(LEFT(s, 4))', lpad: "LENGTH(LPAD(s, 30, '*'))", regexp_contains: "IF(REGEXP_CONTAINS(s, r'1+'), 1, 0)",
  regexp_extract: "LENGTH(REGEXP_EXTRACT(s, r'(\\d+)'))", regexp_replace: "LENGTH(REGEXP_REPLACE(s, r'\\d', 'x'))", split: "ARRAY_LENGTH(SPLIT(s, ' '))", trim: 'LENGTH(TRIM(s))', instr: "INSTR(s, 'row')", initcap: 'LENGTH(INITCAP(s))', reverse: 'LENGTH(REVERSE(s))',
  format: "LENGTH(FORMAT('%05d', n))", to_hex: 'LENGTH(TO_HEX(MD5(s)))', farm_fingerprint: 'BIT_COUNT(FARM_FINGERPRINT(s))', safe_divide: 'SAFE_DIVIDE(f, n)', divide: 'f / n', round: 'ROUND(f)', round_2: 'ROUND(f, 2)', pow: 'POW(f, 2)', mod: 'MOD(n, 7)',
  numeric_multiply: 'm * m', numeric_divide: 'm / 3', cast_int_text: 'LENGTH(CAST(n AS STRING))', cast_double_text: 'LENGTH(CAST(f AS STRING))', cast_text_int: 'CAST(CAST(n AS STRING) AS INT64)', cast_text_double: 'CAST(CAST(n AS STRING) AS FLOAT64)', cast_timestamp_text: 'LENGTH(CAST(ts AS STRING))',
  cast_text_date: "UNIX_DATE(CAST('2020-01-02' AS DATE)) + n", extract_year: 'EXTRACT(YEAR FROM ts)', extract_week: 'EXTRACT(WEEK FROM dt)', date_add: 'UNIX_DATE(DATE_ADD(dt, INTERVAL 1 MONTH))', date_diff: "DATE_DIFF(dt, DATE '2019-01-01', WEEK)", timestamp_trunc: 'UNIX_SECONDS(TIMESTAMP_TRUNC(ts, HOUR))',
  timestamp_trunc_zone: "UNIX_SECONDS(TIMESTAMP_TRUNC(ts, DAY, 'America/New_York'))", format_timestamp: "LENGTH(FORMAT_TIMESTAMP('%Y-%m-%d', ts))", format_timestamp_other: "LENGTH(FORMAT_TIMESTAMP('%A %E3S', ts))", parse_timestamp: "UNIX_SECONDS(PARSE_TIMESTAMP('%Y-%m-%d', FORMAT_TIMESTAMP('%Y-%m-%d', ts)))",
  json_value: "LENGTH(JSON_VALUE(j, '$.a.b'))", json_query: "LENGTH(JSON_QUERY(j, '$.a'))", parse_json: 'LENGTH(TO_JSON_STRING(PARSE_JSON(j)))', to_json_string: 'LENGTH(TO_JSON_STRING(STRUCT(n, s)))', if: 'IF(n > 5, 1, 0)', coalesce: 'COALESCE(n, 0)', in_list: 'IF(n IN (1, 2, 3), 1, 0)',
  generate_array: 'ARRAY_LENGTH(GENERATE_ARRAY(1, MOD(n, 5)))', array_offset: '[n, n + 1][OFFSET(1)]', contains_substr: "IF(CONTAINS_SUBSTR(s, 'row 1'), 1, 0)", search: "IF(SEARCH(s, 'text'), 1, 0)",
}
const perRow_us: Record<string, number> = {}
let baseline_ms = 0
for (const [name, expression] of Object.entries(EXPRESSIONS)) {
  const [took_ms] = await timed(() => run(`SELECT SUM(${expression}) FROM d.t`))
  if (name === 'baseline') baseline_ms = took_ms
  perRow_us[name] = Number(Math.max(0, ((took_ms - baseline_ms) * 1000) / rows).toFixed(3))
}
await compiler.stop()
console.log(JSON.stringify({
  command: `node bench/sql.ts ${rows}`, node: process.version, rows, firstSql_ms: Math.round(firstSql_ms),
  analyze_20_lines_p50_ms: Number(median(analyze).toFixed(2)), cache_hit_p50_ms: Number(median(cached).toFixed(3)),
  perRow_us: Object.fromEntries(Object.entries(perRow_us).sort(([, a], [, b]) => b - a)),
}, null, 2))
