/** DuckDB's words -> Faults in BigQuery's words. An internal text of DuckDB never reaches the user. */
import { Fault } from '#ground/fault.ts'

const WORDS: readonly [RegExp, (match: RegExpExecArray) => string][] = [
  [/^Not implemented Error: Unknown TimeZone '([\s\S]*?)'!/, (m) => `Invalid time zone: ${m[1]}`],
  [/^Conversion Error: Could not convert string '([\s\S]*?)' to INT64/, (m) => `Bad int64 value: ${m[1]}`],
  [/^Conversion Error: Could not convert string '([\s\S]*?)' to DOUBLE/, (m) => `Bad double value: ${m[1]}`],
  [/^Conversion Error: (?:date|timestamp|time) field value out of range: "([^"]*)"/i, (m) => `Invalid date or time: ${m[1]}`],
  [/^Conversion Error: invalid (date|timestamp|time) field format: "([^"]*)"/i, (m) => `Invalid ${m[1]}: ${m[2]}`],
  [/^Conversion Error: Type (\w+) with value (\S+) can't be cast .* out of range/, (m) => `Value out of range: ${m[2]}`],
  [/^Out of Range Error: Overflow in (\w+) of INT64 \((.*?)\)/, (m) => `int64 overflow: ${m[2]}`],
  [/^Out of Range Error: Overflow in (\w+) of DECIMAL/, () => `numeric overflow`],
  [/^Out of Range Error: ([\s\S]*)/, (m) => `Value out of range: ${m[1]}`],
  [/^Conversion Error: ([\s\S]*)/, (m) => `Invalid value: ${m[1]}`],
  [/More than one row returned by a subquery|Scalar subquery can only return a single row/i, () => 'Scalar subquery produced more than one element'],
  [/^Invalid Input Error: (?:TransactionContext Error: )?([\s\S]*)/, (m) => m[1]!],
]

export function faultOfEngine(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (/^INTERRUPT/i.test(message)) return new Fault('CANCELLED', 'stopped', 'Job execution was cancelled: User requested cancellation')
  if (/^Out of Memory Error/.test(message)) return new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', 'Resources exceeded during query execution: The query could not be executed in the allotted memory.', { httpStatus: 400 })
  if (/^TransactionContext Error: (?:Conflict|Failed to commit)/.test(message)) return new Fault('ABORTED', 'invalidQuery', 'Transaction is aborted due to concurrent update against the table.', { httpStatus: 400 })
  if (/^Constraint Error: NOT NULL constraint failed: (?:\S*\.)?(\S+)/.test(message)) return new Fault('INVALID_ARGUMENT', 'invalidQuery', `Required field ${/\.([^.\s]+)$/.exec(message)?.[1] ?? ''} cannot be null`)
  for (const [pattern, words] of WORDS) {
    const match = pattern.exec(message)
    if (match) return new Fault('INVALID_ARGUMENT', 'invalidQuery', words(match).replace(/\n+LINE \d+:[\s\S]*$/, '').trim(), { details: { location: 'query' } })
  }
  // A text that we generated and DuckDB cannot bind: a hole in the generator, not the user's mistake.
  if (/^(?:Binder|Catalog|Parser|Not implemented|INTERNAL) Error/i.test(message)) {
    return new Fault('UNIMPLEMENTED', 'notImplemented', 'This query uses a combination of features that is not supported.', { hint: 'COMPAT.md lists what SQL is answered.', cause: thrown })
  }
  return new Fault('INTERNAL', 'internalError', 'The query engine met an error of its own.', { cause: thrown })
}
