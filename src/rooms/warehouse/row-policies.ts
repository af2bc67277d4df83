/** Row access policies: which rows of a table a reader sees. Their predicates are compiled when they are set. */
import type { Clock } from '#ground/clock.ts'
import type { Catalog } from './catalog.ts'
import { invalid, noPolicy, required } from './faults.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Compiler } from './sql/types.ts'
import type { Tables } from './tables.ts'
import type { Json, RowPolicy, TablePath } from './types.ts'
import { tableFact } from './writer.ts'
import { Fault } from '#ground/fault.ts'

export class RowPolicies {
  private readonly shelf: WarehouseShelf
  private readonly tables: Tables
  private readonly compiler: Compiler
  private readonly catalog: Catalog
  private readonly clock: Clock

  constructor(parts: { shelf: WarehouseShelf; tables: Tables; compiler: Compiler; catalog: Catalog; clock: Clock }) {
    this.shelf = parts.shelf
    this.tables = parts.tables
    this.compiler = parts.compiler
    this.catalog = parts.catalog
    this.clock = parts.clock
  }

  async put(path: TablePath, policyId: string, body: Json, user: string, fresh: boolean): Promise<RowPolicy> {
    const table = await this.tables.get(path)
    const before = (await this.shelf.policies(path)).find((each) => each.policyId === policyId)
    if (fresh && before) throw new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Row access policy ${policyId}`)
    if (!fresh && !before) throw noPolicy(path, policyId)
    const text = body['filterPredicate']
    if (typeof text !== 'string' || text.trim() === '') throw required('filterPredicate')
    if (!/^\w{1,256}$/.test(policyId)) throw invalid(`Invalid row access policy ID "${policyId.slice(0, 100)}".`)
    const full = `\`${path.projectId}.${path.datasetId}.${path.tableId}\``
    // The statement that says the same is compiled for the predicate's text in the engine.
    const statement = await this.compiler.compile(`CREATE OR REPLACE ROW ACCESS POLICY ${policyId} ON ${full} GRANT TO ('allAuthenticatedUsers') FILTER USING (${text})`, { projectId: path.projectId, catalog: this.catalog.for({ projectId: path.projectId, user }) })
    if (statement.kind !== 'ddl' || statement.ddl.action !== 'createRowAccessPolicy') throw invalid('Invalid filterPredicate.', 'filterPredicate')
    const now_ms = this.clock.now_ms()
    const policy: RowPolicy = {
      ...path, policyId, created_ms: before?.created_ms ?? now_ms, updated_ms: now_ms, grantees: ((body['grantees'] ?? []) as string[]).map(String), filter: JSON.stringify({ text, duckSql: statement.ddl.filterDuckSql }),
    }
    await this.shelf.write(this.shelf.putPolicy(policy), [tableFact(table, 'policy', '')])
    return policy
  }

  async remove(path: TablePath, policyId: string): Promise<void> {
    const table = await this.tables.get(path)
    if (!(await this.shelf.policies(path)).some((each) => each.policyId === policyId)) throw noPolicy(path, policyId)
    await this.shelf.write([this.shelf.removePolicy({ ...path, policyId })], [tableFact(table, 'policy', '')])
  }
}
