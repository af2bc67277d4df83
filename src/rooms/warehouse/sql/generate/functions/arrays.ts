/** ARRAY functions and subscripts. */
import { duckType } from '../../sqltype.ts'
import type { SqlType } from '../../types.ts'
import type { Message } from '../../analyzer/proto.ts'
import type { Call, Rule, Rules } from '../calls.ts'
import { zipMode } from '../scans.ts'
import { castText } from './casts.ts'

const element = (call: Call, index = 0): SqlType => {
  const type = call.types[index]
  return type?.kind === 'ARRAY' ? type.element : { kind: 'STRING' }
}

/** arr[OFFSET(i)] and its kin: out of bounds is an error, or NULL when safe. */
const at = (base: 0 | 1, safe: boolean): Rule => (call) => {
  const [array, index] = call.args as [string, string]
  const position = base === 0 ? `${index} + 1` : index
  const inside = `(${array})[${position}]`
  const low = `${index} < ${base}`
  if (safe) return `(CASE WHEN ${low} THEN NULL ELSE ${inside} END)`
  return `(CASE WHEN ${low} OR ${index} ${base === 0 ? '>=' : '>'} len(${array}) THEN gs_error('Array index ' || CAST(${index} AS VARCHAR) || ' is out of bounds' || CASE WHEN ${low} THEN '' ELSE ' (overflow)' END) ELSE ${inside} END)`
}

/** Lambdas: their parameters are columns of their own. */
function lambda(call: Call, index: number): { names: string[]; body: string } {
  const node = call.lambda(index) as Message
  const names = ((node['argument_list'] ?? []) as Message[]).map((column) => call.g.column(column))
  return { names, body: call.g.expr(node['body']) }
}

function filter(call: Call): string {
  const { names, body } = lambda(call, 1)
  const [item, position] = names as [string, string?]
  if (!position) return `list_filter(${call.args[0]}, lambda ${item}: ${body})`
  return `list_filter(${call.args[0]}, lambda ${item}, ${position}p: ${shifted(body, position)})`
}

function transform(call: Call): string {
  const { names, body } = lambda(call, 1)
  const [item, position] = names as [string, string?]
  if (!position) return `list_transform(${call.args[0]}, lambda ${item}: ${body})`
  return `list_transform(${call.args[0]}, lambda ${item}, ${position}p: ${shifted(body, position)})`
}

/** DuckDB counts from 1. */
const shifted = (body: string, position: string) => body.replace(new RegExp(`\\b${position}\\b`, 'g'), `(${position}p - 1)`)

function slice(call: Call): string {
  const [array, start, end] = call.args as [string, string, string]
  const size = `len(${array})`
  const clean = (index: string) => `(CASE WHEN ${index} < 0 THEN ${index} + ${size} ELSE ${index} END)`
  return `(CASE WHEN ${array} IS NULL OR ${start} IS NULL OR ${end} IS NULL THEN NULL WHEN ${clean(start)} > ${clean(end)} OR ${clean(end)} < 0 OR ${clean(start)} >= ${size} THEN CAST([] AS ${duckType(call.type)}) ELSE list_slice(${array}, greatest(${clean(start)}, 0) + 1, least(${clean(end)}, ${size} - 1) + 1) END)`
}

function isDistinct(array: string): string {
  return `(len(list_distinct(${array})) + CASE WHEN list_count(${array}) < len(${array}) THEN 1 ELSE 0 END = len(${array}))`
}

const generate: Rule = (call) => {
  const [start, end, step = call.type.kind === 'ARRAY' && call.type.element.kind === 'INT64' ? '1' : '1.0'] = call.args
  const kind = element({ ...call, types: [call.type] } as Call).kind
  const nulls = `${start} IS NULL OR ${end} IS NULL OR ${step} IS NULL`
  const zero = `WHEN ${step} = 0 THEN gs_error('Sequence step cannot be 0.')`
  if (kind === 'INT64') return `(CASE WHEN ${nulls} THEN NULL ${zero} ELSE generate_series(${start}, ${end}, ${step}) END)`
  if (kind === 'FLOAT64') return `gs_generate_floats(CAST(${start} AS DOUBLE), CAST(${end} AS DOUBLE), CAST(${step} AS DOUBLE))`
  if (kind === 'NUMERIC') return `(CASE WHEN ${nulls} THEN NULL ${zero} ELSE list_transform(range(greatest(0, CAST(floor((${end} - ${start}) / ${step}) AS BIGINT) + 1)), lambda n_: CAST(${start} + n_ * ${step} AS DECIMAL(38,9))) END)`
  return `gs_generate_bignums(${start}, ${end}, ${call.args[2] ?? castText('1', { kind: 'INT64' }, { kind: 'BIGNUMERIC' })})`
}

