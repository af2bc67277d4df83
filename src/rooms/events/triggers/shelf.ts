/** Persistence of triggers. */
import type { Ledger, Migration } from '#ground/ledger.ts'
import type { Destination, Trigger } from './types.ts'

interface TriggerRow {
  owner: string
  project: string
  location: string
  type: string
  filters: string
  topic: string | null
  subscription: string | null
  destination: string
  created_ms: number
  config: string
}

export const triggerMigrations: Migration[] = [
  {
    number: 1,
    name: 'triggers',
    up: (db) => [
      db.schema
        .createTable('event_triggers')
        .addColumn('owner', 'text', (column) => column.primaryKey())
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('location', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('filters', 'text', (column) => column.notNull())
        .addColumn('topic', 'text')
        .addColumn('subscription', 'text')
        .addColumn('destination', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull()),
    ],
  },
]

export class TriggerShelf {
  private readonly ledger: Ledger
  private readonly db

  constructor(ledger: Ledger) {
    this.ledger = ledger
    this.db = ledger.builder<{ event_triggers: TriggerRow }>()
  }

  async all(): Promise<Trigger[]> {
    return (await this.ledger.read(this.db.selectFrom('event_triggers').selectAll())).map((row) => ({
      ...row, filters: JSON.parse(row.filters), destination: JSON.parse(row.destination) as Destination, config: JSON.parse(row.config),
    }))
  }

  async put(trigger: Trigger): Promise<void> {
    const row: TriggerRow = { ...trigger, filters: JSON.stringify(trigger.filters), destination: JSON.stringify(trigger.destination), config: JSON.stringify(trigger.config) }
    const { owner: _, ...changed } = row
    await this.ledger.write(this.db.insertInto('event_triggers').values(row).onConflict((conflict) => conflict.column('owner').doUpdateSet(changed)))
  }

  async remove(owner: string): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('event_triggers').where('owner', '=', owner))
  }
}
