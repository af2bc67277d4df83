/** The workflows room's tables. Forward only; a released step is never edited. */
import { sql } from 'kysely'
import type { Migration } from '#ground/ledger.ts'

export const workflowMigrations: Migration[] = [
  {
    number: 1,
    name: 'workflows, revisions, executions and their journals',
    up: (db, dialect) => {
      const clustered = dialect === 'sqlite' ? sql`without rowid` : sql``
      return [
        db.schema
          .createTable('workflows')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('parent', 'text', (column) => column.notNull())
          .addColumn('revision', 'text', (column) => column.notNull())
          .addColumn('revisions', 'integer', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('config', 'text', (column) => column.notNull()),
        db.schema
          .createTable('workflow_revisions')
          .addColumn('workflow', 'text', (column) => column.notNull())
          .addColumn('id', 'text', (column) => column.notNull())
          .addColumn('number', 'integer', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('config', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('workflow_revisions_key', ['workflow', 'id']),
        db.schema
          .createTable('workflow_operations')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('parent', 'text', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('verb', 'text', (column) => column.notNull())
          .addColumn('target', 'text', (column) => column.notNull())
          .addColumn('response', 'text', (column) => column.notNull()),
        db.schema
          .createTable('workflow_executions')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('workflow', 'text', (column) => column.notNull())
          .addColumn('revision', 'text', (column) => column.notNull())
          .addColumn('state', 'text', (column) => column.notNull())
          .addColumn('argument', 'text')
          .addColumn('result', 'text')
          .addColumn('error', 'text')
          .addColumn('settings', 'text', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('ended_ms', 'bigint')
          .addColumn('trace', 'text')
          // When somebody must look at it; null while only a callback can move it, and once it has ended.
          .addColumn('wake_at_ms', 'bigint')
          .addColumn('batches', 'integer', (column) => column.notNull())
          .addColumn('machine', 'text'),
        db.schema.createIndex('workflow_executions_of').on('workflow_executions').columns(['workflow', 'created_ms']),
        db.schema.createIndex('workflow_executions_due').on('workflow_executions').column('wake_at_ms').where(sql.ref('wake_at_ms'), 'is not', null),
        db.schema
          .createTable('workflow_history')
          .addColumn('execution', 'text', (column) => column.notNull())
          .addColumn('batch', 'integer', (column) => column.notNull())
          .addColumn('content', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('workflow_history_key', ['execution', 'batch'])
          .modifyEnd(clustered),
      ]
    },
  },
]
