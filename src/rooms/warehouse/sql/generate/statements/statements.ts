/** Resolved statements as data: which writer answers which statement node. */
import type { Unit } from '../../analyzer/compile.ts'
import { queryOf } from '../../analyzer/compile.ts'
import type { Message } from '../../analyzer/proto.ts'
import type { Statement } from '../../types.ts'
import { unsupported, type Generator } from '../generator.ts'
import * as ddl from './ddl.ts'
import * as dml from './dml.ts'

type Writer = (unit: Unit, g: Generator, node: Message) => Statement

const transaction = (action: 'begin' | 'commit' | 'rollback'): Writer => (unit) => ({ kind: 'transaction', ...unit.common(action === 'begin' ? 'BEGIN_TRANSACTION' : `${action.toUpperCase()}_TRANSACTION`), action })

const machineLearning = (what: string): Writer => () => {
  throw unsupported(`BigQuery ML (${what})`)
}

const STATEMENTS: Record<string, Writer> = {
  ResolvedQueryStmt: (unit, g, node) => ({ kind: 'query', ...unit.common('SELECT'), ...queryOf(g, node), jsFunctions: unit.jsOf(g) }),
  ResolvedInsertStmt: dml.insert,
  ResolvedUpdateStmt: dml.update,
  ResolvedDeleteStmt: dml.remove,
  ResolvedMergeStmt: dml.merge,
  ResolvedTruncateStmt: dml.truncate,
  ResolvedCreateTableStmt: ddl.createTable,
  ResolvedCreateTableAsSelectStmt: ddl.createTable,
  ResolvedCreateExternalTableStmt: ddl.createTable,
  ResolvedCreateSnapshotTableStmt: ddl.createSnapshot,
  ResolvedCreateViewStmt: ddl.createView,
  ResolvedCreateMaterializedViewStmt: ddl.createView,
  ResolvedCreateSchemaStmt: ddl.createSchema,
  ResolvedCreateFunctionStmt: ddl.createFunction,
  ResolvedCreateTableFunctionStmt: ddl.createTableFunction,
  ResolvedCreateProcedureStmt: ddl.createProcedure,
  ResolvedCreateRowAccessPolicyStmt: ddl.createPolicy,
  ResolvedCreateIndexStmt: ddl.createIndex,
  ResolvedDropStmt: ddl.drop,
  ResolvedDropFunctionStmt: ddl.drop,
  ResolvedDropTableFunctionStmt: ddl.drop,
  ResolvedDropMaterializedViewStmt: ddl.drop,
  ResolvedDropSnapshotTableStmt: ddl.drop,
  ResolvedDropIndexStmt: ddl.dropIndex,
  ResolvedDropRowAccessPolicyStmt: ddl.dropPolicy,
  ResolvedAlterTableStmt: ddl.alter,
  ResolvedAlterTableSetOptionsStmt: ddl.alter,
  ResolvedAlterViewStmt: ddl.alter,
  ResolvedAlterMaterializedViewStmt: ddl.alter,
  ResolvedAlterSchemaStmt: ddl.alter,
  ResolvedRenameStmt: ddl.rename,
  ResolvedUndropStmt: ddl.undrop,
  ResolvedGrantStmt: ddl.grant,
  ResolvedRevokeStmt: ddl.grant,
  ResolvedExportDataStmt: ddl.exportData,
  ResolvedAuxLoadDataStmt: ddl.loadData,
  ResolvedBeginStmt: transaction('begin'),
  ResolvedCommitStmt: transaction('commit'),
  ResolvedRollbackStmt: transaction('rollback'),
  ResolvedCreateModelStmt: machineLearning('CREATE MODEL'),
  ResolvedExportModelStmt: machineLearning('EXPORT MODEL'),
  ResolvedAlterModelStmt: machineLearning('ALTER MODEL'),
}

export const knownStatements = (): readonly string[] => Object.keys(STATEMENTS)

export function statementOf(unit: Unit, g: Generator, node: Message): Statement {
  const writer = STATEMENTS[String(node['node'])]
  if (!writer) throw unsupported(String(node['node']).replace(/^Resolved|Stmt$/g, '').replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase())
  return writer(unit, g, node)
}
