/** The analyzer's own process: compiles texts, parses scripts. Ended by SIGKILL when it does not answer in time. */
import { serve } from '#ground/child-side.ts'
import { AnalyzerCompiler, type CompileRequest, type CompileResponse } from './compile.ts'
import type { Defaults } from './needs.ts'
import { scriptOf, type ScriptTree } from '../script/tree.ts'

export interface AnalyzerCalls {
  compile(request: CompileRequest): CompileResponse
  script(request: { text: string; defaults: Defaults }): ScriptTree
  memory(body: null): { wasm_bytes: number; rss_bytes: number }
}

let compiler: AnalyzerCompiler

await serve<AnalyzerCalls>(
  {
    compile: (request) => compiler.compile(request),
    script: ({ text, defaults }) => scriptOf(compiler.parseScript(text, defaults), text),
    memory: () => ({ wasm_bytes: compiler.memory_bytes(), rss_bytes: process.memoryUsage().rss }),
  },
  {
    open: async () => {
      compiler = await AnalyzerCompiler.open(process.argv[2] ?? '')
    },
  },
)
