import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AnalyzerCompiler } from './analyzer/compile.ts'
import { analyzerFolder } from './testing/house.ts'
import { MemoryWarehouse } from './testing/memory-warehouse.ts'

/**
 * The oracle: GoogleSQL's own evaluator in the same module. Every line of testing/expressions.txt is written by it and by the engine
 * through FORMAT('%T', …); where one refuses, both must.
 */
let compiler: AnalyzerCompiler
let warehouse: MemoryWarehouse
beforeAll(async () => {
  compiler = await AnalyzerCompiler.open(analyzerFolder)
  warehouse = await MemoryWarehouse.open()
})
afterAll(() => warehouse.connection.closeSync())

const REFUSED = 'refused'

/** `undefined`: the evaluator does not know the function. */
function theirs(text: string): string | undefined {
  try {
    const answer = compiler.google.call('Evaluate', 'local_service.EvaluateRequest', { sql: text, options: compiler.language.analyzer, descriptor_pool_list: { definitions: [{ builtin: {} }] } }, 'local_service.EvaluateResponse')
    return answer['value']?.string_value ?? 'null'
  } catch (thrown) {
    return /Unsupported|not supported|Function not found|Unimplemented/i.test(String(thrown)) ? undefined : REFUSED
  }
}

async function ours(text: string): Promise<string> {
  try {
    const compiled = compiler.compile({ text: `SELECT ${text}`, defaults: { projectId: 'p' }, answers: {} })
    if (!('statement' in compiled) || compiled.statement.kind === 'script') return 'no statement'
    await warehouse.carryOut(compiled.statement)
    return String(warehouse.last.rows[0]?.f[0]?.v)
  } catch (thrown) {
    const fault = thrown as { code?: string; message: string; cause?: Error }
    return fault.code === 'UNIMPLEMENTED' ? `not supported: ${fault.message} ${fault.cause?.message ?? ''}` : REFUSED
  }
}

describe('every function', () => {
  it('gives what Google’s own evaluator gives', async () => {
    const lines = readFileSync(new URL('./testing/expressions.txt', import.meta.url), 'utf8').split('\n').filter(Boolean)
    const differ: string[] = []
    let compared = 0
    for (const line of lines) {
      const text = `FORMAT('%T', (${line}))`
      const expected = theirs(text)
      if (expected === undefined) continue
      compared++
      const given = await ours(text)
      if (given !== expected) differ.push(`${line}: ${given} instead of ${expected}`)
    }
    expect(differ).toEqual([])
    expect(compared).toBeGreaterThan(700)
  }, 240_000)
})
