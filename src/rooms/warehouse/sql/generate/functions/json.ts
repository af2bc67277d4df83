/** JSON functions. A JSON value is canonical text (sorted keys); the functions that read STRING take any JSON text. */
import { quote } from '../../literal.ts'
import type { SqlType } from '../../types.ts'
import type { Call, Rule, Rules } from '../calls.ts'
import { castText } from './casts.ts'
import { unsupported } from '../generator.ts'

const path = (call: Call, index = 1) => call.args[index] || `'$'`

/** JSON_QUERY and its like: one reader for legacy ($['a']) and standard ($."a") paths, told apart by a flag. */
const read = (name: string, legacy: boolean): Rule => (call) => `gs_json_${name}(${call.args[0]}, ${path(call)}, ${legacy}${name === 'query' ? `, ${call.types[0]?.kind === 'JSON'}` : ''})`

/**
 * JSON_VALUE by DuckDB's own reader where the path is plain (a tenth of our reader's cost); numbers with a point keep their text only in ours.
 * A text that is no JSON reads as NULL.
 */
const value = (legacy: boolean): Rule => (call) => {
  const [json] = call.args as [string]
  const ours = `gs_json_value(${json}, ${path(call)}, ${legacy})`
  const constant = call.args[1] ? call.constant(1) : '$'
  if (constant === undefined || !/^\$(\.[A-Za-z_]\w*|\[\d+\])*$/.test(constant) || /\bSELECT\b/i.test(json)) return ours
  const at = quote(constant)
  return `TRY(CASE json_type(${json}, ${at}) WHEN 'DOUBLE' THEN ${ours} ELSE json_value(${json}, ${at}) ->> '$' END)`
}

/** A value as JSON text, by its type. */
/** `wide`: numbers beyond a double as strings; `asText`: for TO_JSON_STRING, where 1.0 is 1. */
export function jsonText(text: string, type: SqlType, wide = false, asText = false): string {
  switch (type.kind) {
    case 'JSON':
      return `coalesce(${text}, 'null')`
    case 'BOOL':
      return `coalesce(CAST(${text} AS VARCHAR), 'null')`
    case 'INT64':
      return wide ? `coalesce(CASE WHEN ${text} BETWEEN -9007199254740991 AND 9007199254740991 THEN CAST(${text} AS VARCHAR) ELSE '"' || CAST(${text} AS VARCHAR) || '"' END, 'null')` : `coalesce(CAST(${text} AS VARCHAR), 'null')`
    case 'FLOAT64':
      return `coalesce(gs_double_json(${text}, ${!asText}), 'null')`
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return `coalesce(gs_decimal_json(${castText(text, type, { kind: 'STRING' })}, ${wide}), 'null')`
    case 'STRING':
      return `coalesce(gs_json_quote(${text}), 'null')`
    case 'BYTES':
      return `coalesce('"' || to_base64(${text}) || '"', 'null')`
    case 'TIMESTAMP':
      return `coalesce('"' || replace(replace(${castText(text, type, { kind: 'STRING' })}, ' ', 'T'), '+00', 'Z') || '"', 'null')`
    case 'DATETIME':
      return `coalesce('"' || replace(${castText(text, type, { kind: 'STRING' })}, ' ', 'T') || '"', 'null')`
    case 'INTERVAL':
      return `coalesce('"' || gs_interval_iso(${text}) || '"', 'null')`
    case 'GEOGRAPHY':
      return `coalesce(gs_st_asgeojson(${text}), 'null')`
    case 'ARRAY':
      return `coalesce('[' || array_to_string(list_transform(${text}, lambda j_: ${jsonText('j_', type.element, wide, asText)}), ',') || ']', 'null')`
    case 'STRUCT': {
      const fields = type.fields.map((field, i) => `${quote(`${JSON.stringify(field.name)}:`)} || ${jsonText(`(${text})._${i + 1}`, field.type, wide, asText)}`)
      return `(CASE WHEN ${text} IS NULL THEN 'null' ELSE '{' || ${fields.join(` || ',' || `) || `''`} || '}' END)`
    }
    case 'RANGE':
      return `(CASE WHEN ${text} IS NULL THEN 'null' ELSE '{"start":' || ${jsonText(`(${text}).s`, type.element)} || ',"end":' || ${jsonText(`(${text}).e`, type.element)} || '}' END)`
    default:
      return `coalesce(gs_json_quote(${castText(text, type, { kind: 'STRING' })}), 'null')`
  }
}

/** Keys of a JSON value are sorted; TO_JSON_STRING of a struct keeps their order. */
const toJson = (call: Call) => `gs_json_canonical(${jsonText(call.args[0]!, call.types[0]!, call.constant(1) === 'true')})`

/** JSON_OBJECT('a', 1, 'b', 2) and JSON_OBJECT(keys, values). */
function object(call: Call): string {
  if (call.types[0]?.kind === 'ARRAY' && call.types[1]?.kind === 'ARRAY') return `gs_json_object(${call.args[0]}, list_transform(${call.args[1]}, lambda o_: ${jsonText('o_', call.types[1].element)}))`
  const keys: string[] = []
  const values: string[] = []
  for (let i = 0; i + 1 < call.args.length; i += 2) {
    keys.push(call.args[i]!)
    values.push(jsonText(call.args[i + 1]!, call.types[i + 1]!))
  }
  if (!keys.length) return `'{}'`
  return `gs_json_object([${keys.join(', ')}], [${values.join(', ')}])`
}

