import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { house, type SqlHouse } from '../../testing/house.ts'

let sql: SqlHouse
beforeAll(async () => void (sql = await house()))
afterAll(() => sql.stop())

const js = (signature: string, body: string, call: string) => `CREATE TEMP FUNCTION ${signature} LANGUAGE js AS r"""${body}"""; SELECT ${call}`
const refusal = async (text: string) => {
  const thrown = await sql.rows(text).then(() => undefined, (fault: unknown) => fault as { code: string; message: string })
  return thrown && `${thrown.code} ${thrown.message}`
}

describe('JavaScript functions', () => {
  it('take and give numbers, NULL and NaN', async () => {
    expect(await sql.rows(js('f(x FLOAT64) RETURNS FLOAT64', 'return x === null ? null : x * 2', `f(4), f(NULL), f(CAST('nan' AS FLOAT64))`))).toEqual([['8.0', null, 'NaN']])
  })

  it('see each type as BigQuery gives it, and give each type back', async () => {
    const fields = 'a INT64, d DATE, t TIMESTAMP, n NUMERIC, b BYTES, j JSON'
    const text = js(`f(s STRUCT<${fields}>) RETURNS STRUCT<${fields}, seen ARRAY<STRING>>`, 'return {...s, a: s.a + 1, seen: [typeof s.n, s.d.toISOString(), String(s.t.microsecond), s.b, String(s.j.z[0])]}',
      `f(STRUCT(41, DATE '2020-01-02', TIMESTAMP '2020-01-02 03:04:05.678901+00', NUMERIC '1.25', b'abc', JSON '{"z":[1]}')).*`)
    const cells = (await sql.rows(text))[0]!
    expect(cells.slice(0, 6)).toEqual(['42', '2020-01-02', '1577934245678901', '1.25', 'YWJj', '{"z":[1]}'])
    expect(cells[6]).toEqual(['string', '2020-01-02T00:00:00.000Z', '678901', 'YWJj', '1'].map((v) => ({ v })))
  })

  it('run over many rows', async () => {
    expect(await sql.rows(js('f(x FLOAT64) RETURNS FLOAT64', 'return x * 2', 'SUM(f(x)) FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS x'))).toEqual([['400020000.0']])
  })

  it('name what they threw, and where', async () => {
    expect(await refusal(js('f() RETURNS FLOAT64', `\nthrow new Error('boo')`, 'f()'))).toMatch(/^INVALID_ARGUMENT Error: boo at line 2/)
    expect(await refusal(js('f() RETURNS FLOAT64', 'return ? :', 'f()'))).toMatch(/^INVALID_ARGUMENT SyntaxError/)
    expect(await refusal(js('f() RETURNS INT64', 'return 0.5', 'f()'))).toMatch(/Failed to coerce output value 0.5 to type INT64/)
  })

  it('cannot take more memory or stack than they are given, and the next one runs as ever', async () => {
    expect(await refusal(js('f() RETURNS INT64', 'return new Uint8Array(1e9).length', 'f()'))).toMatch(/out of memory/)
    expect(await refusal(js('f() RETURNS INT64', 'const r = (n) => r(n + 1) + 1; return r(0)', 'f()'))).toMatch(/call stack/)
    expect(await sql.rows(js('f() RETURNS STRING', `return 'well'`, 'f()'))).toEqual([['well']])
  })

  it('have nothing of the house in their world', async () => {
    const names = ['process', 'require', 'fetch', 'WebAssembly', 'setTimeout', 'std', 'os', 'Buffer']
    const text = js('f() RETURNS STRING', `return ${JSON.stringify(names)}.filter((name) => { try { return eval('typeof ' + name) !== 'undefined' || Function('return this')()[name] !== undefined } catch { return true } }).join() + typeof this.constructor.constructor('return this')().process`, 'f()')
    expect(await sql.rows(text)).toEqual([['undefined']])
  })
})
