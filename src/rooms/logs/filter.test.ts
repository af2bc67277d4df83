/** The Logging query language, as clients and people write it. */
import { describe, expect, test } from 'vitest'
import { accepts, parseFilter, timeBounds } from './filter.ts'
import type { LogEntry } from './types.ts'

const entry: LogEntry = {
  logName: 'projects/p/logs/run.googleapis.com%2Fstderr',
  resource: { type: 'cloud_run_revision', labels: { service_name: 'ingest-data', location: 'europe-west3' } },
  timestamp: '2026-11-20T10:00:00.000Z', receiveTimestamp: '2026-11-20T10:00:00.000Z', severity: 'ERROR', insertId: '1',
  labels: { 'goog-managed-by': 'cloudfunctions', execution_id: 'x1' },
  textPayload: 'Traceback: ValueError in file-7.csv',
  jsonPayload: { took_ms: 12, parts: ['a', 'b'] },
}

const YES = [
  '',
  'severity>=WARNING',
  'severity=(ERROR OR CRITICAL)',
  'textPayload:"valueerror"',
  'file-7.csv',
  '"Traceback: ValueError"',
  'labels."goog-managed-by"="cloudfunctions"',
  'resource.labels.service_name="ingest-data" AND resource.labels.location=europe-west3',
  'resource.labels.service_name="ingest-data" severity=ERROR',
  'NOT severity=DEBUG',
  '-severity=DEBUG',
  'textPayload=~"file-[0-9]+"',
  'textPayload!~"file-8"',
  'jsonPayload.took_ms>10',
  'jsonPayload.parts="b"',
  'jsonPayload.took_ms:*',
  'timestamp>="2026-11-20T00:00:00Z" timestamp<"2026-11-21T00:00:00Z"',
  // What gcloud sends for `functions logs read`.
  '(resource.type="cloud_function" resource.labels.function_name="ingest_data") OR (resource.type="cloud_run_revision" logName:"run.googleapis.com" labels."goog-managed-by"="cloudfunctions" resource.labels.service_name="ingest-data") timestamp>="2026-11-13T11:25:20Z"',
]
const NO = ['severity>ERROR', 'severity<ERROR', 'resource.type="cloud_function"', 'nothing-like-it', 'jsonPayload.none:*', 'timestamp>"2026-11-21T00:00:00Z"', 'severity=DEBUG OR severity=INFO', 'severity=ERROR AND NOT textPayload:csv']
const BROKEN = ['severity>=', '(severity=ERROR', 'severity=ERROR)', 'a=(b OR', 'textPayload=~"("', 'textPayload=~"(a+)+$"', `${'('.repeat(100)}a${')'.repeat(100)}`]

describe('accepts', () => {
  test.each(YES)('%s', (filter) => expect(accepts(parseFilter(filter), entry)).toBe(true))
})
describe('leaves out', () => {
  test.each(NO)('%s', (filter) => expect(accepts(parseFilter(filter), entry)).toBe(false))
})
describe('refuses', () => {
  test.each(BROKEN)('%s', (filter) => expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' })))
})

test('OR binds tighter than what stands side by side', () => {
  const filter = parseFilter('severity=DEBUG OR severity=ERROR resource.type="cloud_function"')
  expect(accepts(filter, entry)).toBe(false)
  expect(accepts(filter, { ...entry, resource: { type: 'cloud_function', labels: {} } })).toBe(true)
})

test('only bounds that hold for every entry narrow what is read', () => {
  expect(timeBounds(parseFilter('a=b timestamp>="2026-01-01T00:00:00Z"'))).toEqual({ from_ms: Date.UTC(2026, 0, 1) })
  expect(timeBounds(parseFilter('a=b OR timestamp>="2026-01-01T00:00:00Z"'))).toEqual({})
})
