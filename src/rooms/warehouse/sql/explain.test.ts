import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explained } from './explain.ts'
import { house, type SqlHouse } from './testing/house.ts'

let sql: SqlHouse
beforeAll(async () => void (sql = await house()))
afterAll(() => sql.stop())

describe('a statement can be explained', () => {
  it('by the text that the engine runs, with the values in it, and by its plan', async () => {
    const options = sql.options({ parameters: { mode: 'named', values: { low: { type: { kind: 'INT64' }, value: '2' } } } })
    const statement = await sql.compiler.compile('SELECT x FROM UNNEST([1, 2, 3]) AS x WHERE x > @low', options)
    const { statementType, duckSql, planSql } = explained(statement, { parameters: options.parameters! })
    expect(statementType).toBe('SELECT')
    const answer = await sql.warehouse.connection.run(duckSql[0]!)
    expect(await answer.getRows()).toEqual([[3n]])
    const plan = await sql.warehouse.connection.run(planSql!)
    expect(String((await plan.getRows())[0]![1])).toMatch(/UNNEST/)
  })

  it('and one without a text has none', async () => {
    expect(explained(await sql.compiler.compile('BEGIN TRANSACTION', sql.options())).duckSql).toEqual([])
  })
})
