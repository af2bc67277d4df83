/** GROUP BY and aggregate calls (also as window functions: windows.ts uses `aggregateText`). */
import type { Message } from '../analyzer/proto.ts'
import { duckType } from '../sqltype.ts'
import type { SqlType } from '../types.ts'
import { callOf, functionName, isFolded, type Call } from './calls.ts'
import { unsupported, type Generator } from './generator.ts'
import { orderBy } from './scans.ts'

const list = (value: unknown): Message[] => (value ?? []) as Message[]

export function aggregateScan(g: Generator, node: Message): string {
  const groups = list(node['group_by_list'])
  const aggregates = list(node['aggregate_list'])
  const wanted = new Set(list(node['column_list']).map((column) => column['column_id']))
  const groupText = new Map(groups.map((item) => [item['column'].column_id, g.expr(item['expr'])]))
  const folded = groups.map((item) => isFolded(item['expr']))
  const items = groups.map((item, i) => `${folded[i] ? `any_value(${groupText.get(item['column'].column_id)})` : groupText.get(item['column'].column_id)} AS ${g.column(item['column'])}`)
  const input = node['input_scan'] as Message
  const sets = list(node['grouping_set_list'])
  const { source, texts } = withExtremes(g, aggregates, input['node'] === 'ResolvedSingleRowScan' ? '(SELECT 1)' : `(${g.scan(input)})`, sets.length ? undefined : [...groupText.values()])
  aggregates.forEach((item, i) => items.push(`${texts[i]} AS ${g.column(item['column'])}`))
  for (const item of list(node['grouping_call_list'])) {
    const text = groupText.get(item['group_by_column'].column.column_id)
    items.push(`grouping(${text}) AS ${g.column(item['output_column'])}`)
  }
  if (!sets.length) {
    const by = groups.map((item, i) => (folded[i] ? `lower(${groupText.get(item['column'].column_id)})` : i + 1)).join(', ')
    return `SELECT ${items.join(', ') || '1 AS no_column_'} FROM ${source}${by ? ` GROUP BY ${by}` : aggregates.length ? '' : ' HAVING count(*) >= 0'}`
  }
  // Grouping expressions are computed a level below: a grouping set may name a constant or the same expression twice.
  const inner = groups.map((item) => `${groupText.get(item['column'].column_id)} AS k_${g.column(item['column'])}`)
  const key = (reference: Message) => `k_${g.column(reference['column'])}`
  const outer = groups.filter((item) => wanted.has(item['column'].column_id) || true).map((item) => `k_${g.column(item['column'])} AS ${g.column(item['column'])}`)
  aggregates.forEach((item, i) => outer.push(`${texts[i]} AS ${g.column(item['column'])}`))
  for (const item of list(node['grouping_call_list'])) outer.push(`grouping(${key(item['group_by_column'])}) AS ${g.column(item['output_column'])}`)
  const multi = (items: unknown) => list(items).map((item) => {
    const keys = list(item['column_list']).map(key)
    return keys.length === 1 ? keys[0]! : `(${keys.join(', ')})`
  })
  const one = (set: Message): string => {
    switch (String(set['node'])) {
      case 'ResolvedRollup':
        return `ROLLUP (${multi(set['rollup_column_list']).join(', ')})`
      case 'ResolvedCube':
        return `CUBE (${multi(set['cube_column_list']).join(', ')})`
      case 'ResolvedGroupingSet':
        return `(${list(set['group_by_column_list']).map(key).join(', ')})`
      case 'ResolvedGroupingSetList':
        return list(set['elem_list'] ?? set['grouping_set_list']).map(one).join(', ')
      default:
        throw unsupported(String(set['node']).replace('Resolved', ''))
    }
  }
  return `SELECT ${outer.join(', ')} FROM (SELECT *, ${inner.join(', ')} FROM ${source}) GROUP BY GROUPING SETS (${sets.map(one).join(', ')})`
}

/**
 * f(x HAVING MAX y): the largest y of each group is computed a level below, and f sees the rows that have it. ANY_VALUE needs no such level.
 */
