/** BigQuery functions that the analyzer does not know by itself, as signatures for the catalog. */
import type { Message } from './proto.ts'
import { protoOfType } from '../sqltype.ts'
import type { SqlType } from '../types.ts'

const STRING: SqlType = { kind: 'STRING' }
const ARBITRARY = { kind: 'ARG_TYPE_ARBITRARY', num_occurrences: -1 }
const ANY_1 = { kind: 'ARG_TYPE_ANY_1', num_occurrences: -1 }
const ANY_2 = { kind: 'ARG_TYPE_ANY_2', num_occurrences: -1 }

const fixed = (type: SqlType, options: Message = {}): Message => ({ kind: 'ARG_TYPE_FIXED', type: protoOfType(type), num_occurrences: -1, options: { cardinality: 'REQUIRED', ...options } })
const named = (type: SqlType, name: string): Message => fixed(type, { cardinality: 'OPTIONAL', argument_name: name, named_argument_kind: 'POSITIONAL_OR_NAMED' })

const scalar = (name: string, returns: SqlType, args: Message[]): Message => ({
  name_path: [name], group: 'ZetaSQL', mode: 'SCALAR', signature: [{ argument: args, return_type: { kind: 'ARG_TYPE_FIXED', type: protoOfType(returns), num_occurrences: -1 }, context_id: 0 }],
})

const aggregate = (name: string, returns: Message, args: Message[]): Message => ({
  name_path: [name], group: 'ZetaSQL', mode: 'AGGREGATE', signature: [{ argument: args, return_type: returns, context_id: 0 }],
  options: { supports_over_clause: true, window_ordering_support: 'ORDER_OPTIONAL', supports_window_framing: true },
})

export const customFunctions: readonly Message[] = [
  scalar('search', { kind: 'BOOL' }, [ARBITRARY, fixed(STRING), named(STRING, 'json_scope'), named(STRING, 'analyzer'), named(STRING, 'analyzer_options')]),
  scalar('contains_substr', { kind: 'BOOL' }, [ARBITRARY, fixed(STRING), named(STRING, 'json_scope')]),
  scalar('text_analyze', { kind: 'ARRAY', element: STRING }, [fixed(STRING), named(STRING, 'analyzer'), named(STRING, 'analyzer_options')]),
  scalar('bag_of_words', { kind: 'ARRAY', element: { kind: 'STRUCT', fields: [{ name: 'term', type: STRING }, { name: 'count', type: { kind: 'INT64' } }] } }, [fixed({ kind: 'ARRAY', element: STRING })]),
  aggregate('max_by', ANY_1, [ANY_1, ANY_2]),
  aggregate('min_by', ANY_1, [ANY_1, ANY_2]),
]