const aggregate = (name: 'sum' | 'avg' | 'min' | 'max'): Rule => (call) => {
  const [array] = call.args
  const item = element(call)
  if (name === 'min' && item.kind === 'FLOAT64') return `(CASE WHEN list_bool_or(list_transform(${array}, lambda m_: isnan(m_))) THEN 'nan'::DOUBLE ELSE list_min(${array}) END)`
  if (name === 'avg' && item.kind === 'NUMERIC') return `gs_numeric_div_count(CAST(list_sum(${array}) AS DECIMAL(38,9)), CAST(list_count(${array}) AS BIGINT))`
  if (name === 'avg' && item.kind === 'BIGNUMERIC') return `gs_bignum_div_count(list_sum(${array}), CAST(list_count(${array}) AS BIGINT))`
  if (name === 'avg' && item.kind === 'INTERVAL') return `gs_interval_avg(${array})`
  if (name === 'sum' && item.kind === 'INTERVAL') return `gs_interval_sum(${array})`
  return `CAST(list_${name}(${array}) AS ${duckType(call.type)})`
}

/** array_to_string: NULL elements are left out, or stand as the third argument. */
const toText: Rule = (call) => {
  const [array, separator, nulls] = call.args as [string, string, string?]
  if (element(call).kind === 'BYTES') return `gs_bytes_join(${nulls ? `list_transform(${array}, lambda b_: coalesce(b_, ${nulls}))` : `list_filter(${array}, lambda b_: b_ IS NOT NULL)`}, ${separator})`
  const text = nulls ? `list_transform(${array}, lambda s_: coalesce(s_, ${nulls}))` : array
  return `(CASE WHEN ${array} IS NULL OR ${separator} IS NULL${nulls ? ` OR ${nulls} IS NULL` : ''} THEN NULL ELSE coalesce(array_to_string(${text}, ${separator}), '') END)`
}

const includes: Rule = (call) => {
  if (call.lambda(1)) {
    const { names, body } = lambda(call, 1)
    return `(CASE WHEN ${call.args[0]} IS NULL THEN NULL ELSE len(list_filter(${call.args[0]}, lambda ${names[0]}: ${body})) > 0 END)`
  }
  return `list_contains(${call.args[0]}, ${call.args[1]})`
}

const mode = (call: Call, index: number) => call.part(index) ?? 'FIRST'

/** ARRAY_FIND, ARRAY_OFFSET and their plurals: by value or by lambda. */
const find = (what: 'value' | 'offset', many: boolean): Rule => (call) => {
  const [array] = call.args as [string]
  let test: (item: string) => string
  if (call.lambda(1)) {
    const { names, body } = lambda(call, 1)
    test = (item) => body.replace(new RegExp(`\\b${names[0]}\\b`, 'g'), item)
  } else test = (item) => `${item} = ${call.args[1]}`
  const hits = `list_filter(range(1, len(${array}) + 1), lambda h_: ${test(`(${array})[h_]`)})`
  const found = what === 'offset' ? `list_transform(${hits}, lambda k_: k_ - 1)` : `list_transform(${hits}, lambda k_: (${array})[k_])`
  if (many) return `(CASE WHEN ${array} IS NULL${call.lambda(1) ? '' : ` OR ${call.args[1]} IS NULL`} THEN NULL ELSE ${found} END)`
  return `(${found})[${mode(call, 2) === 'LAST' ? '-1' : '1'}]`
}

