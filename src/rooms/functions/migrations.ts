/** The functions room's tables. Forward only; a released step is never edited. */
import type { Migration } from '#ground/ledger.ts'

export interface FunctionRow {
  id: string
  project: string
  location: string
  name: string
  generation: number
  state: string
  config: string
  revision: string | null
  traffic: string | null
  version: number
  created_ms: number
  updated_ms: number
  message: string | null
}

export interface RevisionRow {
  id: string
  function: string
  number: number
  state: string
  config: string
  kind: string | null
  root: string
  log: string
  created_ms: number
}

export interface OperationRow {
  id: string
  api: string
  function: string
  project: string
  location: string
  name: string
  verb: string
  revision: string | null
  done: number
  stage: string
  error: string | null
  created_ms: number
  ended_ms: number | null
}

export interface EventRow {
  id: string
  function: string
  event_id: string
  event: string
  state: string
  attempts: number
  received_ms: number
  due_ms: number
  ended_ms: number | null
  error: string | null
}

export interface RunRow {
  id: string
  function: string
  revision: string
  trigger_kind: string
  started_ms: number
  duration_ms: number
  memory_bytes: number
  outcome: string
  error: string | null
}

export interface FunctionTables {
  functions: FunctionRow
  function_revisions: RevisionRow
  function_operations: OperationRow
  function_events: EventRow
  function_runs: RunRow
  function_uploads: { id: string; created_ms: number; stored: number }
}

export const functionMigrations: Migration[] = [
  {
    number: 1,
    name: 'functions, revisions, operations, events, runs',
    up: (db) => [
      db.schema
        .createTable('functions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('location', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('generation', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull())
        .addColumn('revision', 'text')
        .addColumn('traffic', 'text')
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('updated_ms', 'bigint', (column) => column.notNull())
        .addColumn('message', 'text'),
      db.schema.createIndex('functions_by_name').on('functions').columns(['project', 'location', 'name']).unique(),
      db.schema
        .createTable('function_revisions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('function', 'text', (column) => column.notNull())
        .addColumn('number', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull())
        .addColumn('kind', 'text')
        .addColumn('root', 'text', (column) => column.notNull())
        .addColumn('log', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull()),
      db.schema.createIndex('function_revisions_of').on('function_revisions').columns(['function', 'number']),
      db.schema
        .createTable('function_operations')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('api', 'text', (column) => column.notNull())
        .addColumn('function', 'text', (column) => column.notNull())
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('location', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('verb', 'text', (column) => column.notNull())
        .addColumn('revision', 'text')
        .addColumn('done', 'integer', (column) => column.notNull())
        .addColumn('stage', 'text', (column) => column.notNull())
        .addColumn('error', 'text')
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('ended_ms', 'bigint'),
      db.schema.createIndex('function_operations_in').on('function_operations').columns(['project', 'location', 'id']),
      db.schema
        .createTable('function_events')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('function', 'text', (column) => column.notNull())
        .addColumn('event_id', 'text', (column) => column.notNull())
        .addColumn('event', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('received_ms', 'bigint', (column) => column.notNull())
        .addColumn('due_ms', 'bigint', (column) => column.notNull())
        .addColumn('ended_ms', 'bigint')
        .addColumn('error', 'text'),
      // The same event comes to a function once, however often it is handed over.
      db.schema.createIndex('function_events_once').on('function_events').columns(['function', 'event_id']).unique(),
      db.schema.createIndex('function_events_due').on('function_events').columns(['function', 'state', 'due_ms']),
      db.schema.createIndex('function_events_ended').on('function_events').column('ended_ms'),
      db.schema
        .createTable('function_runs')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('function', 'text', (column) => column.notNull())
        .addColumn('revision', 'text', (column) => column.notNull())
        .addColumn('trigger_kind', 'text', (column) => column.notNull())
        .addColumn('started_ms', 'bigint', (column) => column.notNull())
        .addColumn('duration_ms', 'integer', (column) => column.notNull())
        .addColumn('memory_bytes', 'bigint', (column) => column.notNull())
        .addColumn('outcome', 'text', (column) => column.notNull())
        .addColumn('error', 'text'),
      db.schema.createIndex('function_runs_of').on('function_runs').columns(['function', 'started_ms']),
      db.schema.createIndex('function_runs_at').on('function_runs').column('started_ms'),
      db.schema
        .createTable('function_uploads')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('stored', 'integer', (column) => column.notNull()),
    ],
  },
]
