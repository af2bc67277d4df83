/** Runs a workflow in this process on a clock that jumps: a sleep of a month takes no time. For tests and `potoroo workflow test`. */
import { fakeClock, type FakeClock } from '#ground/clock.ts'
import { connectors } from '../connectors/engine.ts'
import { checkProgram } from '../language/check.ts'
import { preludeProgram } from '../language/prelude.ts'
import { foldHistory, type StepRecord } from '../machine/history.ts'
import type { LogLine, MachineHost } from '../machine/host.ts'
import { Machine } from '../machine/machine.ts'
import type { HttpCaller } from '../machine/ports.ts'
import { readState, writeState } from '../machine/state-json.ts'
import type { Outcome } from '../machine/state.ts'
import type { Value, ValueMap } from '../language/values.ts'
import { SLICE_STEPS } from '../limits.ts'

export interface RunOptions {
  source: string
  argument?: Value
  http: HttpCaller
  env?: Record<string, string>
  clock?: FakeClock
  detailed?: boolean
  /** Requests that arrive at callbacks, in the order in which the workflow makes its endpoints. */
  callbacks?: readonly ValueMap[]
  /** Called with the state at every blocking point; what it returns is run on. Tests kill and resume here. */
  atRest?(state: string): string
  /** Called after each step that ended, before the next one begins. */
  eachStep?(entry: StepRecord): Promise<void>
}

export interface RunResult {
  outcome: Outcome
  entries: StepRecord[]
  logs: LogLine[]
  virtual_seconds: number
  steps_run: number
}

const TEST_ENV: Readonly<Record<string, string>> = {
  GOOGLE_CLOUD_PROJECT_ID: 'test-project',
  GOOGLE_CLOUD_PROJECT_NUMBER: '123456789012',
  GOOGLE_CLOUD_LOCATION: 'us-central1',
  GOOGLE_CLOUD_WORKFLOW_ID: 'test-workflow',
  GOOGLE_CLOUD_WORKFLOW_REVISION_ID: '000001-abc',
  GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID: 'test-execution',
  GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME: 'workflow@test-project.iam.gserviceaccount.com',
}

export async function runWorkflow(options: RunOptions): Promise<RunResult> {
  const program = checkProgram(options.source, connectors, preludeProgram(connectors))
  const clock = options.clock ?? fakeClock()
  const started_ms = clock.now_ms()
  const host = testHost(clock, { ...TEST_ENV, ...options.env }, options.detailed ?? false)
  let machine = Machine.begin(program, options.argument ?? null, host)
  const batches: ReturnType<Machine['history']['take']>[] = []
  const logs: LogLine[] = []
  const callbacks = [...(options.callbacks ?? [])]
  const take = async () => {
    const batch = machine.history.take()
    batches.push(batch)
    logs.push(...machine.logs.splice(0))
    if (!options.eachStep || batch.records.length + batch.closings.length === 0) return
    const ended = new Set([...batch.records.filter(({ closed_ms }) => closed_ms !== null), ...batch.closings].map(({ id }) => id))
    for (const entry of foldHistory(batches)) if (ended.has(entry.id)) await options.eachStep(entry)
  }
  for (let rest = machine.run(options.eachStep ? 1 : SLICE_STEPS); rest !== 'ended'; rest = machine.run(options.eachStep ? 1 : SLICE_STEPS)) {
    if (options.eachStep) await take()
    if (rest === 'more') continue
    await take()
    if (options.atRest) machine = new Machine(program, readState(options.atRest(writeState(machine.state))), host)
    await settleOne(machine, options.http, clock, callbacks)
  }
  await take()
  return {
    outcome: machine.state.outcome!, entries: foldHistory(batches), logs, virtual_seconds: (clock.now_ms() - started_ms) / 1000, steps_run: machine.state.steps_run,
  }
}

/** One thing happens: an answer, a callback, or else time goes on to the next timer. */
async function settleOne(machine: Machine, http: HttpCaller, clock: FakeClock, callbacks: ValueMap[]): Promise<void> {
  const waits = machine.waits().map(({ wait }) => wait)
  const request = waits.find((wait) => wait.kind === 'http')
  if (request) return machine.settleHttp(request.id, await http.send(request.request, `test-${request.id}`, new AbortController().signal))
  const callback = waits.find((wait) => wait.kind === 'callback')
  const arriving = callback && callbacks.shift()
  if (callback && arriving) return void machine.deliverCallback(callback.callback, arriving)
  const due_ms = Math.min(...waits.flatMap((wait) => ('due_ms' in wait ? [wait.due_ms] : [])))
  await clock.advance(Math.max(0, due_ms - clock.now_ms()))
  machine.wake()
}

function testHost(clock: FakeClock, env: Readonly<Record<string, string>>, detailed: boolean): MachineHost {
  let uuids = 0
  return {
    env: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
    now_ms: () => clock.now_ms(),
    uuid: () => `00000000-0000-4000-8000-${String(++uuids).padStart(12, '0')}`,
    callbackUrl: (id) => `https://workflowexecutions.googleapis.com/v1/projects/test-project/locations/us-central1/workflows/test-workflow/executions/test-execution/callbacks/${id}`,
    connectors,
    detailed,
  }
}
