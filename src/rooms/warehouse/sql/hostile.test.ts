import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fault } from '#ground/fault.ts'
import { house, type SqlHouse } from './testing/house.ts'

let sql: SqlHouse
beforeAll(async () => void (sql = await house()))
afterAll(() => sql.stop())

/** An answer, or a named fault that is not our own mistake. */
async function civil(text: string): Promise<'rows' | Fault> {
  try {
    await sql.run(text)
    return 'rows'
  } catch (thrown) {
    expect(thrown, text.slice(0, 200)).toBeInstanceOf(Fault)
    expect((thrown as Fault).code, `${text.slice(0, 200)}: ${String((thrown as Fault).cause)}`).not.toBe('INTERNAL')
    return thrown as Fault
  }
}

describe('bad input', () => {
  it('nested too deeply is refused, and the next query is answered', async () => {
    await civil(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`)
    await civil(`SELECT ${'['.repeat(300)}1${']'.repeat(300)}`)
    await civil(`SELECT ${'(SELECT '.repeat(300)}1${')'.repeat(300)}`)
    expect(await sql.rows('SELECT 1')).toEqual([['1']])
  }, 60_000)

  it('of a megabyte is answered or refused', async () => {
    expect(await civil(`SELECT LENGTH('${'x'.repeat(1_000_000)}')`)).toBe('rows')
    expect(await civil(`SELECT '${'x'.repeat(1_100_000)}'`)).toMatchObject({ reason: 'invalidQuery' })
  }, 60_000)

  it('with ten thousand items in IN is answered', async () => {
    expect(await sql.rows(`SELECT 9999 IN (${Array.from({ length: 10_000 }, (_, i) => i).join(', ')})`)).toEqual([['true']])
  }, 60_000)

  it('mutated at random never becomes an internal error', async () => {
    const seeds = [
      "SELECT a, COUNT(*) FROM UNNEST([STRUCT(1 AS a)]) GROUP BY a HAVING a > 0 ORDER BY 1 LIMIT 5", "WITH t AS (SELECT 'x' AS s) SELECT UPPER(s) || REPEAT(s, 3) FROM t WHERE s LIKE '%x%'",
      "DECLARE x INT64 DEFAULT 1; WHILE x < 3 DO SET x = x + 1; END WHILE; SELECT x", "CREATE TEMP FUNCTION f(x INT64) AS (x + 1); SELECT f(1)", "SELECT PARSE_DATE('%Y-%m-%d', '2020-01-01'), JSON_VALUE('{\"a\":1}', '$.a')",
    ]
    const pieces = ['(', ')', '[', "'", '"', '`', ';', ',', 'SELECT', 'FROM', 'NULL', '--', '/*', '*/', '@x', '@@error.message', '\u0001v:x\u0001', '\u0000', '9223372036854775808', 'UNNEST', 'OVER ()', '\\', '日', '$1', 'BEGIN', 'END']
    await fc.assert(fc.asyncProperty(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(120), fc.nat(8), fc.constantFrom(...pieces)), { minLength: 1, maxLength: 3 }), async (seed, edits) => {
      const text = edits.reduce((all, [at, cut, piece]) => all.slice(0, at) + piece + all.slice(at + cut), seed)
      await civil(text)
    }), { numRuns: 120, seed: 7 })
  }, 60_000)
})

describe('user SQL', () => {
  it('reaches neither files nor network, in no spelling', async () => {
    for (const inner of ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "COPY t TO '/tmp/x'", "ATTACH '/tmp/x.db'", 'INSTALL httpfs', 'LOAD httpfs', 'PRAGMA database_list', "SELECT * FROM `'/etc/passwd'`",
      "SELECT * FROM `read_text('/etc/passwd')`", "SELECT getenv('HOME')", "SET threads = 1", "EXPORT DATABASE '/tmp/x'", "SELECT * FROM duckdb_settings()", "SELECT * FROM glob('/*')"]) {
      expect(await civil(inner), inner).toBeInstanceOf(Fault)
      expect(await civil(`EXECUTE IMMEDIATE ${JSON.stringify(inner)}`), inner).toBeInstanceOf(Fault)
    }
    await expect(sql.warehouse.connection.run("SELECT * FROM read_text('/etc/passwd')")).rejects.toThrow(/disabled/)
    await expect(sql.warehouse.connection.run('SET enable_external_access = true')).rejects.toThrow(/lock|Cannot/)
  })

  it('cannot leave a string, a name or a path', async () => {
    expect(await sql.rows(`SELECT r"'); DROP TABLE t1; --", 'a\\'b', "\\u0001v:x\\u0001" || 'z'`)).toEqual([["'); DROP TABLE t1; --", "a'b", '\u0001v:x\u0001z']])
    expect(await sql.rows("SELECT STRUCT(1 AS `a\"'b`), JSON_VALUE('{\"a\\'b\":1}', '$.\"a\\'b\"')")).toEqual([[{ f: [{ v: '1' }] }, '1']])
    expect((await sql.run('SELECT 1 AS `a"; DROP TABLE t1`')).schema[0]!.name).toBe('a"; DROP TABLE t1')
  })
})

describe('patterns', () => {
  it('that ruin a backtracking engine are answered, constant or not, in STRING and BYTES', async () => {
    const text = `${'a'.repeat(20_000)}!`
    const calls = ['REGEXP_CONTAINS(t, p)', 'REGEXP_EXTRACT(t, p, 1, 1) IS NOT NULL', 'REGEXP_REPLACE(t, p, x) = t AND FALSE', 'REGEXP_INSTR(t, p) > 0', 'REGEXP_CONTAINS(CAST(t AS BYTES), CAST(p AS BYTES))', "REGEXP_CONTAINS(t, r'^(a+)+$')"]
    expect(await sql.rows(`SELECT ${calls.join(', ')} FROM (SELECT '${text}' AS t, r'^(a+)+$' AS p, 'x' AS x)`)).toEqual([calls.map(() => 'false')])
    expect(await sql.rows(`SELECT CAST('${text}' AS BYTES) LIKE CAST(p AS BYTES) FROM (SELECT '${'%a'.repeat(30)}%b' AS p)`)).toEqual([['false']])
  })
})

describe('the analyzer’s process', () => {
  it('is started anew when it is killed, and the query is answered', async () => {
    const memory = sql.compiler as unknown as { compile: SqlHouse['compiler']['compile'] }
    expect((await memory.compile('SELECT 41 + 1', sql.options())).kind).toBe('query')
    await sql.compiler.stop()
    expect(await sql.rows('SELECT 43')).toEqual([['43']])
  })
})
