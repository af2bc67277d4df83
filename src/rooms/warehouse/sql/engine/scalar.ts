/** Our scalar functions in DuckDB: how one is described, and how its values travel. Runs in the engine child only. */
import {
  DuckDBBlobValue, DuckDBDecimalValue, DuckDBIntervalValue, DuckDBListValue, DuckDBScalarFunction, DuckDBStructValue, DuckDBTimestampTZValue, DuckDBTimestampValue,
  ANY, BIGINT, BIGNUM, BLOB, BOOLEAN, DECIMAL, DOUBLE, INTERVAL, LIST, STRUCT, TIMESTAMP, TIMESTAMPTZ, UBIGINT, VARCHAR, type DuckDBType, type DuckDBValue,
} from '@duckdb/node-api'

/** Spelled as in SQL; NUMERIC is DECIMAL(38,9). */
export type Kind = string

export interface Interval {
  months: number
  days: number
  micros: bigint
}

export interface ScalarFunction {
  name: string
  parameters: readonly Kind[]
  returns: Kind
  /** Arguments in natural form: string, bigint, number, boolean, Uint8Array, Interval, bigint micros or scaled decimal, arrays. */
  run: (...args: any[]) => unknown
  /** Called with NULLs too; otherwise NULL in, NULL out. */
  nulls?: boolean
}

interface Codec {
  type: DuckDBType
  read(value: any): unknown
  write(value: any): DuckDBValue
}

const same = (type: DuckDBType): Codec => ({ type, read: (value) => value, write: (value) => value })

const CODECS: Record<string, Codec> = {
  VARCHAR: same(VARCHAR),
  BOOLEAN: same(BOOLEAN),
  BIGINT: same(BIGINT),
  UBIGINT: same(UBIGINT),
  DOUBLE: same(DOUBLE),
  BIGNUM: same(BIGNUM),
  ANY: same(ANY),
  BLOB: { type: BLOB, read: (value: DuckDBBlobValue) => value.bytes, write: (value: Uint8Array) => new DuckDBBlobValue(value) },
  NUMERIC: { type: DECIMAL(38, 9), read: (value: DuckDBDecimalValue) => value.value, write: (value: bigint) => new DuckDBDecimalValue(value, 38, 9) },
  TIMESTAMP: { type: TIMESTAMP, read: (value: DuckDBTimestampValue) => value.micros, write: (value: bigint) => new DuckDBTimestampValue(value) },
  TIMESTAMPTZ: { type: TIMESTAMPTZ, read: (value: DuckDBTimestampTZValue) => value.micros, write: (value: bigint) => new DuckDBTimestampTZValue(value) },
  INTERVAL: {
    type: INTERVAL,
    read: (value: DuckDBIntervalValue): Interval => ({ months: value.months, days: value.days, micros: value.micros }),
    write: (value: Interval) => new DuckDBIntervalValue(value.months, value.days, value.micros),
  },
  TAGGED: {
    type: STRUCT({ t: VARCHAR, v: VARCHAR }),
    read: (value: DuckDBStructValue) => ({ t: value.entries['t'], v: value.entries['v'] }),
    write: (value) => new DuckDBStructValue(value),
  },
  TERM: { type: STRUCT({ term: VARCHAR, count: BIGINT }), read: (value: DuckDBStructValue) => value.entries, write: (value) => new DuckDBStructValue(value) },
}

function codec(kind: Kind): Codec {
  if (!kind.endsWith('[]')) {
    const found = CODECS[kind]
    if (!found) throw new Error(`no codec for ${kind}`)
    return found
  }
  const element = codec(kind.slice(0, -2))
  return {
    type: LIST(element.type),
    read: (value: DuckDBListValue) => value.items.map((item) => (item === null ? null : element.read(item))),
    write: (value: readonly unknown[]) => new DuckDBListValue(value.map((item) => (item === null || item === undefined ? null : element.write(item)))),
  }
}

export function duckFunction(spec: ScalarFunction): DuckDBScalarFunction {
  const parameters = spec.parameters.map(codec)
  const returns = codec(spec.returns)
  const { run, nulls } = spec
  return DuckDBScalarFunction.create({
    name: spec.name,
    parameterTypes: parameters.map((each) => each.type),
    returnType: returns.type,
    specialHandling: nulls ?? false,
    mainFunction(_info, input, output) {
      const columns = parameters.map((_, i) => input.getColumnVector(i))
      const args: unknown[] = new Array(columns.length)
      rows: for (let row = 0; row < input.rowCount; row++) {
        for (let i = 0; i < columns.length; i++) {
          const value = columns[i]!.getItem(row)
          if (value === null) {
            if (!nulls) {
              output.setItem(row, null)
              continue rows
            }
            args[i] = null
          } else args[i] = parameters[i]!.read(value)
        }
        const result = run(...args)
        output.setItem(row, result === null || result === undefined ? null : returns.write(result))
      }
      output.flush()
    },
  })
}

/** A bounded memory for what is made from constant arguments: patterns, paths, formats. */
export function remembered<T>(make: (key: string) => T, entries_max = 500): (key: string) => T {
  const known = new Map<string, T>()
  return (key) => {
    let found = known.get(key)
    if (found === undefined) {
      found = make(key)
      if (known.size >= entries_max) known.delete(known.keys().next().value!)
      known.set(key, found)
    }
    return found
  }
}
