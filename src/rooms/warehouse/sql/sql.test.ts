import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fault } from '#ground/fault.ts'
import { house, type SqlHouse } from './testing/house.ts'
import type { TypedValue } from './types.ts'

let sql: SqlHouse
beforeAll(async () => void (sql = await house()))
afterAll(() => sql.stop())

const fault = async (text: string): Promise<Fault> => {
  const thrown = await sql.run(text).then(() => undefined, (reason: unknown) => reason)
  expect(thrown).toBeInstanceOf(Fault)
  return thrown as Fault
}

describe('a query', () => {
  it('keeps real names, duplicate and anonymous columns', async () => {
    const { schema } = await sql.run('SELECT 1 AS x, 2 AS x, 3, STRUCT(1 AS a, 2 AS a) AS s')
    expect(schema.map((field) => field.name)).toEqual(['x', 'x', 'f0_', 's'])
    expect(schema[3]!.fields!.map((field) => field.name)).toEqual(['a', 'a'])
  })

  it('orders an inner ORDER BY … LIMIT before the outer ORDER BY', async () => {
    await sql.run('CREATE OR REPLACE TABLE d.bikes AS SELECT DATE_ADD(DATE "2011-01-01", INTERVAL i DAY) AS day FROM UNNEST(GENERATE_ARRAY(0, 13)) AS i')
    expect(await sql.rows('(SELECT day FROM d.bikes ORDER BY day DESC LIMIT 3) ORDER BY day')).toEqual([['2011-01-12'], ['2011-01-13'], ['2011-01-14']])
  })

  it('writes every type in its wire form', async () => {
    const [row] = await sql.rows(`SELECT 1, 1.5, NUMERIC '3.14', BIGNUMERIC '1.1', 'é', b'\\x00\\xff', TRUE, DATE '2020-01-02', TIME '01:02:03.5', DATETIME '2020-01-02T03:04:05.123456',
      TIMESTAMP '1969-12-31 23:59:59.5+00', [1, 2], STRUCT(1 AS x, 'y' AS y), JSON '{"k":[1,null]}', CAST(NULL AS STRING), CAST('inf' AS FLOAT64), ST_GEOGPOINT(1, 2), INTERVAL 1 MONTH, RANGE<DATE> '[2020-01-01, UNBOUNDED)'`)
    expect(row).toEqual(['1', '1.5', '3.14', '1.1', 'é', 'AP8=', 'true', '2020-01-02', '01:02:03.500000', '2020-01-02T03:04:05.123456', '-500000', [{ v: '1' }, { v: '2' }], { f: [{ v: '1' }, { v: 'y' }] },
      '{"k":[1,null]}', null, 'Infinity', 'POINT(1 2)', '0-1 0 0:0:0', '[2020-01-01, UNBOUNDED)'])
  })

  it('tells the position of a mistake in Google’s words', async () => {
    expect((await fault('SELECT nope')).message).toBe('Unrecognized name: nope at [1:8]')
    expect((await fault('SELEC 1')).reason).toBe('invalidQuery')
  })

  it('answers 404 notFound for a missing table', async () => {
    const missing = await fault('SELECT * FROM d.nope')
    expect([missing.httpStatus, missing.reason]).toEqual([404, 'notFound'])
    expect(missing.message).toContain('Not found: Table p:d.nope was not found')
  })

  it('never shows the engine’s own words', async () => {
    for (const text of ['SELECT CAST("x" AS INT64)', 'SELECT 9223372036854775807 + 1', 'SELECT (SELECT x FROM UNNEST([1, 2]) x)', 'SELECT 1 / 0', 'SELECT ERROR("mine")']) {
      expect((await fault(text)).message).not.toMatch(/Error:|duckdb|DECIMAL|LINE \d/i)
    }
  })

  it('says BigQuery ML by name', async () => {
    expect((await fault('SELECT * FROM ML.PREDICT(MODEL d.m, (SELECT 1 AS x))')).message).toContain('BigQuery ML (ML.PREDICT)')
    expect((await fault('CREATE MODEL d.m OPTIONS(model_type="linear_reg") AS SELECT 1 AS label, 2 AS x')).message).toContain('BigQuery ML (CREATE MODEL)')
  })

  it('expands a wildcard table with the newest schema', async () => {
    await sql.run('CREATE OR REPLACE TABLE d.cli_1 AS SELECT 1 AS a; CREATE OR REPLACE TABLE d.cli_2 AS SELECT 2 AS a, "x" AS b')
    expect(await sql.rows('SELECT a, b, _TABLE_SUFFIX FROM `d.cli_*` ORDER BY a')).toEqual([['1', null, '1'], ['2', 'x', '2']])
  })

  it('reads views in views, and functions of functions', async () => {
    await sql.run('CREATE OR REPLACE VIEW d.v1 AS SELECT 1 AS a; CREATE OR REPLACE VIEW d.v2 AS SELECT a + 1 AS b FROM d.v1')
    await sql.run('CREATE OR REPLACE FUNCTION d.twice(x INT64) AS (x * 2); CREATE OR REPLACE FUNCTION d.four(x INT64) AS (d.twice(d.twice(x)))')
    expect(await sql.rows('SELECT d.four(b) FROM d.v2')).toEqual([['8']])
  })

  it('takes ANY TYPE functions by the types of each call, and table functions', async () => {
    expect(await sql.rows('CREATE TEMP FUNCTION plus(x ANY TYPE, y ANY TYPE) AS (x + y); SELECT plus(1, 2), plus(1.5, 2.0)')).toEqual([['3', '3.5']])
    await sql.run('CREATE OR REPLACE TABLE FUNCTION d.upto(n INT64) AS (SELECT x FROM UNNEST(GENERATE_ARRAY(1, n)) AS x)')
    expect(await sql.rows('SELECT SUM(x) FROM d.upto(4)')).toEqual([['10']])
  })
})

