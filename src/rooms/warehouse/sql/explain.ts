/** What a compiled statement asks of the engine, for people who want to look: the DuckDB texts, and the question for their plan. */
import { bindDuckSql, type Bindings } from './bind.ts'
import type { Statement } from './types.ts'

export interface Explained {
  statementType: string
  /** In the order in which they run: guards first. */
  duckSql: readonly string[]
  /** Gives the plan of the main text when the engine runs it; absent where a statement is no query and no DML. */
  planSql?: string
}

export function explained(statement: Statement, bindings: Bindings = {}): Explained {
  const { statementType } = statement
  const main = mainText(statement)
  if (main === undefined) return { statementType, duckSql: [] }
  const duckSql = bindDuckSql(main, bindings)
  const guards = statement.kind === 'dml' ? statement.guards.map((guard) => bindDuckSql(guard, bindings)) : []
  return { statementType, duckSql: [...guards, duckSql], planSql: `EXPLAIN ${duckSql}` }
}

function mainText(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'query':
    case 'dml':
      return statement.duckSql
    case 'export':
      return statement.query.duckSql
    case 'ddl':
      return 'query' in statement.ddl && typeof statement.ddl.query === 'object' ? statement.ddl.query.duckSql : undefined
    default:
      return undefined
  }
}
