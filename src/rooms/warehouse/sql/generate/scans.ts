/** Scans: every node gives a SELECT whose columns are named c<id>. Order is kept by DuckDB from subqueries outwards. */
import type { Message } from '../analyzer/proto.ts'
import { duckType, sameType, typeOfProto } from '../sqltype.ts'
import { aggregateScan } from './aggregates.ts'
import { analyticScan } from './windows.ts'
import { isFolded } from './calls.ts'
import { castText } from './functions/casts.ts'
import { unsupported, type Generator } from './generator.ts'

type Writer = (g: Generator, node: Message) => string

const list = (value: unknown): Message[] => (value ?? []) as Message[]

/** FROM item of a scan; a single row has none. */
export function from(g: Generator, node: Message): string {
  return isSingleRow(node) ? '' : ` FROM (${g.scan(node)})`
}

const isSingleRow = (node: Message | undefined) => !node || node['node'] === 'ResolvedSingleRowScan'

const isJoin = (node: Message) => node['node'] === 'ResolvedJoinScan'

/** What stands after FROM. Joins of joins stand side by side: a SELECT between them would keep the engine from choosing their order. */
function joinText(g: Generator, node: Message): string {
  const kind = { INNER: 'JOIN', LEFT: 'LEFT JOIN', RIGHT: 'RIGHT JOIN', FULL: 'FULL JOIN' }[String(node['join_type'] ?? 'INNER')]
  const [leftScan, rightScan] = [node['left_scan'] as Message, node['right_scan'] as Message]
  const left = isJoin(leftScan) ? joinText(g, leftScan) : `(${g.scan(leftScan)}) AS ${g.fresh('l')}`
  const right = node['is_lateral'] ? `LATERAL (${g.scan(rightScan)}) AS ${g.fresh('r')}` : isJoin(rightScan) ? `(${joinText(g, rightScan)})` : `(${g.scan(rightScan)}) AS ${g.fresh('r')}`
  if (!node['join_expr']) return `${left} ${kind === 'JOIN' ? 'CROSS JOIN' : kind} ${right}${kind === 'JOIN' ? '' : ' ON true'}`
  return `${left} ${kind} ${right} ON ${g.expr(node['join_expr'])}`
}