const array: Rule = (call) => (call.args.length ? `('[' || ${call.args.map((text, i) => jsonText(text, call.types[i]!)).join(` || ',' || `)} || ']')` : `'[]'`)

/** JSON_SET(json, path, value, path, value …, create_if_missing => …) and its like. */
const edit = (name: string): Rule => (call) => {
  const [json, ...rest] = call.args
  const even = rest.length - (rest.length % 2)
  const flag = rest.length % 2 ? rest.at(-1)! : 'true'
  const paths: string[] = []
  const values: string[] = []
  for (let i = 0; i + 1 < even + 1 && i + 1 <= rest.length - (rest.length % 2); i += 2) {
    paths.push(rest[i]!)
    const type = call.types[i + 2]!
    values.push(name !== 'set' && type.kind === 'ARRAY' ? `'[' || chr(2) || ${jsonText(rest[i + 1]!, type)}` : jsonText(rest[i + 1]!, type))
  }
  return `gs_json_${name}(${json}, [${paths.join(', ')}], [${values.join(', ')}], ${flag || 'true'})`
}

/** The scalar extractors: INT64(json), LAX_INT64(json) … */
const scalar = (duck: string, lax: boolean): Rule => (call) => `CAST(gs_json_as_${duck}(${call.args[0]}, ${lax}, ${duck === 'double' && !lax ? (call.part(1) ? quote(call.part(1)!) : call.args[1] || `'round'`) : `''`}) AS ${({ bool: 'BOOLEAN', int: 'BIGINT', double: 'DOUBLE', string: 'VARCHAR' } as Record<string, string>)[duck]})`

const arrayOf = (duck: string, lax: boolean): Rule => (call) => {
  const type = ({ bool: 'BOOLEAN', int: 'BIGINT', double: 'DOUBLE', string: 'VARCHAR' } as Record<string, string>)[duck]
  return `list_transform(gs_json_elements(${call.args[0]}, ${quote(duck)}, ${lax}), lambda a_: CAST(gs_json_as_${duck}(a_, ${lax}, ${duck === 'double' && !lax ? call.args[1] || `'round'` : `''`}) AS ${type}))`
}

const subscript: Rule = (call) => {
  const json = call.types[0]?.kind === 'JSON'
  if (!json) throw unsupported('This subscript')
  return call.types[1]?.kind === 'INT64' ? `gs_json_index(${call.args[0]}, ${call.args[1]})` : `gs_json_field(${call.args[0]}, ${call.args[1]})`
}

export const json: Rules = {
  json_value: value(false),
  json_query: read('query', false),
  json_extract: read('query', true),
  json_extract_scalar: value(true),
  json_value_array: read('value_array', false),
  json_query_array: read('query_array', false),
  json_extract_array: read('query_array', true),
  json_extract_string_array: read('value_array', true),
  json_keys: (call) => `gs_json_keys(${call.args[0]}, ${call.args[1] || 'CAST(NULL AS BIGINT)'}, ${call.args[2] || `'strict'`})`,
  json_type: 'gs_json_type($1)',
  json_array: array,
  json_object: object,
  json_set: edit('set'),
  json_array_append: edit('array_append'),
  json_array_insert: edit('array_insert'),
  json_remove: (call) => `gs_json_remove(${call.args[0]}, [${call.args.slice(1).join(', ')}])`,
  json_strip_nulls: (call) => `gs_json_strip_nulls(${call.args[0]}, ${call.args[1] || `'$'`}, ${call.args[2] || 'true'}, ${call.args[3] || 'false'})`,
  json_contains: 'gs_json_contains($1, $2)',
  json_flatten: 'gs_json_flatten($1)',
  parse_json: (call) => `gs_parse_json_mode(${call.args[0]}, ${call.args[1] || `'exact'`})`,
  to_json: toJson,
  safe_to_json: (call) => `TRY(${toJson(call)})`,
  to_json_string: (call) => {
    const pretty = call.args[1] || 'false'
    const text = call.types[0]?.kind === 'JSON' ? `coalesce(${call.args[0]}, 'null')` : jsonText(call.args[0]!, call.types[0]!, true, true)
    return pretty === 'false' ? text : `gs_json_pretty(${text}, ${pretty})`
  },
  bool: scalar('bool', false), int64: scalar('int', false), float64: scalar('double', false), double: scalar('double', false),
  lax_bool: scalar('bool', true), lax_int64: scalar('int', true), lax_float64: scalar('double', true), lax_double: scalar('double', true), lax_string: scalar('string', true),
  bool_array: arrayOf('bool', false), int64_array: arrayOf('int', false), float64_array: arrayOf('double', false), string_array: arrayOf('string', false),
  lax_bool_array: arrayOf('bool', true), lax_int64_array: arrayOf('int', true), lax_float64_array: arrayOf('double', true), lax_string_array: arrayOf('string', true),
  $subscript: subscript,
}
