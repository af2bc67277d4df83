/**
 * The one way in which tables come to be, change and go: first the engine, in one transaction that notes what it did; then the
 * ledger, with the fact that announces it. One writer at a time and table. What a kill leaves between the two is brought together at
 * the start (`recovery.ts`).
 */
import type { Clock } from '#ground/clock.ts'
import { failpoint } from '#ground/failpoint.ts'
import type { NewFact } from '#ground/facts.ts'
import { Fault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Statement } from '#ground/ledger.ts'
import { Turns } from '#ground/turns.ts'
import type { ApplyAnswer, Step } from './engine/messages.ts'
import type { Engine, Work } from './engine/engine.ts'
import { noDataset, readOnly, tableName } from './faults.ts'
import { PUBLIC_JOB, PUBLIC_PROJECT } from './public-data.ts'
import { columnDefinitions, columnsOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import { typeOfField } from './sql/sqltype.ts'
import type { Dataset, Field, Table, TableConfig, TableKind, TablePath } from './types.ts'

export const PARTITION_TIME = '_PARTITIONTIME'

/** How the rows come to be what they are. `rewrite` changes rows in their place; what was before cannot be read any more. */
export type How = 'create' | 'replace' | 'append' | 'rewrite' | 'alter'

export interface Plan {
  how: How
  kind?: TableKind
  fields: Field[]
  config: TableConfig
  expires_ms?: number | null
  steps(physical: string): Step[]
}

export interface Change {
  /** Of the job that wants it, as `project:job`. */
  job: string
  path: TablePath
  /** What is announced: `load`, `insert`, `create` … */
  operation: string
  work: Work
  transaction?: Transaction | undefined
  plan(before: Table | undefined): Plan | undefined | Promise<Plan | undefined>
  /** Goes into the same ledger write. */
  also?(changed: Changed): Statement[]
}

export interface Changed {
  before: Table | undefined
  after: Table
  answer: ApplyAnswer
  operation: string
  job: string
}

/** What an engine transaction notes for the ledger. */
export interface Detail {
  table: Table
  /** What the name stood for before: decides whether the ledger was told. */
  previous: { physical: string | null; generation: number } | null
  operation: string
}

/** BEGIN … COMMIT of a script: one session of the engine, its tables held until its end. */
export interface Transaction {
  readonly session: string
  readonly changed: Map<string, Changed>
  readonly releases: Map<string, () => void>
}

export class Writer {
  private readonly shelf: WarehouseShelf
  private readonly engine: Engine
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly turns = new Turns()

  constructor(parts: { shelf: WarehouseShelf; engine: Engine; clock: Clock; ids: Ids }) {
    this.shelf = parts.shelf
    this.engine = parts.engine
    this.clock = parts.clock
    this.ids = parts.ids
  }

  now_ms(): number {
    return this.clock.now_ms()
  }

  newPhysical(): string {
    return `t${this.ids.next()}`
  }

  /** Undefined where the plan says that nothing is to be done. */
  async change(change: Change): Promise<Changed | undefined> {
    const { transaction, path } = change
    if (path.projectId === PUBLIC_PROJECT && change.job !== PUBLIC_JOB) throw readOnly(path.projectId)
    if (!transaction) return this.turns.take(tableName(path), () => this.apply(change, undefined))
    await this.hold(transaction, tableName(path), change.work.signal)
    return this.apply(change, transaction)
  }

  /** Whatever else wants to be alone with a table: streamed rows, a drop. */
  alone<T>(path: TablePath, work: () => Promise<T>): Promise<T> {
    return this.turns.take(tableName(path), work)
  }

  async begin(): Promise<Transaction> {
    return { session: await this.engine.call('begin', null), changed: new Map(), releases: new Map() }
  }

  async commit(transaction: Transaction): Promise<void> {
    try {
      await this.engine.call('end', { session: transaction.session, how: 'commit' })
      const all = [...transaction.changed.values()]
      if (all.length > 0) await this.shelf.write(all.flatMap((changed) => this.statements(changed)), all.map((changed) => changedFact(changed)))
    } finally {
      for (const release of transaction.releases.values()) release()
    }
  }

  async rollback(transaction: Transaction): Promise<void> {
    try {
      await this.engine.call('end', { session: transaction.session, how: 'rollback' })
    } finally {
      for (const release of transaction.releases.values()) release()
    }
  }

  /** A view, or a change that concerns only what is said about a table. */
  async describe(before: Table | undefined, after: Table, operation: string, job: string, dataset?: Dataset): Promise<Table> {
    if (after.projectId === PUBLIC_PROJECT) throw readOnly(after.projectId)
    const written = { ...after, version: (before?.version ?? 0) + 1, updated_ms: this.clock.now_ms() }
    await this.shelf.write(
      before ? [this.shelf.changeTable(before, written)] : [this.shelf.datasetThere(dataset ?? after), this.shelf.addTable(written)],
      [tableFact(written, operation, job)],
    )
    return written
  }

  /** The ledger first: a table that the engine still has and nobody names is swept away later. */
  async drop(table: Table, job: string): Promise<void> {
    if (table.projectId === PUBLIC_PROJECT) throw readOnly(table.projectId)
    const now_ms = this.clock.now_ms()
    const versions = table.physical === null ? [] : [this.shelf.addVersion(table), this.shelf.retireVersions(table.physical, now_ms)]
    await this.shelf.write([this.shelf.removeTable(table), this.shelf.removePolicies(table), ...versions], [tableFact(table, 'delete', job)])
  }

  statements({ before, after }: Changed): Statement[] {
    const replaced = before?.physical != null && before.physical !== after.physical
    return [
      ...(before ? [this.shelf.changeTable(before, after)] : [this.shelf.datasetThere(after), this.shelf.addTable(after)]),
      ...(replaced ? [this.shelf.addVersion(before), this.shelf.retireVersions(before.physical!, after.updated_ms)] : []),
      ...(after.config.rewritten_ms === after.updated_ms ? [this.shelf.forgetVersions(after.physical!)] : []),
      this.shelf.addVersion(after),
    ]
  }

  private async apply(change: Change, transaction: Transaction | undefined): Promise<Changed | undefined> {
    const key = tableName(change.path)
    const earlier = transaction?.changed.get(key)
    const before = earlier?.after ?? (await this.shelf.table(change.path))
    const plan = await change.plan(before)
    if (!plan) return undefined
    if (!before && !(await this.shelf.dataset(change.path))) throw noDataset(change.path)
    const fresh = plan.how === 'create' || plan.how === 'replace' || before?.physical == null
    const physical = fresh ? this.newPhysical() : before.physical!
    const now_ms = this.clock.now_ms()
    const rewritten = plan.how === 'rewrite' ? { rewritten_ms: now_ms } : {}
    const { rewritten_ms: _gone, ...config } = plan.config
    const planned: Table = {
      ...pathOf(change.path), kind: plan.kind ?? 'TABLE', physical, generation: (before?.generation ?? 0) + 1, rows: 0, bytes: 0, version: (before?.version ?? 0) + 1, created_ms: before?.created_ms ?? now_ms,
      updated_ms: now_ms, expires_ms: plan.expires_ms === undefined ? (before?.expires_ms ?? null) : plan.expires_ms, fields: plan.fields,
      config: { ...config, ...(!fresh && before?.config.rewritten_ms !== undefined && { rewritten_ms: before.config.rewritten_ms }), ...rewritten }, damage: null,
    }
    const detail: Detail = { table: planned, previous: before ? { physical: before.physical, generation: before.generation } : null, operation: change.operation }
    const answer = await this.engine.apply(
      {
        job: change.job,
        steps: [...(fresh ? [{ kind: 'run' as const, sql: `CREATE TABLE ${physical} (${tableColumns(plan)})` }] : []), ...plan.steps(physical)],
        touched: [{ physical, generation: planned.generation, detail: JSON.stringify(detail), types: plan.fields.map(typeOfField), columns: columnsOf(plan.fields) }],
        ...(transaction && { session: transaction.session }),
      },
      change.work,
    )
    const after = { ...planned, rows: answer.tables[0]!.rows, bytes: answer.tables[0]!.bytes }
    await failpoint('warehouse.ledger')
    if (transaction) {
      const changed: Changed = { before: earlier ? earlier.before : before, after: { ...after, version: (earlier ? (earlier.before?.version ?? 0) : (before?.version ?? 0)) + 1 }, answer, operation: change.operation, job: change.job }
      transaction.changed.set(key, changed)
      return changed
    }
    const changed: Changed = { before, after, answer, operation: change.operation, job: change.job }
    await this.shelf.write([...this.statements(changed), ...(change.also?.(changed) ?? [])], [changedFact(changed)])
    return changed
  }

  /** The table stays held until the transaction's end; the engine would refuse what another has changed meanwhile anyway. */
  private hold(transaction: Transaction, key: string, signal: AbortSignal | undefined): Promise<void> {
    if (transaction.releases.has(key)) return Promise.resolve()
    const ended = Promise.withResolvers<void>()
    return new Promise((resolve, reject) => {
      const onAbort = () => (ended.resolve(), reject(signal?.reason))
      signal?.addEventListener('abort', onAbort, { once: true })
      void this.turns.take(key, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
        return ended.promise
      })
      transaction.releases.set(key, ended.resolve)
    })
  }
}

