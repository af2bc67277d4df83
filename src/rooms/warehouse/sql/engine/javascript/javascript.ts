/** Users' JavaScript functions as scalar functions of the engine: a chunk of rows is one call of the sandbox. Runs in the engine child only. */
import {
  BIGINT, BLOB, BOOLEAN, DATE, DOUBLE, DuckDBBlobValue, DuckDBListValue, DuckDBScalarFunction, DuckDBStructValue, LIST, STRUCT, TIMESTAMPTZ, VARCHAR,
  type DuckDBConnection, type DuckDBType, type DuckDBValue,
} from '@duckdb/node-api'
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { givenType, takenType } from '../../javascript-types.ts'
import { JS_FUNCTIONS_MAX } from '../../limits.ts'
import type { JsFunction, ScalarKind, SqlType } from '../../types.ts'
import { programOf } from './program.ts'
import { Sandbox } from './sandbox.ts'

export class JavaScriptFunctions {
  readonly #clock: Pick<Clock, 'elapsed_ms'>
  readonly #registered = new Set<string>()
  #sandbox: Sandbox | undefined

  constructor(clock: Pick<Clock, 'elapsed_ms'>) {
    this.#clock = clock
  }

  /** Must be awaited before a text that calls them is run. A name stands for its text, so what is registered stays right. */
  async register(connection: DuckDBConnection, functions: readonly JsFunction[]): Promise<void> {
    if (functions.length && (!this.#sandbox || this.#sandbox.broken)) this.#sandbox = await Sandbox.open(this.#clock)
    for (const fn of functions) {
      if (this.#registered.has(fn.name)) continue
      if (this.#registered.size >= JS_FUNCTIONS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', 'Too many different JavaScript functions were used since the engine started.', { httpStatus: 400 })
      connection.registerScalarFunction(duckFunction(fn, () => this.#sandbox!))
      this.#registered.add(fn.name)
    }
  }
}

function duckFunction(fn: JsFunction, sandbox: () => Sandbox): DuckDBScalarFunction {
  const program = programOf(fn)
  const given = fn.argumentTypes.map(givenType)
  const taken = takenType(fn.returnType)
  return DuckDBScalarFunction.create({
    name: fn.name,
    parameterTypes: given.map(duckTypeOf),
    returnType: duckTypeOf(taken),
    specialHandling: true,
    mainFunction(_info, input, output) {
      const columns = given.map((_, i) => input.getColumnVector(i))
      const rows = Array.from({ length: input.rowCount }, (_, row) => columns.map((column, i) => plainOf(column.getItem(row), given[i]!)))
      const results = JSON.parse(sandbox().call(program, JSON.stringify(rows))) as Plain[]
      results.forEach((result, row) => output.setItem(row, duckOf(result, taken)))
      output.flush()
    },
  })
}

/** What JSON can carry: text, numbers, lists. */
type Plain = null | string | number | boolean | Plain[]

const SCALARS: Partial<Record<ScalarKind, DuckDBType>> = {
  BOOL: BOOLEAN, INT64: BIGINT, FLOAT64: DOUBLE, STRING: VARCHAR, BYTES: BLOB, DATE, TIMESTAMP: TIMESTAMPTZ, JSON: VARCHAR, GEOGRAPHY: VARCHAR,
}

function duckTypeOf(type: SqlType): DuckDBType {
  if (type.kind === 'ARRAY') return LIST(duckTypeOf(type.element))
  if (type.kind === 'STRUCT') return STRUCT(Object.fromEntries(type.fields.map((field, i) => [`_${i + 1}`, duckTypeOf(field.type)])))
  const found = type.kind === 'RANGE' ? undefined : SCALARS[type.kind]
  if (!found) throw new Error(`${type.kind} does not travel to JavaScript as it is`)
  return found
}

function plainOf(value: any, type: SqlType): Plain {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'ARRAY':
      return (value.items as unknown[]).map((item) => plainOf(item, type.element))
    case 'STRUCT':
      return type.fields.map((field, i) => plainOf(value.entries[`_${i + 1}`], field.type))
    case 'INT64':
      return String(value)
    case 'FLOAT64':
      return Number.isFinite(value) ? value : String(value)
    case 'BYTES':
      return Buffer.from(value.bytes).toString('base64')
    case 'DATE':
      return value.days
    case 'TIMESTAMP':
      return String(value.micros)
    default:
      return value
  }
}

function duckOf(value: Plain, type: SqlType): DuckDBValue {
  if (value === null) return null
  switch (type.kind) {
    case 'ARRAY':
      return new DuckDBListValue((value as Plain[]).map((item) => duckOf(item, type.element)))
    case 'STRUCT':
      return new DuckDBStructValue(Object.fromEntries(type.fields.map((field, i) => [`_${i + 1}`, duckOf((value as Plain[])[i] ?? null, field.type)])))
    case 'INT64':
      return int64(String(value))
    case 'FLOAT64':
      return Number(value)
    case 'BYTES':
      return new DuckDBBlobValue(Buffer.from(String(value), 'base64'))
    default:
      return value as DuckDBValue
  }
}

function int64(text: string): bigint {
  const value = BigInt(text)
  if (value !== BigInt.asIntN(64, value)) throw new Error(`Failed to coerce output value ${text} to type INT64`)
  return value
}
