/** Persistence of events on their way to functions, and of runs. */
import type { Facts } from '#ground/facts.ts'
import type { Ledger } from '#ground/ledger.ts'
import type { EventRow, FunctionTables } from './migrations.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, Delivery, DeliveryState, RunRecord } from './types.ts'

export class EventShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<FunctionTables>()
  }

  /** False where the function has this event already. */
  async add({ event, ...rest }: Delivery): Promise<boolean> {
    const row: EventRow = { ...rest, event_id: event.attributes.id, event: JSON.stringify(event) }
    const [result] = await this.ledger.write(this.db.insertInto('function_events').values(row).onConflict((conflict) => conflict.columns(['function', 'event_id']).doNothing()))
    return result?.changed === 1
  }

  async begin(id: string, attempts: number): Promise<void> {
    await this.ledger.write(this.db.updateTable('function_events').set({ state: 'running', attempts }).where('id', '=', id))
  }

  async delivered(id: string, now_ms: number): Promise<void> {
    await this.ledger.write(this.db.updateTable('function_events').set({ state: 'delivered', ended_ms: now_ms, error: null }).where('id', '=', id))
  }

  async again(id: string, due_ms: number, error: string): Promise<void> {
    await this.ledger.write(this.db.updateTable('function_events').set({ state: 'waiting', due_ms, error }).where('id', '=', id))
  }

  async failed(found: DeployedFunction, { id, event, attempts }: Delivery, error: string, now_ms: number): Promise<void> {
    await this.ledger.write(
      this.db.updateTable('function_events').set({ state: 'failed', ended_ms: now_ms, error }).where('id', '=', id),
      this.facts.append({ type: 'functions.event.failed', subject: fullName(found.name), data: { function: fullName(found.name), project: found.name.project, delivery: id, event: event.attributes.id, attempts, error } }),
    )
  }

  /** What is due next, soonest first. */
  async waiting(functionId: string, limit: number): Promise<Delivery[]> {
    const query = this.db.selectFrom('function_events').selectAll().where('function', '=', functionId).where('state', '=', 'waiting').orderBy('due_ms').orderBy('id').limit(limit)
    return (await this.ledger.read(query)).map(asDelivery)
  }

  async functionsWaiting(): Promise<string[]> {
    return (await this.ledger.read(this.db.selectFrom('function_events').select('function').distinct().where('state', '=', 'waiting'))).map(({ function: id }) => id)
  }

  /** What a killed house had under way. */
  async interrupted(): Promise<Delivery[]> {
    return (await this.ledger.read(this.db.selectFrom('function_events').selectAll().where('state', '=', 'running'))).map(asDelivery)
  }

  async get(id: string): Promise<Delivery | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('function_events').selectAll().where('id', '=', id))
    return row && asDelivery(row)
  }

  /** Newest first. */
  async list(functionId: string, state: DeliveryState | undefined, limit: number): Promise<Delivery[]> {
    let query = this.db.selectFrom('function_events').selectAll().where('function', '=', functionId).orderBy('id', 'desc').limit(limit)
    if (state !== undefined) query = query.where('state', '=', state)
    return (await this.ledger.read(query)).map(asDelivery)
  }

  async addRuns(runs: RunRecord[]): Promise<void> {
    await this.ledger.write(this.db.insertInto('function_runs').values(runs.map(({ trigger, ...rest }) => ({ ...rest, trigger_kind: trigger }))))
  }

  async runs(functionId: string, limit: number): Promise<RunRecord[]> {
    const rows = await this.ledger.read(this.db.selectFrom('function_runs').selectAll().where('function', '=', functionId).orderBy('started_ms', 'desc').limit(limit))
    return rows.map(({ trigger_kind, outcome, ...rest }) => ({ ...rest, trigger: trigger_kind, outcome: outcome as RunRecord['outcome'] }))
  }

  async prune(events_before_ms: number, runs_before_ms: number): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('function_events').where('ended_ms', '<', events_before_ms), this.db.deleteFrom('function_runs').where('started_ms', '<', runs_before_ms))
  }
}

function asDelivery({ event, event_id: _, ...row }: EventRow): Delivery {
  return { ...row, state: row.state as DeliveryState, event: JSON.parse(event) }
}
