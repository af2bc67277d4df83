/**
 * The seam between the GoogleSQL side of the warehouse and the rest of it: what the warehouse gives (a catalog, a script
 * host, an engine connection) and what it gets (compiled statements as data, a script run, cell encoders).
 * Types only. How each BigQuery type lies in DuckDB is the table in README.md of this folder.
 *
 * The way of one query job:
 *   compiled = await compiler.compile(text, options)          in main; the work is done in the analyzer child, and cached
 *   compiled.kind === 'script' ? runScript(...) : carry out   `carry out` = read the union `Statement` below
 *   engine.run(bindDuckSql(compiled.duckSql, values))         in the engine child
 *   encodeColumns(...)                                        in the engine child: DuckDB chunks -> {f:[{v}]} rows
 */

// ---------------------------------------------------------------- types and fields

/** BigQuery's scalar type names in their standard spelling. */
export type ScalarKind =
  | 'BOOL' | 'INT64' | 'FLOAT64' | 'NUMERIC' | 'BIGNUMERIC' | 'STRING' | 'BYTES' | 'DATE' | 'TIME' | 'DATETIME'
  | 'TIMESTAMP' | 'INTERVAL' | 'JSON' | 'GEOGRAPHY' | 'UUID'

/** A StandardSqlDataType without wire spelling. A struct field may be without name, and names may repeat. */
export type SqlType =
  | { kind: ScalarKind }
  | { kind: 'ARRAY'; element: SqlType }
  | { kind: 'STRUCT'; fields: readonly SqlField[] }
  | { kind: 'RANGE'; element: SqlType }

export interface SqlField {
  name: string
  type: SqlType
}

/** BigQuery's TableFieldSchema as its REST API spells it (type names INTEGER, FLOAT, BOOLEAN, RECORD …). */
export interface Field {
  name: string
  type: FieldType
  mode?: 'NULLABLE' | 'REQUIRED' | 'REPEATED'
  fields?: Field[]
  description?: string
  /** Decimal digits as text, as on the wire. */
  precision?: string
  scale?: string
  maxLength?: string
  collation?: string
  roundingMode?: string
  /** GoogleSQL text, as on the wire. */
  defaultValueExpression?: string
  rangeElementType?: { type: 'DATE' | 'DATETIME' | 'TIMESTAMP' }
  policyTags?: { names: string[] }
}

export type FieldType =
  | 'STRING' | 'BYTES' | 'INTEGER' | 'FLOAT' | 'BOOLEAN' | 'TIMESTAMP' | 'DATE' | 'TIME' | 'DATETIME' | 'NUMERIC'
  | 'BIGNUMERIC' | 'GEOGRAPHY' | 'RECORD' | 'JSON' | 'INTERVAL' | 'RANGE'

/**
 * One value outside the engine: parameters and script variables. Scalars are text in the form of BigQuery's parameter
 * values (INT64 '1', FLOAT64 'NaN', BYTES base64, TIMESTAMP '2020-01-02 03:04:05.678901+00', RANGE '[a, b)'),
 * arrays and structs (by position) are arrays.
 */
export type Value = null | string | readonly Value[]

export interface TypedValue {
  type: SqlType
  value: Value
}

// ---------------------------------------------------------------- catalog (given by the warehouse, one per job)

/** A name as resolved: default project and default dataset are already applied. */
export interface TablePath {
  projectId: string
  datasetId: string
  tableId: string
}

/** For one-part names that may be temporary, `datasetId` is absent when the job has no default dataset. */
export interface NameRef {
  /** The parts as written, with the dots inside back-quotes split: `p.d.t`, d.t, t. Always at least one. */
  written: readonly string[]
  projectId: string
  datasetId?: string
  id: string
}

/** A column as the analyzer sees it. */
export interface CatalogColumn extends Field {
  /** The DuckDB expression over the relation: a quoted column name as a rule. */
  column: string
  /** Pseudo columns (_PARTITIONTIME, _PARTITIONDATE, _TABLE_SUFFIX by us, …) are not in SELECT *. */
  pseudo?: boolean
}

interface CatalogEntryCommon {
  path: TablePath
  /** Changes whenever the answer for this name would change (schema, view text, drop and create): the compile cache's key. */
  version: string
}