function zip(call: Call): string {
  const generic = (call.node['generic_argument_list'] ?? []) as Message[]
  const arrays = call.args.filter((_, i) => call.types[i]?.kind === 'ARRAY')
  const last = generic.length ? generic.at(-1)?.['expr'] : (call.node['argument_list'] ?? []).at(-1)
  const how = zipMode(call.g, last?.type?.type_kind === 'TYPE_ENUM' ? last : undefined)
  const strict = last?.type?.type_kind === 'TYPE_ENUM' ? how : 'STRICT'
  const lengths = arrays.map((array) => `len(${array})`)
  const size = strict === 'PAD' ? `greatest(${lengths.join(', ')})` : `least(${lengths.join(', ')})`
  const guard = strict === 'STRICT' ? `WHEN greatest(${lengths.join(', ')}) <> least(${lengths.join(', ')}) THEN gs_error('Array arguments in ARRAY_ZIP must have the same length in STRICT mode') ` : ''
  const lambdaAt = generic.findIndex((item) => item['inline_lambda'])
  let item = `{${arrays.map((array, i) => `'_${i + 1}': (${array})[z_]`).join(', ')}}`
  if (lambdaAt >= 0) {
    const { names, body } = lambda(call, lambdaAt)
    item = names.reduce((text, name, i) => text.replace(new RegExp(`\\b${name}\\b`, 'g'), `(${arrays[i]})[z_]`), body)
  }
  return `(CASE WHEN ${arrays.map((array) => `${array} IS NULL`).join(' OR ')} THEN NULL ${guard}ELSE list_transform(range(1, ${size} + 1), lambda z_: ${item}) END)`
}

export const arrays: Rules = {
  $make_array: (call) => `CAST([${call.args.map((text, i) => castText(text, call.types[i]!, element({ ...call, types: [call.type] } as Call))).join(', ')}] AS ${duckType(call.type)})`,
  $array_at_offset: at(0, false),
  $array_at_ordinal: at(1, false),
  $safe_array_at_offset: at(0, true),
  $safe_array_at_ordinal: at(1, true),
  array_length: 'CAST(len($1) AS BIGINT)',
  array_reverse: 'list_reverse($1)',
  array_concat: (call) => `(CASE WHEN ${call.args.map((text) => `${text} IS NULL`).join(' OR ')} THEN NULL ELSE ${call.args.length === 1 ? call.args[0] : `(${call.args.join(' || ')})`} END)`,
  array_to_string: toText,
  array_first: (call) => `(CASE WHEN len(${call.args[0]}) = 0 THEN gs_error('ARRAY_FIRST cannot get the first element of an empty array') ELSE (${call.args[0]})[1] END)`,
  array_last: (call) => `(CASE WHEN len(${call.args[0]}) = 0 THEN gs_error('ARRAY_LAST cannot get the last element of an empty array') ELSE (${call.args[0]})[-1] END)`,
  array_first_n: `(CASE WHEN $2 < 0 THEN gs_error('The n argument to ARRAY_FIRST_N must not be negative.') WHEN $2 IS NULL THEN NULL ELSE list_slice($1, 1, $2) END)`,
  array_last_n: `(CASE WHEN $2 < 0 THEN gs_error('The n argument to ARRAY_LAST_N must not be negative.') WHEN $2 IS NULL THEN NULL ELSE list_slice($1, greatest(1, len($1) - $2 + 1), len($1)) END)`,
  array_remove_first_n: `(CASE WHEN $2 < 0 THEN gs_error('The n argument to ARRAY_REMOVE_FIRST_N must not be negative.') WHEN $2 IS NULL THEN NULL ELSE list_slice($1, least($2, len($1)) + 1, len($1)) END)`,
  array_remove_last_n: `(CASE WHEN $2 < 0 THEN gs_error('The n argument to ARRAY_REMOVE_LAST_N must not be negative.') WHEN $2 IS NULL THEN NULL ELSE list_slice($1, 1, greatest(0, len($1) - $2)) END)`,
  array_slice: slice,
  array_filter: filter,
  array_transform: transform,
  array_includes: includes,
  array_includes_any: `(CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE list_has_any($1, $2) END)`,
  array_includes_all: `(CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE list_has_all($1, $2) END)`,
  array_is_distinct: (call) => `(CASE WHEN ${call.args[0]} IS NULL THEN NULL ELSE ${isDistinct(call.args[0]!)} END)`,
  array_sum: aggregate('sum'), array_avg: aggregate('avg'), array_min: aggregate('min'), array_max: aggregate('max'),
  array_find: find('value', false), array_find_all: find('value', true), array_offset: find('offset', false), array_offsets: find('offset', true),
  array_zip: zip,
  generate_array: generate,
  apply: (call) => {
    const { names, body } = lambda(call, 1)
    return body.replace(new RegExp(`\\b${names[0]}\\b`, 'g'), () => call.args[0]!)
  },
}