const SCANS: Record<string, Writer> = {
  ResolvedSingleRowScan: () => 'SELECT 1 AS single_row_',

  ResolvedTableScan(g, node) {
    const source = g.input.table(Number(node['table']?.serialization_id ?? 0), node)
    const indexes = (node['column_index_list'] ?? []) as number[]
    const items = list(node['column_list']).map((column, i) => {
      const found = source.columns[indexes[i] ?? i]
      if (!found) throw unsupported(`column ${column['name']}`)
      return `${found.column} AS ${g.column(column)}`
    })
    return `SELECT ${items.join(', ') || '1 AS no_column_'} FROM ${source.relation}`
  },

  ResolvedProjectScan(g, node) {
    const input = node['input_scan'] as Message
    const computed = new Map(list(node['expr_list']).map((item) => [item['column'].column_id, item]))
    const items = list(node['column_list']).map((column) => {
      const own = computed.get(column['column_id'])
      return own ? `${g.expr(own['expr'])} AS ${g.column(column)}` : g.column(column)
    })
    const select = unique(items).join(', ') || '1 AS no_column_'
    if (isSingleRow(input)) return `SELECT ${select}`
    return `SELECT ${select} FROM (${g.scan(input)})`
  },

  ResolvedFilterScan(g, node) {
    const input = node['input_scan'] as Message
    return `SELECT * FROM ${isJoin(input) ? joinText(g, input) : `(${g.scan(input)})`} WHERE ${g.expr(node['filter_expr'])}`
  },

  ResolvedJoinScan: (g, node) => `SELECT * FROM ${joinText(g, node)}`,

  ResolvedArrayScan: (g, node) => arrayScan(g, node),
  ResolvedAggregateScan: aggregateScan,
  ResolvedAnalyticScan: analyticScan,

  ResolvedOrderByScan: (g, node) => `SELECT * FROM (${g.scan(node['input_scan'])}) ORDER BY ${orderBy(g, list(node['order_by_item_list']))}`,

  ResolvedLimitOffsetScan(g, node) {
    const limit = node['limit'] ? ` LIMIT ${countText(g, node['limit'], 'LIMIT')}` : ''
    const offset = node['offset'] ? ` OFFSET ${countText(g, node['offset'], 'OFFSET')}` : ''
    const input = node['input_scan'] as Message
    // One SELECT for ORDER BY … LIMIT, so that DuckDB keeps only the top rows.
    if (input['node'] === 'ResolvedOrderByScan') return `${g.scan(input)}${limit}${offset}`
    return `SELECT * FROM (${g.scan(input)})${limit}${offset}`
  },

  ResolvedSetOperationScan(g, node) {
    const [op, all] = String(node['op_type']).split('_') as [string, string]
    const outputs = list(node['column_list'])
    const rows = op === 'UNION' && all === 'ALL' ? constantRows(g, node) : undefined
    if (rows) return `SELECT * FROM (VALUES ${rows.join(', ')}) AS ${g.fresh('v')}(${outputs.map((output) => g.column(output)).join(', ')})`
    const parts = list(node['input_item_list']).map((item) => {
      const columns = list(item['output_column_list'])
      const select = outputs.map((output, k) => {
        const column = columns[k]!
        const from = typeOfProto(column['type'])
        const to = typeOfProto(output['type'])
        const text = sameType(from, to) ? g.column(column) : castText(g.column(column), from, to)
        return `${text} AS ${g.column(output)}`
      })
      return `(SELECT ${select.join(', ')} FROM (${g.scan(item['scan'])}))`
    })
    return parts.join(` ${op}${all === 'ALL' ? ' ALL' : ''} `)
  },

  ResolvedWithScan(g, node) {
    const recursive = node['recursive'] ? 'RECURSIVE ' : ''
    const entries = list(node['with_entry_list']).map((entry) => {
      const query = entry['with_subquery'] as Message
      const columns = list(query['column_list']).map((column) => g.column(column))
      const name = withName(g, entry['with_query_name'])
      return `${name}${columns.length ? `(${unique(columns).length === columns.length ? columns.join(', ') : columns.map((_, i) => `w${i}`).join(', ')})` : ''} AS (${withBody(g, query, columns)})`
    })
    return `WITH ${recursive}${entries.join(', ')} SELECT * FROM (${g.scan(node['query'])})`
  },

  ResolvedWithRefScan: (g, node) => refScan(g, node, withName(g, node['with_query_name'])),

  ResolvedRecursiveScan(g, node) {
    const outputs = list(node['column_list'])
    const term = (item: Message) => {
      const columns = list(item['output_column_list'])
      const select = outputs.map((output, k) => {
        const column = columns[k]!
        return `${castText(g.column(column), typeOfProto(column['type']), typeOfProto(output['type']))} AS ${g.column(output)}`
      })
      return `SELECT ${select.join(', ')} FROM (${g.scan(item['scan'])})`
    }
    if (node['recursion_depth_modifier']) return depthBounded(g, node, term, outputs)
    return `(${term(node['non_recursive_term'])}) UNION${String(node['op_type']).endsWith('ALL') ? ' ALL' : ''} (${term(node['recursive_term'])})`
  },

  ResolvedRecursiveRefScan: (g, node) => refScan(g, node, recursiveName(g)),

  ResolvedSampleScan(g, node) {
    const size = g.expr(node['size'])
    const input = g.scan(node['input_scan'])
    if (String(node['unit']) === 'ROWS') return `SELECT * FROM (${input}) ORDER BY random() LIMIT ${size}`
    // DuckDB samples in whole vectors under SYSTEM: too coarse for small tables, so rows are drawn one by one.
    const weighted = node['weight_column'] ? `, 1.0 AS ${g.column(node['weight_column'].column)}` : ''
    return `SELECT *${weighted} FROM (${input}) WHERE random() * 100 < ${size}`
  },

  ResolvedTVFScan(g, node) {
    return tableFunctionScan(g, node)
  },

  ResolvedRelationArgumentScan(g, node) {
    return refScan(g, node, g.argument(`table:${node['name']}`))
  },

  ResolvedBarrierScan: (g, node) => g.scan(node['input_scan']),
  ResolvedLogScan: (g, node) => g.scan(node['input_scan']),
  ResolvedExecuteAsRoleScan: (g, node) => g.scan(node['input_scan']),
  ResolvedAssertScan(g, node) {
    const message = g.expr(node['message'])
    return `SELECT * FROM (${g.scan(node['input_scan'])}) WHERE CASE WHEN ${g.expr(node['condition'])} THEN true ELSE gs_error('Assert failed: ' || ${message}) END`
  },
}

