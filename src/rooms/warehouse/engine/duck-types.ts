/** Our recursive types as DuckDB's type objects: the twin of `duckType`, which writes them as text. */
import {
  BIGINT, BIGNUM, BLOB, BOOLEAN, DATE, DECIMAL, DOUBLE, INTERVAL, LIST, STRUCT, TIME, TIMESTAMP, TIMESTAMPTZ, UUID, VARCHAR, type DuckDBType,
} from '@duckdb/node-api'
import type { ScalarKind, SqlType } from '../sql/types.ts'

const SCALARS: Record<ScalarKind, DuckDBType> = {
  BOOL: BOOLEAN, INT64: BIGINT, FLOAT64: DOUBLE, NUMERIC: DECIMAL(38, 9), BIGNUMERIC: BIGNUM, STRING: VARCHAR, BYTES: BLOB, DATE, TIME,
  DATETIME: TIMESTAMP, TIMESTAMP: TIMESTAMPTZ, INTERVAL, JSON: VARCHAR, GEOGRAPHY: VARCHAR, UUID,
}

export function duckDbType(type: SqlType): DuckDBType {
  if (type.kind === 'ARRAY') return LIST(duckDbType(type.element))
  if (type.kind === 'RANGE') return STRUCT({ s: duckDbType(type.element), e: duckDbType(type.element) })
  if (type.kind !== 'STRUCT') return SCALARS[type.kind]
  return STRUCT(type.fields.length === 0 ? { _0: BOOLEAN } : Object.fromEntries(type.fields.map((field, index) => [`_${index + 1}`, duckDbType(field.type)])))
}
