/**
 * What happened, told once. A fact is a row written in the same transaction as the change it announces; whoever cares
 * reads on from a cursor of its own, at least once, and is idempotent by the fact's id. Lineage and audit are queries over facts.
 */
import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import type { Ledger, Migration, Statement } from './ledger.ts'
import { backoff_ms } from './dice.ts'
import type { Dice } from './dice.ts'
import type { Log } from './telemetry.ts'
import { currentTrace } from './trace.ts'

/** Facts handed to a consumer in one go. */
const BATCH_MAX = 200
const RETRY_BASE_MS = 100
const RETRY_MAX_MS = 30_000
/** Beside the wake-up after each write: what another node wrote is seen after this. */
const POLL_MS = 1000

export interface NewFact {
  /** `room.thing.happened`, such as `storage.object.finalized`. */
  type: string
  /** What it happened to, such as `buckets/lake/objects/day.csv`. */
  subject: string
  data: unknown
}

export interface Fact extends NewFact {
  seq: number
  id: string
  trace: string | null
  time_ms: number
}

export interface Facts {
  /** The statement that announces it; goes into the same `ledger.write` as the change itself. */
  append(fact: NewFact): Statement
  /** Hands every fact of these types to `handle`, in order, again after a failure, and remembers how far it came. */
  consume(name: string, types: string[] | 'all', handle: (fact: Fact) => Promise<void>): FactConsumer
  /** Facts after `seq`, for those who keep their own cursor. */
  since(seq: number, options?: { types?: string[]; trace?: string; limit?: number }): Promise<Fact[]>
  latest(): Promise<number>
  /** Removes facts that every consumer has passed and that are older than this. */
  prune(before_ms: number): Promise<number>
  stop(): Promise<void>
}

export interface FactConsumer {
  /** Resolves when everything written before the call has been handled. */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

interface FactTables {
  facts: { seq: number; id: string; type: string; subject: string; trace: string | null; time_ms: number; data: string }
  fact_cursors: { consumer: string; seq: number }
}

export const factMigrations: Migration[] = [
  {
    number: 1,
    name: 'facts and cursors',
    up: (db, dialect) => [
      db.schema
        .createTable('facts')
        .addColumn('seq', dialect === 'postgres' ? 'bigserial' : 'integer', (column) => (dialect === 'postgres' ? column.primaryKey() : column.primaryKey().autoIncrement()))
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('trace', 'text')
        .addColumn('time_ms', 'bigint', (column) => column.notNull())
        .addColumn('data', 'text', (column) => column.notNull()),
      db.schema.createIndex('facts_by_trace').on('facts').columns(['trace', 'seq']),
      db.schema.createTable('fact_cursors').addColumn('consumer', 'text', (column) => column.primaryKey()).addColumn('seq', 'bigint', (column) => column.notNull()),
    ],
  },
]

export class LedgerFacts implements Facts {
  private readonly ledger: Ledger
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly dice: Dice
  private readonly log: Log
  private readonly db
  private readonly consumers = new Set<Consumer>()

  constructor(ground: { ledger: Ledger; clock: Clock; ids: Ids; dice: Dice; log: Log }) {
    this.ledger = ground.ledger
    this.clock = ground.clock
    this.ids = ground.ids
    this.dice = ground.dice
    this.log = ground.log
    this.db = this.ledger.builder<FactTables>()
  }

  append({ type, subject, data }: NewFact): Statement {
    const row = {
      id: this.ids.next(),
      type,
      subject,
      trace: currentTrace()?.traceId ?? null,
      time_ms: this.clock.now_ms(),
      data: JSON.stringify(data),
    }
    return { query: this.db.insertInto('facts').values(row as never), topic: 'facts' }
  }

  consume(name: string, types: string[] | 'all', handle: (fact: Fact) => Promise<void>): FactConsumer {
    const consumer = new Consumer(name, types, handle, this, { ledger: this.ledger, clock: this.clock, dice: this.dice, log: this.log })
    this.consumers.add(consumer)
    consumer.start()
    return consumer
  }

  async since(seq: number, options: { types?: string[]; trace?: string; limit?: number } = {}): Promise<Fact[]> {
    let query = this.db.selectFrom('facts').selectAll().where('seq', '>', seq).orderBy('seq').limit(options.limit ?? BATCH_MAX)
    if (options.types) query = query.where('type', 'in', options.types)
    if (options.trace) query = query.where('trace', '=', options.trace)
    return (await this.ledger.read(query)).map(asFact)
  }