function withExtremes(g: Generator, aggregates: readonly Message[], source: string, groups: readonly string[] | undefined): { source: string; texts: string[] } {
  const extremes: string[] = []
  const texts = aggregates.map((item) => {
    const call = item['expr'] as Message
    const having = call['having_modifier'] as Message | undefined
    if (!having || functionName(call) === 'any_value' || !groups) return aggregateText(g, call)
    const by = g.expr(having['having_expr'])
    const column = g.fresh('extreme')
    extremes.push(`${having['kind'] === 'MIN' ? 'min' : 'max'}(${by}) OVER (${groups.length ? `PARTITION BY ${groups.join(', ')}` : ''}) AS ${column}`)
    return aggregateText(g, { ...call, having_modifier: undefined }, '', `${by} = ${column}`)
  })
  return { source: extremes.length ? `(SELECT *, ${extremes.join(', ')} FROM ${source})` : source, texts }
}

interface Aggregate {
  call: Call
  /** `DISTINCT ` or ''. */
  distinct: string
  /** ` ORDER BY …` inside the call, or ''. */
  order: string
  /** Conditions that rows must meet, for FILTER. */
  filters: string[]
  limit: string | undefined
  /** Written after the call: FILTER and, for windows, OVER. */
  tail(filters?: readonly string[]): string
}

export function aggregateText(g: Generator, node: Message, over = '', filter?: string): string {
  const found = g.input.inlineFunction(String(node['function']?.name ?? ''), node)
  if (found?.kind === 'aggregate') return inlineAggregate(g, node, found.argumentNames, found, over)
  if (list(node['group_by_list']).length) throw unsupported('GROUP BY inside an aggregate call')
  const call = callOf(g, node)
  const filters: string[] = filter ? [filter] : []
  if (node['where_expr']) filters.push(g.expr(node['where_expr']))
  if (node['null_handling_modifier'] === 'IGNORE_NULLS' && call.args.length) filters.push(`${call.args[0]} IS NOT NULL`)
  const order = list(node['order_by_item_list'])
  const aggregate: Aggregate = {
    call,
    distinct: node['distinct'] ? 'DISTINCT ' : '',
    order: order.length ? ` ORDER BY ${orderBy(g, order)}` : '',
    filters,
    limit: node['limit'] ? g.expr(node['limit']) : undefined,
    tail: (all = filters) => `${all.length ? ` FILTER (WHERE ${all.join(' AND ')})` : ''}${over}`,
  }
  const having = node['having_modifier'] as Message | undefined
  if (having) return havingMaxMin(g, aggregate, having)
  const rule = AGGREGATES[call.name]
  if (!rule) throw unsupported(`The aggregate function ${call.name.toUpperCase()}`)
  return typeof rule === 'string' ? plain(rule, aggregate) : rule(aggregate)
}

export const knownAggregates = (): readonly string[] => Object.keys(AGGREGATES)

const plain = (name: string, a: Aggregate) => `${name}(${a.distinct}${a.call.args.join(', ')}${a.order})${a.tail()}`

/** ANY_VALUE(x HAVING MAX y): arg_max and arg_min skip NULL arguments, so the value travels in a list. */
function havingMaxMin(g: Generator, a: Aggregate, having: Message): string {
  const by = g.expr(having['having_expr'])
  const pick = having['kind'] === 'MIN' ? 'arg_min' : 'arg_max'
  if (a.call.name === 'any_value') return `(${pick}([${a.call.args[0]}], ${by})${a.tail()})[1]`
  throw unsupported(`HAVING ${having['kind']} in ${a.call.name.toUpperCase()}`)
}

const cast = (text: string, type: SqlType) => `CAST(${text} AS ${duckType(type)})`

const limited = (text: string, a: Aggregate) => (a.limit === undefined ? text : `list_slice(${text}, 1, ${a.limit})`)

type AggregateRule = string | ((a: Aggregate) => string)

const statistic = (name: string): AggregateRule => (a) => {
  const args = a.call.args.map((text, i) => floatArgument(text, a.call.types[i]))
  // The engine raises where a value is not finite; the answer is NaN.
  const wild = args.map((text) => `NOT isfinite(${text})`).join(' OR ')
  const finite = args.map((text) => `CASE WHEN isfinite(${text}) THEN ${text} END`)
  return cast(`CASE WHEN bool_or(${wild})${a.tail()} THEN 'nan'::DOUBLE ELSE ${name}(${a.distinct}${finite.join(', ')})${a.tail()} END`, a.call.type)
}

