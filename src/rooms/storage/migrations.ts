/** The storage room's tables. Forward only; a released step is never edited. */
import { sql } from 'kysely'
import type { Migration } from '#ground/ledger.ts'

export const storageMigrations: Migration[] = [
  {
    number: 1,
    name: 'buckets, objects, uploads, notifications',
    up: (db, dialect) => {
      // Names are compared byte by byte, whatever language the database speaks.
      const bytewise = dialect === 'postgres' ? sql`text collate "C"` : sql`text`
      const clustered = dialect === 'sqlite' ? sql`without rowid` : sql``
      return [
        db.schema
          .createTable('storage_buckets')
          .addColumn('name', bytewise, (column) => column.primaryKey())
          .addColumn('project', 'text', (column) => column.notNull())
          .addColumn('metageneration', 'bigint', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('location', 'text', (column) => column.notNull())
          .addColumn('storage_class', 'text', (column) => column.notNull())
          .addColumn('config', 'text', (column) => column.notNull()),
        db.schema
          .createTable('storage_objects')
          .addColumn('bucket', bytewise, (column) => column.notNull())
          .addColumn('name', bytewise, (column) => column.notNull())
          .addColumn('generation', 'bigint', (column) => column.notNull())
          .addColumn('metageneration', 'bigint', (column) => column.notNull())
          .addColumn('live', 'integer', (column) => column.notNull())
          .addColumn('blob', 'text', (column) => column.notNull())
          .addColumn('size', 'bigint', (column) => column.notNull())
          .addColumn('crc32c', 'text', (column) => column.notNull())
          .addColumn('md5', 'text')
          .addColumn('component_count', 'integer')
          .addColumn('storage_class', 'text', (column) => column.notNull())
          .addColumn('created_ms', 'bigint', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('class_updated_ms', 'bigint', (column) => column.notNull())
          .addColumn('noncurrent_ms', 'bigint')
          .addColumn('meta', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('storage_objects_key', ['bucket', 'name', 'generation'])
          .modifyEnd(clustered),
        db.schema.createIndex('storage_objects_live').on('storage_objects').columns(['bucket', 'name']).unique().where(sql.ref('live'), '=', sql.lit(1)),
        db.schema.createIndex('storage_objects_blob').on('storage_objects').column('blob'),
        // Files that may have lost their last object; the sweeper looks and removes.
        db.schema
          .createTable('storage_garbage')
          .addColumn('blob', 'text', (column) => column.primaryKey())
          .addColumn('since_ms', 'bigint', (column) => column.notNull()),
        db.schema
          .createTable('storage_uploads')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('bucket', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('blob', 'text', (column) => column.notNull())
          .addColumn('detail', 'text', (column) => column.notNull())
          .addColumn('total', 'bigint')
          .addColumn('stored', 'bigint', (column) => column.notNull())
          .addColumn('started_ms', 'bigint', (column) => column.notNull())
          .addColumn('finished', 'bigint'),
        db.schema
          .createTable('storage_parts')
          .addColumn('upload', 'text', (column) => column.notNull())
          .addColumn('number', 'integer', (column) => column.notNull())
          .addColumn('blob', 'text', (column) => column.notNull())
          .addColumn('size', 'bigint', (column) => column.notNull())
          .addColumn('md5', 'text', (column) => column.notNull())
          .addColumn('updated_ms', 'bigint', (column) => column.notNull())
          .addPrimaryKeyConstraint('storage_parts_key', ['upload', 'number']),
        db.schema
          .createTable('storage_notifications')
          .addColumn('bucket', 'text', (column) => column.notNull())
          .addColumn('id', 'text', (column) => column.notNull())
          .addColumn('detail', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('storage_notifications_key', ['bucket', 'id']),
      ]
    },
  },
]
