/**
 * Does GoogleSQL cost anything once it runs? Twenty-two questions over one generated database, compiled from GoogleSQL, and as DuckDB SQL.
 *   node bench/tpch.ts [rows of lineitem]
 */
import { fileURLToPath } from 'node:url'
import { systemClock } from '#ground/clock.ts'
import { seededDice } from '#ground/dice.ts'
import { createCompiler } from '#rooms/warehouse/sql/compiler.ts'
import { MemoryWarehouse } from '#rooms/warehouse/sql/testing/memory-warehouse.ts'
import type { CompileOptions, Field } from '#rooms/warehouse/sql/types.ts'
import { atMost, report, type Figure } from './figures.ts'
import { TPCH } from './tpch-queries.ts'

const rows = Number(process.argv[2] ?? 10_000_000)
const ROUNDS = 3
const orders = Math.ceil(rows / 4)
const customers = Math.ceil(orders / 10)
const parts = Math.ceil(rows / 30)
const suppliers = Math.ceil(rows / 600)

const clock = systemClock()
const warehouse = await MemoryWarehouse.open()
const compiler = createCompiler({ clock, dice: seededDice(1), folder: fileURLToPath(new URL('../.cache/googlesql', import.meta.url)) })
const options: CompileOptions = { projectId: 'p', defaultDataset: { projectId: 'p', datasetId: 'd' }, catalog: warehouse }

/** Numbers that look random and are the same in each run. */
const draw = (salt: number, below: number | string) => `(hash(i * 97 + ${salt}) % ${below})`
const word = (salt: number, words: readonly string[]) => `[${words.map((each) => `'${each}'`).join(', ')}][CAST(${draw(salt, words.length)} AS BIGINT) + 1]`
const date = (expression: string) => `CAST(DATE '1992-01-01' + CAST(${expression} AS INTEGER) AS DATE)`

type Column = [name: string, type: Field['type'], expression: string]
const TABLES: Readonly<Record<string, { count: number; columns: Column[] }>> = {
  nation: { count: 25, columns: [['n_nationkey', 'INTEGER', 'i'], ['n_name', 'STRING', `'NATION ' || i`], ['n_regionkey', 'INTEGER', 'i % 5']] },
  supplier: { count: suppliers, columns: [['s_suppkey', 'INTEGER', 'i'], ['s_name', 'STRING', `'Supplier#' || i`], ['s_nationkey', 'INTEGER', draw(1, 25)], ['s_acctbal', 'FLOAT', `${draw(2, 1_100_000)} / 100.0 - 1000`]] },
  customer: { count: customers, columns: [['c_custkey', 'INTEGER', 'i'], ['c_name', 'STRING', `'Customer#' || i`], ['c_nationkey', 'INTEGER', draw(3, 25)], ['c_acctbal', 'FLOAT', `${draw(4, 1_100_000)} / 100.0 - 1000`], ['c_phone', 'STRING', `(10 + ${draw(5, 25)}) || '-555'`], ['c_mktsegment', 'STRING', word(6, ['BUILDING', 'AUTOMOBILE', 'MACHINERY', 'HOUSEHOLD', 'FURNITURE'])]] },
  part: { count: parts, columns: [['p_partkey', 'INTEGER', 'i'], ['p_name', 'STRING', `${word(7, ['forest', 'green', 'navy', 'blue', 'misty'])} || ' ' || ${word(8, ['green', 'lemon', 'olive', 'peru'])}`], ['p_type', 'STRING', `${word(9, ['ECONOMY', 'PROMO', 'MEDIUM', 'SMALL'])} || ' ' || ${word(10, ['BRASS', 'STEEL', 'TIN'])}`], ['p_size', 'INTEGER', `1 + ${draw(11, 50)}`], ['p_brand', 'STRING', `'Brand#' || (10 + ${draw(12, 45)})`]] },
  partsupp: { count: parts * 4, columns: [['ps_partkey', 'INTEGER', 'i // 4'], ['ps_suppkey', 'INTEGER', `((i // 4) * 7 + i % 4) % ${suppliers}`], ['ps_supplycost', 'FLOAT', `${draw(13, 100_000)} / 100.0`], ['ps_availqty', 'INTEGER', draw(14, 10_000)]] },
  orders: { count: orders, columns: [['o_orderkey', 'INTEGER', 'i'], ['o_custkey', 'INTEGER', draw(15, Math.ceil(customers * 0.7))], ['o_orderdate', 'DATE', date(draw(16, 2400))], ['o_orderstatus', 'STRING', word(17, ['F', 'O', 'P'])], ['o_orderpriority', 'STRING', word(18, ['1-URGENT', '2-HIGH', '3-MEDIUM', '5-LOW'])], ['o_comment', 'STRING', `${word(19, ['special', 'plain', 'quick'])} || ' or ' || ${word(20, ['requests', 'deposits'])}`]] },
  lineitem: {
    count: rows,
    columns: [
      ['l_orderkey', 'INTEGER', 'i // 4'], ['l_partkey', 'INTEGER', draw(21, parts)], ['l_suppkey', 'INTEGER', `(${draw(21, parts)} * 7 + ${draw(22, 4)}) % ${suppliers}`], ['l_quantity', 'FLOAT', `1 + ${draw(23, 50)}`], ['l_extendedprice', 'FLOAT', `${draw(24, 10_000_000)} / 100.0`], ['l_discount', 'FLOAT', `${draw(25, 11)} / 100.0`], ['l_tax', 'FLOAT', `${draw(26, 9)} / 100.0`],
      ['l_returnflag', 'STRING', word(27, ['A', 'N', 'R'])], ['l_linestatus', 'STRING', word(28, ['O', 'F'])], ['l_shipdate', 'DATE', date(draw(29, 2500))], ['l_commitdate', 'DATE', date(draw(30, 2500))], ['l_receiptdate', 'DATE', date(`${draw(29, 2500)} + ${draw(31, 30)}`)], ['l_shipmode', 'STRING', word(32, ['MAIL', 'SHIP', 'AIR', 'RAIL', 'TRUCK'])],
    ],
  },
}

