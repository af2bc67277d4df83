/** Column definitions, options, partitioning: the parts of DDL statements, as data. */
import type { Message } from '../../analyzer/proto.ts'
import { constantValue } from '../../literal.ts'
import { fieldOfType, typeOfProto } from '../../sqltype.ts'
import type { CreateMode, Field, Option, PartitionBy } from '../../types.ts'
import { invalidQuery, unsupported, type Generator } from '../generator.ts'

const list = (value: unknown): Message[] => (value ?? []) as Message[]

export const createMode = (node: Message): CreateMode =>
  node['create_mode'] === 'CREATE_OR_REPLACE' ? 'orReplace' : node['create_mode'] === 'CREATE_IF_NOT_EXISTS' ? 'ifNotExists' : 'default'

export const isTemp = (node: Message): boolean => node['create_scope'] === 'CREATE_TEMP'

export function optionsOf(g: Generator, items: unknown): Option[] {
  return list(items).map((item) => {
    const value = item['value'] as Message
    const type = typeOfProto(value['type'])
    const constant = constantValue(value, type)
    if (constant !== undefined) return { name: String(item['name']), type, value: constant }
    return { name: String(item['name']), type, duckSql: g.expr(value) }
  })
}

export function fieldOfDefinition(g: Generator, definition: Message): Field {
  const field = fieldOfType(String(definition['name']), typeOfProto(definition['type']))
  annotate(g, field, definition['annotations'])
  const byDefault = definition['default_value']?.sql
  if (byDefault !== undefined) field.defaultValueExpression = String(byDefault)
  return field
}

export function annotate(g: Generator, field: Field, annotations: Message | undefined): void {
  if (!annotations) return
  if (annotations['not_null'] && field.mode !== 'REPEATED') field.mode = 'REQUIRED'
  for (const option of optionsOf(g, annotations['option_list'])) {
    if (option.name.toLowerCase() === 'description' && typeof option.value === 'string') field.description = option.value
    if (option.name.toLowerCase() === 'rounding_mode' && typeof option.value === 'string') field.roundingMode = option.value.toUpperCase()
  }
  const collation = annotations['collation_name']?.value?.value?.string_value
  if (collation) field.collation = collation
  parametrize(field, annotations['type_parameters'])
  // An array's annotations sit one level below, on its element.
  const children = list(annotations['child_list'])
  if (field.mode === 'REPEATED' && children.length === 1) return annotate(g, field, { ...children[0], not_null: false })
  children.forEach((child, i) => {
    const inner = field.fields?.[i]
    if (inner) annotate(g, inner, child)
  })
}

export function parametrize(field: Field, parameters: Message | undefined): void {
  const length = parameters?.['string_type_parameters']?.max_length
  if (length !== undefined) field.maxLength = String(length)
  const numeric = parameters?.['numeric_type_parameters']
  if (numeric) {
    if (numeric.precision) field.precision = String(numeric.precision)
    if (numeric.scale) field.scale = String(numeric.scale)
  }
  list(parameters?.['child_list']).forEach((child, i) => {
    const inner = field.mode === 'REPEATED' ? field : field.fields?.[i]
    if (inner) parametrize(inner, child)
  })
}

export function clusterBy(items: unknown): string[] | undefined {
  const found = list(items).map((item) => {
    if (item['node'] !== 'ResolvedColumnRef') throw invalidQuery('CLUSTER BY expression must be a column')
    return String(item['column'].name)
  })
  return found.length ? found : undefined
}

const GRANULARITIES = new Set(['HOUR', 'DAY', 'MONTH', 'YEAR'])

export function partitionBy(g: Generator, items: unknown): PartitionBy | undefined {
  const [item, ...more] = list(items)
  if (!item) return undefined
  if (more.length) throw invalidQuery('Only a single PARTITION BY expression is supported but found 2')
  if (item['node'] === 'ResolvedColumnRef') {
    const name = String(item['column'].name)
    return { column: name.toUpperCase() === '_PARTITIONDATE' ? '_PARTITIONTIME' : name, granularity: 'DAY' }
  }
  const call = String(item['function']?.name ?? '').replace(/^ZetaSQL:/i, '').toLowerCase()
  const args = list(item['argument_list'])
  const column = args[0]?.['node'] === 'ResolvedColumnRef' ? String(args[0]['column'].name) : undefined
  if (!column) throw invalidQuery('PARTITION BY expression must be a column, or a function of one')
  if (call === 'date') return { column, granularity: 'DAY' }
  if (/^(timestamp|datetime|date)_trunc$/.test(call)) {
    const granularity = g.input.enumName('functions.DateTimestampPart', Number(args[1]?.['value']?.value?.enum_value))
    if (!GRANULARITIES.has(granularity)) throw invalidQuery(`PARTITION BY does not support ${granularity} truncation`)
    return { column, granularity: granularity as 'DAY' }
  }
  if (call === 'range_bucket') {
    const bounds = list(args[1]?.['argument_list']).map((each) => String(each['value']?.value?.int64_value ?? ''))
    if (bounds.length < 3 || bounds.includes('')) throw invalidQuery('RANGE_BUCKET in PARTITION BY takes GENERATE_ARRAY(start, end, interval) of constants')
    return { column, granularity: 'RANGE', range: { start: bounds[0]!, end: bounds[1]!, interval: bounds[2]! } }
  }
  throw unsupported('This PARTITION BY expression')
}
