/** RANGE functions. A range is {s, e}, half open; a NULL end is unbounded. */
import { duckType } from '../../sqltype.ts'
import type { Call, Rules } from '../calls.ts'

const element = (call: Call, index = 0) => {
  const type = call.types[index]
  return type?.kind === 'RANGE' ? type.element : { kind: 'DATE' as const }
}

const before = (a: string, b: string) => `(${a} IS NULL OR ${b} IS NULL OR ${a} < ${b})`

function contains(call: Call): string {
  const [range, other] = call.args as [string, string]
  const nulls = `${range} IS NULL OR ${other} IS NULL`
  if (call.types[1]?.kind !== 'RANGE') return `(CASE WHEN ${nulls} THEN NULL ELSE ((${range}).s IS NULL OR (${range}).s <= ${other}) AND ((${range}).e IS NULL OR ${other} < (${range}).e) END)`
  return `(CASE WHEN ${nulls} THEN NULL ELSE ((${range}).s IS NULL OR ((${other}).s IS NOT NULL AND (${range}).s <= (${other}).s)) AND ((${range}).e IS NULL OR ((${other}).e IS NOT NULL AND (${other}).e <= (${range}).e)) END)`
}

const overlaps = (a: string, b: string) => `(${before(`(${a}).s`, `(${b}).e`)} AND ${before(`(${b}).s`, `(${a}).e`)})`

export const ranges: Rules = {
  range: (call) => {
    const [start, end] = call.args as [string, string]
    return `(CASE WHEN ${start} >= ${end} THEN gs_error('Range start element must be smaller than range end element') ELSE {'s': ${start}, 'e': ${end}} END)`
  },
  range_start: '($1).s',
  range_end: '($1).e',
  range_is_start_unbounded: '(CASE WHEN $1 IS NULL THEN NULL ELSE ($1).s IS NULL END)',
  range_is_end_unbounded: '(CASE WHEN $1 IS NULL THEN NULL ELSE ($1).e IS NULL END)',
  range_contains: contains,
  range_overlaps: (call) => `(CASE WHEN ${call.args[0]} IS NULL OR ${call.args[1]} IS NULL THEN NULL ELSE ${overlaps(call.args[0]!, call.args[1]!)} END)`,
  range_intersect: (call) => {
    const [a, b] = call.args as [string, string]
    return `(CASE WHEN ${a} IS NULL OR ${b} IS NULL THEN NULL WHEN NOT ${overlaps(a, b)} THEN gs_error('Provided RANGE inputs: ' || CAST(${a} AS VARCHAR) || ' and ' || CAST(${b} AS VARCHAR) || ' do not overlap') ELSE {'s': greatest((${a}).s, (${b}).s), 'e': least((${a}).e, (${b}).e)} END)`
  },
  generate_range_array: (call) => {
    const [range, step] = call.args as [string, string]
    const type = element(call)
    const duck = duckType(type)
    const whole = call.args[2] === undefined || call.args[2] === '' ? 'true' : call.args[2]
    const start = `CAST((${range}).s AS ${type.kind === 'TIMESTAMP' ? 'TIMESTAMPTZ' : 'TIMESTAMP'})`
    const end = `CAST((${range}).e AS ${type.kind === 'TIMESTAMP' ? 'TIMESTAMPTZ' : 'TIMESTAMP'})`
    const parts = `list_transform(range(${start}, ${end}, ${step}), lambda r_: {'s': CAST(r_ AS ${duck}), 'e': CAST(least(r_ + ${step}, ${end}) AS ${duck})})`
    const partial = `list_filter(${parts}, lambda f_: ${whole} OR CAST(f_.s AS TIMESTAMP) + ${step} <= CAST((${range}).e AS TIMESTAMP))`
    return `(CASE WHEN ${range} IS NULL OR ${step} IS NULL THEN NULL WHEN (${range}).s IS NULL OR (${range}).e IS NULL THEN gs_error('GENERATE_RANGE_ARRAY does not support unbounded ranges') ELSE ${partial} END)`
  },
}
