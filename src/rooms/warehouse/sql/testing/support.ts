/**
 * Writes SUPPORT.md: every function and statement that the analyzer knows, and whether the generator answers it.
 *   node src/rooms/warehouse/sql/testing/support.ts
 */
import { writeFileSync } from 'node:fs'
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
  '- Scripts: DECLARE, SET, IF, CASE, LOOP, WHILE, REPEAT, FOR IN, BREAK/LEAVE, CONTINUE/ITERATE, labels, BEGIN … EXCEPTION, RAISE, RETURN, CALL, EXECUTE IMMEDIATE, ASSERT', '',
  '## Functions', '', '| function | answered | remark |', '|---|---|---|',
  ...[...names, ...more].map((name) => `| ${name.toUpperCase()} | ${have.has(name) ? (partly[name] ? 'partly' : 'yes') : 'no'} | ${partly[name] ?? ''} |`), '',
]
writeFileSync(fileURLToPath(new URL('../SUPPORT.md', import.meta.url)), lines.join('\n'))
console.log(`${[...names, ...more].filter((name) => have.has(name)).length} of ${names.length + more.length} functions answered`)
