/** Expressions except function calls: literals, references, casts, structs, subqueries. */
import type { Message } from '../analyzer/proto.ts'
import { parameterMarker, positionMarker, systemMarker, variableMarker } from '../bind.ts'
import { nullOf, protoLiteral, quote, structOf } from '../literal.ts'
import { duckType, typeOfProto } from '../sqltype.ts'
import { functionCall } from './calls.ts'
import { castCall } from './functions/casts.ts'
import { equality, notNull } from './functions/comparisons.ts'
import { unsupported, type Generator } from './generator.ts'

type Writer = (g: Generator, node: Message) => string

const list = (value: unknown): Message[] => (value ?? []) as Message[]

const EXPRESSIONS: Record<string, Writer> = {
  ResolvedLiteral(g, node) {
    const type = g.type(node)
    const value = (node['value']?.value ?? {}) as Message
    if (value['enum_value'] !== undefined) return quote(enumText(g, node))
    return protoLiteral(type, value)
  },
  ResolvedColumnRef: (g, node) => g.column(node['column']),
  ResolvedParameter: (g, node) => `CAST(${node['name'] ? parameterMarker(node['name']) : positionMarker(Number(node['position']))} AS ${duckType(g.type(node))})`,
  ResolvedConstant: (_g, node) => variableMarker(String(node['constant']?.name ?? '')),
  ResolvedSystemVariable: (_g, node) => systemMarker((node['name_path'] as string[]).join('.')),
  ResolvedArgumentRef: (g, node) => `(${g.argument(node['name'])})`,
  ResolvedFunctionCall: functionCall,
  ResolvedCast: castCall,
  ResolvedMakeStruct: (g, node) => structOf(list(node['field_list']).map((field) => g.expr(field))),
  ResolvedGetStructField(g, node) {
    return `(${g.expr(node['expr'])})._${Number(node['field_idx'] ?? 0) + 1}`
  },
  ResolvedGetJsonField: (g, node) => `gs_json_field(${g.expr(node['expr'])}, ${quote(node['field_name'])})`,
  ResolvedSubqueryExpr: subquery,
  ResolvedWithExpr(g, node) {
    // Each assignment may use the ones before it.
    const assignments = list(node['assignment_list'])
    const inner = assignments.reduce((text, item) => `SELECT *, ${g.expr(item['expr'])} AS ${g.column(item['column'])} FROM (${text})`, 'SELECT 1 AS single_row_')
    return `(SELECT ${g.expr(node['expr'])} FROM (${inner}))`
  },
  ResolvedDMLDefault: () => 'DEFAULT',
  ResolvedDMLValue: (g, node) => g.expr(node['value']),
  ResolvedArrayAggregate: () => {
    throw unsupported('An aggregate over an array')
  },
}

export function expression(g: Generator, node: Message): string {
  const writer = EXPRESSIONS[String(node['node'])]
  if (!writer) throw unsupported(String(node['node']).replace(/^Resolved/, ''))
  return writer(g, node)
}

/** The name of an enum literal, such as a date part. */
export function enumText(g: Generator, node: Message): string {
  const enumeration = String(node['type']?.enum_type?.enum_name ?? node['value']?.type?.enum_type?.enum_name ?? '').replace(/^zetasql\./, '')
  return g.input.enumName(enumeration, Number(node['value']?.value?.enum_value ?? 0))
}

/** (SELECT x) is x, and (SELECT e FROM UNNEST(a) e) is the only element of a: no join needed, and TRY can hold it. */
function plainScalar(g: Generator, query: Message): string | undefined {
  const column = list(query['column_list'])[0]
  if (!column) return undefined
  if (query['node'] === 'ResolvedArrayScan' && list(query['array_expr_list']).length === 1 && !query['join_expr'] && (!query['input_scan'] || query['input_scan'].node === 'ResolvedSingleRowScan') && list(query['element_column_list'])[0]?.['column_id'] === column['column_id']) {
    const array = g.expr(list(query['array_expr_list'])[0]!)
    return `(CASE WHEN len(${array}) > 1 THEN gs_error('Scalar subquery produced more than one element') ELSE (${array})[1] END)`
  }
  if (query['node'] !== 'ResolvedProjectScan') return undefined
  const computed = list(query['expr_list']).find((item) => item['column'].column_id === column['column_id'])
  const input = query['input_scan'] as Message
  if (computed && input['node'] === 'ResolvedSingleRowScan') return g.expr(computed['expr'])
  return !list(query['expr_list']).length && input['node'] === 'ResolvedArrayScan' ? plainScalar(g, { ...input, column_list: [column] }) : undefined
}

function subquery(g: Generator, node: Message): string {
  const query = node['subquery'] as Message
  // First: writing a node twice would double the work at every level of nesting.
  const plain = node['subquery_type'] === 'SCALAR' ? plainScalar(g, query) : undefined
  if (plain !== undefined) return plain
  const text = g.scan(query)
  const column = list(query['column_list'])[0]
  const value = column ? g.column(column) : '1'
  const type = String(node['subquery_type'])
  switch (type) {
    case 'SCALAR':
      return `(SELECT ${value} FROM (${text}))`
    case 'EXISTS':
      return `EXISTS (${text})`
    case 'ARRAY': {
      // array_agg keeps the order of an ordered input; an empty array, not NULL, over no rows.
      return `coalesce((SELECT array_agg(${value}) FROM (${text})), CAST([] AS ${duckType(typeOfProto(node['type']))}))`
    }
    case 'IN': {
      const left = g.expr(node['in_expr'])
      const leftType = typeOfProto(node['in_expr'].type)
      if (leftType.kind === 'FLOAT64') return `(${left} IN (SELECT ${value} FROM (${text}) WHERE ${value} IS NULL OR NOT isnan(${value})))`
      return `(${left} IN (SELECT ${value} FROM (${text})))`
    }
    case 'LIKE_ANY':
    case 'LIKE_ALL':
    case 'NOT_LIKE_ANY':
    case 'NOT_LIKE_ALL': {
      const left = g.expr(node['in_expr'])
      const not = type.startsWith('NOT') ? 'NOT ' : ''
      const some = type.endsWith('ANY') ? 'bool_or' : 'bool_and'
      const empty = type.endsWith('ANY') ? 'false' : 'true'
      return `coalesce((SELECT CASE WHEN count(*) = 0 THEN ${empty} WHEN ${some}(${not}${left} LIKE ${value} ESCAPE '\\') IS NOT DISTINCT FROM ${type.endsWith('ANY') ? 'true' : 'false'} THEN ${type.endsWith('ANY') ? 'true' : 'false'} WHEN count(*) > count(${not}${left} LIKE ${value} ESCAPE '\\') THEN NULL ELSE ${type.endsWith('ANY') ? 'false' : 'true'} END FROM (${text})), ${nullOf({ kind: 'BOOL' })})`
    }
    default:
      throw unsupported(`A subquery of kind ${type}`)
  }
}

export { equality, notNull }
