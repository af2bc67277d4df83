/** STRING and BYTES functions, regular expressions and FORMAT. */
import { duckType } from '../../sqltype.ts'
import { quote } from '../../literal.ts'
import type { SqlType } from '../../types.ts'
import type { Call, Rule, Rules } from '../calls.ts'
import { castText } from './casts.ts'
import { civilIn } from './zones.ts'

const isBytes = (call: Call) => call.types[0]?.kind === 'BYTES'

/** One rule for STRING, one for BYTES. */
const both = (string: Rule, bytes: Rule): Rule => (call) => {
  const rule = isBytes(call) ? bytes : string
  return typeof rule === 'string' ? rule.replace(/\$(\d|\*)/g, (_all, which: string) => (which === '*' ? call.args.join(', ') : (call.args[Number(which) - 1] ?? 'NULL'))) : rule(call)
}

function substr(call: Call): string {
  const [value, position, length] = call.args as [string, string, string?]
  const constant = call.constant(1)
  const size = call.constant(2)
  if (isBytes(call)) return `gs_bytes_substr(${value}, ${position}, ${length ?? '9223372036854775807'})`
  // DuckDB counts from the end for a negative position as BigQuery does, except before the beginning.
  if (constant !== undefined && Number(constant) >= 1 && (length === undefined || (size !== undefined && Number(size) >= 0))) return `substring(${value}, ${constant}${length === undefined ? '' : `, ${size}`})`
  if (constant !== undefined && Number(constant) < 0 && (length === undefined || (size !== undefined && Number(size) >= 0))) {
    return `(CASE WHEN length(${value}) >= ${-Number(constant)} THEN substring(${value}, ${constant}${length === undefined ? '' : `, ${size}`}) ELSE gs_substr(${value}, ${position}, ${length ?? '9223372036854775807'}) END)`
  }
  return `gs_substr(${value}, ${position}, ${length ?? '9223372036854775807'})`
}

function concat(call: Call): string {
  return call.args.length === 1 ? call.args[0]! : `(${call.args.join(' || ')})`
}

function trim(name: 'trim' | 'ltrim' | 'rtrim'): Rule {
  return both((call) => {
    const [value, set] = call.args
    if (set === undefined) return `${name}(${value}, ${WHITESPACE})`
    return `(CASE WHEN ${set} IS NULL THEN NULL ELSE ${name}(${value}, ${set}) END)`
  }, (call) => `gs_bytes_${name}(${call.args[0]}, ${call.args[1] ?? `'\\x09\\x0A\\x0B\\x0C\\x0D\\x20'::BLOB`})`)
}

const WHITESPACE = `' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(133) || chr(160) || chr(5760) || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197) || chr(8198) || chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239) || chr(8287) || chr(12288)`

function pad(name: 'lpad' | 'rpad'): Rule {
  return both((call) => {
    const fill = call.args[2] ?? `' '`
    // DuckDB takes the size as INTEGER.
    if (sized(call, 1) && (call.args[2] === undefined || call.constant(2))) return `${name}(${call.args[0]}, ${call.constant(1)}, ${fill})`
    return `gs_${name}(${call.args[0]}, ${call.args[1]}, ${fill})`
  }, (call) => `gs_bytes_${name}(${call.args[0]}, ${call.args[1]}, ${call.args[2] ?? `' '::BLOB`})`)
}

function split(call: Call): string {
  const [value, separator = `','`] = call.args
  if (isBytes(call)) return `gs_bytes_split(${value}, ${separator})`
  const constant = call.args.length === 1 ? ',' : call.constant(1)
  if (constant !== undefined && constant !== '') return `string_split(${value}, ${separator})`
  return `(CASE WHEN ${separator} = '' THEN gs_split_chars(${value}) ELSE string_split(${value}, ${separator}) END)`
}

/** A constant size that is not negative and not huge. */
const sized = (call: Call, index: number): boolean => {
  const size = Number(call.constant(index) ?? -1)
  return size >= 0 && size <= 100_000
}

