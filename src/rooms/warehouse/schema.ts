/** Table schemas as clients send them: read and checked, compared, widened. */
import { invalid } from './faults.ts'
import { COLUMNS_MAX, FIELD_NAME_CHARS_MAX, NESTING_MAX } from './limits.ts'
import { name } from './sql/literal.ts'
import { duckType, typeOfField } from './sql/sqltype.ts'
import type { Field, FieldType } from './sql/types.ts'

const TYPES: Record<string, FieldType> = {
  STRING: 'STRING', BYTES: 'BYTES', INTEGER: 'INTEGER', INT64: 'INTEGER', INT: 'INTEGER', SMALLINT: 'INTEGER', BIGINT: 'INTEGER', TINYINT: 'INTEGER', BYTEINT: 'INTEGER',
  FLOAT: 'FLOAT', FLOAT64: 'FLOAT', BOOLEAN: 'BOOLEAN', BOOL: 'BOOLEAN', TIMESTAMP: 'TIMESTAMP', DATE: 'DATE', TIME: 'TIME', DATETIME: 'DATETIME',
  NUMERIC: 'NUMERIC', DECIMAL: 'NUMERIC', BIGNUMERIC: 'BIGNUMERIC', BIGDECIMAL: 'BIGNUMERIC', GEOGRAPHY: 'GEOGRAPHY', JSON: 'JSON', INTERVAL: 'INTERVAL',
  RECORD: 'RECORD', STRUCT: 'RECORD', RANGE: 'RANGE',
}

const MODES = ['NULLABLE', 'REQUIRED', 'REPEATED'] as const

export function readSchema(given: unknown): Field[] {
  if (given === undefined || given === null) return []
  if (typeof given !== 'object' || Array.isArray(given)) throw invalid('Invalid value for schema: an object with fields is wanted.', 'schema')
  const { fields } = given as { fields?: unknown }
  return fields === undefined || fields === null ? [] : readFields(fields, 'schema.fields', 1)
}

function readFields(given: unknown, path: string, depth: number): Field[] {
  if (!Array.isArray(given)) throw invalid(`Invalid value for ${path}: a list of fields is wanted.`, path)
  if (depth > NESTING_MAX) throw invalid(`Fields are nested deeper than ${NESTING_MAX} levels.`, path)
  if (given.length > COLUMNS_MAX) throw invalid(`Too many total leaf fields: ${given.length}, max allowed field count: ${COLUMNS_MAX}`, path)
  const fields = given.map((field, index) => readField(field, `${path}[${index}]`, depth))
  const seen = new Set<string>()
  for (const field of fields) {
    const key = field.name.toLowerCase()
    if (seen.has(key)) throw invalid(`Duplicate field name: ${field.name}`, path)
    seen.add(key)
  }
  return fields
}

function readField(given: unknown, path: string, depth: number): Field {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid(`Invalid value at ${path}: an object is wanted.`, path)
  const raw = given as Record<string, unknown>
  const fieldName = raw['name']
  if (typeof fieldName !== 'string') throw invalid(`Missing or invalid name at ${path}.`, path)
  if (!validFieldName(fieldName)) {
    throw invalid(`Invalid field name "${fieldName.slice(0, 100)}". Fields must contain the allowed characters, and be at most ${FIELD_NAME_CHARS_MAX} characters long.`, path)
  }
  const type = typeof raw['type'] === 'string' ? TYPES[raw['type'].toUpperCase()] : undefined
  if (!type) throw invalid(`Invalid value for type: ${text(raw['type'])} is not a valid value`, `${path}.type`)
  const mode = raw['mode'] === undefined || raw['mode'] === null || raw['mode'] === '' ? 'NULLABLE' : MODES.find((each) => each === String(raw['mode']).toUpperCase())
  if (!mode || (raw['mode'] && typeof raw['mode'] !== 'string')) throw invalid(`Invalid value for mode: ${text(raw['mode'])} is not a valid value`, `${path}.mode`)
  const inner = raw['fields'] === undefined || raw['fields'] === null ? [] : readFields(raw['fields'], `${path}.fields`, depth + 1)
  if (type === 'RECORD' && inner.length === 0) throw invalid(`Field ${fieldName} is type RECORD but has no schema`, path)
  const field: Field = { name: fieldName, type, mode }
  if (type === 'RECORD') field.fields = inner
  if (type === 'RANGE') field.rangeElementType = readRangeElement(raw['rangeElementType'], path)
  for (const key of ['description', 'collation', 'roundingMode', 'defaultValueExpression'] as const) {
    const value = raw[key]
    if (value === undefined || value === null) continue
    if (typeof value !== 'string') throw invalid(`Invalid value for ${key}: a string is wanted.`, `${path}.${key}`)
    field[key] = value
  }
  for (const key of ['precision', 'scale', 'maxLength'] as const) {
    const value = raw[key]
    if (value === undefined || value === null) continue
    if ((typeof value !== 'string' && typeof value !== 'number') || !/^\d{1,18}$/.test(String(value))) throw invalid(`Invalid value for ${key}: a whole number is wanted.`, `${path}.${key}`)
    // "0" is what some clients send for what is not set.
    if (Number(value) > 0 || key === 'scale') field[key] = String(value)
  }
  const tags = raw['policyTags']
  if (typeof tags === 'object' && tags !== null && Array.isArray((tags as { names?: unknown }).names)) field.policyTags = { names: (tags as { names: unknown[] }).names.map(String) }
  return field
}

