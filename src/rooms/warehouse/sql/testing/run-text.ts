/** Compiles and carries out one text against the memory warehouse, scripts included. */
import { systemClock } from '#ground/clock.ts'
import type { Bindings } from '../bind.ts'
import type { ScriptCompiler } from '../compiler.ts'
import { runScript } from '../script/run.ts'
import type { CompileOptions } from '../types.ts'
import type { MemoryWarehouse, Result } from './memory-warehouse.ts'

export async function runText(compiler: ScriptCompiler, warehouse: MemoryWarehouse, text: string, options: CompileOptions): Promise<Result> {
  warehouse.last = { schema: [], rows: [] }
  const statement = await compiler.compile(text, options)
  const bindings: Bindings = { ...(options.parameters ? { parameters: options.parameters } : {}), ...(options.systemVariables ? { systemVariables: options.systemVariables } : {}) }
  if (statement.kind !== 'script') {
    await warehouse.carryOut(statement, bindings)
    return warehouse.last
  }
  let result: Result = { schema: [], rows: [] }
  await runScript({
    compiler, clock: systemClock(), text, options,
    host: {
      catalog: warehouse, ...(options.signal ? { signal: options.signal } : {}), projectId: options.projectId, ...(options.defaultDataset ? { defaultDataset: options.defaultDataset } : {}),
      async run(each) {
        const outcome = await warehouse.carryOut(each)
        if (each.kind === 'query') result = warehouse.last
        return outcome
      },
      rows: (query) => warehouse.values(query),
      rollback: async () => {},
    },
  })
  for (const key of warehouse.relations.keys()) if (key.startsWith('_temp.')) warehouse.relations.delete(key)
  return result
}