const left: Rule = both((call) => `${sized(call, 1) ? 'left' : 'gs_left'}(${call.args[0]}, ${call.args[1]})`, (call) => `gs_bytes_left(${call.args[0]}, ${call.args[1]})`)
const right: Rule = both((call) => `${sized(call, 1) ? 'right' : 'gs_right'}(${call.args[0]}, ${call.args[1]})`, (call) => `gs_bytes_right(${call.args[0]}, ${call.args[1]})`)

/** A constant pattern with at most one group runs in DuckDB's own RE2; the rest in ours. */
function regexpExtract(call: Call): string {
  const [value, pattern, position = '1', occurrence = '1'] = call.args
  if (isBytes(call)) return `gs_bytes_regexp_extract(${value}, ${pattern}, ${position}, ${occurrence})`
  const constant = call.constant(1)
  // A group that may take no part is NULL, which DuckDB cannot tell from ''.
  if (call.args.length === 2 && constant !== undefined && (groups(constant) === 0 || (groups(constant) === 1 && !/\)[?*{]|\|/.test(constant)))) {
    return `(CASE WHEN regexp_matches(${value}, ${pattern}) THEN regexp_extract(${value}, ${pattern}, ${groups(constant)}) END)`
  }
  return `gs_regexp_extract(${value}, ${pattern}, ${position}, ${occurrence})`
}

function groups(pattern: string): number {
  let count = 0
  let inClass = false
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') i++
    else if (inClass) inClass = char !== ']'
    else if (char === '[') {
      inClass = true
      if (pattern[i + 1] === '^') i++
      if (pattern[i + 1] === ']') i++
    } else if (char === '(' && (pattern[i + 1] !== '?' || pattern.startsWith('(?P<', i) || /^\(\?<[A-Za-z_]/.test(pattern.slice(i)))) count++
  }
  return count
}

function regexpExtractAll(call: Call): string {
  const [value, pattern] = call.args
  if (isBytes(call)) return `gs_bytes_regexp_extract_all(${value}, ${pattern})`
  const constant = call.constant(1)
  if (constant !== undefined && groups(constant) <= 1) return `regexp_extract_all(${value}, ${pattern}, ${groups(constant)})`
  return `gs_regexp_extract_all(${value}, ${pattern})`
}

/** GoogleSQL and RE2 both write \1; only \0 and the doubled backslash need care, and DuckDB checks the group numbers. */
function regexpReplace(call: Call): string {
  const [value, pattern, replacement] = call.args
  if (isBytes(call)) return `gs_bytes_regexp_replace(${value}, ${pattern}, ${replacement})`
  const constant = call.constant(1)
  const text = call.constant(2)
  if (constant !== undefined && text !== undefined && /^(?:[^\\]|\\[0-9\\])*$/.test(text) && Math.max(0, ...[...text.matchAll(/\\(\d)/g)].map((m) => Number(m[1]))) <= groups(constant)) {
    return `regexp_replace(${value}, ${pattern}, ${replacement}, 'g')`
  }
  return `gs_regexp_replace(${value}, ${pattern}, ${replacement})`
}

/** FORMAT takes any types: each argument travels as text with a tag that says what it was. */
function format(call: Call): string {
  const [pattern, ...args] = call.args
  const tagged = args.map((text, i) => `{'t': ${quote(tagOf(call.types[i + 1]!))}, 'v': ${formatArgument(text, call.types[i + 1]!)}}`)
  return `gs_format(${pattern}, ${tagged.length ? `[${tagged.join(', ')}]` : `CAST([] AS STRUCT(t VARCHAR, v VARCHAR)[])`})`
}

const tagOf = (type: SqlType) => (type.kind === 'ARRAY' || type.kind === 'STRUCT' || type.kind === 'RANGE' ? 'COMPOUND' : type.kind)

