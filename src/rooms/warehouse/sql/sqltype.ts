/**
 * Types in their four spellings: recursive SqlType (ours), BigQuery's TableFieldSchema, the analyzer's TypeProto, and the DuckDB
 * type that holds the values (the table in README.md). Pure functions.
 */
import { Fault } from '#ground/fault.ts'
import type { Field, FieldType, ScalarKind, SqlField, SqlType } from './types.ts'
import type { Message } from './analyzer/proto.ts'

/** BigQuery's own limit of nested RECORD levels. */
export const NESTING_MAX = 15

const FIELD_TO_SCALAR: Record<string, ScalarKind> = {
  STRING: 'STRING', BYTES: 'BYTES', INTEGER: 'INT64', INT64: 'INT64', INT: 'INT64', SMALLINT: 'INT64', BIGINT: 'INT64', TINYINT: 'INT64', BYTEINT: 'INT64',
  FLOAT: 'FLOAT64', FLOAT64: 'FLOAT64', BOOLEAN: 'BOOL', BOOL: 'BOOL', TIMESTAMP: 'TIMESTAMP', DATE: 'DATE', TIME: 'TIME', DATETIME: 'DATETIME',
  NUMERIC: 'NUMERIC', DECIMAL: 'NUMERIC', BIGNUMERIC: 'BIGNUMERIC', BIGDECIMAL: 'BIGNUMERIC', GEOGRAPHY: 'GEOGRAPHY', JSON: 'JSON', INTERVAL: 'INTERVAL', UUID: 'UUID',
}

const SCALAR_TO_FIELD: Record<ScalarKind, FieldType> = {
  STRING: 'STRING', BYTES: 'BYTES', INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN', TIMESTAMP: 'TIMESTAMP', DATE: 'DATE', TIME: 'TIME', DATETIME: 'DATETIME',
  NUMERIC: 'NUMERIC', BIGNUMERIC: 'BIGNUMERIC', GEOGRAPHY: 'GEOGRAPHY', JSON: 'JSON', INTERVAL: 'INTERVAL', UUID: 'STRING',
}

export function typeOfField(field: Field): SqlType {
  const element = elementOfField(field)
  return field.mode === 'REPEATED' ? { kind: 'ARRAY', element } : element
}

function elementOfField(field: Field): SqlType {
  const name = String(field.type).toUpperCase()
  if (name === 'RECORD' || name === 'STRUCT') return { kind: 'STRUCT', fields: (field.fields ?? []).map((f) => ({ name: f.name, type: typeOfField(f) })) }
  if (name === 'RANGE') return { kind: 'RANGE', element: { kind: field.rangeElementType?.type ?? 'DATE' } }
  const kind = FIELD_TO_SCALAR[name]
  if (!kind) throw new Fault('INVALID_ARGUMENT', 'invalid', `Invalid field type ${field.type} of field ${field.name}.`)
  return { kind }
}

export function fieldOfType(name: string, type: SqlType): Field {
  if (type.kind === 'ARRAY') return { ...fieldOfType(name, type.element), mode: 'REPEATED' }
  if (type.kind === 'STRUCT') return { name, type: 'RECORD', mode: 'NULLABLE', fields: type.fields.map((f, i) => fieldOfType(f.name || `_field_${i + 1}`, f.type)) }
  if (type.kind === 'RANGE') return { name, type: 'RANGE', mode: 'NULLABLE', rangeElementType: { type: type.element.kind as 'DATE' } }
  return { name, type: SCALAR_TO_FIELD[type.kind], mode: 'NULLABLE' }
}

const PROTO_TO_SCALAR: Record<string, ScalarKind> = {
  TYPE_BOOL: 'BOOL', TYPE_INT64: 'INT64', TYPE_DOUBLE: 'FLOAT64', TYPE_NUMERIC: 'NUMERIC', TYPE_BIGNUMERIC: 'BIGNUMERIC', TYPE_STRING: 'STRING', TYPE_BYTES: 'BYTES',
  TYPE_DATE: 'DATE', TYPE_TIME: 'TIME', TYPE_DATETIME: 'DATETIME', TYPE_TIMESTAMP: 'TIMESTAMP', TYPE_INTERVAL: 'INTERVAL', TYPE_JSON: 'JSON',
  TYPE_GEOGRAPHY: 'GEOGRAPHY', TYPE_UUID: 'UUID',
  // Reached only inside the analyzer's own signatures; kept wide.
  TYPE_INT32: 'INT64', TYPE_UINT32: 'INT64', TYPE_UINT64: 'INT64', TYPE_FLOAT: 'FLOAT64',
}

const SCALAR_TO_PROTO: Record<ScalarKind, string> = {
  BOOL: 'TYPE_BOOL', INT64: 'TYPE_INT64', FLOAT64: 'TYPE_DOUBLE', NUMERIC: 'TYPE_NUMERIC', BIGNUMERIC: 'TYPE_BIGNUMERIC', STRING: 'TYPE_STRING', BYTES: 'TYPE_BYTES',
  DATE: 'TYPE_DATE', TIME: 'TYPE_TIME', DATETIME: 'TYPE_DATETIME', TIMESTAMP: 'TYPE_TIMESTAMP', INTERVAL: 'TYPE_INTERVAL', JSON: 'TYPE_JSON',
  GEOGRAPHY: 'TYPE_GEOGRAPHY', UUID: 'TYPE_UUID',
}