function tableColumns({ fields, config }: Plan): string {
  const columns = columnDefinitions(fields)
  const ingestion = ingestionColumn(config)
  return ingestion === undefined ? columns : `${columns}, ${ingestion}`
}

const TRUNCATED: Record<string, string> = { HOUR: 'hour', DAY: 'day', MONTH: 'month', YEAR: 'year' }

/** Tables partitioned by the time of their rows' arrival carry it in a column of ours. */
export function ingestionColumn({ timePartitioning }: TableConfig): string | undefined {
  if (!timePartitioning || timePartitioning.field !== undefined) return undefined
  return `"${PARTITION_TIME}" TIMESTAMPTZ DEFAULT date_trunc('${TRUNCATED[timePartitioning.type] ?? 'day'}', now())`
}

export const pathOf = ({ projectId, datasetId, tableId }: TablePath): TablePath => ({ projectId, datasetId, tableId })

export function changedFact({ after, operation, job }: Changed): NewFact {
  return tableFact(after, operation, job)
}

export function tableFact(table: Table, operation: string, job: string): NewFact {
  const { projectId, datasetId, tableId, rows, generation } = table
  return {
    type: 'warehouse.table.changed',
    subject: `projects/${projectId}/datasets/${datasetId}/tables/${tableId}`,
    data: { project: projectId, dataset: datasetId, table: tableId, operation, job, rows, generation, kind: table.kind },
  }
}

export function notATable(table: Table): Fault {
  return new Fault('INVALID_ARGUMENT', 'invalid', `${tableName(table)} is a ${table.kind.toLowerCase().replace('_', ' ')}; its rows cannot be written.`)
}