/** NUMERIC and BIGNUMERIC arguments are taken as FLOAT64 here; the result type says what comes out. */
function floatArgument(text: string, type: SqlType | undefined): string {
  if (type?.kind === 'BIGNUMERIC') return `gs_bignum_to_double(${text})`
  return `CAST(${text} AS DOUBLE)`
}

function extreme(name: 'min' | 'max'): AggregateRule {
  return (a) => {
    const [argument] = list(a.call.node['argument_list'])
    if (argument && isFolded(argument)) return `arg_${name}(${a.call.args[0]}, lower(${a.call.args[0]}))${a.tail()}`
    const text = `${name}(${a.distinct}${a.call.args[0]})${a.tail()}`
    // NaN wins both ways; DuckDB takes it as the largest value, so only MIN needs help.
    if (name === 'min' && a.call.types[0]?.kind === 'FLOAT64') return `CASE WHEN bool_or(isnan(${a.call.args[0]}))${a.tail()} THEN 'nan'::DOUBLE ELSE ${text} END`
    return text
  }
}

function quantiles(a: Aggregate): string {
  const [value, count] = a.call.args as [string, string]
  const ignoring = a.call.node['null_handling_modifier'] !== 'RESPECT_NULLS'
  const filters = ignoring ? [...a.filters, `${value} IS NOT NULL`] : a.filters
  const sorted = `list(${a.distinct}${value} ORDER BY ${value} ASC NULLS FIRST)${a.tail(filters)}`
  // The smallest value below or at which i / count of the values lie.
  return `list_transform(range(${count} + 1), lambda q_: list_extract(${sorted}, greatest(1, CAST(ceil(q_ * len(${sorted}) / CAST(${count} AS DOUBLE)) AS BIGINT))))`
}

/** array_agg over no rows is NULL, as in BigQuery. */
const arrayAgg: AggregateRule = (a) => limited(a.distinct && !a.order ? firstOnes(`list(${a.call.args[0]})${a.tail()}`) : `list(${a.distinct}${a.call.args[0]}${a.order})${a.tail()}`, a)

/** Each value once, in the order of its first place, as long as a list is short enough to be looked through for each of its elements. */
const firstOnes = (list: string) => `CASE WHEN len(${list}) <= 1000 THEN list_filter(${list}, lambda d_, i_: coalesce(list_position(${list}, d_), list_position(list_transform(${list}, lambda n_: n_ IS NULL), d_ IS NULL)) = i_) ELSE list_distinct(${list}) END`

const stringAgg: AggregateRule = (a) => {
  const [value, separator] = a.call.args
  const bytes = a.call.types[0]?.kind === 'BYTES'
  const between = separator ?? (bytes ? `','::BLOB` : `','`)
  const filters = [...a.filters, `${value} IS NOT NULL`]
  if (bytes) return `gs_bytes_join(${limited(`list(${a.distinct}${value}${a.order})${a.tail(filters)}`, a)}, ${between})`
  if (a.limit !== undefined || separator && a.call.constant(1) === undefined) return `array_to_string(${limited(`list(${a.distinct}${value}${a.order})${a.tail(filters)}`, a)}, ${between})`
  if (a.distinct && !a.order) return `array_to_string(${firstOnes(`list(${value})${a.tail(filters)}`)}, ${between})`
  return `string_agg(${a.distinct}${value}, ${between}${a.order})${a.tail()}`
}

const sum: AggregateRule = (a) => {
  const type = a.call.type
  const text = `sum(${a.distinct}${a.call.args[0]})${a.tail()}`
  if (type.kind === 'INTERVAL') return `gs_interval_sum(list(${a.call.args[0]})${a.tail()})`
  return type.kind === 'FLOAT64' || type.kind === 'BIGNUMERIC' ? text : cast(text, type)
}