describe('parameters', () => {
  it('of every type, named and positional', async () => {
    const values: Record<string, TypedValue> = {
      i: { type: { kind: 'INT64' }, value: '41' }, s: { type: { kind: 'STRING' }, value: `x'"y\u0001\u0000z` }, d: { type: { kind: 'DATE' }, value: '2020-01-02' },
      t: { type: { kind: 'TIMESTAMP' }, value: '2020-01-02 03:04:05.678901+00:00' }, n: { type: { kind: 'NUMERIC' }, value: '1.25' }, f: { type: { kind: 'FLOAT64' }, value: 'NaN' },
      b: { type: { kind: 'BYTES' }, value: 'AP8=' }, a: { type: { kind: 'ARRAY', element: { kind: 'STRING' } }, value: ['p', 'q'] },
      p: { type: { kind: 'STRUCT', fields: [{ name: 'x', type: { kind: 'INT64' } }] }, value: ['7'] }, big: { type: { kind: 'BIGNUMERIC' }, value: '-0.5' }, j: { type: { kind: 'JSON' }, value: '{"a":1}' },
      none: { type: { kind: 'STRING' }, value: null },
    }
    expect(await sql.rows('SELECT @i + 1, @s, @d, @t, @n, @f, @b, @a, @p.x, @big, @j.a, @none', { parameters: { mode: 'named', values } })).toEqual([
      ['42', `x'"y\u0001\u0000z`, '2020-01-02', '1577934245678901', '1.25', 'NaN', 'AP8=', [{ v: 'p' }, { v: 'q' }], '7', '-0.5', '1', null],
    ])
    expect(await sql.rows('SELECT ? || ?', { parameters: { mode: 'positional', values: [values['s']!, { type: { kind: 'STRING' }, value: '!' }] } })).toEqual([[`x'"y\u0001\u0000z!`]])
  })

  it('cannot change the statement', async () => {
    const value: TypedValue = { type: { kind: 'STRING' }, value: `'); DROP TABLE t1; --` }
    expect(await sql.rows('SELECT @s', { parameters: { mode: 'named', values: { s: value } } })).toEqual([[value.value]])
  })
})

