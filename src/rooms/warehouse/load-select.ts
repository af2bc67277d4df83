/** The SELECT that reads a load job's files as rows of its table. Texts are built here, and run in the engine. */
import { escaped } from './engine/text.ts'
import { invalid } from './faults.ts'
import { name, quote } from './sql/literal.ts'
import { duckType, typeOfField } from './sql/sqltype.ts'
import type { Field } from './types.ts'

export interface LoadFormat {
  format: 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET' | 'AVRO'
  gzip: boolean
  skip: number
  delimiter: string
  quote: string
  encoding: string
  nullMarker: string | undefined
  jagged: boolean
  ignoreUnknown: boolean
  bad_max: number
}

const JSON_ROW_BYTES_MAX = 100 * 1024 * 1024
const CSV_LINE_BYTES_MAX = 100 * 1024 * 1024

export function selectOf(paths: readonly string[], fields: readonly Field[], source: readonly Field[], format: LoadFormat): string {
  switch (format.format) {
    case 'CSV':
      return csvSelect(paths, fields, format)
    case 'NEWLINE_DELIMITED_JSON':
      return jsonSelect(paths, fields, format)
    default:
      return parquetSelect(paths, fields, source, format)
  }
}

const list = (paths: readonly string[]): string => `[${paths.map((path) => `'${escaped(path)}'`).join(', ')}]`

// CSV: what DuckDB reads as BigQuery does is read at once, the rest as text and converted

const CSV_NATIVE: Partial<Record<Field['type'], string>> = { STRING: 'VARCHAR', INTEGER: 'BIGINT', FLOAT: 'DOUBLE', DATE: 'DATE', TIME: 'TIME', DATETIME: 'TIMESTAMP', TIMESTAMP: 'TIMESTAMPTZ', NUMERIC: 'DECIMAL(38,9)' }

function csvSelect(paths: readonly string[], fields: readonly Field[], format: LoadFormat): string {
  for (const field of fields) {
    if (field.mode === 'REPEATED' || field.type === 'RECORD') throw invalid(`Invalid field "${field.name}": CSV files cannot hold repeated or nested fields.`)
  }
  const columns = fields.map((field) => `${quote(field.name)}: '${CSV_NATIVE[field.type] ?? 'VARCHAR'}'`).join(', ')
  const options = [
    'auto_detect=false', 'header=false', `skip=${format.skip}`, `delim=${quote(format.delimiter)}`, `quote=${quote(format.quote)}`, `escape=${quote(format.quote)}`, `columns={${columns}}`,
    `nullstr=${quote(format.nullMarker ?? '')}`, 'allow_quoted_nulls=false', `max_line_size=${CSV_LINE_BYTES_MAX}`,
    ...(format.gzip ? [`compression='gzip'`] : [`compression='none'`]),
    ...(format.encoding === 'utf-8' ? [] : [`encoding='${format.encoding}'`]),
    ...(format.jagged ? ['null_padding=true'] : []),
    ...(format.ignoreUnknown ? ['strict_mode=false'] : []),
    ...(format.bad_max > 0 ? ['store_rejects=true', 'rejects_limit=0'] : []),
  ]
  const select = fields.map((field) => (CSV_NATIVE[field.type] === undefined ? fromText(name(field.name), field) : fitting(name(field.name), field)))
  return `SELECT ${select.join(', ')} FROM read_csv(${list(paths)}, ${options.join(', ')})`
}

/** STRING(10): a longer text is refused. */
function fitting(expression: string, field: Field): string {
  return field.maxLength !== undefined && field.type === 'STRING' ? `gs_max_length(${expression}, ${Number(field.maxLength)})` : expression
}