  async latest(): Promise<number> {
    const row = await this.ledger.first(this.db.selectFrom('facts').select((expression) => expression.fn.max('seq').as('seq')))
    return row?.seq ?? 0
  }

  async prune(before_ms: number): Promise<number> {
    const passed = sql<number>`coalesce((select min(seq) from fact_cursors), 0)`
    const [result] = await this.ledger.write(this.db.deleteFrom('facts').where('time_ms', '<', before_ms).where('seq', '<=', passed))
    return result?.changed ?? 0
  }

  async stop(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()))
  }
}

function asFact(row: Selectable<FactTables['facts']>): Fact {
  return { ...row, data: JSON.parse(row.data) }
}

interface ConsumerGround {
  ledger: Ledger
  clock: Clock
  dice: Dice
  log: Log
}

class Consumer implements FactConsumer {
  private readonly name: string
  private readonly types: string[] | 'all'
  private readonly handle: (fact: Fact) => Promise<void>
  private readonly facts: LedgerFacts
  private readonly ground: ConsumerGround
  private readonly stopping = new AbortController()
  private running: Promise<void> = Promise.resolve()
  private cursor: number | undefined
  private wake: () => void = () => {}
  private unlisten: () => void = () => {}
  private woken = false

  constructor(name: string, types: string[] | 'all', handle: (fact: Fact) => Promise<void>, facts: LedgerFacts, ground: ConsumerGround) {
    this.name = name
    this.types = types
    this.handle = handle
    this.facts = facts
    this.ground = ground
  }

  start(): void {
    this.unlisten = this.ground.ledger.onWritten('facts', () => this.rouse())
    this.running = this.run()
  }

  async caughtUp(): Promise<void> {
    const target = await this.facts.latest()
    while ((this.cursor ?? -1) < target && !this.stopping.signal.aborted) {
      this.rouse()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.unlisten()
    this.rouse()
    await this.running
  }

  private rouse(): void {
    this.woken = true
    this.wake()
  }

  private async run(): Promise<void> {
    let failures = 0
    while (!this.stopping.signal.aborted) {
      const begin = this.cursor
      try {
        this.woken = false
        const more = await this.step()
        failures = 0
        if (!more) await this.rest(POLL_MS)
      } catch (thrown) {
        this.ground.log.warn({ consumer: this.name, cursor: this.cursor, err: thrown }, 'a fact could not be handled; it is tried again')
        // Some were handled: this failure is another one, and does not wait for the ones before it.
        if (this.cursor !== begin) failures = 0
        await this.rest(backoff_ms(failures++, RETRY_BASE_MS, RETRY_MAX_MS, this.ground.dice))
      }
    }
  }

  /** Handles one batch; true where there may be more. */
  private async step(): Promise<boolean> {
    const start = (this.cursor ??= await this.loadCursor())
    // The end is read first: facts of other types are passed over, but none written meanwhile.
    const latest = await this.facts.latest()
    if (latest <= start) return false
    const batch = await this.facts.since(start, { ...(this.types !== 'all' && { types: this.types }), limit: BATCH_MAX })
    for (const fact of batch) {
      if (this.stopping.signal.aborted) break
      await this.handle(fact)
      this.cursor = fact.seq
    }
    const whole = !this.stopping.signal.aborted
    if (whole && batch.length < BATCH_MAX) this.cursor = Math.max(this.cursor, latest)
    await this.saveCursor(this.cursor)
    return whole && batch.length === BATCH_MAX
  }

  private rest(delay_ms: number): Promise<void> {
    if (this.woken || this.stopping.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.ground.clock.after(delay_ms, resolve)
      this.wake = () => {
        cancel()
        resolve()
      }
    })
  }

  private async loadCursor(): Promise<number> {
    const db = this.ground.ledger.builder<FactTables>()
    const row = await this.ground.ledger.first(db.selectFrom('fact_cursors').select('seq').where('consumer', '=', this.name))
    return row?.seq ?? 0
  }

  private async saveCursor(seq: number): Promise<void> {
    const db = this.ground.ledger.builder<FactTables>()
    await this.ground.ledger.write(
      db
        .insertInto('fact_cursors')
        .values({ consumer: this.name, seq })
        .onConflict((conflict) => conflict.column('consumer').doUpdateSet({ seq })),
    )
  }
}
