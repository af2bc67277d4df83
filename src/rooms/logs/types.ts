/** A log entry as the API's JSON shows it, and the few fields by which entries are found. */

export type Severity = 'DEFAULT' | 'DEBUG' | 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR' | 'CRITICAL' | 'ALERT' | 'EMERGENCY'

export const SEVERITIES: readonly Severity[] = ['DEFAULT', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY']

export interface LogEntry {
  /** `projects/P/logs/ID`, the id percent-encoded. */
  logName: string
  resource: { type: string; labels: Record<string, string> }
  timestamp: string
  receiveTimestamp: string
  severity: Severity
  insertId: string
  labels?: Record<string, string>
  textPayload?: string
  jsonPayload?: Record<string, unknown>
  trace?: string
  spanId?: string
  [field: string]: unknown
}

export interface StoredEntry {
  seq: number
  entry: LogEntry
}