describe('less common ground', () => {
  it('takes HAVING MAX in every aggregate, and DISTINCT in the order of first places', async () => {
    expect(await sql.rows("SELECT SUM(n HAVING MAX k), ANY_VALUE(n HAVING MIN k) FROM UNNEST([STRUCT(1 AS n, 'a' AS k), (2, 'b'), (3, 'b')])")).toEqual([['5', '1']])
    expect(await sql.rows("SELECT STRING_AGG(DISTINCT x), ARRAY_AGG(DISTINCT x) FROM UNNEST(['c', 'a', 'c', 'b']) AS x")).toEqual([['c,a,b', ['c', 'a', 'b'].map((v) => ({ v }))]])
  })

  it('reads an offset as a time zone, constant or not', async () => {
    expect(await sql.rows("SELECT EXTRACT(HOUR FROM t AT TIME ZONE z), DATE(t, '-08:00') FROM UNNEST([TIMESTAMP '2020-01-01 00:00:00+00']) AS t, UNNEST(['+05:30', 'UTC']) AS z ORDER BY 1")).toEqual([['0', '2019-12-31'], ['5', '2019-12-31']])
  })

  it('orders, groups and picks extremes without regard to case under und:ci', async () => {
    const names = "(SELECT COLLATE(x, 'und:ci') AS x FROM UNNEST(['B', 'a', 'b']) AS x)"
    expect(await sql.rows(`SELECT COUNT(*) FROM ${names} GROUP BY x ORDER BY 1`)).toEqual([['1'], ['2']])
    expect(await sql.rows(`SELECT MIN(x), COUNT(DISTINCT x) FROM ${names}`)).toEqual([['a', '2']])
  })

  it('gives NaN, not an error, for the deviation of what is infinite', async () => {
    expect(await sql.rows("SELECT STDDEV(x) FROM UNNEST([1.0, CAST('inf' AS FLOAT64)]) AS x")).toEqual([['NaN']])
  })
})

describe('DML', () => {
  const table = () => sql.run('CREATE OR REPLACE TABLE d.m (k INT64, v STRING DEFAULT "dflt", s STRUCT<a INT64, b STRING>); INSERT d.m (k, v) VALUES (1, "a"), (2, "b")')

  it('counts what it changed', async () => {
    await table()
    expect((await sql.run('INSERT d.m (k) VALUES (3), (4)')).affectedRows).toBe(2)
    expect((await sql.run('UPDATE d.m SET v = "z" WHERE k > 2')).affectedRows).toBe(2)
    expect((await sql.run('DELETE FROM d.m WHERE k IN (SELECT 1)')).affectedRows).toBe(1)
    expect((await sql.run('TRUNCATE TABLE d.m')).affectedRows).toBe(3)
  })

  it('puts defaults where no value is given', async () => {
    await table()
    await sql.run('INSERT d.m (k, v) VALUES (5, DEFAULT); INSERT d.m (k) SELECT 6')
    expect(await sql.rows('SELECT k, v FROM d.m WHERE k > 4 ORDER BY k')).toEqual([['5', 'dflt'], ['6', 'dflt']])
  })

  it('merges in all clauses', async () => {
    await table()
    const { affectedRows } = await sql.run(`MERGE d.m t USING (SELECT 2 AS k, 'q' AS v UNION ALL SELECT 3, 'n') s ON t.k = s.k
      WHEN MATCHED AND s.v = 'q' THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v) WHEN NOT MATCHED BY SOURCE THEN DELETE`)
    expect(affectedRows).toBe(3)
    expect(await sql.rows('SELECT k, v FROM d.m ORDER BY k')).toEqual([['2', 'q'], ['3', 'n']])
  })

  it('refuses an UPDATE that matches a row twice, and changes nothing', async () => {
    await table()
    expect((await fault('UPDATE d.m SET v = s.v FROM (SELECT 1 AS k, "x" AS v UNION ALL SELECT 1, "y") s WHERE m.k = s.k')).message).toContain('at most one source row')
    expect(await sql.rows('SELECT v FROM d.m WHERE k = 1')).toEqual([['a']])
  })

  it('sets one field of a struct', async () => {
    await table()
    await sql.run('UPDATE d.m SET s = (1, "x") WHERE k = 1; UPDATE d.m SET s.b = "y" WHERE k = 1')
    expect(await sql.rows('SELECT s.a, s.b FROM d.m WHERE k = 1')).toEqual([['1', 'y']])
  })
})

