/** `potoroo workflow test`: a workflow in this process, on a clock that jumps, with mocked calls. It needs no house. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { Fault } from '#ground/fault.ts'
import { fromPlain, NotJson, parseJson, writeJson } from '#rooms/workflows/language/json.ts'
import type { Value, ValueMap } from '#rooms/workflows/language/values.ts'
import { differences } from '#rooms/workflows/runner/expectations.ts'
import type { Expectations } from '#rooms/workflows/runner/expectations.ts'
import { runWorkflow } from '#rooms/workflows/runner/run.ts'
import type { RunResult } from '#rooms/workflows/runner/run.ts'
import { Stub } from '#rooms/workflows/runner/stub.ts'
import type { StubHosts } from '#rooms/workflows/runner/stub.ts'
import { terminalOf, verb, withOutput } from './command.ts'
import { EXIT } from './exit.ts'
import { stepRail } from './step-rail.ts'
import { durationText, paint } from './terminal.ts'
import type { TerminalOptions } from './terminal.ts'

interface TestOptions extends TerminalOptions {
  args?: string
  mock?: string
  expect?: string
  env?: string[]
  step?: boolean
}

/** What a mock file may hold: routes, hosts whose connection breaks, requests at callbacks, and what is expected. */
interface MockFile extends StubHosts {
  callbacks?: unknown[]
  expect?: Expectations
}

export function testCommand(): Command {
  const examples = ['workflow test load.yaml --args \'{"bucket": "lake"}\' --mock hosts.yaml', 'workflow test load.yaml --mock hosts.yaml --expect load.expect.yaml', 'workflow test load.yaml --step']
  return withOutput(verb('test', 'Run a workflow here, on a fake clock with mocked calls', examples))
    .argument('<file>', 'the workflow, YAML or JSON')
    .option('--args <json>', 'its argument, as JSON or @file')
    .option('--mock <file>', 'YAML of routes and their responses, and of what is expected')
    .option('--expect <file>', 'YAML of what is expected: state, result, error_match, calls …')
    .option('--env <name=value...>', 'environment variables of the workflow')
    .option('--step', 'stop after each step')
    .action(async (file: string, options: TestOptions) => {
      process.exitCode = await test(file, options)
    })
}

async function test(file: string, options: TestOptions): Promise<number> {
  const mock = options.mock === undefined ? {} : (readYaml(options.mock) as MockFile)
  const expected = options.expect === undefined ? mock.expect : (readYaml(options.expect) as Expectations)
  const stub = new Stub(mock)
  const walk = options.step ? createInterface({ input: process.stdin }) : undefined
  const answers = walk?.[Symbol.asyncIterator]()
  const run = await runWorkflow({
    source: readText(file), argument: argumentOf(options.args), http: stub, env: environmentOf(options.env ?? []), detailed: options.step ?? false,
    callbacks: (mock.callbacks ?? []).map((request) => fromPlain(request) as ValueMap),
    ...(answers && {
      async eachStep(entry) {
        process.stderr.write(`${stepRail([entry], process.stderr)}\n  ${entry.variables ?? ''} ⏎ `)
        await answers.next() // At the end of input the rest runs without a stop.
      },
    }),
  }).finally(() => walk?.close())
  const wrong = expected ? differences(expected, run, stub.calls) : run.outcome.state === 'SUCCEEDED' ? [] : [`it ended as ${run.outcome.state}`]
  show(run, wrong, stub, options)
  return wrong.length === 0 ? EXIT.ok : EXIT.failedWork
}

function show(run: RunResult, wrong: string[], stub: Stub, options: TestOptions): void {
  const { outcome } = run
  const value = outcome.state === 'SUCCEEDED' ? { result: JSON.parse(writeJson(outcome.result)) as unknown } : outcome.state === 'FAILED' ? { error: JSON.parse(writeJson(outcome.error)) as unknown, context: outcome.context } : {}
  terminalOf(options).show({ state: outcome.state, ...value, steps: run.entries, calls: stub.calls, virtual_seconds: run.virtual_seconds, differences: wrong }, () => {
    const end = outcome.state === 'SUCCEEDED' ? `${paint('green', '✓', process.stdout)} ${writeJson(outcome.result)}` : outcome.state === 'FAILED' ? `${paint('red', '✗', process.stdout)} ${outcome.context}` : outcome.state
    const logs = run.logs.map(({ severity, payload, step }) => paint('dim', `  ${step} ${severity}: ${writeJson(payload)}`, process.stdout))
    const clock = paint('dim', `${run.steps_run} steps, ${stub.calls.length} calls, ${durationText(run.virtual_seconds * 1000)} on its own clock`, process.stdout)
    return [stepRail(run.entries), ...logs, '', end, clock, ...wrong.map((line) => `${paint('red', '≠', process.stdout)} ${line}`)].join('\n')
  })
}

function argumentOf(given: string | undefined): Value {
  if (given === undefined) return null
  const text = given.startsWith('@') ? readText(given.slice(1)) : given
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof NotJson) throw new Fault('INVALID_ARGUMENT', 'usage', `--args is not JSON: ${error.message}`)
    throw error
  }
}

function environmentOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) throw new Fault('INVALID_ARGUMENT', 'usage', `--env takes NAME=VALUE, not ${pair}`)
    return [pair.slice(0, at), pair.slice(at + 1)]
  }))
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault('NOT_FOUND', 'notFound', `The file ${path} cannot be read.`, { cause })
  }
}

function readYaml(path: string): unknown {
  try {
    return parse(readText(path)) ?? {}
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('INVALID_ARGUMENT', 'usage', `${path} is not YAML: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
}
