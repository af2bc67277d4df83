/**
 * Function calls: looks the function up in the families of functions/, inlines SQL functions, and gives SAFE. its meaning.
 * A rule is a template ($1, $2 … stand for the arguments, $* for all of them) or a function of the call.
 */
import type { Message } from '../analyzer/proto.ts'
import { duckType, typeOfProto } from '../sqltype.ts'
import type { SqlType } from '../types.ts'
import { givenType, takenType } from '../javascript-types.ts'
import { enumText } from './expressions.ts'
import { arrays } from './functions/arrays.ts'
import { castText } from './functions/casts.ts'
import { comparisons } from './functions/comparisons.ts'
import { conditionals } from './functions/conditionals.ts'
import { dates } from './functions/dates.ts'
import { geography } from './functions/geography.ts'
import { hashes } from './functions/hashes.ts'
import { json } from './functions/json.ts'
import { math } from './functions/math.ts'
import { ranges } from './functions/ranges.ts'
import { search } from './functions/search.ts'
import { strings } from './functions/strings.ts'
import { invalidQuery, unsupported, type Generator, type InlineFunction } from './generator.ts'

export interface Call {
  g: Generator
  name: string
  node: Message
  /** The arguments' text; lambdas and missing arguments are ''. */
  args: readonly string[]
  types: readonly (SqlType | undefined)[]
  type: SqlType
  /** Text of argument i where it is a literal: the string, or the number as text. */
  constant(index: number): string | undefined
  /** Name of an enum argument: a date part or a mode. */
  part(index: number): string | undefined
  lambda(index: number): Message | undefined
}

export type Rule = string | ((call: Call) => string)
export type Rules = Readonly<Record<string, Rule>>

const RULES: Rules = { ...comparisons, ...conditionals, ...math, ...strings, ...hashes, ...dates, ...json, ...arrays, ...ranges, ...search, ...geography }

export const knownFunctions = (): readonly string[] => Object.keys(RULES)

export const functionName = (node: Message): string => String(node['function']?.name ?? '').replace(/^ZetaSQL:/i, '').toLowerCase()

export function functionCall(g: Generator, node: Message): string {
  const full = String(node['function']?.name ?? '')
  const text = write(g, node, full)
  if (node['error_mode'] !== 'SAFE_ERROR_MODE') return text
  return safe(g, node, text)
}

function write(g: Generator, node: Message, full: string): string {
  const inline = g.input.inlineFunction(full, node)
  const call = callOf(g, node)
  if (inline) return inlineCall(g, inline, call)
  const rule = RULES[call.name]
  if (!rule) throw unsupported(`The function ${call.name.replace(/^\$/, '').toUpperCase()}`)
  return typeof rule === 'string' ? fill(rule, call.args) : rule(call)
}

export function callOf(g: Generator, node: Message): Call {
  const generic = ((node['generic_argument_list'] ?? []) as Message[]).map((item) => item)
  const nodes: (Message | undefined)[] = generic.length ? generic.map((item) => item['expr']) : (node['argument_list'] ?? [])
  const folded = caseInsensitive(node)
  const args = nodes.map((item) => (item ? (folded && item['type']?.type_kind === 'TYPE_STRING' ? `lower(${g.expr(item)})` : g.expr(item)) : ''))
  return {
    g,
    name: functionName(node),
    node,
    args,
    types: nodes.map((item) => (item ? typeOfProto(item['type']) : undefined)),
    type: typeOfProto(node['type']),
    constant(index) {
      const value = nodes[index]?.['node'] === 'ResolvedLiteral' ? nodes[index]['value']?.value : undefined
      if (!value) return undefined
      const found = value.string_value ?? value.int64_value ?? value.bool_value
      return found === undefined ? undefined : String(found)
    },
    part(index) {
      const item = nodes[index]
      if (item?.['node'] !== 'ResolvedLiteral' || item['value']?.value?.enum_value === undefined) return undefined
      return enumText(g, item)
    },
    lambda: (index) => generic[index]?.['inline_lambda'] as Message | undefined,
  }
}

/** Operations that compare; under 'und:ci', BigQuery's only collation beside the plain one, they take both sides in lower case. */
const COMPARING = new Set(['count', 'approx_count_distinct', '$equal', '$not_equal', '$less', '$less_or_equal', '$greater', '$greater_or_equal', '$between', '$in', '$in_array', '$like', '$case_with_value', 'strpos', 'instr', 'starts_with', 'ends_with'])

const caseInsensitive = (node: Message): boolean => COMPARING.has(functionName(node)) && ((node['argument_list'] ?? []) as Message[]).some(isFolded)

/** A STRING under the collation 'und:ci'. */
export const isFolded = (expression: Message): boolean =>
  expression['type']?.type_kind === 'TYPE_STRING' && ((expression['type_annotation_map']?.annotations ?? []) as Message[]).some((annotation) => /:ci$/.test(String(annotation['value']?.string_value ?? '')))

export const fill = (template: string, args: readonly string[]): string =>
  template.replace(/\$(\d|\*)/g, (_all, which: string) => (which === '*' ? args.join(', ') : `${args[Number(which) - 1] ?? 'NULL'}`))

function inlineCall(g: Generator, inline: InlineFunction, call: Call): string {
  if (inline.js) {
    const { js } = inline
    g.jsFunctions.set(js.name, js)
    const given = js.argumentTypes.map((type, i) => castText(call.args[i]!, type, givenType(type)))
    return castText(`${name(js.name)}(${given.join(', ')})`, takenType(js.returnType), js.returnType)
  }
  if (!inline.body) throw unsupported(`The function ${call.name}`)
  const args = new Map(inline.argumentNames.map((argument, i) => [argument.toLowerCase(), call.args[i] ?? 'NULL']))
  const body = inline.body
  return g.inline(args, () => `CAST(${g.expr(body)} AS ${duckType(inline.returnType)})`)
}

const name = (text: string) => `"${text.replaceAll('"', '""')}"`

/**
 * NULL instead of an error. TRY cannot hold a subquery, so arguments with one are computed first, a level below.
 */
function safe(g: Generator, node: Message, text: string): string {
  if (!/\bSELECT\b/i.test(text)) return `TRY(${text})`
  const nodes = (node['argument_list'] ?? []) as Message[]
  const names = nodes.map(() => g.fresh('safe'))
  const items = nodes.map((item, i) => `${g.expr(item)} AS ${names[i]}`)
  const stand = nodes.map((item, i) => ({ node: 'ResolvedRawText', text: names[i], type: item['type'], value: item['value'] }))
  const inner = write(rawTexts(g), { ...node, argument_list: stand }, String(node['function']?.name ?? ''))
  if (/\bSELECT\b/i.test(inner) || !items.length) throw invalidQuery(`SAFE.${functionName(node).toUpperCase()} is not supported here.`)
  return `(SELECT TRY(${inner}) FROM (SELECT ${items.join(', ')}))`
}

/** The same generator, except that a stand-in node is the text it carries. */
function rawTexts(g: Generator): Generator {
  const view = Object.create(g) as Generator
  view.expr = (node) => (node['node'] === 'ResolvedRawText' ? String(node['text']) : g.expr(node))
  return view
}