export interface CatalogTable extends CatalogEntryCommon {
  kind: 'table'
  columns: readonly CatalogColumn[]
  /** DuckDB text that stands after FROM: a quoted name or a parenthesised query. INFORMATION_SCHEMA is given so too. */
  relation: string
  /** DuckDB's name of the table for INSERT / UPDATE / DELETE / MERGE / TRUNCATE; absent for what cannot be written. */
  target?: string
  /** Statements on a table with this flag must filter on the partition column (400 otherwise). */
  requirePartitionFilter?: boolean
  /** Name of the partitioning column (`_PARTITIONTIME` for ingestion time). */
  partitionColumn?: string
  /** A boolean DuckDB expression over the relation's columns for row access policies; absent: all rows. */
  rowFilter?: string
  /** For the bytes estimate of a dry run; per top-level column where known. */
  bytes?: number
}

export interface CatalogView extends CatalogEntryCommon {
  kind: 'view'
  /** GoogleSQL of the view. Compiled by us, with the view's own project and dataset as defaults. */
  query: string
  /** Known columns (descriptions, renamed columns of `CREATE VIEW v(a, b)`): names by position. */
  columnNames?: readonly string[]
}

/** A materialized view refreshed on read is given as a `view`, or as a `table` after the warehouse refreshed it. */
export type CatalogRelation = CatalogTable | CatalogView

export interface RoutineArgument {
  name?: string
  /** Absent for ANY TYPE. For TABLE arguments of table functions see `table`. */
  type?: SqlType
  mode?: 'IN' | 'OUT' | 'INOUT'
  /** NOT AGGREGATE, of aggregate functions. */
  notAggregate?: boolean
}

export interface CatalogRoutine {
  kind: 'scalar' | 'aggregate' | 'table' | 'procedure'
  path: TablePath
  version: string
  language: 'SQL' | 'JAVASCRIPT'
  arguments: readonly RoutineArgument[]
  /** Absent: inferred from the body (SQL). */
  returnType?: SqlType
  /** For table functions with RETURNS TABLE<…>. */
  returnColumns?: readonly SqlField[]
  /** SQL: the expression, the query (table functions) or BEGIN … END (procedures). JavaScript: the function body. */
  body: string
  /** JavaScript libraries, already fetched, in order. */
  libraries?: readonly string[]
  determinism?: 'DETERMINISTIC' | 'NOT_DETERMINISTIC'
}

export interface CatalogSource {
  /** `undefined`: no such table; we then answer 404 notFound with Google's text. `at_us`: FOR SYSTEM_TIME AS OF, throws a Fault if out of the window. */
  relation(name: NameRef, at_us?: number): Promise<CatalogRelation | undefined>
  /** All tables whose id starts with `prefix`, newest first (the newest gives the schema); views left out. */
  wildcard(projectId: string, datasetId: string, prefix: string): Promise<readonly CatalogTable[]>
  routine(name: NameRef): Promise<CatalogRoutine | undefined>
}

// ---------------------------------------------------------------- compiled statements

export interface CompileOptions {
  projectId: string
  defaultDataset?: { projectId: string; datasetId: string }
  catalog: CatalogSource
  /** Types are part of the cache key, values are not: they are put in by `bindDuckSql`. */
  parameters?: QueryParameters
  /** The engine can run JavaScript functions (in a process of their own). Without it a call of one is refused by name. */
  javascript?: boolean
  /** `@@name` values; time_zone also moves the session zone of DuckDB text that depends on it. */
  systemVariables?: Readonly<Record<string, TypedValue>>
  /** The job's start in microseconds: CURRENT_TIMESTAMP() inside FOR SYSTEM_TIME AS OF. */
  now_us?: number
  signal?: AbortSignal
  deadline_ms?: number
}

export type QueryParameters =
  | { mode: 'named'; values: Readonly<Record<string, TypedValue>> }
  | { mode: 'positional'; values: readonly TypedValue[] }

/** The statement type as it stands in `statistics.query.statementType`: SELECT, INSERT, CREATE_TABLE_AS_SELECT, SCRIPT … */
export type StatementType = string

interface StatementCommon {
  statementType: StatementType
  /** Tables read or written (views: the view and what it reads), for statistics.query.referencedTables. */
  referencedTables: readonly TablePath[]
  referencedRoutines: readonly TablePath[]
  /** Undeclared parameters found by the analyzer (for dry runs), with inferred types. */
  undeclaredParameters?: readonly { name?: string; type: SqlType }[]
  /** JavaScript functions that the engine must have registered before the text runs. */
  jsFunctions?: readonly JsFunction[]
  /** Sum of CatalogTable.bytes of what is read. */
  bytesEstimate: number
}

export interface JsFunction {
  /** The DuckDB function name that duckSql calls. */
  name: string
  argumentNames: readonly string[]
  argumentTypes: readonly SqlType[]
  returnType: SqlType
  body: string
  libraries: readonly string[]
}

/**
 * A text for the engine. Parameters stand in it as markers; `bindDuckSql(text, options)` (bind.ts) puts typed literals in their
 * place. Run it only after binding.
 */