export function scan(g: Generator, node: Message): string {
  const writer = SCANS[String(node['node'])]
  if (!writer) throw unsupported(String(node['node']).replace(/^Resolved|Scan$/g, ''))
  return writer(g, node)
}

/** SELECT … UNION ALL SELECT … of rows without FROM: one list of rows, read in its order. */
function constantRows(g: Generator, node: Message): string[] | undefined {
  const outputs = list(node['column_list'])
  const rows: string[] = []
  for (const item of list(node['input_item_list'])) {
    const scanned = item['scan'] as Message
    if (scanned['node'] === 'ResolvedSetOperationScan' && scanned['op_type'] === 'UNION_ALL') {
      const same = list(item['output_column_list']).every((column, i) => column['column_id'] === list(scanned['column_list'])[i]?.['column_id'] && sameType(typeOfProto(column['type']), typeOfProto(outputs[i]!['type'])))
      const inner = same ? constantRows(g, scanned) : undefined
      if (!inner) return undefined
      rows.push(...inner)
      continue
    }
    if (scanned['node'] !== 'ResolvedProjectScan') return undefined
    if (!isSingleRow(scanned['input_scan'])) {
      // A cast over a row without FROM.
      if (scanned['input_scan'].node !== 'ResolvedProjectScan' || !isSingleRow(scanned['input_scan'].input_scan)) return undefined
      const text = g.scan(scanned)
      rows.push(`(${list(item['output_column_list']).map((column, i) => `(SELECT ${castText(g.column(column), typeOfProto(column['type']), typeOfProto(outputs[i]!['type']))} FROM (${text}))`).join(', ')})`)
      continue
    }
    const computed = new Map(list(scanned['expr_list']).map((each) => [each['column'].column_id, each['expr'] as Message]))
    const values = list(item['output_column_list']).map((column, i) => {
      const expr = computed.get(column['column_id'])
      return expr && `CAST(${castText(g.expr(expr), typeOfProto(column['type']), typeOfProto(outputs[i]!['type']))} AS ${duckType(typeOfProto(outputs[i]!['type']))})`
    })
    if (!values.length || values.includes(undefined)) return undefined
    rows.push(`(${values.join(', ')})`)
  }
  return rows
}

const unique = (items: readonly string[]) => [...new Set(items)]

// ---------------------------------------------------------------- WITH

const withNames = new WeakMap<Generator, { names: Map<string, string>; recursive: string[] }>()

function frame(g: Generator) {
  let found = withNames.get(g)
  if (!found) withNames.set(g, (found = { names: new Map(), recursive: [] }))
  return found
}

function withName(g: Generator, written: string): string {
  const key = `${g.prefix}:${written.toLowerCase()}`
  const { names } = frame(g)
  let name = names.get(key)
  if (!name) names.set(key, (name = g.fresh('with')))
  return name
}

function withBody(g: Generator, query: Message, columns: readonly string[]): string {
  const { recursive } = frame(g)
  if (query['node'] !== 'ResolvedRecursiveScan') {
    return columns.length ? `SELECT ${columns.join(', ')} FROM (${g.scan(query)})` : g.scan(query)
  }
  // The entry's name is the one that the references inside must use.
  recursive.push([...frame(g).names.values()].at(-1)!)
  try {
    return g.scan(query)
  } finally {
    recursive.pop()
  }
}

