/** Read sessions of the Storage Read API: which rows and columns, divided into streams, as they were when the session was made. */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import { availableParallelism } from 'node:os'
import type { Catalog } from './catalog.ts'
import type { Engine } from './engine/engine.ts'
import type { ArrowBatch, ArrowField } from './engine/messages.ts'
import { damagedTable, invalid, noTable } from './faults.ts'
import { READ_SESSION_AGE_MS, READ_SESSIONS_MAX, READ_STREAM_ROWS_MIN, READ_STREAMS_MAX } from './limits.ts'
import type { Results } from './results.ts'
import { columnOf } from './schema.ts'
import { typeOfField } from './sql/sqltype.ts'
import type { Compiler } from './sql/types.ts'
import type { Tables } from './tables.ts'
import type { Table, TablePath } from './types.ts'

export interface SessionWanted {
  path: TablePath
  projectId: string
  user: string
  columns: readonly string[]
  restriction: string
  streams_max: number
}

export interface ReadSession {
  name: string
  table: Table
  fields: ArrowField[]
  columns: string[]
  relation: string
  where: string | undefined
  streams: { name: string; from: number; to: number }[]
  rows: number
  expires_ms: number
  /** Arrow's schema message. */
  schema: Uint8Array
}

export class ReadSessions {
  private readonly engine: Engine
  private readonly tables: Tables
  private readonly catalog: Catalog
  private readonly compiler: Compiler
  private readonly results: Results
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly sessions = new Map<string, ReadSession>()

  constructor(parts: { engine: Engine; tables: Tables; catalog: Catalog; compiler: Compiler; results: Results; clock: Clock; ids: Ids }) {
    this.engine = parts.engine
    this.tables = parts.tables
    this.catalog = parts.catalog
    this.compiler = parts.compiler
    this.results = parts.results
    this.clock = parts.clock
    this.ids = parts.ids
  }

  async create(wanted: SessionWanted): Promise<ReadSession> {
    const { path } = wanted
    const table = await this.tables.get(path)
    if (table.damage !== null) throw damagedTable(table, table.damage)
    if (table.physical === null) throw new Fault('INVALID_ARGUMENT', 'invalid', 'request failed: views cannot be read through the Storage API; read the result of a query on them.')
    const viewer = { projectId: wanted.projectId, user: wanted.user }
    const relation = await this.catalog.table(viewer, path)
    if (!relation) throw noTable(path)
    const result = this.results.table(path)
    const all = table.fields.map((field, index) => ({ field, column: result ? `o${index + 1}` : columnOf(field.name) }))
    const chosen = wanted.columns.length === 0 ? all : wanted.columns.map((name) => this.chosen(all, name))
    const filters = [relation.rowFilter, wanted.restriction.trim() === '' ? undefined : await this.restriction(wanted)].filter((each) => each !== undefined)
    const name = `projects/${wanted.projectId}/locations/us/sessions/${this.ids.secret()}`
    const fields = chosen.map(({ field }): ArrowField => ({ name: field.name, type: typeOfField(field), nullable: field.mode !== 'REQUIRED' }))
    const count = streamCount(table, wanted.streams_max)
    const per = Math.ceil(table.rows / Math.max(1, count))
    // Rows that are added later lie behind the last one of now; in a table with gaps the last stream reads to its end.
    const end = table.config.rewritten_ms === undefined ? table.rows : Number.MAX_SAFE_INTEGER
    const streams = Array.from({ length: count }, (_, index) => ({ name: `${name}/streams/${index}`, from: index * per, to: index === count - 1 ? end : (index + 1) * per }))
    const session: ReadSession = {
      name, table, fields, columns: chosen.map(({ column }) => column), relation: relation.relation, where: filters.length === 0 ? undefined : filters.map((filter) => `(${filter})`).join(' AND '), streams, rows: table.rows,
      expires_ms: this.clock.now_ms() + READ_SESSION_AGE_MS, schema: await this.engine.call('arrowSchema', { fields }),
    }
    this.remember(session)
    return session
  }

  read(streamName: string, offset: number, signal: AbortSignal): { schema: Uint8Array; batches: AsyncGenerator<ArrowBatch> } {
    const session = this.sessions.get(streamName.replace(/\/streams\/\d+$/, ''))
    const stream = session?.streams.find(({ name }) => name === streamName)
    if (!session || !stream || session.expires_ms < this.clock.now_ms()) throw new Fault('NOT_FOUND', 'notFound', `Not found: read stream ${streamName.slice(0, 200)}`)
    const { relation, columns, fields, where } = session
    const batches = this.engine.stream({ relation, columns, fields, from: stream.from, to: stream.to, skip: offset, rows_max: Number.MAX_SAFE_INTEGER, ...(where !== undefined && { where }) }, { signal })
    return { schema: session.schema, batches }
  }

  private chosen<C extends { field: { name: string } }>(all: readonly C[], given: string): C {
    const name = given.split('.')[0]!.replaceAll('`', '').toLowerCase()
    const found = all.find(({ field }) => field.name.toLowerCase() === name)
    if (!found) throw invalid(`request failed: The following selected fields do not exist in the table schema: ${given.slice(0, 200)}`)
    return found
  }

  /** The statement whose filter means the same is compiled for the text in the engine's language. */
  private async restriction({ path, restriction, projectId, user }: SessionWanted): Promise<string> {
    const full = `\`${path.projectId}.${path.datasetId}.${path.tableId}\``
    const statement = await this.compiler.compile(`CREATE ROW ACCESS POLICY restriction ON ${full} GRANT TO ('allAuthenticatedUsers') FILTER USING (${restriction})`, { projectId, catalog: this.catalog.for({ projectId, user }) })
    if (statement.kind !== 'ddl' || statement.ddl.action !== 'createRowAccessPolicy') throw invalid(`request failed: Invalid row restriction: ${restriction.slice(0, 200)}`)
    return statement.ddl.filterDuckSql
  }

  private remember(session: ReadSession): void {
    this.sessions.set(session.name, session)
    for (const [name, { expires_ms }] of this.sessions) {
      if (this.sessions.size <= READ_SESSIONS_MAX && expires_ms >= this.clock.now_ms()) return
      this.sessions.delete(name)
    }
  }
}

function streamCount({ rows }: Table, streams_max: number): number {
  if (rows === 0) return 0
  const wanted = streams_max > 0 ? streams_max : Math.min(READ_STREAMS_MAX, availableParallelism())
  return Math.max(1, Math.min(wanted, READ_STREAMS_MAX, Math.ceil(rows / READ_STREAM_ROWS_MIN)))
}
