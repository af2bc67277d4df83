/** DuckDB's column types, as a Parquet file brings them, in BigQuery's words. */
import { DuckDBDecimalType, DuckDBListType, DuckDBMapType, DuckDBStructType, DuckDBTypeId, type DuckDBType } from '@duckdb/node-api'
import type { Field, FieldType } from '../sql/types.ts'
import { badFile } from './mistakes.ts'

const NAMES: Partial<Record<DuckDBTypeId, FieldType>> = {
  [DuckDBTypeId.BOOLEAN]: 'BOOLEAN', [DuckDBTypeId.TINYINT]: 'INTEGER', [DuckDBTypeId.SMALLINT]: 'INTEGER', [DuckDBTypeId.INTEGER]: 'INTEGER', [DuckDBTypeId.BIGINT]: 'INTEGER',
  [DuckDBTypeId.UTINYINT]: 'INTEGER', [DuckDBTypeId.USMALLINT]: 'INTEGER', [DuckDBTypeId.UINTEGER]: 'INTEGER', [DuckDBTypeId.UBIGINT]: 'INTEGER', [DuckDBTypeId.HUGEINT]: 'NUMERIC',
  [DuckDBTypeId.FLOAT]: 'FLOAT', [DuckDBTypeId.DOUBLE]: 'FLOAT', [DuckDBTypeId.VARCHAR]: 'STRING', [DuckDBTypeId.BLOB]: 'BYTES', [DuckDBTypeId.DATE]: 'DATE', [DuckDBTypeId.TIME]: 'TIME',
  [DuckDBTypeId.TIMESTAMP]: 'DATETIME', [DuckDBTypeId.TIMESTAMP_S]: 'DATETIME', [DuckDBTypeId.TIMESTAMP_MS]: 'DATETIME', [DuckDBTypeId.TIMESTAMP_NS]: 'DATETIME', [DuckDBTypeId.TIMESTAMP_TZ]: 'TIMESTAMP',
  [DuckDBTypeId.INTERVAL]: 'INTERVAL', [DuckDBTypeId.UUID]: 'STRING', [DuckDBTypeId.ENUM]: 'STRING',
}

export function fieldsOfColumns(names: readonly string[], types: readonly DuckDBType[]): Field[] {
  return types.map((type, index) => fieldOfDuck(names[index]!, type))
}

function fieldOfDuck(name: string, type: DuckDBType): Field {
  if (type instanceof DuckDBListType) {
    const element = fieldOfDuck(name, type.valueType)
    // A list of lists has no place in BigQuery but inside a record.
    return element.mode === 'REPEATED' ? { name, type: 'RECORD', mode: 'REPEATED', fields: [{ ...element, name: 'element' }] } : { ...element, mode: 'REPEATED' }
  }
  if (type instanceof DuckDBStructType) return { name, type: 'RECORD', mode: 'NULLABLE', fields: type.entryNames.map((entry, index) => fieldOfDuck(entry, type.entryTypes[index]!)) }
  if (type instanceof DuckDBMapType) return { name, type: 'RECORD', mode: 'REPEATED', fields: [fieldOfDuck('key', type.keyType), fieldOfDuck('value', type.valueType)] }
  if (type instanceof DuckDBDecimalType) return { name, type: type.scale <= 9 && type.width - type.scale <= 29 ? 'NUMERIC' : 'BIGNUMERIC', mode: 'NULLABLE' }
  const known = NAMES[type.typeId]
  if (!known) throw badFile([{ column: name, message: `Error while reading data, error message: The type ${type} of column ${name} is not supported.` }])
  return { name, type: known, mode: 'NULLABLE' }
}
