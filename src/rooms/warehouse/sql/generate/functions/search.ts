/** Text search: BigQuery functions that the analyzer does not know by itself (analyzer/custom.ts registers them). */
import type { SqlType } from '../../types.ts'
import type { Call, Rule, Rules } from '../calls.ts'
import { unsupported } from '../generator.ts'
import { jsonText } from './json.ts'

/** All text of a value: strings, and what structs, arrays and JSON hold. */
function texts(text: string, type: SqlType): string {
  switch (type.kind) {
    case 'STRING':
      return `[${text}]`
    case 'JSON':
      return `gs_json_texts(${text})`
    case 'ARRAY':
      return `coalesce(flatten(list_transform(${text}, lambda t_: ${texts('t_', type.element)})), [])`
    case 'STRUCT':
      return type.fields.length ? `flatten([${type.fields.map((field, i) => texts(`(${text})._${i + 1}`, field.type)).join(', ')}])` : '[]'
    case 'BYTES':
      return '[]'
    default:
      return `[trim(${jsonText(text, type)}, '"')]`
  }
}

const searchText: Rule = (call) => `gs_search(CAST(${texts(call.args[0]!, call.types[0]!)} AS VARCHAR[]), ${call.args[1]}, coalesce(${call.args[3] || 'NULL'}, 'LOG_ANALYZER'), coalesce(${call.args[4] || 'NULL'}, ''))`

const contains: Rule = (call) => `gs_contains_substr(CAST(${texts(call.args[0]!, call.types[0]!)} AS VARCHAR[]), ${call.args[1]}, ${call.args[0]} IS NULL)`

const machineLearning: Rule = (call: Call) => {
  throw unsupported(`BigQuery ML (${call.name.toUpperCase()})`)
}

export const search: Rules = {
  search: searchText,
  contains_substr: contains,
  text_analyze: (call) => `gs_text_analyze(${call.args[0]}, coalesce(${call.args[1] || 'NULL'}, 'LOG_ANALYZER'), coalesce(${call.args[2] || 'NULL'}, ''))`,
  bag_of_words: (call) => {
    return `list_transform(gs_bag_of_words(${call.args[0]}), lambda w_: {'_1': w_.term, '_2': w_.count})`
  },
  tf_idf: machineLearning,
  vector_search: machineLearning,
}
