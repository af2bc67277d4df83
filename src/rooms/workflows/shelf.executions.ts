/** Where executions and their journals are kept. A journal's batch is one transaction: state, history, outcome and facts together. */
import type { Facts } from '#ground/facts.ts'
import type { Ledger } from '#ground/ledger.ts'
import { writeJson } from './language/json.ts'
import { executionFact, stepsFact } from './facts.ts'
import type { StepClosing, StepRecord } from './machine/history.ts'
import type { LogLine } from './machine/host.ts'
import type { Batch } from './machine/ports.ts'
import type { Execution, ExecutionState } from './types.ts'

interface ExecutionRow {
  name: string
  workflow: string
  revision: string
  state: ExecutionState
  argument: string | null
  result: string | null
  error: string | null
  settings: string
  created_ms: number
  ended_ms: number | null
  trace: string | null
  wake_at_ms: number | null
  batches: number
  machine: string | null
}

interface Tables {
  workflow_executions: ExecutionRow
  workflow_history: { execution: string; batch: number; content: string }
}

export interface HistoryBatch {
  records: StepRecord[]
  closings: StepClosing[]
  logs: (Omit<LogLine, 'payload'> & { payload: string })[]
}

/** What is needed to go on with an execution. */
export interface Journalled {
  execution: Execution
  machine: string | null
  batches: number
}

export class ExecutionShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  async add(execution: Execution, machine: string | null = null): Promise<void> {
    const { error, labels, callLogLevel, executionHistoryLevel, ...same } = execution
    const row: ExecutionRow = {
      ...same, error: error && JSON.stringify(error), settings: JSON.stringify({ labels, callLogLevel, executionHistoryLevel }), wake_at_ms: execution.created_ms, batches: 0, machine,
    }
    await this.ledger.write(this.db.insertInto('workflow_executions').values(row), this.facts.append(executionFact('started', execution)))
  }

  async execution(name: string): Promise<Execution | undefined> {
    return (await this.journalled(name))?.execution
  }

  async journalled(name: string): Promise<Journalled | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('workflow_executions').selectAll().where('name', '=', name))
    return row && { execution: asExecution(row), machine: row.machine, batches: row.batches }
  }

  /** The newest first, before `before` where that is given. */
  async executions(workflow: string, before: { created_ms: number; name: string } | undefined, limit: number): Promise<Execution[]> {
    let query = this.db.selectFrom('workflow_executions').select(COLUMNS).where('workflow', '=', workflow).orderBy('created_ms', 'desc').orderBy('name', 'desc').limit(limit)
    if (before) {
      query = query.where((where) =>
        where.or([where('created_ms', '<', before.created_ms), where.and([where('created_ms', '=', before.created_ms), where('name', '<', before.name)])]),
      )
    }
    return (await this.ledger.read(query)).map(asExecution)
  }

  /** Names of executions that must be looked at by then, the longest overdue first. */
  async due(by_ms: number, limit: number): Promise<string[]> {
    const query = this.db.selectFrom('workflow_executions').select('name').where('wake_at_ms', 'is not', null).where('wake_at_ms', '<=', by_ms)
    return (await this.ledger.read(query.orderBy('wake_at_ms').limit(limit))).map(({ name }) => name)
  }

  async nextDue_ms(after_ms: number): Promise<number | undefined> {
    const query = this.db.selectFrom('workflow_executions').select('wake_at_ms').where('wake_at_ms', '>', after_ms).orderBy('wake_at_ms').limit(1)
    return (await this.ledger.first(query))?.wake_at_ms ?? undefined
  }

  async append(execution: Execution, number: number, batch: Batch, now_ms: number): Promise<void> {
    const { outcome, records, closings, logs } = batch
    const steps = stepsFact(execution.name, records, closings)
    const content: HistoryBatch = { records, closings, logs: logs.map((line) => ({ ...line, payload: writeJson(line.payload) })) }
    const told = records.length + closings.length + logs.length > 0
    const change = outcome === null ? { machine: batch.state, wake_at_ms: batch.wake_at_ms } : { ...ended(batch), ended_ms: now_ms, wake_at_ms: null }
    const query = this.db.updateTable('workflow_executions').set({ ...change, batches: number }).where('name', '=', execution.name).where('state', '=', 'ACTIVE').where('batches', '=', number - 1)
    await this.ledger.write(
      { query, rows: 1 },
      ...(told ? [this.db.insertInto('workflow_history').values({ execution: execution.name, batch: number, content: JSON.stringify(content) })] : []),
      ...(steps ? [this.facts.append(steps)] : []),
      ...(outcome ? [this.facts.append(executionFact(FACT_OF[outcome.state], execution))] : []),
    )
  }

  async history(execution: string): Promise<HistoryBatch[]> {
    const rows = await this.ledger.read(this.db.selectFrom('workflow_history').select('content').where('execution', '=', execution).orderBy('batch'))
    return rows.map(({ content }) => JSON.parse(content) as HistoryBatch)
  }

  /** Forgets executions that ended before, with their histories; answers how many. */
  async prune(before_ms: number, limit: number): Promise<number> {
    const old = await this.ledger.read(this.db.selectFrom('workflow_executions').select('name').where('ended_ms', '<', before_ms).limit(limit))
    const names = old.map(({ name }) => name)
    if (names.length === 0) return 0
    await this.ledger.write(this.db.deleteFrom('workflow_history').where('execution', 'in', names), this.db.deleteFrom('workflow_executions').where('name', 'in', names))
    return names.length
  }

  async removeHistory(execution: string): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('workflow_history').where('execution', '=', execution))
  }

  async active(workflow: string): Promise<string[]> {
    return (await this.ledger.read(this.db.selectFrom('workflow_executions').select('name').where('workflow', '=', workflow).where('state', '=', 'ACTIVE'))).map(({ name }) => name)
  }
}

const FACT_OF = { SUCCEEDED: 'finished', FAILED: 'failed', CANCELLED: 'cancelled' } as const

const COLUMNS = ['name', 'workflow', 'revision', 'state', 'argument', 'result', 'error', 'settings', 'created_ms', 'ended_ms', 'trace'] as const

function ended({ outcome, state }: Batch): Partial<ExecutionRow> {
  switch (outcome!.state) {
    case 'SUCCEEDED':
      return { state: 'SUCCEEDED', result: writeJson(outcome!.result), machine: null }
    case 'FAILED': {
      const { error, context, trace } = outcome!
      // The variables as they were stay, so that it can be resumed from a step.
      return { state: 'FAILED', error: JSON.stringify({ payload: writeJson(error), context, trace }), machine: state }
    }
    case 'CANCELLED':
      return { state: 'CANCELLED', machine: null }
  }
}

function asExecution(row: Pick<ExecutionRow, (typeof COLUMNS)[number]>): Execution {
  const { error, settings, ...same } = row
  const { name, workflow, revision, state, argument, result, created_ms, ended_ms, trace } = same
  return { name, workflow, revision, state, argument, result, created_ms, ended_ms, trace, error: error === null ? null : JSON.parse(error), ...JSON.parse(settings) }
}