function recursiveName(g: Generator): string {
  const name = frame(g).recursive.at(-1)
  if (!name) throw unsupported('a recursive reference here')
  return name
}

function refScan(g: Generator, node: Message, name: string): string {
  const columns = list(node['column_list']).map((column) => g.column(column))
  if (!columns.length) return `SELECT 1 AS no_column_ FROM ${name}`
  return `SELECT * FROM ${name} AS ${g.fresh('t')}(${columns.join(', ')})`
}

function depthBounded(g: Generator, node: Message, term: (item: Message) => string, outputs: readonly Message[]): string {
  const modifier = node['recursion_depth_modifier'] as Message
  const depth = modifier['recursion_depth_column'] ? g.column(modifier['recursion_depth_column'].column) : undefined
  if (!depth || !outputs.length) throw unsupported('WITH DEPTH without a depth column')
  throw unsupported('WITH DEPTH')
}

// ---------------------------------------------------------------- UNNEST

function arrayScan(g: Generator, node: Message): string {
  const arrays = list(node['array_expr_list'])
  const elements = list(node['element_column_list']).map((column) => g.column(column))
  const offset = node['array_offset_column'] ? g.column(node['array_offset_column'].column) : undefined
  const input = node['input_scan'] as Message | undefined
  const texts = arrays.map((array) => g.expr(array))
  const joinExpr = node['join_expr'] as Message | undefined

  if (texts.length > 1) return zipScan(g, node, texts, elements, offset)
  const [array] = texts as [string]
  const unnest = (text: string) => {
    const items = [`unnest(${text}) AS ${elements[0]}`]
    if (offset) items.push(`unnest(range(len(${text}))) AS ${offset}`)
    return items.join(', ')
  }
  if (isSingleRow(input)) return `SELECT ${unnest(array)}`
  const inner = g.scan(input!)
  if (joinExpr && node['is_outer']) {
    return `SELECT * FROM (${inner}) AS ${g.fresh('l')} LEFT JOIN LATERAL (SELECT ${unnest(array)}) AS ${g.fresh('r')} ON ${g.expr(joinExpr)}`
  }
  if (node['is_outer']) {
    const type = duckType(typeOfProto(arrays[0]!['type']))
    const padded = `CASE WHEN len(${array}) > 0 THEN ${array} ELSE CAST([NULL] AS ${type}) END`
    const position = offset ? `, unnest(CASE WHEN len(${array}) > 0 THEN range(len(${array})) ELSE [NULL::BIGINT] END) AS ${offset}` : ''
    return `SELECT *, unnest(${padded}) AS ${elements[0]}${position} FROM (${inner})`
  }
  const plain = `SELECT *, ${unnest(array)} FROM (${inner})`
  return joinExpr ? `SELECT * FROM (${plain}) WHERE ${g.expr(joinExpr)}` : plain
}

/** UNNEST of several arrays side by side: PAD is the rule unless the mode says otherwise. */
function zipScan(g: Generator, node: Message, texts: readonly string[], elements: readonly string[], offset: string | undefined): string {
  const mode = zipMode(g, node['array_zip_mode'])
  const lengths = texts.map((text) => `coalesce(len(${text}), 0)`)
  const size = mode === 'TRUNCATE' ? `least(${lengths.join(', ')})` : `greatest(${lengths.join(', ')})`
  const guard = mode === 'STRICT' ? `CASE WHEN greatest(${lengths.join(', ')}) <> least(${lengths.join(', ')}) THEN gs_error('Unnested arrays under STRICT mode must have equal lengths') ELSE ${size} END` : size
  const position = g.fresh('pos')
  const select = [...texts.map((text, i) => `(${text})[${position} + 1] AS ${elements[i]}`), ...(offset ? [`${position} AS ${offset}`] : [])]
  const input = node['input_scan'] as Message | undefined
  if (isSingleRow(input)) return `SELECT ${select.join(', ')} FROM (SELECT unnest(range(${guard})) AS ${position})`
  const range = node['is_outer'] ? `CASE WHEN ${size} > 0 THEN range(${guard}) ELSE [NULL::BIGINT] END` : `range(${guard})`
  const inner = `SELECT * EXCLUDE (${position}), ${select.join(', ')} FROM (SELECT *, unnest(${range}) AS ${position} FROM (${g.scan(input!)}))`
  return node['join_expr'] ? `SELECT * FROM (${inner}) WHERE ${g.expr(node['join_expr'])}` : inner
}

