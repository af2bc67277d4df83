/** Registers our functions in DuckDB; runs in the engine child when it has opened the database, before user SQL is locked down. */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Clock } from '#ground/clock.ts'
import { bytes } from './functions/bytes.ts'
import { debug } from './functions/format.ts'
import { geography } from './functions/geography.ts'
import { json } from './functions/json.ts'
import { numberFormats } from './functions/number-format.ts'
import { numbers } from './functions/numbers.ts'
import { regexps } from './functions/regexp.ts'
import { search } from './functions/search.ts'
import { text } from './functions/text.ts'
import { times } from './functions/times.ts'
import { raiseFunction } from './raise.ts'
import { duckFunction, type ScalarFunction } from './scalar.ts'

export function allFunctions(clock: Pick<Clock, 'now_ms'>): ScalarFunction[] {
  return [
    ...numbers, ...text, ...regexps, ...bytes, ...times(clock.now_ms), ...json, ...search, ...geography, ...numberFormats,
    { name: 'gs_debug', parameters: ['VARCHAR', 'BOOLEAN', 'VARCHAR'], returns: 'VARCHAR', nulls: true, run: (type: string, literal: boolean, value: string | null) => debug(type, literal, value) },
  ]
}

/** Functions are seen by every connection of the instance; settings are the caller's own connection's. */
export function registerFunctions(connection: DuckDBConnection, clock: Pick<Clock, 'now_ms'>): void {
  connection.registerScalarFunction(raiseFunction())
  for (const spec of allFunctions(clock)) connection.registerScalarFunction(duckFunction(spec))
}

/** What every connection that runs compiled text must have set. */
export const CONNECTION_SETTINGS: readonly string[] = [`SET TimeZone = 'UTC'`, `SET Calendar = 'gregorian'`]
