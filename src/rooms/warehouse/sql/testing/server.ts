/**
 * A development tool: jobs.query over the memory warehouse, enough for the conformance runner. Not the house's door.
 *   node src/rooms/warehouse/sql/testing/server.ts PORT
 */
import { createServer } from 'node:http'
import { systemClock } from '#ground/clock.ts'
import { seededDice } from '#ground/dice.ts'
import { asFault } from '#ground/fault.ts'
import { createCompiler } from '../compiler.ts'
import { typeOfField } from '../sqltype.ts'
import type { CompileOptions, QueryParameters, SqlType, TypedValue, Value } from '../types.ts'
import { MemoryWarehouse } from './memory-warehouse.ts'
import { runText } from './run-text.ts'

const port = Number(process.argv[2] ?? 9077)
const warehouse = await MemoryWarehouse.open()
const compiler = createCompiler({ clock: systemClock(), dice: seededDice(1), folder: new URL('../../../../../.cache/googlesql', import.meta.url).pathname })
await compiler.warm()
let turn: Promise<unknown> = Promise.resolve()

interface WireType {
  type: string
  arrayType?: WireType
  structTypes?: { name: string; type: WireType }[]
}
interface WireValue {
  value?: string | null
  arrayValues?: WireValue[]
  structValues?: Record<string, WireValue>
}

const typeOf = (wire: WireType): SqlType =>
  wire.type === 'ARRAY' ? { kind: 'ARRAY', element: typeOf(wire.arrayType!) }
  : wire.type === 'STRUCT' ? { kind: 'STRUCT', fields: wire.structTypes!.map((each) => ({ name: each.name, type: typeOf(each.type) })) }
  : typeOfField({ name: '', type: wire.type as 'STRING' })

const valueOf = (wire: WireValue, type: SqlType): Value =>
  type.kind === 'ARRAY' ? (wire.arrayValues ?? []).map((each) => valueOf(each, type.element))
  : type.kind === 'STRUCT' ? type.fields.map((field) => valueOf(wire.structValues?.[field.name] ?? {}, field.type))
  : (wire.value ?? null)

function parametersOf(body: { queryParameters?: { name?: string; parameterType: WireType; parameterValue: WireValue }[]; parameterMode?: string }): QueryParameters | undefined {
  if (!body.queryParameters?.length) return undefined
  const all = body.queryParameters.map((each): [string, TypedValue] => [each.name ?? '', { type: typeOf(each.parameterType), value: valueOf(each.parameterValue, typeOf(each.parameterType)) }])
  return all[0]![0] ? { mode: 'named', values: Object.fromEntries(all) } : { mode: 'positional', values: all.map(([, value]) => value) }
}

createServer((request, response) => {
  let text = ''
  request.on('data', (part) => (text += part))
  request.on('end', () => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (!request.url!.includes('/queries')) return answer(200, {})
    const body = JSON.parse(text)
    const projectId = /projects\/([^/]+)/.exec(request.url!)![1]!
    const parameters = parametersOf(body)
    const options: CompileOptions = { projectId, catalog: warehouse, javascript: true, defaultDataset: body.defaultDataset, ...(parameters ? { parameters } : {}) }
    turn = turn.then(async () => {
      try {
        const result = await runText(compiler, warehouse, body.query, options)
        answer(200, { jobComplete: true, schema: { fields: result.schema }, rows: result.rows })
      } catch (thrown) {
        const fault = asFault(thrown)
        const cause = process.env['SHOW_CAUSE'] && fault.cause instanceof Error ? ` <<${fault.cause.message.slice(0, 300)}>>` : ''
        if (fault.code === 'INTERNAL') console.error(body.query, thrown, fault.cause)
        answer(fault.httpStatus === 501 ? 400 : fault.httpStatus, { error: { code: fault.httpStatus, message: fault.message + cause, errors: [{ reason: fault.reason }] } })
      }
    })
  })
}).listen(port, '127.0.0.1', () => console.log(`listening on ${port}`))
