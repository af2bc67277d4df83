/** `potoroo workflow`: test, deploy, run, list, describe, logs, cancel, resume. */
import type { Command } from 'commander'
import { systemClock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { EXIT } from './exit.ts'
import type { HouseClient } from './house-client.ts'
import { readStatus } from './status.ts'
import { paint, table } from './terminal.ts'
import { keepAlive } from './wait.ts'
import { readText, testCommand } from './workflow-test.ts'

const LOCATION = 'us-central1'
const LOOK_MS = 100
const ENDED = ['SUCCEEDED', 'FAILED', 'CANCELLED', 'UNAVAILABLE']

interface PlaceOptions extends CommonOptions {
  project?: string
  location: string
}

interface Execution {
  name: string
  state: string
  startTime: string
  duration?: string
  result?: string
  error?: { payload: string; context: string }
}

interface Workflow {
  name: string
  revisionId: string
  updateTime: string
  state: string
}

interface StepEntry {
  step: string
  routine: string
  stepType: string
  state: string
  createTime: string
}

interface LogEntry {
  timestamp: string
  severity: string
  payload: unknown
  step: string
}

export function workflowCommand(): Command {
  const commands = [testCommand(), deployCommand(), runCommand(), listCommand(), describeCommand(), logsCommand(), cancelCommand(), resumeCommand()]
  return commands.reduce((command, child) => command.addCommand(child), noun('workflow', 'Test, deploy and run workflows'))
}

function placed(command: Command): Command {
  return withHouse(command).option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)').option('--location <location>', 'location it stands in', LOCATION)
}

function deployCommand(): Command {
  return placed(verb('deploy', 'Deploy a workflow, or a new revision of it', ['workflow deploy load load.yaml', 'workflow deploy load load.yaml --env BUCKET=lake']))
    .argument('<workflow>', 'its id')
    .argument('<file>', 'its source, YAML or JSON')
    .option('--env <name=value...>', 'environment variables')
    .option('--service-account <email>', 'the account that it acts as')
    .action(async (id: string, file: string, options: PlaceOptions & { env?: string[]; serviceAccount?: string }) => {
      const house = houseOf(options)
      const parent = await parentOf(house, options)
      const pairs = (options.env ?? []).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
      const body = {
        sourceContents: readText(file), ...(options.env && { userEnvVars: Object.fromEntries(pairs) as Record<string, string> }), ...(options.serviceAccount && { serviceAccount: options.serviceAccount }),
      }
      const known = await house.exchange('GET', `/v1/${parent}/workflows/${id}`)
      const { response } = known.ok
        ? await house.json<{ response: Workflow }>('PATCH', `/v1/${parent}/workflows/${id}`, { json: body })
        : await house.json<{ response: Workflow }>('POST', `/v1/${parent}/workflows`, { query: { workflowId: id }, json: body })
      terminalOf(options).show(response, () => `${response.name} ${response.revisionId}`)
    })
}

function runCommand(): Command {
  return placed(verb('run', 'Run a workflow and wait for its end', ['workflow run load --args \'{"bucket": "lake"}\'', 'workflow run load --no-wait']))
    .argument('<workflow>', 'its id')
    .option('--args <json>', 'its argument')
    .option('--no-wait', 'only start it')
    .action(async (id: string, options: PlaceOptions & { args?: string; wait: boolean }) => {
      const house = houseOf(options)
      const parent = await parentOf(house, options)
      const started = await house.json<Execution>('POST', `/v1/${parent}/workflows/${id}/executions`, { json: options.args === undefined ? {} : { argument: options.args } })
      await showEnd(house, started, options)
    })
}

function listCommand(): Command {
  return placed(verb('list', 'List workflows, or the executions of one', ['workflow list', 'workflow list load']))
    .argument('[workflow]', 'its id')
    .action(async (id: string | undefined, options: PlaceOptions) => {
      const house = houseOf(options)
      const parent = await parentOf(house, options)
      if (id === undefined) {
        const { workflows } = await house.json<{ workflows: Workflow[] }>('GET', `/v1/${parent}/workflows`)
        return terminalOf(options).show(workflows, () => table(['workflow', 'revision', 'updated'], workflows.map(({ name, revisionId, updateTime }) => [lastOf(name), revisionId, updateTime.slice(0, 19)])))
      }
      const { executions } = await house.json<{ executions: Execution[] }>('GET', `/v1/${parent}/workflows/${id}/executions`)
      const rows = executions.map(({ name, state, startTime, duration }) => [lastOf(name), state, startTime.slice(0, 19), duration ?? ''])
      terminalOf(options).show(executions, () => table(['execution', 'state', 'started', 'took'], rows))
    })
}

