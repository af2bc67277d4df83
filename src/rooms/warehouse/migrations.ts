/** The warehouse room's tables. Forward only; a released step is never edited. */
import { sql } from 'kysely'
import type { Migration } from '#ground/ledger.ts'

export const warehouseMigrations: Migration[] = [
  {
    number: 1,
    name: 'datasets, tables, routines, row policies, versions, jobs',
    up: (db, dialect) => {
      // Names are compared byte by byte, whatever language the database speaks.
      const bytewise = dialect === 'postgres' ? sql`text collate "C"` : sql`text`
      return [
        db.schema
          .createTable('warehouse_datasets')
          .addColumn('project', bytewise, (column) => column.notNull())
          .addColumn('dataset', bytewise, (column) => column.notNull())
          .addColumn('location', 'text', (column) => column.notNull())
          .addColumn('version', 'bigint', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('config', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('warehouse_datasets_key', ['project', 'dataset']),
        db.schema
          .createTable('warehouse_tables')
          .addColumn('project', bytewise, (column) => column.notNull())
          .addColumn('dataset', bytewise, (column) => column.notNull())
          .addColumn('name', bytewise, (column) => column.notNull())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('physical', 'text')
          .addColumn('generation', 'bigint', (column) => column.notNull())
          .addColumn('row_count', 'bigint', (column) => column.notNull())
          .addColumn('byte_count', 'bigint', (column) => column.notNull())
          .addColumn('version', 'bigint', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('expires_ms', 'bigint')
          .addColumn('fields', 'text', (column) => column.notNull())
          .addColumn('config', 'text', (column) => column.notNull())
          .addColumn('damage', 'text')
          .addPrimaryKeyConstraint('warehouse_tables_key', ['project', 'dataset', 'name']),
        db.schema.createIndex('warehouse_tables_physical').on('warehouse_tables').column('physical'),
        db.schema.createIndex('warehouse_tables_expiry').on('warehouse_tables').column('expires_ms').where(sql.ref('expires_ms'), 'is not', null),
        db.schema
          .createTable('warehouse_routines')
          .addColumn('project', bytewise, (column) => column.notNull())
          .addColumn('dataset', bytewise, (column) => column.notNull())
          .addColumn('routine', bytewise, (column) => column.notNull())
          .addColumn('version', 'bigint', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('config', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('warehouse_routines_key', ['project', 'dataset', 'routine']),
        db.schema
          .createTable('warehouse_row_policies')
          .addColumn('project', bytewise, (column) => column.notNull())
          .addColumn('dataset', bytewise, (column) => column.notNull())
          .addColumn('name', bytewise, (column) => column.notNull())
          .addColumn('policy', bytewise, (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('grantees', 'text', (column) => column.notNull())
          .addColumn('filter', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('warehouse_row_policies_key', ['project', 'dataset', 'name', 'policy']),
        db.schema
          .createTable('warehouse_versions')
          .addColumn('project', bytewise, (column) => column.notNull())
          .addColumn('dataset', bytewise, (column) => column.notNull())
          .addColumn('name', bytewise, (column) => column.notNull())
          .addColumn('physical', 'text', (column) => column.notNull())
          .addColumn('generation', 'bigint', (column) => column.notNull())
          .addColumn('row_count', 'bigint', (column) => column.notNull())
          .addColumn('from_ms', 'bigint', (column) => column.notNull())
          .addColumn('fields', 'text', (column) => column.notNull())
          .addColumn('retired_ms', 'bigint')
          .addPrimaryKeyConstraint('warehouse_versions_key', ['physical', 'generation']),
        db.schema.createIndex('warehouse_versions_name').on('warehouse_versions').columns(['project', 'dataset', 'name', 'from_ms']),
        db.schema
          .createTable('warehouse_jobs')
          .addColumn('project', bytewise, (column) => column.notNull())
          .addColumn('job', bytewise, (column) => column.notNull())
          .addColumn('location', 'text', (column) => column.notNull())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('state', 'text', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('started_ms', 'bigint')
          .addColumn('ended_ms', 'bigint')
          .addColumn('caller', 'text', (column) => column.notNull())
          .addColumn('configuration', 'text', (column) => column.notNull())
          .addColumn('statistics', 'text', (column) => column.notNull())
          .addColumn('error', 'text')
          .addColumn('errors', 'text', (column) => column.notNull())
          .addColumn('parent', 'text')
          .addPrimaryKeyConstraint('warehouse_jobs_key', ['project', 'job']),
        db.schema.createIndex('warehouse_jobs_time').on('warehouse_jobs').columns(['project', 'created_ms']),
        db.schema.createIndex('warehouse_jobs_state').on('warehouse_jobs').column('state').where(sql.ref('state'), '!=', sql.lit('DONE')),
      ]
    },
  },
]
