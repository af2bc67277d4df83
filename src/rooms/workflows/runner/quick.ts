/** Shorthands for tests of the language: run a source, and see its result, its error, or what is wrong with it. */
import { Fault } from '#ground/fault.ts'
import { connectors } from '../connectors/engine.ts'
import { checkProgram } from '../language/check.ts'
import { fromPlain, writeJson } from '../language/json.ts'
import { preludeProgram } from '../language/prelude.ts'
import { runWorkflow, type RunOptions, type RunResult } from './run.ts'
import { Stub, type StubCall, type StubHosts } from './stub.ts'

export interface QuickOptions extends StubHosts, Pick<RunOptions, 'env' | 'callbacks' | 'detailed' | 'atRest'> {
  argument?: unknown
}

export interface Quick extends RunResult {
  /** The result as plain JSON; undefined when it failed. */
  result: unknown
  /** The raised value as plain JSON; undefined when it succeeded. */
  error: unknown
  calls: readonly StubCall[]
}

export async function run(source: string, { argument, routes, refuse_hosts, ...options }: QuickOptions = {}): Promise<Quick> {
  const stub = new Stub({ ...(routes && { routes }), ...(refuse_hosts && { refuse_hosts }) })
  const done = await runWorkflow({ source, http: stub, ...(argument !== undefined && { argument: fromPlain(argument) }), ...options })
  const { outcome } = done
  return {
    ...done,
    result: outcome.state === 'SUCCEEDED' ? JSON.parse(writeJson(outcome.result)) : undefined,
    error: outcome.state === 'FAILED' ? JSON.parse(writeJson(outcome.error)) : undefined,
    calls: stub.calls,
  }
}

/** The value of one expression. */
export async function evaluate(expression: string, argument?: unknown): Promise<unknown> {
  const source = JSON.stringify({ main: { params: ['args'], steps: [{ r: { return: `\${${expression}}` } }] } })
  const { outcome, result } = await run(source, { argument })
  if (outcome.state === 'FAILED') throw outcome
  return result
}

/** The tag of the error that an expression raises. */
export async function tagOf(expression: string, argument?: unknown): Promise<string | undefined> {
  const source = JSON.stringify({ main: { params: ['args'], steps: [{ r: { return: `\${${expression}}` } }] } })
  const { error } = await run(source, { argument })
  return (error as { tags?: string[] } | undefined)?.tags?.[0]
}

const prelude = preludeProgram(connectors)

/** What the checker says of a source, as `line:column: message` lines; empty when it is fine. */
export function problems(source: string): string[] {
  try {
    checkProgram(source, connectors, prelude)
    return []
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return error.message.split('\n').map((line) => line.replace(/^main\.yaml:/, ''))
  }
}