function fromText(text: string, field: Field): string {
  switch (field.type) {
    case 'BOOLEAN':
      return `CASE WHEN ${text} IS NULL THEN NULL WHEN lower(trim(${text})) IN ('true', 't', 'yes', 'y', '1') THEN true WHEN lower(trim(${text})) IN ('false', 'f', 'no', 'n', '0') THEN false ELSE error('Could not parse ''' || ${text} || ''' as BOOL for field ${escaped(field.name)}') END`
    case 'BYTES':
      return `gs_from_base64(${text})`
    case 'BIGNUMERIC':
      return `gs_parse_bignum(${text})`
    case 'NUMERIC':
      return `gs_parse_numeric(${text})`
    case 'JSON':
      return `gs_parse_json(${text})`
    case 'GEOGRAPHY':
      return `gs_st_geogfromtext(${text})`
    case 'INTERVAL':
      return `gs_parse_interval(${text})`
    case 'TIMESTAMP':
      return `coalesce(try_cast(${text} AS TIMESTAMPTZ), CASE WHEN ${text} IS NULL THEN NULL WHEN regexp_full_match(${text}, '-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?') THEN make_timestamptz(CAST(round(CAST(${text} AS DOUBLE) * 1000000) AS BIGINT)) ELSE gs_parse_ts(${text}, 'UTC') END)`
    case 'RANGE': {
      const end = (at: number) => `CASE WHEN lower(regexp_extract(${text}, '\\[\\s*([^,]*?)\\s*,\\s*([^)]*?)\\s*\\)', ${at})) IN ('unbounded', 'null', '') THEN NULL ELSE CAST(regexp_extract(${text}, '\\[\\s*([^,]*?)\\s*,\\s*([^)]*?)\\s*\\)', ${at}) AS ${duckType({ kind: field.rangeElementType?.type ?? 'DATE' })}) END`
      return `CASE WHEN ${text} IS NULL THEN NULL ELSE {'s': ${end(1)}, 'e': ${end(2)}} END`
    }
    default:
      return text
  }
}

// JSON: records are read with their names and stored by position

const JSON_NATIVE: Partial<Record<Field['type'], string>> = { STRING: 'VARCHAR', INTEGER: 'BIGINT', FLOAT: 'DOUBLE', BOOLEAN: 'BOOLEAN', DATE: 'DATE', TIME: 'TIME', DATETIME: 'TIMESTAMP', JSON: 'JSON' }

function jsonSelect(paths: readonly string[], fields: readonly Field[], format: LoadFormat): string {
  const columns = fields.map((field) => `${quote(field.name)}: ${quote(jsonType(field))}`).join(', ')
  const options = [`format='newline_delimited'`, `columns={${columns}}`, `maximum_object_size=${JSON_ROW_BYTES_MAX}`, `compression='${format.gzip ? 'gzip' : 'uncompressed'}'`]
  return `SELECT ${fields.map((field) => fromJson(name(field.name), field, 0)).join(', ')} FROM read_json(${list(paths)}, ${options.join(', ')})`
}

function jsonType(field: Field): string {
  const one = field.type === 'RECORD' ? `STRUCT(${(field.fields ?? []).map((inner) => `${name(inner.name)} ${jsonType(inner)}`).join(', ')})` : (JSON_NATIVE[field.type] ?? 'VARCHAR')
  return field.mode === 'REPEATED' ? `${one}[]` : one
}

function fromJson(expression: string, field: Field, depth: number): string {
  if (field.mode === 'REPEATED') {
    const one: Field = { ...field, mode: 'NULLABLE' }
    const empty = `CAST([] AS ${duckType(typeOfField(field))})`
    const plain = field.type !== 'RECORD' && JSON_NATIVE[field.type] !== undefined && field.type !== 'JSON'
    return `coalesce(${plain ? expression : `list_transform(${expression}, lambda j${depth}: ${fromJson(`j${depth}`, one, depth + 1)})`}, ${empty})`
  }
  if (field.type === 'RECORD') {
    const inner = (field.fields ?? []).map((each, index) => `'_${index + 1}': ${fromJson(`(${expression}).${name(each.name)}`, each, depth)}`)
    return `CASE WHEN ${expression} IS NULL THEN NULL ELSE {${inner.join(', ')}} END`
  }
  if (field.type === 'JSON') return `gs_parse_json(CAST(${expression} AS VARCHAR))`
  return JSON_NATIVE[field.type] === undefined ? fromText(expression, field) : fitting(expression, field)
}

