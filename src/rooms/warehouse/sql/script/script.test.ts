import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fault } from '#ground/fault.ts'
import { house, type SqlHouse } from '../testing/house.ts'

let sql: SqlHouse
beforeAll(async () => void (sql = await house()))
afterAll(() => sql.stop())

const rejects = (text: string, message: string | RegExp) => expect(sql.run(text)).rejects.toThrow(message)

describe('a script', () => {
  it('declares, sets and selects', async () => {
    expect(await sql.rows('DECLARE x INT64 DEFAULT 1; DECLARE y STRING; SET x = x + 1; SET (x, y) = (x * 10, "s"); SELECT x, y')).toEqual([['20', 's']])
  })

  it('loops in every way, with labels', async () => {
    expect(await sql.rows(`DECLARE n INT64 DEFAULT 0; DECLARE total INT64 DEFAULT 0;
      outer_loop: LOOP SET n = n + 1; IF n > 10 THEN BREAK; END IF; WHILE TRUE DO IF MOD(n, 2) = 0 THEN CONTINUE outer_loop; END IF; SET total = total + n; LEAVE; END WHILE; END LOOP;
      REPEAT SET total = total + 100; UNTIL total > 200 END REPEAT;
      FOR r IN (SELECT x, x * 2 AS y FROM UNNEST([1, 2, 3]) AS x ORDER BY x) DO SET total = total + r.y; END FOR;
      CASE total WHEN 237 THEN SELECT 'right', total; ELSE SELECT 'wrong', total; END CASE;`)).toEqual([['right', '237']])
  })

  it('catches, names and raises errors', async () => {
    expect(await sql.rows('BEGIN SELECT 1 / 0; EXCEPTION WHEN ERROR THEN SELECT @@error.message; END')).toEqual([['division by zero: 1.0 / 0.0']])
    await rejects('BEGIN RAISE USING MESSAGE = "mine"; EXCEPTION WHEN ERROR THEN RAISE; END', 'mine')
    await rejects('ASSERT 1 = 2 AS "must be"', 'Assertion failed: must be')
  })

  it('executes dynamic SQL with USING and INTO', async () => {
    expect(await sql.rows("EXECUTE IMMEDIATE 'SELECT @a * 2 AS v' USING 21 AS a")).toEqual([['42']])
    expect(await sql.rows("DECLARE v INT64; DECLARE w STRING; EXECUTE IMMEDIATE 'SELECT ?, ?' INTO v, w USING 1, 'b'; SELECT v, w")).toEqual([['1', 'b']])
    await rejects('EXECUTE IMMEDIATE CAST(NULL AS STRING)', 'cannot be NULL')
  })

  it('keeps temporary tables and functions for itself, and counts rows', async () => {
    expect(await sql.rows('CREATE TEMP TABLE t AS SELECT 1 AS a; CREATE TEMP FUNCTION f(x INT64) AS (x + 1); INSERT t VALUES (2), (3); SELECT SUM(f(a)), @@row_count FROM t')).toEqual([['9', '2']])
    await expect(sql.run('SELECT * FROM t')).rejects.toThrow(/Not found: Table/)
  })

  it('calls procedures with IN, OUT and INOUT', async () => {
    await sql.run('CREATE OR REPLACE PROCEDURE d.proc(IN a INT64, OUT b STRING, INOUT c INT64) BEGIN SET b = CONCAT("a", CAST(a AS STRING)); SET c = c + a; END')
    expect(await sql.rows('DECLARE s STRING; DECLARE n INT64 DEFAULT 5; CALL d.proc(2, s, n); SELECT s, n')).toEqual([['a2', '7']])
  })

  it('runs the union procedure of the tutorials as printed', async () => {
    const columns = 'name STRING,sex STRING,mail STRING,client_movie_genres STRING,client_language_spoken STRING,client_car STRING,credit_score INT64'
    for (const i of [1, 2]) await sql.run(`CREATE OR REPLACE TABLE d.client${i} (${columns}); INSERT INTO d.client${i} VALUES ('n${i}','Male','m','g','l','c',${i}),('same','M','m','g','l','c',5)`)
    await sql.run(PROCEDURE)
    await sql.run('CALL `d.PROC_CLI_UNION_TABLE` ("client", TRUE,"union_client_merged", "PROD");')
    expect(await sql.rows('SELECT name, credit_score, timestamp FROM d.union_client_merged ORDER BY credit_score')).toEqual([['n1', '1', null], ['n2', '2', null], ['same', '5', null]])
  })

  it('ends an endless loop at its limit or when cancelled', async () => {
    const abort = new AbortController()
    const stop = setTimeout(() => abort.abort(new Fault('CANCELLED', 'stopped', 'stopped')), 300)
    await expect(sql.run('LOOP SELECT 1; END LOOP', { signal: abort.signal })).rejects.toThrow('stopped')
    clearTimeout(stop)
  })

  it('refuses BREAK outside a loop and unknown variables', async () => {
    await rejects('SELECT 1; SET nope = 1', /Undeclared variable: nope/)
    await rejects('DECLARE x INT64; DECLARE x STRING; SELECT 1', /redeclaration|already/i)
  })
})

const PROCEDURE = `
CREATE OR REPLACE PROCEDURE
\`d.PROC_CLI_UNION_TABLE\`(NAME_REGEX STRING,IS_NEW_TABLE BOOL,FILE_NAME STRING,ENV STRING )
BEGIN
DECLARE MERGED_DATE STRING;
DECLARE TABLE_NAME STRING;
DECLARE EXECUTION_QUERY STRING;
DECLARE CREATION_QUERY STRING;

SET FILE_NAME = IFNULL(FILE_NAME, "client_merged");
SET ENV = IFNULL(ENV, "DEV");
SET TABLE_NAME = CONCAT(FILE_NAME, IF(ENV = "PROD", "", CONCAT("_", ENV)));

SET CREATION_QUERY =
IF(IS_NEW_TABLE,
"CREATE OR REPLACE TABLE \`d.TABLE_NAME\` ( name STRING,sex STRING,mail STRING,client_movie_genres STRING ,client_language_spoken STRING,client_car STRING,credit_score INT ,timestamp TIMESTAMP)", "" ) ;

SET CREATION_QUERY = REGEXP_REPLACE(CREATION_QUERY, "TABLE_NAME", TABLE_NAME);
EXECUTE IMMEDIATE CREATION_QUERY;

SET EXECUTION_QUERY =
"INSERT INTO \`d.TABLE_NAME\` ( name ,sex ,mail ,client_movie_genres ,client_language_spoken,client_car,credit_score) SELECT DISTINCT name,sex,mail,client_movie_genres,client_language_spoken,client_car,credit_score FROM \`d.NAME_REGEX*\` ORDER BY credit_score DESC";

SET EXECUTION_QUERY = REGEXP_REPLACE(EXECUTION_QUERY, "NAME_REGEX", NAME_REGEX);
SET EXECUTION_QUERY = REGEXP_REPLACE(EXECUTION_QUERY, "TABLE_NAME", TABLE_NAME);
EXECUTE IMMEDIATE EXECUTION_QUERY;
END;`
