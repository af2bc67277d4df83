/** CAST and SAFE_CAST, with and without FORMAT, and the implicit coercions of set operations. */
import type { Message } from '../../analyzer/proto.ts'
import { NUMERIC_SCALE, structOf } from '../../literal.ts'
import { duckType, sameType, typeOfProto } from '../../sqltype.ts'
import type { SqlType } from '../../types.ts'
import { unsupported, type Generator } from '../generator.ts'
import { civilIn } from './zones.ts'

export function castCall(g: Generator, node: Message): string {
  const from = typeOfProto(node['expr'].type)
  const to = typeOfProto(node['type'])
  let text = g.expr(node['expr'])
  if (node['format']) text = formattedCast(text, from, to, g.expr(node['format']), node['time_zone'] ? g.expr(node['time_zone']) : "'UTC'")
  else if (node['time_zone'] && to.kind === 'TIMESTAMP') text = `gs_parse_ts(${text}, ${g.expr(node['time_zone'])})`
  else text = castText(text, from, to)
  text = modified(text, to, node['type_modifiers'])
  if (!node['return_null_on_error']) return text
  if (!/\bSELECT\b/i.test(text)) return `TRY(${text})`
  const inner = g.fresh('safe')
  const expr = castText(inner, from, to)
  return `(SELECT TRY(${modified(node['format'] ? formattedCast(inner, from, to, g.expr(node['format']), node['time_zone'] ? g.expr(node['time_zone']) : "'UTC'") : expr, to, node['type_modifiers'])}) FROM (SELECT ${g.expr(node['expr'])} AS ${inner}))`
}

/** STRING(3), NUMERIC(10, 2) … as written in a cast. */
function modified(text: string, to: SqlType, modifiers: Message | undefined): string {
  const parameters = modifiers?.['type_parameters'] as Message | undefined
  const length = parameters?.['string_type_parameters']?.max_length
  if (length !== undefined) return `gs_max_length(${text}, ${length})`.replace('gs_max_length', to.kind === 'BYTES' ? 'gs_max_length_bytes' : 'gs_max_length')
  const numeric = parameters?.['numeric_type_parameters']
  if (numeric) return numericModified(text, to, Number(numeric.precision ?? 0), Number(numeric.scale ?? 0))
  return text
}

export function numericModified(text: string, to: SqlType, precision: number, scale: number): string {
  if (to.kind === 'BIGNUMERIC') return `gs_bignum_parameters(${text}, ${precision}, ${scale})`
  if (!precision) return text
  const whole = Math.min(38 - NUMERIC_SCALE + scale, precision)
  return `CAST(CAST(${text} AS DECIMAL(${Math.max(1, Math.min(38, whole))}, ${Math.min(scale, whole)})) AS DECIMAL(38,9))`
}

type Caster = string | ((text: string) => string)

const use = (caster: Caster, text: string) => (typeof caster === 'string' ? caster.replaceAll('$1', text) : caster(text))

/** Civil text with 0, 3 or 6 digits of fraction. `micros` is the part below a second. */
const fraction = (micros: string) => `CASE WHEN ${micros} % 1000000 = 0 THEN '' WHEN ${micros} % 1000 = 0 THEN '.' || lpad(CAST((${micros} // 1000) % 1000 AS VARCHAR), 3, '0') ELSE '.' || lpad(CAST(${micros} % 1000000 AS VARCHAR), 6, '0') END`

export const datetimeText = (text: string): string => `(strftime(${text}, '%Y-%m-%d %H:%M:%S') || ${fraction(`(microsecond(${text}))`)})`
export const timestampText = (text: string): string => `(strftime(timezone('UTC', ${text}), '%Y-%m-%d %H:%M:%S') || ${fraction(`(microsecond(${text}))`)} || '+00')`
export const timeText = (text: string): string => `(strftime(DATE '2000-01-01' + ${text}, '%H:%M:%S') || ${fraction(`(microsecond(${text}))`)})`

