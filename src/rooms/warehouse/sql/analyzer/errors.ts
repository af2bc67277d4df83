/** What the analyzer says about a text, as Faults in BigQuery's words. */
import { Fault } from '#ground/fault.ts'
import { nameRef, type Defaults } from './needs.ts'
import { AnalyzerError } from './wasm.ts'

const POSITION = /\s*\[at (\d+):(\d+)\]\s*$/

export function faultOfAnalyzer(thrown: unknown, defaults: Defaults): Fault {
  if (thrown instanceof Fault) return thrown
  if (thrown instanceof RangeError || thrown instanceof WebAssembly.RuntimeError) {
    return new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', 'The query is too complex: it is nested too deeply or too large.', { httpStatus: 400, cause: thrown })
  }
  if (!(thrown instanceof AnalyzerError)) throw thrown
  const message = thrown.message.replace(/^generic::\w+: /, '').replace(/; (Did you mean .*?\?)/, '; $1')
  const match = POSITION.exec(message)
  const details: Record<string, unknown> = { location: 'query' }
  if (match) Object.assign(details, { line: Number(match[1]), column: Number(match[2]) })
  const table = /^Table not found: (.+?)(?:; Did you mean .*)?(?:\s*\[at \d+:\d+\])?$/.exec(message)
  if (table) {
    const ref = nameRef(table[1]!.split('.').map((part) => part.replace(/^`|`$/g, '')), defaults)
    if (!ref.datasetId) return new Fault('INVALID_ARGUMENT', 'invalid', `Table "${ref.id}" must be qualified with a dataset (e.g. dataset.table).`, { details })
    return new Fault('NOT_FOUND', 'notFound', `Not found: Table ${ref.projectId}:${ref.datasetId}.${ref.id} was not found in location US${match ? ` at [${match[1]}:${match[2]}]` : ''}`, { details })
  }
  // BigQuery writes the position as "at [1:8]".
  const text = match ? `${message.slice(0, match.index)} at [${match[1]}:${match[2]}]` : message
  if (thrown.statusCode === 12) return new Fault('UNIMPLEMENTED', 'notImplemented', text, { details })
  return new Fault('INVALID_ARGUMENT', 'invalidQuery', text, { details })
}