function describeCommand(): Command {
  return placed(verb('describe', 'Show a workflow, or an execution and its steps', ['workflow describe load', 'workflow describe load 7f3c…']))
    .argument('<workflow>', 'its id')
    .argument('[execution]', 'the id of an execution')
    .action(async (id: string, execution: string | undefined, options: PlaceOptions) => {
      const house = houseOf(options)
      const workflow = `${await parentOf(house, options)}/workflows/${id}`
      if (execution === undefined) {
        const found = await house.json<Workflow & { sourceContents: string }>('GET', `/v1/${workflow}`)
        return terminalOf(options).show(found, () => `${found.name} ${found.revisionId} ${found.state}\n\n${found.sourceContents}`)
      }
      const found = await house.json<Execution>('GET', `/v1/${workflow}/executions/${execution}`)
      const { stepEntries } = await house.json<{ stepEntries: StepEntry[] }>('GET', `/v1/${found.name}/stepEntries`)
      const rows = stepEntries.map(({ step, routine, stepType, state, createTime }) => [state.replace('STATE_', ''), `${routine}.${step}`, stepType.replace('STEP_', ''), createTime.slice(11, 23)])
      terminalOf(options).show({ ...found, stepEntries }, () => `${endText(found)}\n\n${table(['state', 'step', 'kind', 'began'], rows)}`)
    })
}

function logsCommand(): Command {
  return placed(verb('logs', 'What an execution logged', ['workflow logs load 7f3c…']))
    .argument('<workflow>', 'its id')
    .argument('<execution>', 'the id of an execution')
    .action(async (id: string, execution: string, options: PlaceOptions) => {
      const house = houseOf(options)
      const { entries } = await house.json<{ entries: LogEntry[] }>('GET', `/v1/${await parentOf(house, options)}/workflows/${id}/executions/${execution}:logs`)
      const line = ({ timestamp, severity, step, payload }: LogEntry) => `${timestamp} ${severity} ${step} ${typeof payload === 'string' ? payload : JSON.stringify(payload)}`
      terminalOf(options).show(entries, () => entries.map(line).join('\n'))
    })
}

function cancelCommand(): Command {
  return placed(verb('cancel', 'End an execution', ['workflow cancel load 7f3c…']))
    .argument('<workflow>', 'its id')
    .argument('<execution>', 'the id of an execution')
    .action(async (id: string, execution: string, options: PlaceOptions) => {
      const house = houseOf(options)
      const ended = await house.json<Execution>('POST', `/v1/${await parentOf(house, options)}/workflows/${id}/executions/${execution}:cancel`, { json: {} })
      terminalOf(options).show(ended, () => `${ended.name} ${ended.state}`)
    })
}

function resumeCommand(): Command {
  return placed(verb('resume', 'Go on with a failed execution from a step of main', ['workflow resume load 7f3c… --from tagObject']))
    .argument('<workflow>', 'its id')
    .argument('<execution>', 'the id of the failed execution')
    .requiredOption('--from <step>', 'the step to begin with; variables are as they were at the failure')
    .option('--no-wait', 'only start it')
    .action(async (id: string, execution: string, options: PlaceOptions & { from: string; wait: boolean }) => {
      const house = houseOf(options)
      const path = `/v1/${await parentOf(house, options)}/workflows/${id}/executions/${execution}:resume`
      await showEnd(house, await house.json<Execution>('POST', path, { json: { step: options.from } }), options)
    })
}

async function showEnd(house: HouseClient, started: Execution, options: PlaceOptions & { wait: boolean }): Promise<void> {
  const terminal = terminalOf(options)
  if (!options.wait) return terminal.show(started, () => started.name)
  terminal.say(started.name)
  const ended = await untilEnd(house, started)
  terminal.show(ended, () => endText(ended))
  if (ended.state !== 'SUCCEEDED') process.exitCode = EXIT.failedWork
}

async function untilEnd(house: HouseClient, started: Execution): Promise<Execution> {
  for (let found = started; ; found = await house.json<Execution>('GET', `/v1/${started.name}`)) {
    if (ENDED.includes(found.state)) return found
    await keepAlive(systemClock().sleep(LOOK_MS))
  }
}

function endText({ state, result, error }: Execution): string {
  if (state === 'SUCCEEDED') return `${paint('green', '✓', process.stdout)} ${result ?? 'null'}`
  return error ? `${paint('red', '✗', process.stdout)} ${error.context}\n${error.payload}` : state
}

async function parentOf(house: HouseClient, { project, location }: PlaceOptions): Promise<string> {
  const chosen = project ?? process.env['GOOGLE_CLOUD_PROJECT'] ?? (await readStatus(house)).project
  if (!chosen) throw new Fault('INVALID_ARGUMENT', 'usage', 'Which project?', { hint: 'Give --project.' })
  return `projects/${chosen}/locations/${location}`
}

const lastOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
