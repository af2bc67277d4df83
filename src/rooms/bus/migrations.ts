/** The bus room's tables. Messages are not in them: they lie in logs. Forward only; a released step is never edited. */
import type { Migration } from '#ground/ledger.ts'

export const busMigrations: Migration[] = [
  {
    number: 1,
    name: 'topics, subscriptions, snapshots, schemas',
    up: (db) => [
      db.schema
        .createTable('bus_topics')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('log', 'text', (column) => column.notNull())
        .addColumn('serial', 'integer', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull()),
      db.schema
        .createTable('bus_subscriptions')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('topic', 'text', (column) => column.notNull())
        .addColumn('log', 'text', (column) => column.notNull())
        .addColumn('topic_serial', 'integer', (column) => column.notNull())
        .addColumn('serial', 'integer', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('active_ms', 'bigint', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull())
        .addColumn('next', 'bigint', (column) => column.notNull())
        .addColumn('unacked', 'text', (column) => column.notNull()),
      db.schema
        .createTable('bus_snapshots')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('topic', 'text', (column) => column.notNull())
        .addColumn('log', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('expire_ms', 'bigint', (column) => column.notNull())
        .addColumn('labels', 'text', (column) => column.notNull())
        .addColumn('filter', 'text', (column) => column.notNull())
        .addColumn('next', 'bigint', (column) => column.notNull())
        .addColumn('unacked', 'text', (column) => column.notNull()),
      db.schema
        .createTable('bus_schemas')
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('revision', 'text', (column) => column.notNull())
        .addColumn('number', 'integer', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('definition', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('bus_schemas_key', ['name', 'revision']),
      // Numbers that are never given out twice: they are part of message and ack ids.
      db.schema.createTable('bus_serials').addColumn('kind', 'text', (column) => column.primaryKey()).addColumn('last', 'integer', (column) => column.notNull()),
      db.insertInto('bus_serials').values([{ kind: 'topic', last: 0 }, { kind: 'subscription', last: 0 }]),
    ],
  },
]
