import type { Clock } from '#ground/clock.ts'
import { unimplemented } from '#ground/fault.ts'
import type { ScriptCompiler } from '../compiler.ts'
import type { CompileOptions, ScriptHost, ScriptOutcome } from '../types.ts'
export interface ScriptRun { compiler: ScriptCompiler; clock: Clock; host: ScriptHost; text: string; options: CompileOptions }
export async function runScript(_run: ScriptRun): Promise<ScriptOutcome> {
  throw unimplemented('scripts')
}