describe('DDL as data', () => {
  const ddl = async (text: string) => {
    const statement = await sql.compiler.compile(text, sql.options())
    if (statement.kind !== 'ddl') throw new Error(statement.kind)
    return statement.ddl
  }

  it('keeps fields, partitioning, clustering and options', async () => {
    const made = await ddl(`CREATE TABLE d.t (ts TIMESTAMP NOT NULL OPTIONS(description='when'), n NUMERIC(10, 2), s STRING(5), r ARRAY<STRUCT<a INT64, b STRING(3)>>, x INT64 DEFAULT 7)
      PARTITION BY TIMESTAMP_TRUNC(ts, HOUR) CLUSTER BY n, s OPTIONS(description='d', labels=[('a', 'b')], expiration_timestamp=TIMESTAMP '2030-01-01')`)
    expect(made).toMatchObject({
      action: 'createTable', path: { projectId: 'p', datasetId: 'd', tableId: 't' }, partitionBy: { column: 'ts', granularity: 'HOUR' }, clusterBy: ['n', 's'],
      fields: [
        { name: 'ts', type: 'TIMESTAMP', mode: 'REQUIRED', description: 'when' }, { name: 'n', type: 'NUMERIC', precision: '10', scale: '2' }, { name: 's', type: 'STRING', maxLength: '5' },
        { name: 'r', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'a', type: 'INTEGER' }, { name: 'b', type: 'STRING' }] }, { name: 'x', defaultValueExpression: '7' },
      ],
      options: [{ name: 'description', value: 'd' }, { name: 'labels', value: [['a', 'b']] }, { name: 'expiration_timestamp', value: '2030-01-01 00:00:00+00' }],
    })
    expect(await ddl('CREATE TABLE d.t (d DATE) PARTITION BY d')).toMatchObject({ partitionBy: { column: 'd', granularity: 'DAY' } })
    expect(await ddl('CREATE TABLE d.t (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))')).toMatchObject({ partitionBy: { column: 'n', granularity: 'RANGE', range: { start: '0', end: '100', interval: '10' } } })
    expect(await ddl('CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE')).toMatchObject({ partitionBy: { column: '_PARTITIONTIME', granularity: 'DAY' } })
  })

  it('keeps the text of views, routines and procedures', async () => {
    expect(await ddl('CREATE VIEW d.v (n) AS SELECT 1')).toMatchObject({ action: 'createView', query: 'SELECT 1', columnNames: ['n'] })
    expect(await ddl('CREATE FUNCTION d.f(x INT64, y ANY TYPE) AS (x)')).toMatchObject({ action: 'createRoutine', routine: { kind: 'scalar', body: 'x', arguments: [{ name: 'x', type: { kind: 'INT64' } }, { name: 'y' }] } })
    expect(await ddl('CREATE FUNCTION d.j(x FLOAT64) RETURNS FLOAT64 LANGUAGE js AS "return x*2"')).toMatchObject({ routine: { language: 'JAVASCRIPT', body: 'return x*2', returnType: { kind: 'FLOAT64' } } })
    expect(await ddl('CREATE PROCEDURE d.p(IN a INT64, OUT b STRING) BEGIN SET b = "x"; SELECT a; END')).toMatchObject({ routine: { kind: 'procedure', arguments: [{ name: 'a' }, { name: 'b', mode: 'OUT' }] } })
  })

  it('knows the forms of ALTER and DROP', async () => {
    await sql.run('CREATE OR REPLACE TABLE d.alt (a INT64)')
    expect(await ddl('ALTER TABLE d.alt ADD COLUMN b STRING OPTIONS(description="x"), DROP COLUMN IF EXISTS c')).toMatchObject({ action: 'alter', steps: [{ step: 'addColumn', field: { name: 'b', description: 'x' } }, { step: 'dropColumn', name: 'c', ifExists: true }] })
    expect(await ddl('ALTER TABLE d.alt RENAME TO alt2')).toMatchObject({ steps: [{ step: 'renameTo', tableId: 'alt2' }] })
    expect(await ddl('ALTER TABLE d.alt ALTER COLUMN a SET DEFAULT 5')).toMatchObject({ steps: [{ step: 'columnDefault', name: 'a', expression: '5' }] })
    expect(await ddl('DROP TABLE IF EXISTS d.alt')).toMatchObject({ action: 'drop', object: 'TABLE', ifExists: true })
    expect(await ddl('DROP SCHEMA d2 CASCADE')).toMatchObject({ action: 'drop', object: 'SCHEMA', cascade: true, path: { datasetId: 'd2' } })
  })
})

describe('the cache', () => {
  it('compiles a text once per schema', async () => {
    await sql.run('CREATE OR REPLACE TABLE d.c AS SELECT 1 AS a')
    const first = await sql.compiler.compile('SELECT * FROM d.c', sql.options())
    expect(await sql.compiler.compile('SELECT * FROM d.c', sql.options())).toBe(first)
    await sql.run('ALTER TABLE d.c ADD COLUMN b INT64')
    const second = await sql.compiler.compile('SELECT * FROM d.c', sql.options())
    expect(second).not.toBe(first)
    expect(second.kind === 'query' && second.schema.length).toBe(2)
  })
})