const CASTS: Record<string, Record<string, Caster>> = {
  INT64: {
    STRING: 'CAST($1 AS VARCHAR)', FLOAT64: 'CAST($1 AS DOUBLE)', NUMERIC: 'CAST($1 AS DECIMAL(38,9))', BIGNUMERIC: `CAST(CAST($1 AS VARCHAR) || '${'0'.repeat(38)}' AS BIGNUM)`, BOOL: '($1 <> 0)',
  },
  BOOL: { STRING: 'CAST($1 AS VARCHAR)', INT64: 'CAST($1 AS BIGINT)' },
  FLOAT64: {
    STRING: 'gs_double_text($1)', INT64: 'CAST(round($1) AS BIGINT)', NUMERIC: 'gs_double_to_numeric($1)', BIGNUMERIC: 'gs_double_to_bignum($1)', BOOL: '($1 <> 0)',
  },
  NUMERIC: {
    STRING: (text) => `rtrim(rtrim(CAST(${text} AS VARCHAR), '0'), '.')`, INT64: 'CAST(round($1, 0) AS BIGINT)', FLOAT64: 'CAST($1 AS DOUBLE)',
    BIGNUMERIC: `CAST(replace(CAST($1 AS VARCHAR), '.', '') || '${'0'.repeat(29)}' AS BIGNUM)`, BOOL: '($1 <> 0)',
  },
  BIGNUMERIC: { STRING: 'gs_bignum_text($1)', INT64: 'gs_bignum_to_int($1)', FLOAT64: 'gs_bignum_to_double($1)', NUMERIC: 'gs_bignum_to_numeric($1)' },
  STRING: {
    INT64: (text) => `(CASE WHEN regexp_full_match(${text}, '\\s*[+-]?[0-9]+\\s*') THEN CAST(${text} AS BIGINT) ELSE gs_parse_int(${text}) END)`,
    FLOAT64: 'gs_parse_double($1)', NUMERIC: 'gs_parse_numeric($1)', BIGNUMERIC: 'gs_parse_bignum($1)', BOOL: "(CASE lower($1) WHEN 'true' THEN true WHEN 'false' THEN false ELSE CASE WHEN $1 IS NOT NULL THEN gs_error('Bad bool value: ' || $1) END END)",
    BYTES: 'encode($1)', DATE: 'CAST(gs_parse_date($1) AS DATE)', TIME: 'CAST(gs_parse_clock($1) AS TIME)', DATETIME: 'gs_parse_datetime($1)', TIMESTAMP: "gs_parse_ts($1, 'UTC')",
    INTERVAL: 'gs_parse_interval($1)', UUID: 'CAST($1 AS UUID)', JSON: 'gs_parse_json($1)',
  },
  BYTES: { STRING: 'decode($1)', UUID: "CAST(hex($1) AS UUID)" },
  DATE: { STRING: "strftime($1, '%Y-%m-%d')", DATETIME: 'CAST($1 AS TIMESTAMP)', TIMESTAMP: "timezone('UTC', CAST($1 AS TIMESTAMP))" },
  DATETIME: { STRING: datetimeText, DATE: 'CAST($1 AS DATE)', TIME: 'CAST($1 AS TIME)', TIMESTAMP: "timezone('UTC', $1)" },
  TIMESTAMP: { STRING: timestampText, DATE: "CAST(timezone('UTC', $1) AS DATE)", TIME: "CAST(timezone('UTC', $1) AS TIME)", DATETIME: "timezone('UTC', $1)" },
  TIME: { STRING: timeText },
  INTERVAL: { STRING: 'gs_interval_text($1)' },
  UUID: { STRING: 'CAST($1 AS VARCHAR)', BYTES: "unhex(replace(CAST($1 AS VARCHAR), '-', ''))" },
  JSON: {},
  GEOGRAPHY: { STRING: '$1' },
}