export type DuckSql = string

export interface CompiledQuery {
  duckSql: DuckSql
  /** Real BigQuery names: duplicates kept, anonymous columns named f0_, f1_ … Column i of the DuckDB result is field i. */
  schema: readonly Field[]
  /** The same columns as recursive types, exact (REPEATED is ARRAY). */
  types: readonly SqlType[]
  /** True: the outer query has ORDER BY, so row order must be kept on the way out. */
  ordered: boolean
}

export interface QueryStatement extends StatementCommon, CompiledQuery {
  kind: 'query'
}

export interface DmlStatement extends StatementCommon {
  kind: 'dml'
  verb: 'INSERT' | 'UPDATE' | 'DELETE' | 'MERGE' | 'TRUNCATE'
  target: TablePath
  /** Run in order in one engine transaction. Guards are SELECTs that raise; their rows are not read. */
  guards: readonly DuckSql[]
  duckSql: DuckSql
  /**
   * Where the counts come from: `changed` = DuckDB's count of changed rows, all under `verb`;
   * `mergeAction` = the text RETURNs one row per changed row, its only column is 'INSERT' | 'UPDATE' | 'DELETE'.
   */
  counts: 'changed' | 'mergeAction'
}

/** OPTIONS(...) entries, evaluated: numbers and booleans as text, arrays and structs as arrays; `sql` is the text as written. */
export interface Option {
  name: string
  type?: SqlType
  value?: Value
  /** DuckDB expression of a value that is not a constant. Bind, run as SELECT, and take the value. */
  duckSql?: DuckSql
}

export type CreateMode = 'default' | 'orReplace' | 'ifNotExists'

export interface PartitionBy {
  /** Column, or `_PARTITIONTIME` / `_PARTITIONDATE` for ingestion time. */
  column: string
  granularity: 'HOUR' | 'DAY' | 'MONTH' | 'YEAR' | 'RANGE'
  range?: { start: string; end: string; interval: string }
}

export interface Constraint {
  kind: 'primaryKey' | 'foreignKey'
  name?: string
  columns: readonly string[]
  references?: { table: TablePath; columns: readonly string[] }
}

export interface CreateTable {
  action: 'createTable'
  path: TablePath
  mode: CreateMode
  temp: boolean
  /** Also set for CTAS without a column list (then taken from the query). */
  fields: readonly Field[]
  /** CTAS: rows for the new table; column i goes to field i. */
  query?: CompiledQuery
  like?: TablePath
  copy?: TablePath
  clone?: { source: TablePath; at_us?: number; snapshot: boolean }
  external?: boolean
  partitionBy?: PartitionBy
  clusterBy?: readonly string[]
  constraints?: readonly Constraint[]
  defaultCollation?: string
  options: readonly Option[]
}

export interface CreateView {
  action: 'createView'
  path: TablePath
  mode: CreateMode
  materialized: boolean
  /** GoogleSQL text of the query as written. */
  query: string
  /** The fields as analyzed now (descriptions from the column list). */
  fields: readonly Field[]
  /** Present when the statement named its columns. */
  columnNames?: readonly string[]
  partitionBy?: PartitionBy
  clusterBy?: readonly string[]
  options: readonly Option[]
}

export interface CreateRoutine {
  action: 'createRoutine'
  mode: CreateMode
  temp: boolean
  routine: CatalogRoutine
  options: readonly Option[]
}

export type AlterStep =
  | { step: 'addColumn'; field: Field; ifNotExists: boolean; default?: DuckSql }
  | { step: 'dropColumn'; name: string; ifExists: boolean }
  | { step: 'renameColumn'; from: string; to: string; ifExists: boolean }
  | { step: 'columnType'; name: string; field: Field; ifExists: boolean }
  | { step: 'columnDefault'; name: string; expression: string | null; ifExists: boolean }
  | { step: 'columnNotNull'; name: string; notNull: boolean; ifExists: boolean }
  | { step: 'columnOptions'; name: string; options: readonly Option[]; ifExists: boolean }
  | { step: 'options'; options: readonly Option[] }
  | { step: 'renameTo'; tableId: string }
  | { step: 'defaultCollation'; collation: string }
  | { step: 'addConstraint'; constraint: Constraint; ifNotExists: boolean }
  | { step: 'dropConstraint'; name: string; ifExists: boolean }
  | { step: 'dropPrimaryKey'; ifExists: boolean }