function readRangeElement(given: unknown, path: string): NonNullable<Field['rangeElementType']> {
  const type = typeof given === 'object' && given !== null ? (given as { type?: unknown }).type : undefined
  if (type === 'DATE' || type === 'DATETIME' || type === 'TIMESTAMP') return { type }
  throw invalid('A field of type RANGE needs rangeElementType.type, which is DATE, DATETIME or TIMESTAMP.', path)
}

/** BigQuery's flexible column names: letters, marks, digits, connectors and a few signs. */
export function validFieldName(given: string): boolean {
  return given.length > 0 && given.length <= FIELD_NAME_CHARS_MAX && /^[\p{L}\p{N}\p{M}_&%=+:'<>#| \-]+$/u.test(given) && !/^(?:_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER)/i.test(given)
}

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')).slice(0, 100)

// Columns of the engine

/** A column by its own name; only `rowid` is DuckDB's and gets another. */
export const columnOf = (fieldName: string): string => name(/^rowid_*$/i.test(fieldName) ? `${fieldName}_` : fieldName)

export const columnType = (field: Field): string => duckType(typeOfField(field))

export function columnDefinitions(fields: readonly Field[]): string {
  // A table without columns exists in BigQuery, and not in DuckDB.
  if (fields.length === 0) return '__none BOOLEAN'
  return fields.map((field) => `${columnOf(field.name)} ${columnType(field)}${field.mode === 'REQUIRED' ? ' NOT NULL' : ''}`).join(', ')
}

export const columnsOf = (fields: readonly Field[]): string[] => fields.map((field) => columnOf(field.name))

// Changes

export interface SchemaChange {
  fields: Field[]
  /** Statements for the engine's table; `$table` stands for it. */
  steps: string[]
}

/**
 * What has to be done so that `before` becomes `after`: new columns (never REQUIRED), REQUIRED relaxed, descriptions changed. A column
 * that has gone, or has another type, is refused, as the API refuses it.
 */
export function schemaChange(before: readonly Field[], after: readonly Field[]): SchemaChange {
  const steps: string[] = []
  const wanted = new Map(after.map((field) => [field.name.toLowerCase(), field]))
  for (const field of before) if (!wanted.has(field.name.toLowerCase())) throw invalid(`Provided Schema does not match Table. Field ${field.name} is missing in new schema`)
  for (const field of after) {
    const had = before.find((each) => each.name.toLowerCase() === field.name.toLowerCase())
    if (!had) {
      if (field.mode === 'REQUIRED') throw invalid(`Provided Schema does not match Table. Cannot add required fields to an existing schema. (field: ${field.name})`)
      steps.push(`ALTER TABLE $table ADD COLUMN ${columnOf(field.name)} ${columnType(field)}${field.mode === 'REPEATED' ? ' DEFAULT []' : ''}`)
      continue
    }
    refuseChange(had, field, field.name)
    if (had.mode === 'REQUIRED' && field.mode !== 'REQUIRED') steps.push(`ALTER TABLE $table ALTER COLUMN ${columnOf(had.name)} DROP NOT NULL`)
    if (columnType(had) !== columnType(field)) steps.push(`ALTER TABLE $table ALTER COLUMN ${columnOf(had.name)} SET DATA TYPE ${columnType(field)} USING ${widened(columnOf(had.name), had, field, 0)}`)
  }
  // Columns stay where they are in the engine; new ones come last there, and here too.
  const known = before.map((field) => wanted.get(field.name.toLowerCase())!)
  const added = after.filter((field) => !before.some((each) => each.name.toLowerCase() === field.name.toLowerCase()))
  return { fields: [...known, ...added], steps }
}

function refuseChange(had: Field, field: Field, path: string): void {
  const mode = (each: Field) => each.mode ?? 'NULLABLE'
  if (had.type !== field.type) throw invalid(`Provided Schema does not match Table. Field ${path} has changed type from ${had.type} to ${field.type}`)
  const relaxed = mode(had) === 'REQUIRED' && mode(field) === 'NULLABLE'
  if (mode(had) !== mode(field) && !relaxed) throw invalid(`Provided Schema does not match Table. Field ${path} has changed mode from ${mode(had)} to ${mode(field)}`)
  for (const inner of had.fields ?? []) {
    const now = field.fields?.find((each) => each.name.toLowerCase() === inner.name.toLowerCase())
    if (!now) throw invalid(`Provided Schema does not match Table. Field ${path}.${inner.name} is missing in new schema`)
    refuseChange(inner, now, `${path}.${inner.name}`)
  }
}

/** A value of the old shape in the new one, whose records have more fields. */
function widened(expression: string, had: Field, field: Field, depth: number): string {
  if (had.mode === 'REPEATED') return `list_transform(${expression}, lambda w${depth}: ${widened(`w${depth}`, { ...had, mode: 'NULLABLE' }, { ...field, mode: 'NULLABLE' }, depth + 1)})`
  if (had.type !== 'RECORD') return expression
  const parts = field.fields!.map((inner, index) => {
    const at = had.fields!.findIndex((each) => each.name.toLowerCase() === inner.name.toLowerCase())
    const value = at < 0 ? `CAST(${inner.mode === 'REPEATED' ? '[]' : 'NULL'} AS ${columnType(inner)})` : widened(`(${expression})._${at + 1}`, had.fields![at]!, inner, depth)
    return `'_${index + 1}': ${value}`
  })
  return `CASE WHEN ${expression} IS NULL THEN NULL ELSE {${parts.join(', ')}} END`
}