export function zipMode(g: Generator, node: Message | undefined): string {
  const value = node?.['value']?.value?.enum_value
  return value === undefined ? 'PAD' : g.input.enumName('functions.ArrayZipEnums.ArrayZipMode', Number(value))
}

// ---------------------------------------------------------------- ORDER BY, LIMIT

/** `single`: a RANGE frame with offsets allows one key only, so NaN is not moved. */
export function orderBy(g: Generator, items: readonly Message[], single = false): string {
  return items.map((item) => orderItem(g, item, single)).join(', ')
}

/** NULLs are the smallest value; NaN is the next smallest, while DuckDB takes it as the largest. */
function orderItem(g: Generator, item: Message, single: boolean): string {
  const column = item['column_ref'] as Message
  const text = g.expr(column)
  const descending = Boolean(item['is_descending'])
  const mode = String(item['null_order'] ?? '')
  const nullsFirst = mode === 'NULLS_FIRST' ? true : mode === 'NULLS_LAST' ? false : !descending
  const direction = `${descending ? 'DESC' : 'ASC'} NULLS ${nullsFirst ? 'FIRST' : 'LAST'}`
  const collation = isFolded(column) || (item['collation_name'] ? collationOf(item['collation_name']) : /:ci$/.test(String(item['collation']?.collation_name?.value?.string_value ?? '')))
  const type = typeOfProto(column['type'])
  if (type.kind === 'FLOAT64' && !single) return `isnan(${text}) ${descending ? 'ASC' : 'DESC'} NULLS ${nullsFirst ? 'FIRST' : 'LAST'}, ${text} ${direction}`
  return `${collation ? `lower(${text})` : text} ${direction}`
}

const collationOf = (node: Message) => /:ci$/.test(String(node['value']?.value?.string_value ?? ''))

function countText(g: Generator, node: Message, word: string): string {
  const value = node['value']?.value?.int64_value
  if (value !== undefined) return String(value)
  const text = g.expr(node)
  return `(SELECT CASE WHEN ${text} IS NULL OR ${text} < 0 THEN gs_error('${word} must not be null or negative') ELSE ${text} END)`
}

// ---------------------------------------------------------------- table functions

function tableFunctionScan(g: Generator, node: Message): string {
  const name = String(node['tvf']?.name ?? '')
  const found = g.input.tableFunction(name, node)
  if (!found) throw unsupported(`The table function ${name}`)
  const args = new Map<string, string>()
  const ctes: string[] = []
  list(node['argument_list']).forEach((argument, i) => {
    const argName = (found.argumentNames[i] ?? '').toLowerCase()
    if (argument['expr']) args.set(argName, g.expr(argument['expr']))
    else if (argument['scan']) {
      const cte = g.fresh('arg')
      const columns = list(argument['argument_column_list']).map((column) => g.column(column))
      ctes.push(`${cte} AS (SELECT ${columns.join(', ') || '*'} FROM (${g.scan(argument['scan'])}))`)
      args.set(`table:${argName}`, cte)
    } else throw unsupported(`This argument of the table function ${name}`)
  })
  const outputs = list(node['column_list'])
  const indexes = (node['column_index_list'] ?? []) as number[]
  const body = g.inline(args, () => {
    const inner = found.outputColumns.map((column) => g.column(column['column'] ?? column))
    return { text: g.scan(found.query), inner }
  })
  const select = outputs.map((output, i) => `${body.inner[indexes[i] ?? i]} AS ${g.column(output)}`)
  return `${ctes.length ? `WITH ${ctes.join(', ')} ` : ''}SELECT ${select.join(', ') || '1 AS no_column_'} FROM (${body.text})`
}