for (const [table, { count, columns }] of Object.entries(TABLES)) {
  const types = { INTEGER: 'INT64', FLOAT: 'FLOAT64', STRING: 'STRING', DATE: 'DATE' } as Record<string, string>
  const made = await compiler.compile(`CREATE TABLE d.${table} (${columns.map(([name, type]) => `${name} ${types[type]}`).join(', ')})`, options)
  if (made.kind === 'script') throw new Error('a single statement is expected')
  await warehouse.carryOut(made)
  const found = await warehouse.relation({ written: [table], projectId: 'p', datasetId: 'd', id: table })
  if (found?.kind !== 'table') throw new Error(`no table ${table}`)
  await warehouse.connection.run(`INSERT INTO ${found.target} SELECT ${columns.map(([name, , expression]) => `${expression} AS ${name}`).join(', ')} FROM range(${count}) AS r(i)`)
  await warehouse.connection.run(`CREATE VIEW ${table} AS SELECT * FROM ${found.relation}`)
}

async function fastest(sql: string): Promise<{ ms: number; rows: string }> {
  let ms = Infinity
  let text = ''
  for (let round = 0; round < ROUNDS; round++) {
    const start_ms = clock.elapsed_ms()
    const answer = await (await warehouse.connection.run(sql)).getRows()
    ms = Math.min(ms, clock.elapsed_ms() - start_ms)
    text = JSON.stringify(answer, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : typeof value === 'number' ? Number(value.toPrecision(9)) : value))
  }
  return { ms, rows: text }
}

const figures: Figure[] = []
let ours_ms = 0
let theirs_ms = 0
for (const [name, text] of Object.entries(TPCH)) {
  const compiled = await compiler.compile(text, options)
  if (compiled.kind !== 'query') throw new Error(`${name} is no query`)
  const plain = await fastest(text)
  const google = await fastest(compiled.duckSql)
  if (google.rows !== plain.rows) console.error(`${name}: the answers differ`, google.rows.slice(0, 200), plain.rows.slice(0, 200))
  ours_ms += google.ms
  theirs_ms += plain.ms
  figures.push({ name: `${name}, of ${google.ms.toFixed(0)} ms`, ours: google.ms / plain.ms, unit: 'times DuckDB SQL', bound: atMost(1.2) })
}
figures.push({ name: `all ${Object.keys(TPCH).length} over ${rows} rows, of ${ours_ms.toFixed(0)} ms`, ours: ours_ms / theirs_ms, unit: 'times DuckDB SQL', bound: atMost(1.2) })
report(import.meta.filename, figures)
await compiler.stop()
