/** The things of the warehouse room as plain data, the same from shelf to door. */
import type { Field, TablePath } from './sql/types.ts'

export type Json = Record<string, unknown>

export interface DatasetRef {
  projectId: string
  datasetId: string
}

export interface Dataset extends DatasetRef {
  location: string
  /** Grows with every change; the etag follows from it. */
  version: number
  created_ms: number
  updated_ms: number
  /** What a client may set and read back, in the API's own names: description, labels, access, defaultTableExpirationMs … */
  config: Json
}

export type TableKind = 'TABLE' | 'VIEW' | 'MATERIALIZED_VIEW' | 'SNAPSHOT' | 'EXTERNAL'

export interface Table extends TablePath {
  kind: TableKind
  /** Its table in the engine; null for a view. */
  physical: string | null
  /** Grows with every change of the rows; the engine notes it in the same commit. */
  generation: number
  rows: number
  bytes: number
  /** Grows with every change of the table, rows or not. */
  version: number
  created_ms: number
  updated_ms: number
  expires_ms: number | null
  fields: Field[]
  config: TableConfig
  /** Why its rows cannot be trusted, where the engine and the ledger disagree. */
  damage: string | null
}

export interface TableConfig {
  description?: string
  friendlyName?: string
  labels?: Record<string, string>
  timePartitioning?: { type: string; field?: string; expirationMs?: string; requirePartitionFilter?: boolean }
  rangePartitioning?: { field: string; range: { start: string; end: string; interval: string } }
  clustering?: { fields: string[] }
  requirePartitionFilter?: boolean
  view?: { query: string; useLegacySql?: boolean; columnNames?: readonly string[] }
  materializedView?: { query: string; enableRefresh?: boolean; refreshIntervalMs?: string }
  /** Before this time (in milliseconds) rows are only known by the versions that were kept; null: every row was only ever appended. */
  rewritten_ms?: number
  [key: string]: unknown
}

export interface Routine extends DatasetRef {
  routineId: string
  version: number
  created_ms: number
  updated_ms: number
  /** The routine in the API's own names, without what the house adds. */
  config: Json
}

export interface RowPolicy extends TablePath {
  policyId: string
  created_ms: number
  updated_ms: number
  grantees: string[]
  /** GoogleSQL, as written. */
  filter: string
}

/** An earlier state of a table's rows. */
export interface Version extends TablePath {
  physical: string
  generation: number
  rows: number
  from_ms: number
  fields: Field[]
  /** Set once the table no longer has these rows; the engine's table is then kept for a while. */
  retired_ms: number | null
}

export type JobKind = 'QUERY' | 'LOAD' | 'EXTRACT' | 'COPY'
export type JobState = 'PENDING' | 'RUNNING' | 'DONE'

export interface JobRef {
  projectId: string
  jobId: string
}

export interface ErrorProto {
  reason: string
  message: string
  location?: string
  debugInfo?: string
}

export interface Job extends JobRef {
  location: string
  kind: JobKind
  state: JobState
  created_ms: number
  started_ms: number | null
  ended_ms: number | null
  user: string
  /** The request's configuration with what the house filled in, echoed to the client. */
  configuration: Json
  statistics: Json
  error: ErrorProto | null
  errors: ErrorProto[]
  parent: string | null
}

export type { Field, TablePath }