export function castText(text: string, from: SqlType, to: SqlType): string {
  if (sameType(from, to)) return text
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') return `list_transform(${text}, lambda x_: ${castText('x_', from.element, to.element)})`
  if (from.kind === 'STRUCT' && to.kind === 'STRUCT') {
    const fields = to.fields.map((field, i) => castText(`(${text})._${i + 1}`, from.fields[i]!.type, field.type))
    return `(CASE WHEN ${text} IS NULL THEN NULL ELSE ${structOf(fields)} END)`
  }
  if (from.kind === 'RANGE' && to.kind === 'STRING') return rangeText(text, from.element)
  if (to.kind === 'RANGE' && from.kind === 'STRING') return rangeParse(text, to.element)
  if (from.kind === 'ARRAY' || to.kind === 'ARRAY' || from.kind === 'STRUCT' || to.kind === 'STRUCT') throw unsupported(`CAST from ${from.kind} to ${to.kind}`)
  const caster = CASTS[from.kind]?.[to.kind]
  if (!caster) {
    // A NULL literal takes any type.
    if (/^CAST\(NULL AS/.test(text)) return `CAST(NULL AS ${duckType(to)})`
    throw unsupported(`CAST from ${from.kind} to ${to.kind}`)
  }
  return use(caster, text)
}

export function rangeText(text: string, element: SqlType): string {
  const end = (field: string) => `coalesce(${castText(`(${text}).${field}`, element, { kind: 'STRING' })}, 'UNBOUNDED')`
  return `(CASE WHEN ${text} IS NULL THEN NULL ELSE '[' || ${end('s')} || ', ' || ${end('e')} || ')' END)`
}

function rangeParse(text: string, element: SqlType): string {
  const part = (index: number) => `trim(regexp_extract(${text}, '^\\s*\\[\\s*(.*?)\\s*,\\s*(.*?)\\s*\\)\\s*$', ${index}))`
  const end = (index: number) => `(CASE WHEN upper(${part(index)}) IN ('UNBOUNDED', 'NULL') THEN NULL ELSE ${castText(part(index), { kind: 'STRING' }, element)} END)`
  return `(CASE WHEN ${text} IS NULL THEN NULL ELSE {'s': ${end(1)}, 'e': ${end(2)}} END)`
}

/** CAST(x AS … FORMAT …). */
function formattedCast(text: string, from: SqlType, to: SqlType, format: string, zone: string): string {
  const civil = (value: string, kind: string) => `gs_cast_format(${format}, ${value}, ${kind === 'TIMESTAMP' ? `epoch_us(${value}) - epoch_us(${value})` : '0'}, '${kind}')`
  if (to.kind === 'STRING') {
    switch (from.kind) {
      case 'DATE':
        return civil(`CAST(${text} AS TIMESTAMP)`, 'DATE')
      case 'DATETIME':
        return civil(text, 'DATETIME')
      case 'TIME':
        return civil(`(DATE '1970-01-01' + ${text})`, 'TIME')
      case 'TIMESTAMP':
        return `gs_cast_format(${format}, ${civilIn(zone, text)}, epoch_us(${civilIn(zone, text)}) - epoch_us(${text}), 'TIMESTAMP')`
      case 'BYTES':
        return `gs_bytes_format(${text}, ${format})`
      case 'INT64':
        return `gs_number_format(CAST(${text} AS VARCHAR), ${format})`
      case 'FLOAT64':
        return `gs_number_format(gs_double_text(${text}), ${format})`
      case 'NUMERIC':
      case 'BIGNUMERIC':
        return `gs_number_format(${castText(text, from, to)}, ${format})`
    }
  }
  if (from.kind === 'STRING') {
    if (to.kind === 'BYTES') return `gs_bytes_unformat(${text}, ${format})`
    const parsed = `gs_cast_parse(${text}, ${format}, '${to.kind}')`
    if (to.kind === 'DATE') return `CAST(${parsed} AS DATE)`
    if (to.kind === 'DATETIME') return parsed
    if (to.kind === 'TIME') return `CAST(${parsed} AS TIME)`
    if (to.kind === 'TIMESTAMP') return `gs_cast_parse_ts(${text}, ${format}, ${zone})`
    if (to.kind === 'INT64' || to.kind === 'FLOAT64' || to.kind === 'NUMERIC') return castText(`gs_number_unformat(${text}, ${format})`, from, to)
  }
  throw unsupported(`CAST from ${from.kind} to ${to.kind} with FORMAT`)
}