const avg: AggregateRule = (a) => {
  const type = a.call.type
  const [value] = a.call.args
  const filters = a.tail()
  if (type.kind === 'NUMERIC') return `gs_numeric_div_count(CAST(sum(${a.distinct}${value})${filters} AS DECIMAL(38,9)), count(${a.distinct}${value})${filters})`
  if (type.kind === 'BIGNUMERIC') return `gs_bignum_div_count(sum(${a.distinct}${value})${filters}, count(${a.distinct}${value})${filters})`
  if (type.kind === 'INTERVAL') return `gs_interval_avg(list(${value})${filters})`
  return `avg(${a.distinct}${value})${filters}`
}

const countIf: AggregateRule = (a) => {
  const filters = [...a.filters, a.call.args[0]!]
  if (a.distinct) return `count(DISTINCT CASE WHEN ${a.call.args[0]} THEN true END)${a.tail()}`
  return `count(*)${a.tail(filters)}`
}

const approxTop = (weighted: boolean): AggregateRule => (a) => {
  const [value, second, third] = a.call.args as [string, string, string]
  const values = `list(${value})${a.tail()}`
  const weights = weighted ? `list(CAST(${second} AS DOUBLE))${a.tail()}` : ''
  const groups = `list_distinct(list_transform(${values}, lambda v_: [v_]))`
  const sumOf = weighted
    ? `list_sum(list_transform(range(1, len(${values}) + 1), lambda k_: CASE WHEN (${values})[k_] IS NOT DISTINCT FROM v_[1] THEN (${weights})[k_] END))`
    : `len(list_filter(${values}, lambda w_: w_ IS NOT DISTINCT FROM v_[1]))`
  const field = a.call.type.kind === 'ARRAY' && a.call.type.element.kind === 'STRUCT' ? a.call.type.element.fields[1]!.type : { kind: 'INT64' as const }
  const pairs = `list_transform(${groups}, lambda v_: {'n': ${cast(sumOf, field)}, 'v': v_[1]})`
  return `list_slice(list_transform(list_reverse_sort(${pairs}), lambda p_: {'_1': p_.v, '_2': p_.n}), 1, ${weighted ? third : second})`
}

const bitwise = (name: string): AggregateRule => (a) => {
  if (a.call.types[0]?.kind === 'BYTES') return `gs_bytes_${name}(list(${a.distinct}${a.call.args[0]})${a.tail()})`
  return `${name}(${a.distinct}${a.call.args[0]})${a.tail()}`
}

const percentile = (name: string): AggregateRule => (a) => {
  const [value, fraction] = a.call.args as [string, string]
  const respect = a.call.node['null_handling_modifier'] === 'RESPECT_NULLS'
  const filters = respect ? a.filters : [...a.filters, `${value} IS NOT NULL`]
  const sorted = `list(${value} ORDER BY ${value} ASC NULLS FIRST)${a.tail(filters)}`
  if (name === 'disc') return `(${sorted})[greatest(1, CAST(ceil(${fraction} * len(${sorted})) AS BIGINT))]`
  return `gs_percentile_cont(${a.call.type.kind === 'FLOAT64' ? sorted : `list_transform(${sorted}, lambda x_: CAST(x_ AS DOUBLE))`}, CAST(${fraction} AS DOUBLE))`
}

const maxBy = (pick: string): AggregateRule => (a) => `(${pick}([${a.call.args[0]}], ${a.call.args[1]})${a.tail()})[1]`

const sketch = (make: string, element: string): AggregateRule => (a) => `${make}(list(DISTINCT ${element.replace('$1', a.call.args[0]!)})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])})`