export type ObjectKind =
  | 'TABLE' | 'EXTERNAL TABLE' | 'VIEW' | 'MATERIALIZED VIEW' | 'SNAPSHOT TABLE' | 'SCHEMA' | 'FUNCTION' | 'TABLE FUNCTION'
  | 'PROCEDURE' | 'ROW ACCESS POLICY' | 'SEARCH INDEX' | 'VECTOR INDEX'

export type Ddl =
  | CreateTable
  | CreateView
  | CreateRoutine
  | { action: 'createSchema'; projectId: string; datasetId: string; mode: CreateMode; defaultCollation?: string; options: readonly Option[] }
  | { action: 'createRowAccessPolicy'; path: TablePath; name: string; mode: CreateMode; grantees: readonly string[]; filter: string; filterDuckSql: DuckSql }
  | { action: 'createIndex'; index: 'SEARCH' | 'VECTOR'; path: TablePath; name: string; mode: CreateMode; columns: readonly string[]; options: readonly Option[] }
  | { action: 'alter'; object: ObjectKind; path: TablePath; ifExists: boolean; steps: readonly AlterStep[] }
  | { action: 'drop'; object: ObjectKind; path: TablePath; name?: string; ifExists: boolean; cascade: boolean }
  | { action: 'undrop'; object: 'SCHEMA'; path: TablePath; ifNotExists: boolean }
  | { action: 'grant' | 'revoke'; roles: readonly string[]; object: string; path: TablePath; grantees: readonly string[] }

/** SCHEMA objects carry their dataset in `path` with tableId ''. */
export interface DdlStatement extends StatementCommon {
  kind: 'ddl'
  ddl: Ddl
}

export interface ExportStatement extends StatementCommon {
  kind: 'export'
  query: CompiledQuery
  options: readonly Option[]
}

export interface LoadStatement extends StatementCommon {
  kind: 'load'
  target: TablePath
  overwrite: boolean
  temp: boolean
  fields?: readonly Field[]
  partitionBy?: PartitionBy
  clusterBy?: readonly string[]
  options: readonly Option[]
  /** FROM FILES(...) */
  from: readonly Option[]
}

export interface TransactionStatement extends StatementCommon {
  kind: 'transaction'
  action: 'begin' | 'commit' | 'rollback'
}

/** More than one statement, or one that only a script may hold: give the text to `runScript`. */
export interface ScriptStatement extends StatementCommon {
  kind: 'script'
}

export type Statement =
  | QueryStatement | DmlStatement | DdlStatement | ExportStatement | LoadStatement | TransactionStatement | ScriptStatement

export interface Compiler {
  /**
   * A text of one statement (or CREATE TEMP FUNCTION … followed by one statement) gives that statement; anything longer `script`.
   * Throws Faults: invalidQuery (400, with `[at line:column]` in Google's text and details.line / details.column), notFound (404),
   * notImplemented (501), and stopped / timeout of `signal` and deadline.
   */
  compile(text: string, options: CompileOptions): Promise<Statement>
  /** Start the child and warm it in the background; nothing happens before the first call otherwise. */
  warm(): Promise<void>
  stop(): Promise<void>
}

// ---------------------------------------------------------------- scripts

/** One statement of a script as a child job. The warehouse makes the job record; ids are its own. */
export interface ChildJob {
  /** 0, 1, 2 … in order of execution. */
  index: number
  /** The statement's text, for configuration.query.query. */
  text: string
  /** statistics.scriptStatistics: STATEMENT or EXPRESSION, and the stack, innermost first. */
  evaluationKind: 'STATEMENT' | 'EXPRESSION'
  stackFrames: readonly { startLine: number; startColumn: number; endLine: number; endColumn: number; text: string; procedureId?: string }[]
}

export interface StatementOutcome {
  /** For @@row_count. */
  affectedRows?: number
  jobId?: string
  bytesProcessed?: number
}

export interface ScriptHost {
  catalog: CatalogSource
  projectId: string
  defaultDataset?: { projectId: string; datasetId: string }
  signal?: AbortSignal
  /** Carry out one statement as a child job. `statement` is bound: its texts run as they are. Temp tables live for the script. */
  run(statement: Exclude<Statement, ScriptStatement>, child: ChildJob): Promise<StatementOutcome>
  /** Rows of an expression or of a FOR loop's query, as values by `types`; at most `rows_max`, more is a Fault. No result table. */
  rows(query: CompiledQuery, child: ChildJob, rows_max: number): Promise<readonly (readonly Value[])[]>
  /** Roll back what an EXCEPTION handler or the script's end finds open; no-op where nothing is. */
  rollback(): Promise<void>
}

export interface ScriptOutcome {
  /** Child jobs run. */
  statements: number
  /** The index of the last child whose statement was a query: its rows are the script's rows. */
  resultChild?: number
}
