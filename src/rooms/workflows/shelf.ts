/** Where workflows, their revisions and operations are kept. Executions have shelf.executions.ts. */
import type { Facts, NewFact } from '#ground/facts.ts'
import type { Ledger } from '#ground/ledger.ts'
import { workflowExists } from './faults.ts'
import type { Operation, Revision, Workflow } from './types.ts'

interface Tables {
  workflows: Omit<Workflow, 'config'> & { config: string }
  workflow_revisions: Omit<Revision, 'config'> & { config: string }
  workflow_operations: Operation
  workflow_executions: { name: string; workflow: string }
  workflow_history: { execution: string }
}

export class WorkflowShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  async workflow(name: string): Promise<Workflow | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('workflows').selectAll().where('name', '=', name))
    return row && { ...row, config: JSON.parse(row.config) }
  }

  /** `parent` ends in `/locations/-` for all of a project's. */
  async workflows(parent: string, after: string, limit: number): Promise<Workflow[]> {
    let query = this.db.selectFrom('workflows').selectAll().where('name', '>', after).orderBy('name').limit(limit)
    query = parent.endsWith('/-') ? query.where('name', '>=', parent.slice(0, -1)).where('name', '<', `${parent.slice(0, -2)}0`) : query.where('parent', '=', parent)
    return (await this.ledger.read(query)).map((row) => ({ ...row, config: JSON.parse(row.config) }))
  }

  async revision(workflow: string, id: string): Promise<Revision | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('workflow_revisions').selectAll().where('workflow', '=', workflow).where('id', '=', id))
    return row && { ...row, config: JSON.parse(row.config) }
  }

  /** The newest first. */
  async revisions(workflow: string, before: number, limit: number): Promise<Revision[]> {
    const query = this.db.selectFrom('workflow_revisions').selectAll().where('workflow', '=', workflow).where('number', '<', before)
    return (await this.ledger.read(query.orderBy('number', 'desc').limit(limit))).map((row) => ({ ...row, config: JSON.parse(row.config) }))
  }

  async add(workflow: Workflow, revision: Revision, operation: Operation, fact: NewFact): Promise<void> {
    const query = this.db.insertInto('workflows').values(row(workflow)).onConflict((conflict) => conflict.column('name').doNothing())
    await this.ledger.write(
      { query, rows: 1, otherwise: workflowExists(workflow.name) }, this.db.insertInto('workflow_revisions').values(row(revision)),
      this.db.insertInto('workflow_operations').values(operation), this.facts.append(fact),
    )
  }

  async change(before: Workflow, after: Workflow, revision: Revision | undefined, operation: Operation, fact: NewFact): Promise<void> {
    const query = this.db.updateTable('workflows').set(row(after)).where('name', '=', before.name).where('updated_ms', '=', before.updated_ms).where('revisions', '=', before.revisions)
    await this.ledger.write(
      { query, rows: 1 }, ...(revision ? [this.db.insertInto('workflow_revisions').values(row(revision))] : []),
      this.db.insertInto('workflow_operations').values(operation), this.facts.append(fact),
    )
  }

  /** With its revisions and everything about its executions. */
  async remove(name: string, operation: Operation, fact: NewFact): Promise<void> {
    const executions = this.db.selectFrom('workflow_executions').select('name').where('workflow', '=', name)
    await this.ledger.write(
      this.db.deleteFrom('workflow_history').where('execution', 'in', executions),
      this.db.deleteFrom('workflow_executions').where('workflow', '=', name),
      this.db.deleteFrom('workflow_revisions').where('workflow', '=', name),
      { query: this.db.deleteFrom('workflows').where('name', '=', name), rows: 1 },
      this.db.insertInto('workflow_operations').values(operation), this.facts.append(fact),
    )
  }

  async operation(name: string): Promise<Operation | undefined> {
    return this.ledger.first(this.db.selectFrom('workflow_operations').selectAll().where('name', '=', name))
  }

  async operations(parent: string, after: string, limit: number): Promise<Operation[]> {
    return this.ledger.read(this.db.selectFrom('workflow_operations').selectAll().where('parent', '=', parent).where('name', '>', after).orderBy('name').limit(limit))
  }

  async pruneOperations(before_ms: number): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('workflow_operations').where('created_ms', '<', before_ms))
  }

  async removeOperation(name: string): Promise<boolean> {
    const [result] = await this.ledger.write(this.db.deleteFrom('workflow_operations').where('name', '=', name))
    return (result?.changed ?? 0) > 0
  }
}

const row = <T extends { config: object }>({ config, ...same }: T) => ({ ...same, config: JSON.stringify(config) })