export function typeOfProto(proto: Message | undefined): SqlType {
  const kind = String(proto?.['type_kind'] ?? '')
  if (kind === 'TYPE_ARRAY') return { kind: 'ARRAY', element: typeOfProto(proto!['array_type']?.element_type) }
  if (kind === 'TYPE_STRUCT') {
    const fields = (proto!['struct_type']?.field ?? []) as Message[]
    return { kind: 'STRUCT', fields: fields.map((f): SqlField => ({ name: f['field_name'] ?? '', type: typeOfProto(f['field_type']) })) }
  }
  if (kind === 'TYPE_RANGE') return { kind: 'RANGE', element: typeOfProto(proto!['range_type']?.element_type) }
  const scalar = PROTO_TO_SCALAR[kind]
  if (scalar) return { kind: scalar }
  // Enums (date parts, modes) stand as text wherever they are seen.
  if (kind === 'TYPE_ENUM' || kind === 'TYPE_TOKENLIST') return { kind: 'STRING' }
  throw new Fault('UNIMPLEMENTED', 'notImplemented', `The type ${kind.replace('TYPE_', '')} is not supported.`)
}

export function protoOfType(type: SqlType): Message {
  if (type.kind === 'ARRAY') return { type_kind: 'TYPE_ARRAY', array_type: { element_type: protoOfType(type.element) } }
  if (type.kind === 'STRUCT')
    return { type_kind: 'TYPE_STRUCT', struct_type: { field: type.fields.map((f) => ({ field_name: f.name, field_type: protoOfType(f.type) })) } }
  if (type.kind === 'RANGE') return { type_kind: 'TYPE_RANGE', range_type: { element_type: protoOfType(type.element) } }
  return { type_kind: SCALAR_TO_PROTO[type.kind] }
}

const DUCK: Record<ScalarKind, string> = {
  BOOL: 'BOOLEAN', INT64: 'BIGINT', FLOAT64: 'DOUBLE', NUMERIC: 'DECIMAL(38,9)', BIGNUMERIC: 'BIGNUM', STRING: 'VARCHAR', BYTES: 'BLOB', DATE: 'DATE', TIME: 'TIME',
  DATETIME: 'TIMESTAMP', TIMESTAMP: 'TIMESTAMPTZ', INTERVAL: 'INTERVAL', JSON: 'VARCHAR', GEOGRAPHY: 'VARCHAR', UUID: 'UUID',
}

/** The DuckDB type of a value; struct fields are named by position (_1, _2 …), so equal shapes are one DuckDB type. */
export function duckType(type: SqlType): string {
  if (type.kind === 'ARRAY') return `${duckType(type.element)}[]`
  // DuckDB has no struct without fields.
  if (type.kind === 'STRUCT') return type.fields.length ? `STRUCT(${type.fields.map((f, i) => `_${i + 1} ${duckType(f.type)}`).join(', ')})` : 'STRUCT(_0 BOOLEAN)'
  if (type.kind === 'RANGE') return `STRUCT(s ${duckType(type.element)}, e ${duckType(type.element)})`
  return DUCK[type.kind]
}

/** GoogleSQL spelling: ARRAY<STRUCT<a INT64, STRING>>. */
export function sqlName(type: SqlType): string {
  if (type.kind === 'ARRAY') return `ARRAY<${sqlName(type.element)}>`
  if (type.kind === 'STRUCT') return `STRUCT<${type.fields.map((f) => (f.name ? `${identifier(f.name)} ${sqlName(f.type)}` : sqlName(f.type))).join(', ')}>`
  if (type.kind === 'RANGE') return `RANGE<${sqlName(type.element)}>`
  return type.kind
}

const identifier = (name: string) => (/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name.replace(/[\\`]/g, '\\$&')}\``)

export const sameType = (a: SqlType, b: SqlType): boolean => duckType(a) === duckType(b) && holdsJson(a) === holdsJson(b)

const holdsJson = (type: SqlType): string =>
  type.kind === 'ARRAY' ? `[${holdsJson(type.element)}]` : type.kind === 'STRUCT' ? type.fields.map((f) => holdsJson(f.type)).join() : type.kind === 'RANGE' ? 'R' : type.kind

/**
 * A DuckDB expression whose structs have the real field names (read_json, read_parquet) in our own representation, by name. `text` must
 * already have the named form of the type.
 */
export function fromNamed(text: string, type: SqlType): string {
  if (!holdsStruct(type)) return text
  if (type.kind === 'ARRAY') return `list_transform(${text}, lambda n_: ${fromNamed('n_', type.element)})`
  if (type.kind !== 'STRUCT') return text
  const fields = type.fields.map((field, i) => `'_${i + 1}': ${fromNamed(`(${text})."${field.name.replaceAll('"', '""')}"`, field.type)}`)
  return `(CASE WHEN ${text} IS NULL THEN NULL ELSE {${fields.join(', ')}} END)`
}

/** The other way: structs with their real names, for files that are written. */
export function toNamed(text: string, type: SqlType): string {
  if (!holdsStruct(type)) return text
  if (type.kind === 'ARRAY') return `list_transform(${text}, lambda n_: ${toNamed('n_', type.element)})`
  if (type.kind !== 'STRUCT') return text
  const fields = type.fields.map((field, i) => `"${(field.name || `_field_${i + 1}`).replaceAll('"', '""')}" := ${toNamed(`(${text})._${i + 1}`, field.type)}`)
  return `(CASE WHEN ${text} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END)`
}

const holdsStruct = (type: SqlType): boolean => type.kind === 'STRUCT' || (type.kind === 'ARRAY' && holdsStruct(type.element))
