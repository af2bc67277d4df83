/** Conditional functions and errors. */
import { duckType, sqlName } from '../../sqltype.ts'
import { quote } from '../../literal.ts'
import type { Rules } from '../calls.ts'

/** TRY does not hold a subquery: there an error stays an error. */
export function guarded(text: string): string {
  return /\bSELECT\b/i.test(text) ? text : `TRY(${text})`
}

/** TRY gives NULL for an error and for NULL: wrapped in a list the two differ. */
const tried = (text: string) => guarded(`list_value(${text})`)

export const conditionals: Rules = {
  if: '(CASE WHEN $1 THEN $2 ELSE $3 END)',
  ifnull: 'coalesce($1, $2)',
  coalesce: 'coalesce($*)',
  nullif: (call) => `(CASE WHEN ${call.types[0]?.kind === 'FLOAT64' ? `${call.args[0]} = ${call.args[1]} AND NOT isnan(${call.args[0]})` : `${call.args[0]} = ${call.args[1]}`} THEN NULL ELSE ${call.args[0]} END)`,
  nullifzero: '(CASE WHEN $1 = 0 THEN NULL ELSE $1 END)',
  zeroifnull(call) {
    return `coalesce(${call.args[0]}, CAST(0 AS ${duckType(call.type)}))`
  },
  $case_no_value(call) {
    const { args } = call
    const parts: string[] = []
    for (let i = 0; i + 1 < args.length; i += 2) parts.push(`WHEN ${args[i]} THEN ${args[i + 1]}`)
    return `(CASE ${parts.join(' ')}${args.length % 2 ? ` ELSE ${args.at(-1)}` : ''} END)`
  },
  $case_with_value(call) {
    const { args } = call
    const parts: string[] = []
    for (let i = 1; i + 1 < args.length; i += 2) parts.push(`WHEN ${args[0]} = ${args[i]} THEN ${args[i + 1]}`)
    return `(CASE ${parts.join(' ')}${args.length % 2 ? '' : ` ELSE ${args.at(-1)}`} END)`
  },
  error: (call) => `CAST(gs_error(${call.args[0]}) AS ${duckType(call.type)})`,
  iserror: (call) => `(${tried(call.args[0]!)} IS NULL)`,
  iferror: (call) => `(CASE WHEN ${tried(call.args[0]!)} IS NULL THEN ${call.args[1]} ELSE ${guarded(call.args[0]!)} END)`,
  nulliferror: (call) => guarded(call.args[0]!),
  typeof: (call) => quote(call.types[0] ? sqlName(call.types[0]) : 'NULL'),
  $with_side_effects: '$1',
}