const AGGREGATES: Record<string, AggregateRule> = {
  $count_star: (a) => `count(*)${a.tail()}`,
  count: (a) => (a.distinct && a.call.types[0]?.kind === 'STRUCT' ? `count(DISTINCT ${a.call.args[0]})${a.tail()}` : plain('count', a)),
  countif: countIf,
  sum,
  avg,
  min: extreme('min'),
  max: extreme('max'),
  max_by: maxBy('arg_max'),
  min_by: maxBy('arg_min'),
  any_value: (a) => `(any_value([${a.call.args[0]}])${a.tail()})[1]`,
  array_agg: arrayAgg,
  array_concat_agg: (a) => `flatten(${limited(`list(${a.call.args[0]}${a.order})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])}`, a)})`,
  string_agg: stringAgg,
  logical_and: 'bool_and',
  logical_or: 'bool_or',
  bit_and: bitwise('bit_and'),
  bit_or: bitwise('bit_or'),
  bit_xor: bitwise('bit_xor'),
  var_samp: statistic('var_samp'),
  var_pop: statistic('var_pop'),
  stddev_samp: statistic('stddev_samp'),
  stddev_pop: statistic('stddev_pop'),
  covar_samp: (a) => `CASE WHEN regr_count(${a.call.args.map((t, i) => floatArgument(t, a.call.types[i])).join(', ')})${a.tail()} > 1 THEN covar_samp(${a.call.args.map((t, i) => floatArgument(t, a.call.types[i])).join(', ')})${a.tail()} END`,
  covar_pop: statistic('covar_pop'),
  corr: statistic('corr'),
  approx_count_distinct: (a) => `count(DISTINCT ${a.call.args[0]})${a.tail()}`,
  approx_quantiles: quantiles,
  approx_top_count: approxTop(false),
  approx_top_sum: approxTop(true),
  percentile_cont: percentile('cont'),
  percentile_disc: percentile('disc'),
  grouping: (a) => `grouping(${a.call.args[0]})`,
  'hll_count.init': sketch('gs_hll_init', 'hash($1)'),
  'hll_count.merge': (a) => `gs_hll_extract(gs_hll_merge(list(${a.call.args[0]})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])}))`,
  'hll_count.merge_partial': (a) => `gs_hll_merge(list(${a.call.args[0]})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])})`,
  'kll_quantiles.init_int64': (a) => `gs_kll_init(list(CAST(${a.call.args[0]} AS DOUBLE))${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])})`,
  'kll_quantiles.init_float64': (a) => `gs_kll_init(list(${a.call.args[0]})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])})`,
  'kll_quantiles.merge_partial': (a) => `gs_kll_merge(list(${a.call.args[0]})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])})`,
  ...kllMerges(),
  elementwise_sum: (a) => cast(`gs_elementwise_sum(list(${a.call.args[0]})${a.tail()})`, a.call.type),
  elementwise_avg: (a) => `gs_elementwise_avg(list(${a.call.args[0]})${a.tail()})`,
  st_union_agg: () => {
    throw unsupported('ST_UNION_AGG')
  },
  st_centroid_agg: (a) => `gs_st_centroid_agg(list(${a.call.args[0]})${a.tail()})`,
  st_extent: (a) => `gs_st_extent(list(${a.call.args[0]})${a.tail()})`,
}

function kllMerges(): Record<string, AggregateRule> {
  const rules: Record<string, AggregateRule> = {}
  for (const kind of ['int64', 'float64']) {
    const merged = (a: Aggregate) => `gs_kll_merge(list(${a.call.args[0]})${a.tail([...a.filters, `${a.call.args[0]} IS NOT NULL`])})`
    rules[`kll_quantiles.merge_${kind}`] = (a) => cast(`gs_kll_quantiles(${merged(a)}, ${a.call.args[1]})`, a.call.type)
    rules[`kll_quantiles.merge_point_${kind}`] = (a) => cast(`gs_kll_point(${merged(a)}, CAST(${a.call.args[1]} AS DOUBLE))`, a.call.type)
  }
  return rules
}

/** A SQL aggregate function: its body is an expression over aggregate columns computed from the arguments. */
function inlineAggregate(g: Generator, node: Message, names: readonly string[], found: { body?: Message; aggregateColumns?: readonly Message[]; returnType: SqlType }, over: string): string {
  if (!found.body) throw unsupported(`The aggregate function ${functionName(node)}`)
  const call = callOf(g, node)
  const args = new Map(names.map((argument, i) => [argument.toLowerCase(), call.args[i] ?? 'NULL']))
  return g.inline(args, () => {
    const texts = new Map((found.aggregateColumns ?? []).map((item) => [g.column(item['column']), aggregateText(g, item['expr'], over)]))
    const body = g.expr(found.body!)
    const text = [...texts].reduce((all, [column, replacement]) => all.replace(new RegExp(`\\b${column}\\b`, 'g'), () => `(${replacement})`), body)
    return cast(text, found.returnType)
  })
}

