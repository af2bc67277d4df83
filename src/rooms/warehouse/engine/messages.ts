/** What the warehouse and its engine process say to each other. Types only; plain data, so that it survives the pipe. */
import type { Field, JsFunction, SqlType, Value } from '../sql/types.ts'

/** A table of the engine: ours by name, so it never needs quoting. */
export type Relation = string

export interface EngineCalls {
  applied(body: null): Promise<AppliedEntry[]>
  /** Entries that the ledger has taken over and that nothing will ask for again. */
  forget(body: { before_us: number }): Promise<void>
  query(body: QueryRequest): Promise<QueryAnswer>
  values(body: ValuesRequest): Promise<Value[][]>
  page(body: PageRequest): Promise<Page>
  count(body: { relation: Relation; where?: string }): Promise<number>
  apply(body: ApplyRequest): Promise<ApplyAnswer>
  insertRows(body: InsertRowsRequest): Promise<InsertRowsAnswer>
  sniff(body: SniffRequest): Promise<Sniffed>
  export(body: ExportRequest): Promise<{ rows: number; bytes: number }>
  arrowSchema(body: { fields: readonly ArrowField[] }): Promise<Uint8Array>
  arrow(body: ArrowRequest): AsyncIterable<ArrowBatch>
  drop(body: { relations: readonly Relation[] }): Promise<void>
  tables(body: null): Promise<string[]>
  begin(body: null): Promise<string>
  end(body: { session: string; how: 'commit' | 'rollback' }): Promise<void>
  functions(body: { functions: readonly JsFunction[] }): Promise<void>
  memory(body: null): Promise<{ rss_bytes: number; limit_bytes: number }>
}

/** What the engine itself noted inside the transaction that changed a table. */
export interface AppliedEntry {
  job: string
  physical: string
  generation: number
  rows: number
  bytes: number
  /** What the ledger was to be told, as the warehouse wrote it. */
  detail: string
  /** `changed`, `merge` and `mistakes` of the answer, as JSON. */
  outcome: string
  at_us: number
  /** False: the note is there, its table is not. */
  present: boolean
}

export interface QueryRequest {
  sql: string
  /** Where the rows go; the first page is read from there. */
  result: Relation
  types: readonly SqlType[]
  names: readonly string[]
  page: PageOptions | undefined
  session?: string
}

export interface QueryAnswer {
  rows: number
  page: Page | undefined
}

export interface ValuesRequest {
  sql: string
  types: readonly SqlType[]
  rows_max: number
  session?: string
}

export interface PageOptions {
  rows_max: number
  bytes_max: number
  timestamps: 'float' | 'int64'
}

export interface PageRequest extends PageOptions {
  relation: Relation
  columns: readonly string[]
  types: readonly SqlType[]
  names: readonly string[]
  where?: string
  /** Rows to leave out at the start, or where the page before ended. */
  skip: number
  after?: number
}

export interface Page {
  /** The rows as JSON, without the brackets around them. */
  json: Uint8Array
  rows: number
  /** Where the next page begins; absent at the end. */
  next?: number
}

export type Step =
  | { kind: 'run'; sql: string }
  /** Its changed rows are what the statement answers with. */
  | { kind: 'count'; sql: string }
  | { kind: 'mergeActions'; sql: string }
  /** CSV with lines that may be refused: up to `bad_max` of them. */
  | { kind: 'tolerant'; sql: string; bad_max: number }
  | { kind: 'avro'; file: string; name: string; table: Relation; fields: readonly Field[]; ignoreUnknown: boolean }

export interface Touched {
  physical: string
  generation: number
  detail: string
  /** For its size in bytes. */
  types: readonly SqlType[]
  columns: readonly string[]
}

export interface ApplyRequest {
  job: string
  steps: readonly Step[]
  touched: readonly Touched[]
  session?: string
}

export interface LoadMistake {
  file?: string
  line?: number
  column?: string
  message: string
}

export interface ApplyAnswer {
  changed: number
  merge?: { inserted: number; updated: number; deleted: number }
  tables: { physical: string; rows: number; bytes: number }[]
  mistakes: LoadMistake[]
}

export interface InsertRowsRequest {
  job: string
  physical: string
  generation: number
  detail: string
  fields: readonly Field[]
  /** The request's body as it came: its rows are read in the engine's process, not in the house's. */
  body: Uint8Array
  /** Defaults as DuckDB expressions, by field name. */
  defaults: Readonly<Record<string, string>>
}

export interface RowError {
  index: number
  errors: { reason: string; location: string; message: string }[]
}

export interface InsertRowsAnswer {
  errors: RowError[]
  inserted: number
  rows: number
  bytes: number
}

export interface SniffRequest {
  file: string
  format: 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET' | 'AVRO'
  gzip: boolean
  csv?: CsvShape
}

export interface CsvShape {
  delimiter?: string
  quote: string
  skip?: number
  encoding: string
  nullMarker?: string
  allowQuotedNewlines: boolean
}

export interface Sniffed {
  fields: Field[]
  /** Lines before the first row of data. */
  skip: number
  delimiter?: string
}

export interface ExportRequest {
  sql: string
  file: string
  options: string
}

export interface ArrowField {
  name: string
  type: SqlType
  nullable: boolean
}

export interface ArrowRequest {
  relation: Relation
  columns: readonly string[]
  fields: readonly ArrowField[]
  where?: string
  /** Row ids from (inclusive) to (exclusive). */
  from: number
  to: number
  skip: number
  rows_max: number
}

export interface ArrowBatch {
  batch: Uint8Array
  rows: number
}
