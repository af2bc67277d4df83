/** Operators that compare and combine truth. DuckDB takes NaN as equal to itself and above all numbers; GoogleSQL takes it as unordered. */
import type { Message } from '../../analyzer/proto.ts'
import type { SqlType } from '../../types.ts'
import type { Call, Rules } from '../calls.ts'

const isFloat = (type: SqlType | undefined) => type?.kind === 'FLOAT64'

/** Literals other than NaN need no guard. */
const mayBeNan = (node: Message | undefined) => !(node?.['node'] === 'ResolvedLiteral' && !Number.isNaN(node['value']?.value?.double_value ?? 0))

const argumentNode = (call: Call, index: number): Message | undefined => ((call.node['argument_list'] ?? []) as Message[])[index]

export const notNull = (text: string): string => `${text} IS NOT NULL`

/** Equality with SQL's three values inside structs and arrays too: (1, NULL) = (1, NULL) is NULL. */
export function equality(a: string, b: string, type: SqlType | undefined): string {
  if (type?.kind === 'STRUCT' && type.fields.length) return `(${type.fields.map((field, i) => equality(`(${a})._${i + 1}`, `(${b})._${i + 1}`, field.type)).join(' AND ')})`
  if (isFloat(type)) return `(${a} = ${b} AND NOT isnan(${a}))`
  if (type?.kind === 'ARRAY') return arrayEqual(a, b)
  return `(${a} = ${b})`
}

function equal(call: Call): string {
  const [a, b] = call.args as [string, string]
  const type = call.types[0]
  if (isFloat(type)) {
    // NaN = NaN is the only wrong answer: one side without NaN is enough.
    if (!mayBeNan(argumentNode(call, 0)) || !mayBeNan(argumentNode(call, 1))) return `(${a} = ${b})`
    return `(${a} = ${b} AND NOT isnan(${a}))`
  }
  if (type?.kind === 'ARRAY') return arrayEqual(a, b)
  return equality(a, b, type)
}

/** NULL elements make the answer NULL unless something differs. */
function arrayEqual(a: string, b: string): string {
  return `CASE WHEN len(${a}) <> len(${b}) THEN false WHEN list_count(${a}) = len(${a}) AND list_count(${b}) = len(${b}) THEN ${a} = ${b} WHEN ${a} IS NULL OR ${b} IS NULL THEN NULL WHEN list_bool_or(list_transform(range(1, len(${a}) + 1), lambda e_: (${a})[e_] <> (${b})[e_])) THEN false END`
}

const less = (strict: boolean, flip: boolean) => (call: Call): string => {
  const [left, right] = (flip ? [call.args[1], call.args[0]] : call.args) as [string, string]
  const text = `(${call.args[0]} ${flip ? '>' : '<'}${strict ? '' : '='} ${call.args[1]})`
  if (!isFloat(call.types[0])) return text
  // left < right: NaN on the left is false already where strict; NaN on the right would be true.
  const guards: string[] = []
  const [leftNode, rightNode] = flip ? [argumentNode(call, 1), argumentNode(call, 0)] : [argumentNode(call, 0), argumentNode(call, 1)]
  if (mayBeNan(rightNode)) guards.push(`NOT isnan(${right})`)
  if (!strict && mayBeNan(leftNode) && mayBeNan(rightNode)) guards.push(`NOT isnan(${left})`)
  return guards.length ? `(${text} AND ${guards.join(' AND ')})` : text
}

function extreme(name: 'greatest' | 'least') {
  return (call: Call): string => {
    if (call.args.length === 1) return call.args[0]!
    const nulls = call.args.filter((_, i) => argumentNode(call, i)?.['node'] !== 'ResolvedLiteral' || argumentNode(call, i)?.['value']?.value === undefined || Object.keys(argumentNode(call, i)!['value'].value).length < 2)
    const guards = nulls.map((text) => `${text} IS NULL`)
    const nan = name === 'least' && isFloat(call.types[0]) ? ` WHEN ${call.args.map((text) => `isnan(${text})`).join(' OR ')} THEN 'nan'::DOUBLE` : ''
    const text = `${name}(${call.args.join(', ')})`
    if (!guards.length && !nan) return text
    return `CASE${guards.length ? ` WHEN ${guards.join(' OR ')} THEN NULL` : ''}${nan} ELSE ${text} END`
  }
}

function inList(call: Call): string {
  const [value, ...items] = call.args as [string, ...string[]]
  const type = call.types[0]
  if (type?.kind === 'STRUCT' || type?.kind === 'ARRAY') return `(${items.map((item) => equality(value, item, type)).join(' OR ')})`
  const text = `(${value} IN (${items.join(', ')}))`
  return isFloat(type) ? `(${text} AND NOT isnan(${value}))` : text
}

function inArray(call: Call): string {
  const [value, array] = call.args as [string, string]
  return `CASE WHEN ${array} IS NULL OR len(${array}) = 0 THEN false WHEN ${value} IS NULL THEN NULL WHEN list_contains(${array}, ${value}) THEN true WHEN list_count(${array}) < len(${array}) THEN NULL ELSE false END`
}

export function like(value: string, pattern: string, constant: string | undefined, type: SqlType | undefined): string {
  if (type?.kind === 'BYTES') return `gs_like_bytes(${value}, ${pattern})`
  return constant !== undefined && !constant.includes('\\') ? `(${value} LIKE ${pattern})` : `(${value} LIKE ${pattern} ESCAPE '\\')`
}

const likeMany = (join: 'OR' | 'AND', not: boolean) => (call: Call): string => {
  const [value, ...patterns] = call.args as [string, ...string[]]
  return `(${patterns.map((pattern, i) => `${not ? 'NOT ' : ''}${like(value, pattern, call.constant(i + 1), call.types[0])}`).join(` ${join} `)})`
}

const likeArray = (join: 'or' | 'and', not: boolean) => (call: Call): string => {
  const [value, array] = call.args as [string, string]
  return `list_bool_${join}(list_transform(${array}, lambda p_: ${not ? 'NOT ' : ''}(${value} LIKE p_ ESCAPE '\\')))`
}

export const comparisons: Rules = {
  $equal: equal,
  $not_equal: (call) => `(NOT ${equal(call)})`,
  $less: less(true, false),
  $less_or_equal: less(false, false),
  $greater: less(true, true),
  $greater_or_equal: less(false, true),
  $between(call) {
    const [value, low, high] = call.args
    const text = `(${value} BETWEEN ${low} AND ${high})`
    return isFloat(call.types[0]) ? `(${text} AND NOT isnan(${value}) AND NOT isnan(${high}))` : text
  },
  $in: inList,
  $in_array: inArray,
  $like: (call) => like(call.args[0]!, call.args[1]!, call.constant(1), call.types[0]),
  $like_any: likeMany('OR', false),
  $like_all: likeMany('AND', false),
  $not_like_any: likeMany('OR', true),
  $not_like_all: likeMany('AND', true),
  $like_any_array: likeArray('or', false),
  $like_all_array: likeArray('and', false),
  $not_like_any_array: likeArray('or', true),
  $not_like_all_array: likeArray('and', true),
  $is_null: '($1 IS NULL)',
  $is_true: '($1 IS TRUE)',
  $is_false: '($1 IS FALSE)',
  $is_distinct_from: '($1 IS DISTINCT FROM $2)',
  $is_not_distinct_from: '($1 IS NOT DISTINCT FROM $2)',
  $and: (call) => `(${call.args.join(' AND ')})`,
  $or: (call) => `(${call.args.join(' OR ')})`,
  $not: '(NOT $1)',
  greatest: extreme('greatest'),
  least: extreme('least'),
}