/** The keys at the top of all rows: for finding those that the schema does not know. */
export function jsonKeysSelect(paths: readonly string[], format: LoadFormat): string {
  return `SELECT DISTINCT unnest(json_keys(json)) AS o1 FROM read_ndjson_objects(${list(paths)}, maximum_object_size=${JSON_ROW_BYTES_MAX}, compression='${format.gzip ? 'gzip' : 'uncompressed'}')`
}

// Parquet: columns by name, types cast to the table's

function parquetSelect(paths: readonly string[], fields: readonly Field[], source: readonly Field[], { ignoreUnknown }: LoadFormat): string {
  const find = (field: Field) => source.find((each) => each.name.toLowerCase() === field.name.toLowerCase())
  const unknown = source.find((each) => !fields.some((field) => field.name.toLowerCase() === each.name.toLowerCase()))
  if (unknown && !ignoreUnknown) throw invalid(`Provided Schema does not match Table. Cannot add fields (field: ${unknown.name})`)
  const select = fields.map((field) => {
    const from = find(field)
    return from ? fromParquet(name(from.name), from, field, 0) : `CAST(${field.mode === 'REPEATED' ? '[]' : 'NULL'} AS ${duckType(typeOfField(field))})`
  })
  return `SELECT ${select.join(', ')} FROM read_parquet(${list(paths)}, union_by_name=true)`
}

function fromParquet(expression: string, from: Field, to: Field, depth: number): string {
  if (to.mode === 'REPEATED') {
    if (from.mode !== 'REPEATED') throw invalid(`Field ${to.name} is REPEATED in the table and not in the file.`)
    const item = fromParquet(`p${depth}`, { ...from, mode: 'NULLABLE' }, { ...to, mode: 'NULLABLE' }, depth + 1)
    return `coalesce(list_transform(${expression}, lambda p${depth}: ${item}), CAST([] AS ${duckType(typeOfField(to))}))`
  }
  if (from.mode === 'REPEATED') {
    // Without list inference a list stands as a record around its items: RECORD{list: REPEATED RECORD{element}}.
    const list = to.fields?.[0]
    const element = list?.fields?.[0]
    if (to.type === 'RECORD' && list?.mode === 'REPEATED' && element) return `CASE WHEN ${expression} IS NULL THEN NULL ELSE {'_1': list_transform(${expression}, lambda p${depth}: {'_1': ${fromParquet(`p${depth}`, { ...from, mode: 'NULLABLE' }, element, depth + 1)}})} END`
    throw invalid(`Field ${to.name} is REPEATED in the file and not in the table.`)
  }
  if (to.type === 'RECORD') {
    const inner = (to.fields ?? []).map((each, index) => {
      const has = from.fields?.find((other) => other.name.toLowerCase() === each.name.toLowerCase())
      return `'_${index + 1}': ${has ? fromParquet(`(${expression}).${name(has.name)}`, has, each, depth) : `CAST(${each.mode === 'REPEATED' ? '[]' : 'NULL'} AS ${duckType(typeOfField(each))})`}`
    })
    return `CASE WHEN ${expression} IS NULL THEN NULL ELSE {${inner.join(', ')}} END`
  }
  if (to.type === 'JSON') return `gs_parse_json(CAST(${expression} AS VARCHAR))`
  if (to.type === 'GEOGRAPHY') return `gs_st_geogfromtext(${expression})`
  if (to.type === 'BIGNUMERIC') return `gs_parse_bignum(CAST(${expression} AS VARCHAR))`
  if (to.type === 'STRING' && from.type === 'BYTES') return `decode(${expression})`
  if (to.type === 'TIMESTAMP' && from.type === 'DATETIME') return `timezone('UTC', CAST(${expression} AS TIMESTAMP))`
  if (to.type === 'DATETIME' && from.type === 'TIMESTAMP') return `timezone('UTC', ${expression})`
  return `CAST(${expression} AS ${duckType(typeOfField(to))})`
}

