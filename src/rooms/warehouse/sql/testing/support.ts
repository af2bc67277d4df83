/**
 * Writes SUPPORT.md: every function and statement that the analyzer knows, and whether the generator answers it.
 *   node src/rooms/warehouse/sql/testing/support.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AnalyzerCompiler } from '../analyzer/compile.ts'
import type { Message } from '../analyzer/proto.ts'
import { knownAggregates } from '../generate/aggregates.ts'
import { knownFunctions } from '../generate/calls.ts'
import { knownStatements } from '../generate/statements/statements.ts'
import { knownWindows } from '../generate/windows.ts'
import { analyzerFolder } from './house.ts'

const compiler = await AnalyzerCompiler.open(analyzerFolder)
const builtin = compiler.google.call('GetBuiltinFunctions', 'ZetaSQLBuiltinFunctionOptionsProto', { language_options: compiler.language.options }, 'local_service.GetBuiltinFunctionsResponse')
const have = new Set([...knownFunctions(), ...knownAggregates(), ...knownWindows()])
const partly: Record<string, string> = {
  st_contains: 'by points and edges of the plane', st_intersects: 'by points and edges of the plane', st_area: 'spherical excess', normalize_and_casefold: 'simple case folding',
  'net.public_suffix': 'the common suffixes', 'net.reg_domain': 'the common suffixes', approx_quantiles: 'exact', approx_top_count: 'exact', approx_count_distinct: 'exact', 'hll_count.init': 'sketches of our own form', 'kll_quantiles.init_int64': 'sketches of our own form',
}
const names = (builtin['function'] as Message[]).map((each) => (each['name_path'] as string[]).join('.')).filter((name) => !name.startsWith('$')).sort()
const more = ['search', 'contains_substr', 'text_analyze', 'bag_of_words', 'max_by', 'min_by']
const statement = (name: string) => name.replace(/^Resolved|Stmt$/g, '').replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase()
const lines = [
  '# What SQL is answered', '', 'Made by `node src/rooms/warehouse/sql/testing/support.ts`; do not edit.', '',
  '## Statements', '', ...knownStatements().map((name) => `- ${statement(name)}${/Model/.test(name) ? ': no, refused by name' : ''}`),
  '- Scripts: DECLARE, SET, IF, CASE, LOOP, WHILE, REPEAT, FOR IN, BREAK/LEAVE, CONTINUE/ITERATE, labels, BEGIN … EXCEPTION, RAISE, RETURN, CALL, EXECUTE IMMEDIATE, ASSERT', '- JavaScript functions: in a machine of their own (QuickJS), 64 MB and 5 seconds for each 2,048 rows; INT64 arguments are numbers where they are exact; no Intl', '',
  '## Functions', '', '| function | answered | remark |', '|---|---|---|',
  ...[...names, ...more].map((name) => `| ${name.toUpperCase()} | ${have.has(name) ? (partly[name] ? 'partly' : 'yes') : 'no'} | ${partly[name] ?? ''} |`), '',
]
const all = [...names, ...more]
/** Functions of the analyzer for graphs, protocol buffers, row patterns and FLOAT32. */
const FOREIGN = /^(agg|first|last|next|prev|classifier|match_|destination_node_id|source_node_id|edges|nodes|labels|element_|path|is_acyclic|is_simple|is_trail|same|all_different|property_|proto_|filter_fields|flatten$|(lax_)?float32)/
const missing = all.filter((name) => !have.has(name))
const listed = (chosen: readonly string[]) => chosen.map((name) => name.toUpperCase()).join(', ')

writeFileSync(fileURLToPath(new URL('../SUPPORT.md', import.meta.url)), lines.join('\n'))
writeSection('GoogleSQL', [
  'Made by `node src/rooms/warehouse/sql/testing/support.ts`, like `src/rooms/warehouse/sql/SUPPORT.md`, which names every function. Shown by `functions.test.ts`',
  '(each function against Google’s own evaluator), `sql.test.ts`, `script.test.ts`, `hostile.test.ts` and `javascript.test.ts` beside it.', '',
  '| | answered | remark |', '|---|---|---|',
  `| statements | ${knownStatements().filter((name) => !/Model/.test(name)).map(statement).join(', ')} | scripts with all their statements, transactions |`,
  '| JavaScript functions | yes | QuickJS in the engine’s process: 64 MB, 5 s for each 2,048 rows, no file, no network, no Intl |',
  `| functions | ${all.length - missing.length} | ${Object.keys(partly).length} of them partly: ${Object.entries(partly).map(([name, why]) => `${name.toUpperCase()} (${why})`).join(', ')} |`,
  `| functions | no | ${listed(missing.filter((name) => !FOREIGN.test(name)))} |`,
  '| BigQuery ML, encryption, differential privacy, remote functions, JavaScript aggregates | no | refused by name |',
  '| table functions RANGE_SESSIONIZE, GAP_FILL, APPENDS, CHANGES, VECTOR_SEARCH | no | unknown to the analyzer |',
  '| DML on elements of an array, WITH DEPTH, two tables whose names differ in case only | no | refused by name |',
  '| IFERROR, ISERROR, SAFE over a subquery that reads a table | partly | an error inside stays an error |', '',
])

function writeSection(title: string, body: readonly string[]): void {
  const file = fileURLToPath(new URL('../../../../../COMPAT.md', import.meta.url))
  const parts = readFileSync(file, 'utf8').split(/^(?=## )/m)
  const text = [`## ${title}`, '', ...body].join('\n')
  const at = parts.findIndex((part) => part.startsWith(`## ${title}\n`))
  if (at < 0) parts.push(`\n${text}`)
  else parts[at] = `${text}${at < parts.length - 1 ? '\n' : ''}`
  writeFileSync(file, parts.join('').replace(/\n{3,}/g, '\n\n'))
}

console.log(`${all.length - missing.length} of ${all.length} functions answered`)
