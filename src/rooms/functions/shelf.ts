/** Persistence of functions, their revisions and operations. Events and runs are `shelf.events.ts`'s. */
import type { Facts } from '#ground/facts.ts'
import type { Ledger, Statement } from '#ground/ledger.ts'
import { busy, functionExists } from './faults.ts'
import type { FunctionRow, FunctionTables, OperationRow, RevisionRow } from './migrations.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, FunctionName, FunctionState, Generation, Operation, Revision, SignatureKind } from './types.ts'

export class FunctionShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<FunctionTables>()
  }

  async find({ project, location, id }: FunctionName): Promise<DeployedFunction | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('functions').selectAll().where('project', '=', project).where('location', '=', location).where('name', '=', id))
    return row && asFunction(row)
  }

  async byId(id: string): Promise<DeployedFunction | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('functions').selectAll().where('id', '=', id))
    return row && asFunction(row)
  }

  /** Of a project, or of all; `location` undefined is every one. Sorted by name. */
  async list(project: string | undefined, location: string | undefined, limit: number): Promise<DeployedFunction[]> {
    let query = this.db.selectFrom('functions').selectAll().orderBy('location').orderBy('name').limit(limit)
    if (project !== undefined) query = query.where('project', '=', project)
    if (location !== undefined) query = query.where('location', '=', location)
    return (await this.ledger.read(query)).map(asFunction)
  }

  async count(): Promise<number> {
    const [row] = await this.ledger.read(this.db.selectFrom('functions').select(({ fn }) => fn.countAll<number>().as('count')))
    return Number(row?.count ?? 0)
  }

  /** A new function, or the next revision of one, with the operation that builds it. */
  async begin(found: DeployedFunction, revision: Revision, operation: Operation, job: Statement): Promise<void> {
    const row = functionRow(found)
    await this.ledger.write(
      operation.verb === 'create'
        ? { query: this.db.insertInto('functions').values(row).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: () => functionExists(fullName(found.name)) }
        : {
            query: this.db.updateTable('functions').set({ state: 'deploying', updated_ms: row.updated_ms }).where('id', '=', row.id).where('state', 'in', ['active', 'failed']),
            rows: 1,
            otherwise: () => busy(fullName(found.name)),
          },
      this.db.insertInto('function_revisions').values(revisionRow(revision)),
      this.db.insertInto('function_operations').values(operationRow(operation)),
      job,
    )
  }

  /** The revision serves from here on. */
  async activate(found: DeployedFunction, revision: Revision, operation: Operation, now_ms: number): Promise<void> {
    const { id, name } = found
    await this.ledger.write(
      this.db.updateTable('function_revisions').set({ state: 'ready', kind: revision.kind, root: revision.root, log: JSON.stringify(revision.log) }).where('id', '=', revision.id),
      this.db.updateTable('functions').set({ state: 'active', config: JSON.stringify(revision.config), revision: revision.id, version: revision.number, updated_ms: now_ms, message: null, traffic: null }).where('id', '=', id),
      this.ended(operation, null, now_ms),
      this.facts.append({ type: 'functions.function.deployed', subject: fullName(name), data: { function: fullName(name), project: name.project, revision: revision.id, version: revision.number } }),
    )
  }

  /** The deployment failed; what served before goes on. */
  async fail(found: DeployedFunction, revision: Revision, operation: Operation, error: { code: number; message: string }, now_ms: number): Promise<void> {
    const { id, name } = found
    const state: FunctionState = found.revision === null ? 'failed' : 'active'
    await this.ledger.write(
      this.db.updateTable('function_revisions').set({ state: 'failed', log: JSON.stringify(revision.log) }).where('id', '=', revision.id),
      this.db.updateTable('functions').set({ state, message: error.message, updated_ms: now_ms }).where('id', '=', id),
      this.ended(operation, error, now_ms),
      this.facts.append({ type: 'functions.function.deployFailed', subject: fullName(name), data: { function: fullName(name), project: name.project, message: error.message } }),
    )
  }

  async beginRemoval(found: DeployedFunction, operation: Operation, job: Statement): Promise<void> {
    await this.ledger.write(
      { query: this.db.updateTable('functions').set({ state: 'deleting' }).where('id', '=', found.id).where('state', 'in', ['active', 'failed']), rows: 1, otherwise: () => busy(fullName(found.name)) },
      this.db.insertInto('function_operations').values(operationRow(operation)),
      job,
    )
  }

  async remove({ id, name }: DeployedFunction, operation: Operation, now_ms: number): Promise<void> {
    await this.ledger.write(
      this.db.deleteFrom('functions').where('id', '=', id),
      this.db.deleteFrom('function_revisions').where('function', '=', id),
      this.db.deleteFrom('function_events').where('function', '=', id),
      this.ended(operation, null, now_ms),
      this.facts.append({ type: 'functions.function.deleted', subject: fullName(name), data: { function: fullName(name), project: name.project } }),
    )
  }

  async setTraffic(id: string, traffic: DeployedFunction['traffic']): Promise<void> {
    await this.ledger.write(this.db.updateTable('functions').set({ traffic: traffic && JSON.stringify(traffic) }).where('id', '=', id))
  }

  async revision(id: string): Promise<Revision | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('function_revisions').selectAll().where('id', '=', id))
    return row && asRevision(row)
  }

  /** Newest first. */
  async revisions(functionId: string, limit: number): Promise<Revision[]> {
    return (await this.ledger.read(this.db.selectFrom('function_revisions').selectAll().where('function', '=', functionId).orderBy('number', 'desc').limit(limit))).map(asRevision)
  }

  /** Whatever has a file or a folder. */
  async revisionIds(): Promise<Set<string>> {
    return new Set((await this.ledger.read(this.db.selectFrom('function_revisions').select('id'))).map(({ id }) => id))
  }

  async forgetRevision(id: string): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('function_revisions').where('id', '=', id))
  }

  async operation(id: string): Promise<Operation | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('function_operations').selectAll().where('id', '=', id))
    return row && asOperation(row)
  }

  async operations(project: string, location: string, api: string, limit: number): Promise<Operation[]> {
    const query = this.db.selectFrom('function_operations').selectAll().where('project', '=', project).where('location', '=', location).where('api', '=', api).orderBy('id', 'desc').limit(limit)
    return (await this.ledger.read(query)).map(asOperation)
  }

  async stage(id: string, stage: string): Promise<void> {
    await this.ledger.write(this.db.updateTable('function_operations').set({ stage }).where('id', '=', id))
  }

  async addUpload(id: string, now_ms: number): Promise<void> {
    await this.ledger.write(this.db.insertInto('function_uploads').values({ id, created_ms: now_ms, stored: 0 }))
  }

  async upload(id: string): Promise<{ stored: boolean } | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('function_uploads').select('stored').where('id', '=', id))
    return row && { stored: row.stored === 1 }
  }

  async uploadStored(id: string): Promise<void> {
    await this.ledger.write(this.db.updateTable('function_uploads').set({ stored: 1 }).where('id', '=', id))
  }

  async oldUploads(before_ms: number): Promise<string[]> {
    return (await this.ledger.read(this.db.selectFrom('function_uploads').select('id').where('created_ms', '<', before_ms))).map(({ id }) => id)
  }

  async forgetUpload(id: string): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('function_uploads').where('id', '=', id))
  }

  async pruneOperations(before_ms: number): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('function_operations').where('ended_ms', '<', before_ms))
  }

  private ended({ id }: Operation, error: Operation['error'], now_ms: number) {
    return this.db.updateTable('function_operations').set({ done: 1, stage: '', error: error && JSON.stringify(error), ended_ms: now_ms }).where('id', '=', id)
  }
}

