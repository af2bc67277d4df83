/** Window functions. */
import type { Message } from '../analyzer/proto.ts'
import { duckType, typeOfProto } from '../sqltype.ts'
import { aggregateText } from './aggregates.ts'
import { callOf, functionName } from './calls.ts'
import { unsupported, type Generator } from './generator.ts'
import { orderBy } from './scans.ts'

const list = (value: unknown): Message[] => (value ?? []) as Message[]

export function analyticScan(g: Generator, node: Message): string {
  const items: string[] = []
  for (const group of list(node['function_group_list'])) {
    const partition = list(group['partition_by']?.partition_by_list).map((reference) => g.expr(reference))
    const order = list(group['order_by']?.order_by_item_list)
    for (const item of list(group['analytic_function_list'])) {
      items.push(`${windowCall(g, item['expr'], partition, order)} AS ${g.column(item['column'])}`)
    }
  }
  const input = node['input_scan'] as Message
  return `SELECT *, ${items.join(', ')} FROM (${g.scan(input)})`
}

const NATIVE: Record<string, string> = {
  row_number: 'row_number()', rank: 'rank()', dense_rank: 'dense_rank()', percent_rank: 'percent_rank()', cume_dist: 'cume_dist()',
}

export const knownWindows = (): readonly string[] => [...Object.keys(NATIVE), 'ntile', 'lead', 'lag', 'first_value', 'last_value', 'nth_value', 'is_first', 'is_last']

function windowCall(g: Generator, node: Message, partition: readonly string[], order: readonly Message[]): string {
  const name = functionName(node)
  const frame = node['window_frame'] ? frameText(g, node['window_frame'], order) : ''
  const by = partition.length ? `PARTITION BY ${partition.join(', ')}` : ''
  const over = (withFrame: boolean, ordering = order.length ? `ORDER BY ${orderBy(g, order, Boolean(withFrame && frame.startsWith('RANGE BETWEEN') && /\d|FOLLOWING|PRECEDING/.test(frame)))}` : '') =>
    ` OVER (${[by, ordering, withFrame ? frame : ''].filter(Boolean).join(' ')})`

  if (NATIVE[name]) return `${NATIVE[name]}${over(false)}`
  const nulls = node['null_handling_modifier'] === 'IGNORE_NULLS' ? ' IGNORE NULLS' : ''
  switch (name) {
    case 'ntile':
      return `ntile(${callOf(g, node).args[0]})${over(false)}`
    case 'lead':
    case 'lag': {
      const call = callOf(g, node)
      const [value, offset = '1', otherwise] = call.args
      const rest = otherwise ? `, ${offset}, ${otherwise}` : `, ${offset}`
      return `${name}(${value}${rest}${nulls})${over(false)}`
    }
    case 'first_value':
    case 'last_value':
      return `${name}(${callOf(g, node).args[0]}${nulls})${over(true)}`
    case 'nth_value': {
      const call = callOf(g, node)
      return `nth_value(${call.args.join(', ')}${nulls})${over(true)}`
    }
    case 'is_first':
      return `(row_number()${over(false)} <= ${callOf(g, node).args[0]})`
    case 'is_last':
      return `((count(*) OVER (${by})) - (row_number()${over(false)}) < ${callOf(g, node).args[0]})`
    case 'percentile_cont':
    case 'percentile_disc':
      return aggregateText(g, node, ` OVER (${by})`)
    case 'any_value':
      return `first_value(${callOf(g, node).args[0]})${over(true)}`
    default:
      return aggregateText(g, node, over(true))
  }
}

function frameText(g: Generator, frame: Message, order: readonly Message[]): string {
  const unit = String(frame['frame_unit'] ?? 'ROWS')
  const start = boundary(g, frame['start_expr'], unit, order)
  const end = boundary(g, frame['end_expr'], unit, order)
  if (unit === 'RANGE' && !order.length) return ''
  return `${unit} BETWEEN ${start} AND ${end}`
}

function boundary(g: Generator, node: Message, unit: string, order: readonly Message[]): string {
  const offset = () => {
    const text = g.expr(node['expression'])
    if (unit !== 'RANGE') return text
    const type = typeOfProto(order[0]?.['column_ref']?.type)
    return type.kind === 'INTERVAL' ? text : `CAST(${text} AS ${duckType(type)})`
  }
  switch (String(node['boundary_type'])) {
    case 'UNBOUNDED_PRECEDING':
      return 'UNBOUNDED PRECEDING'
    case 'OFFSET_PRECEDING':
      return `${offset()} PRECEDING`
    case 'CURRENT_ROW':
      return 'CURRENT ROW'
    case 'OFFSET_FOLLOWING':
      return `${offset()} FOLLOWING`
    case 'UNBOUNDED_FOLLOWING':
      return 'UNBOUNDED FOLLOWING'
    default:
      throw unsupported(`The window boundary ${node['boundary_type']}`)
  }
}