function formatArgument(text: string, type: SqlType): string {
  if (type.kind === 'ARRAY' || type.kind === 'STRUCT') return `${debugText(text, type, false)} || chr(2) || ${debugText(text, type, true)}`
  if (type.kind === 'RANGE') return `${castText(text, type, { kind: 'STRING' })} || chr(2) || ${debugText(text, type, true)}`
  if (type.kind === 'BYTES') return `to_base64(${text})`
  if (type.kind === 'JSON' || type.kind === 'GEOGRAPHY' || type.kind === 'STRING') return text
  return castText(text, type, { kind: 'STRING' })
}

/** %t (literal false) and %T (literal true) of nested values, built in place by the engine. */
export function debugText(text: string, type: SqlType, literal: boolean): string {
  if (type.kind === 'ARRAY') return `coalesce('[' || array_to_string(list_transform(${text}, lambda d_: ${debugText('d_', type.element, literal)}), ', ') || ']', 'NULL')`
  if (type.kind === 'STRUCT') {
    const fields = type.fields.map((field, i) => debugText(`(${text})._${i + 1}`, field.type, literal))
    const open = literal && type.fields.length === 1 ? `'STRUCT('` : `'('`
    return `(CASE WHEN ${text} IS NULL THEN 'NULL' ELSE ${open} || ${fields.join(` || ', ' || `) || `''`} || ')' END)`
  }
  if (type.kind === 'RANGE') {
    const body = castText(text, type, { kind: 'STRING' })
    return `coalesce(${literal ? `'RANGE<${type.element.kind}> "' || ${body} || '"'` : body}, 'NULL')`
  }
  return `gs_debug(${quote(type.kind)}, ${literal}, ${formatArgument(text, type)})`
}

const instrText = (call: Call) => `gs_instr(${call.args[0]}, ${call.args[1]}, ${call.args[2] ?? '1'}, ${call.args[3] ?? '1'})`

const bytesOrString = (name: string): Rule => both(`${name}($*)`, `gs_bytes_${name}($*)`)