function asFunction(row: FunctionRow): DeployedFunction {
  return {
    ...row,
    name: { project: row.project, location: row.location, id: row.name },
    generation: row.generation as Generation,
    state: row.state as FunctionState,
    config: JSON.parse(row.config),
    traffic: row.traffic === null ? null : JSON.parse(row.traffic),
  }
}

function functionRow({ name, config, traffic, ...rest }: DeployedFunction): FunctionRow {
  return { id: rest.id, project: name.project, location: name.location, name: name.id, generation: rest.generation, state: rest.state, config: JSON.stringify(config), revision: rest.revision, traffic: traffic && JSON.stringify(traffic), version: rest.version, created_ms: rest.created_ms, updated_ms: rest.updated_ms, message: rest.message }
}

function asRevision(row: RevisionRow): Revision {
  return { ...row, state: row.state as Revision['state'], config: JSON.parse(row.config), kind: row.kind as SignatureKind | null, log: JSON.parse(row.log) }
}

function revisionRow(revision: Revision): RevisionRow {
  return { ...revision, config: JSON.stringify(revision.config), log: JSON.stringify(revision.log) }
}

function asOperation(row: OperationRow): Operation {
  const { project, location, name, ...rest } = row
  return { ...rest, name: { project, location, id: name }, api: row.api as Operation['api'], verb: row.verb as Operation['verb'], done: row.done === 1, error: row.error === null ? null : JSON.parse(row.error) }
}

function operationRow({ name, done, error, ...rest }: Operation): OperationRow {
  return { ...rest, project: name.project, location: name.location, name: name.id, done: done ? 1 : 0, error: error && JSON.stringify(error) }
}
