/** One compiler and one memory warehouse for a test file. */
import { fileURLToPath } from 'node:url'
import { systemClock } from '#ground/clock.ts'
import { seededDice } from '#ground/dice.ts'
import { createCompiler, type ScriptCompiler } from '../compiler.ts'
import type { CompileOptions } from '../types.ts'
import { MemoryWarehouse, type Result } from './memory-warehouse.ts'
import { runText } from './run-text.ts'
import type { Cell } from '../encode.ts'

export interface SqlHouse {
  compiler: ScriptCompiler
  warehouse: MemoryWarehouse
  options(more?: Partial<CompileOptions>): CompileOptions
  run(text: string, more?: Partial<CompileOptions>): Promise<Result>
  /** Rows as plain arrays of cells. */
  rows(text: string, more?: Partial<CompileOptions>): Promise<Cell[][]>
  stop(): Promise<void>
}

export const analyzerFolder = fileURLToPath(new URL('../../../../../.cache/googlesql', import.meta.url))

export async function house(): Promise<SqlHouse> {
  const compiler = createCompiler({ clock: systemClock(), dice: seededDice(1), folder: analyzerFolder })
  const [warehouse] = await Promise.all([MemoryWarehouse.open(), compiler.warm()])
  const options = (more: Partial<CompileOptions> = {}): CompileOptions => ({ projectId: 'p', defaultDataset: { projectId: 'p', datasetId: 'd' }, catalog: warehouse, javascript: true, ...more })
  const run = (text: string, more?: Partial<CompileOptions>) => runText(compiler, warehouse, text, options(more))
  return {
    compiler, warehouse, options, run,
    rows: async (text, more) => (await run(text, more)).rows.map((row) => row.f.map((cell) => cell.v)),
    stop: () => compiler.stop(),
  }
}