export const strings: Rules = {
  $concat_op: concat,
  concat,
  length: both('length($1)', 'octet_length($1)'),
  char_length: 'length($1)',
  byte_length: both('strlen($1)', 'octet_length($1)'),
  upper: both('upper($1)', 'gs_bytes_upper($1)'),
  lower: both('lower($1)', 'gs_bytes_lower($1)'),
  initcap: (call) => `gs_initcap(${call.args[0]}, ${call.args[1] ?? `' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || '[](){}/|!?@"^#$&~_,.:;*%+-'`})`,
  reverse: both('gs_reverse($1)', 'gs_bytes_reverse($1)'),
  repeat: both((call) => `gs_repeat(${call.args.join(', ')})`, (call) => `gs_bytes_repeat(${call.args.join(', ')})`),
  replace: both((call) => `(CASE WHEN ${call.args[1]} = '' THEN ${call.args[0]} ELSE replace(${call.args.join(', ')}) END)`, 'gs_bytes_replace($*)'),
  substr,
  substring: substr,
  left,
  right,
  trim: trim('trim'),
  ltrim: trim('ltrim'),
  rtrim: trim('rtrim'),
  lpad: pad('lpad'),
  rpad: pad('rpad'),
  split,
  split_substr: (call) => `gs_split_substr(${call.args[0]}, ${call.args[1]}, ${call.args[2]}, ${call.args[3] ?? '9223372036854775807'})`,
  strpos: both('CAST(strpos($1, $2) AS BIGINT)', 'gs_bytes_strpos($1, $2)'),
  instr: both((call) => (call.args.length === 2 && call.constant(1) ? `CAST(strpos(${call.args.join(', ')}) AS BIGINT)` : instrText(call)), (call) => `gs_bytes_instr(${call.args[0]}, ${call.args[1]}, ${call.args[2] ?? '1'}, ${call.args[3] ?? '1'})`),
  starts_with: bytesOrString('starts_with'),
  ends_with: bytesOrString('ends_with'),
  translate: both('gs_translate($1, $2, $3)', 'gs_bytes_translate($1, $2, $3)'),
  ascii: both('gs_ascii($1)', 'gs_bytes_ascii($1)'),
  chr: 'gs_chr($1)',
  unicode: 'gs_unicode($1)',
  to_code_points: both('gs_to_code_points($1)', 'gs_bytes_code_points($1)'),
  code_points_to_string: 'gs_code_points_to_string($1)',
  code_points_to_bytes: 'gs_code_points_to_bytes($1)',
  soundex: 'gs_soundex($1)',
  edit_distance: both((call) => `gs_edit_distance(${call.args[0]}, ${call.args[1]}, ${call.args[2] || 'NULL'})`, (call) => `gs_bytes_edit_distance(${call.args[0]}, ${call.args[1]}, ${call.args[2] || 'NULL'})`),
  normalize: (call) => `gs_normalize(${call.args[0]}, ${quote(call.part(1) ?? 'NFC')}, false)`,
  normalize_and_casefold: (call) => `gs_normalize(${call.args[0]}, ${quote(call.part(1) ?? 'NFC')}, true)`,
  collate: '$1',
  regexp_contains: both((call) => (call.constant(1) === undefined ? `regexp_matches(${call.args.join(', ')})` : `regexp_matches(${call.args.join(', ')})`), 'gs_bytes_regexp_contains($1, $2)'),
  regexp_extract: regexpExtract,
  regexp_substr: regexpExtract,
  regexp_extract_all: regexpExtractAll,
  regexp_replace: regexpReplace,
  regexp_instr: (call) => `gs_${isBytes(call) ? 'bytes_' : ''}regexp_instr(${call.args[0]}, ${call.args[1]}, ${call.args[2] ?? '1'}, ${call.args[3] ?? '1'}, ${call.args[4] ?? '0'})`,
  regexp_extract_groups: (call) => {
    const fields = call.type.kind === 'STRUCT' ? call.type.fields : []
    const groupsOf = `gs_regexp_groups(${call.args[0]}, ${call.args[1]})`
    return `(CASE WHEN ${groupsOf} IS NULL THEN NULL ELSE {${fields.map((field, i) => `'_${i + 1}': ${castText(`(${groupsOf})[${i + 1}]`, { kind: 'STRING' }, field.type)}`).join(', ')}} END)`
  },
  format,
  safe_convert_bytes_to_string: 'gs_bytes_to_text($1)',
  to_hex: 'lower(hex($1))',
  from_hex: 'gs_from_hex($1)',
  to_base64: 'to_base64($1)',
  from_base64: 'gs_from_base64($1)',
  to_base32: 'gs_to_base32($1)',
  from_base32: 'gs_from_base32($1)',
  parse_numeric: 'gs_parse_numeric_loose($1)',
  parse_bignumeric: 'gs_parse_bignum_loose($1)',
  string(call) {
    const [value, zone] = call.args
    const type = call.types[0]!
    if (type.kind === 'JSON') return `gs_json_to_string(${value})`
    if (type.kind === 'TIMESTAMP' && zone) return `gs_timestamp_text(${civilIn(zone, value!)}, epoch_us(${civilIn(zone, value!)}) - epoch_us(${value}))`
    return castText(value!, type, { kind: 'STRING' })
  },
  generate_uuid: 'CAST(uuid() AS VARCHAR)',
  new_uuid: 'uuid()',
  session_user: () => quote('user@localhost'),
  'net.host': 'gs_net_host($1)',
  'net.public_suffix': 'gs_net_public_suffix($1)',
  'net.reg_domain': 'gs_net_reg_domain($1)',
  'net.ip_from_string': 'gs_net_ip_from_string($1)',
  'net.safe_ip_from_string': 'TRY(gs_net_ip_from_string($1))',
  'net.ip_to_string': 'gs_net_ip_to_string($1)',
  'net.ip_net_mask': 'gs_net_ip_net_mask($1, $2)',
  'net.ip_trunc': 'gs_net_ip_trunc($1, $2)',
  'net.ipv4_from_int64': 'gs_net_ipv4_from_int64($1)',
  'net.ipv4_to_int64': 'gs_net_ipv4_to_int64($1)',
}

export { duckType }
