/** `potoroo function`: deploy, list, describe, call, invoke, logs, events, replay, delete, dev. */
import { watch } from 'node:fs'
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { EXIT } from './exit.ts'
import { FunctionApi, lineOf, pairsOf, pathOf } from './function-api.ts'
import type { DeployOrder } from './function-api.ts'
import { readStatus } from './status.ts'
import { table } from './terminal.ts'
import { readText } from './workflow-test.ts'

const REGION = 'europe-west3'
const RELOAD_MS = 150

interface PlaceOptions extends CommonOptions {
  project?: string
  region: string
}

interface DeployOptions extends PlaceOptions {
  source?: string
  runtime?: string
  entryPoint?: string
  triggerHttp?: boolean
  triggerBucket?: string
  triggerTopic?: string
  retry?: boolean
  memory?: string
  timeout?: string
  env?: string[]
  secret?: string[]
  minInstances?: string
  maxInstances?: string
  concurrency?: string
  serviceAccount?: string
  allowUnauthenticated?: boolean
}

interface FunctionResource {
  name: string
  state: string
  environment: string
  url: string
  updateTime: string
  buildConfig: { runtime: string; entryPoint: string }
  eventTrigger?: { eventType: string; pubsubTopic?: string; eventFilters?: { attribute: string; value: string }[] }
  stateMessages?: { message: string }[]
}

export function functionCommand(): Command {
  const commands = [deployCommand(), listCommand(), describeCommand(), callCommand(), invokeCommand(), logsCommand(), eventsCommand(), replayCommand(), deleteCommand(), devCommand()]
  return commands.reduce((command, child) => command.addCommand(child), noun('function', 'Deploy, call and watch functions'))
}

function placed(command: Command): Command {
  return withHouse(command).option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)').option('--region <region>', 'region it stands in', REGION)
}

function deployable(command: Command): Command {
  return placed(command)
    .option('--source <folder|gs://…>', 'a folder, or a zip file in a bucket; this folder otherwise')
    .option('--runtime <runtime>', 'python39 to python313, nodejs18 to nodejs24')
    .option('--entry-point <name>', 'the function in the code; its own name otherwise')
    .option('--trigger-http', 'called by requests')
    .option('--trigger-bucket <bucket>', 'called when an object is written to this bucket')
    .option('--trigger-topic <topic>', 'called when a message comes to this topic')
    .option('--retry', 'events whose run failed are tried again')
    .option('--memory <amount>', 'such as 512MB')
    .option('--timeout <seconds>', 'bound of one run')
    .option('--env <name=value...>', 'environment variables')
    .option('--secret <name=secret:version...>', 'secrets as variables, or as files where the name is a path')
    .option('--min-instances <count>', 'kept warm')
    .option('--max-instances <count>', 'at most')
    .option('--concurrency <count>', 'requests that one instance takes at a time')
    .option('--service-account <email>', 'the account that it acts as')
    .option('--allow-unauthenticated', 'anyone may call it')
}

function deployCommand(): Command {
  return deployable(verb('deploy', 'Deploy a function, or its next revision', ['function deploy hello --runtime python311 --trigger-http', 'function deploy load --source gs://zips/load.zip --runtime python311 --trigger-bucket lake']))
    .argument('<function>', 'its name')
    .action(async (name: string, options: DeployOptions) => {
      const api = new FunctionApi(houseOf(options))
      const order = await orderOf(api, name, options)
      const terminal = terminalOf(options)
      const deployed = await api.deploy(order, (stage) => terminal.say(`${stage.toLowerCase()} …`))
      terminal.show(deployed, () => `${name} ${String(deployed['state'])} ${String(deployed['url'])}`)
    })
}

async function orderOf(api: FunctionApi, name: string, options: DeployOptions): Promise<DeployOrder> {
  const { triggerHttp, triggerBucket, triggerTopic } = options
  if ([triggerHttp, triggerBucket, triggerTopic].filter((one) => one !== undefined).length > 1) throw new Fault('INVALID_ARGUMENT', 'usage', 'A function has one trigger.')
  const trigger = triggerBucket !== undefined ? ({ kind: 'bucket', bucket: triggerBucket } as const) : triggerTopic !== undefined ? ({ kind: 'topic', topic: triggerTopic } as const) : triggerHttp ? ({ kind: 'http' } as const) : undefined
  return {
    project: await projectOf(api, options), region: options.region, name, generation: 2, source: options.source, runtime: options.runtime, entryPoint: options.entryPoint, trigger, retry: options.retry,
    memory: options.memory, timeout: options.timeout, env: pairsOf(options.env), secrets: pairsOf(options.secret), instances_min: options.minInstances, instances_max: options.maxInstances,
    concurrency: options.concurrency, serviceAccount: options.serviceAccount, open: options.allowUnauthenticated,
  }
}

function listCommand(): Command {
  return placed(verb('list', 'List functions of all regions', ['function list'])).action(async (options: PlaceOptions) => {
    const api = new FunctionApi(houseOf(options))
    const { functions } = await api.house.json<{ functions: FunctionResource[] }>('GET', `/v2/projects/${await projectOf(api, options)}/locations/-/functions`)
    const rows = functions.map((one) => [one.name.split('/').at(-1)!, one.name.split('/')[3]!, one.state, triggerText(one), one.buildConfig.runtime, one.updateTime.slice(0, 19)])
    terminalOf(options).show(functions, () => table(['function', 'region', 'state', 'trigger', 'runtime', 'updated'], rows))
  })
}

function describeCommand(): Command {
  return placed(verb('describe', 'Show a function, its revisions and its last runs', ['function describe hello']))
    .argument('<function>', 'its name')
    .action(async (name: string, options: PlaceOptions) => {
      const api = new FunctionApi(houseOf(options))
      const path = pathOf({ project: await projectOf(api, options), region: options.region, name })
      const found = await api.house.json<FunctionResource>('GET', `/v2/${path}`)
      const { revisions } = await api.house.json<{ revisions: { version: number; state: string; serving: boolean; createTime: string; log: string[] }[] }>('GET', `/v1/${path}/revisions`)
      const { runs } = await api.house.json<{ runs: { executionId: string; startTime: string; trigger: string; durationMillis: number; memoryBytes: number; outcome: string }[] }>('GET', `/v1/${path}/runs`, { query: { pageSize: '10' } })
      terminalOf(options).show({ ...found, revisions, runs }, () =>
        [
          `${found.name} ${found.state}\n${found.url}\n${triggerText(found)}, ${found.buildConfig.runtime}, ${found.buildConfig.entryPoint}`,
          ...(found.stateMessages ?? []).map(({ message }) => message),
          table(['revision', 'state', 'serving', 'made'], revisions.map(({ version, state, serving, createTime }) => [String(version), state, serving ? 'yes' : '', createTime.slice(0, 19)])),
          table(['run', 'started', 'by', 'ms', 'MB', 'outcome'], runs.map((run) => [run.executionId, run.startTime.slice(0, 23), run.trigger, String(run.durationMillis), String(Math.ceil(run.memoryBytes / 1048576)), run.outcome])),
        ].join('\n\n'),
      )
    })
}

function callCommand(): Command {
  return placed(verb('call', 'Call a function with data, and show its answer', ['function call hello --input \'{"name": "Ada"}\'']))
    .argument('<function>', 'its name')
    .option('--input <json>', 'what it is called with', '{}')
    .action(async (name: string, options: PlaceOptions & { input: string }) => call(name, options.input, options))
}

function invokeCommand(): Command {
  return placed(verb('invoke', 'Call a function with an event or a body from a file', ['function invoke load -f event.json']))
    .argument('<function>', 'its name')
    .requiredOption('-f, --file <file>', 'a CloudEvent in JSON, a background event with context and data, or plain data; - for standard input')
    .action(async (name: string, options: PlaceOptions & { file: string }) => call(name, readText(options.file), options))
}

async function call(name: string, data: string, options: PlaceOptions): Promise<void> {
  const api = new FunctionApi(houseOf(options))
  const path = `/v1/${pathOf({ project: await projectOf(api, options), region: options.region, name })}:call`
  const answer = await api.house.json<{ executionId: string; result?: string; error?: string }>('POST', path, { json: { data } })
  terminalOf(options).show(answer, () => answer.error ?? answer.result ?? '')
  if (answer.error !== undefined) process.exitCode = EXIT.failedWork
}

function logsCommand(): Command {
  return placed(verb('logs', 'What a function printed', ['function logs hello', 'function logs hello -f']))
    .argument('<function>', 'its name')
    .option('-f, --follow', 'go on as it prints more')
    .option('--limit <count>', 'newest entries', '50')
    .action(async (name: string, options: PlaceOptions & { follow?: boolean; limit: string }) => {
      const api = new FunctionApi(houseOf(options))
      const place = { project: await projectOf(api, options), region: options.region, name }
      const terminal = terminalOf(options)
      const entries = (await api.logs(place, Number(options.limit))).toReversed()
      if (!options.follow) return terminal.show(entries, () => entries.map(lineOf).join('\n'))
      for (const entry of entries) terminal.show(entry, () => lineOf(entry))
      const stop = new AbortController()
      process.once('SIGINT', () => stop.abort())
      try {
        for await (const entry of api.follow(place, stop.signal)) terminal.show(entry, () => lineOf(entry))
      } catch (thrown) {
        if (!stop.signal.aborted) throw thrown
      }
    })
}

interface EventResource {
  id: string
  type: string
  subject?: string
  state: string
  attempts: number
  receiveTime: string
  error?: string
}

function eventsCommand(): Command {
  return placed(verb('events', 'Events that came for a function, and what became of them', ['function events load', 'function events load --state failed']))
    .argument('<function>', 'its name')
    .option('--state <state>', 'waiting, running, delivered or failed')
    .action(async (name: string, options: PlaceOptions & { state?: string }) => {
      const api = new FunctionApi(houseOf(options))
      const path = `/v1/${pathOf({ project: await projectOf(api, options), region: options.region, name })}/events`
      const { events } = await api.house.json<{ events: EventResource[] }>('GET', path, { query: { state: options.state } })
      const rows = events.map(({ id, state, attempts, receiveTime, type, subject, error }) => [id, state, String(attempts), receiveTime.slice(0, 19), type.split('.').at(-1)!, subject ?? '', (error ?? '').slice(0, 80)])
      terminalOf(options).show(events, () => table(['event', 'state', 'tries', 'came', 'type', 'subject', 'error'], rows))
    })
}

function replayCommand(): Command {
  return placed(verb('replay', 'Deliver an event once more, under the same id', ['function replay load 01m7w…']))
    .argument('<function>', 'its name')
    .argument('<event>', 'as `function events` shows it')
    .action(async (name: string, event: string, options: PlaceOptions) => {
      const api = new FunctionApi(houseOf(options))
      const path = `/v1/${pathOf({ project: await projectOf(api, options), region: options.region, name })}/events/${event}:replay`
      const replayed = await api.house.json<EventResource>('POST', path, { json: {} })
      terminalOf(options).show(replayed, () => `${replayed.id} ${replayed.state}`)
    })
}

function deleteCommand(): Command {
  return placed(verb('delete', 'Delete a function and all its revisions', ['function delete hello']))
    .argument('<function>', 'its name')
    .action(async (name: string, options: PlaceOptions) => {
      const api = new FunctionApi(houseOf(options))
      await api.remove({ project: await projectOf(api, options), region: options.region, name })
      terminalOf(options).show({ name }, () => `${name} deleted`)
    })
}

function devCommand(): Command {
  return deployable(verb('dev', 'Deploy a folder, and again whenever a file in it changes', ['function dev ./hello --runtime python311 --trigger-http']))
    .argument('<folder>', 'the source')
    .option('--name <function>', 'its name; the folder’s otherwise')
    .action(async (folder: string, options: DeployOptions & { name?: string }) => {
      const api = new FunctionApi(houseOf(options))
      const terminal = terminalOf(options)
      const name = options.name ?? folder.replace(/\/+$/, '').split('/').at(-1)!
      const order = { ...(await orderOf(api, name, options)), source: folder }
      await deployOnChange(folder, async () => {
        try {
          const deployed = await api.deploy(order, () => {})
          terminal.say(`${new Date().toTimeString().slice(0, 8)} ${name} serves at ${String(deployed['url'])}`)
        } catch (thrown) {
          if (!(thrown instanceof Fault) || thrown.code === 'UNAVAILABLE') throw thrown
          terminal.say(`${thrown.message}\nThe revision before it goes on serving.`)
        }
      })
    })
}

/** One at a time; what changes meanwhile is deployed after it. */
async function deployOnChange(folder: string, deploy: () => Promise<void>): Promise<void> {
  await deploy()
  const changes = watch(folder, { recursive: true })
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  changes.on('change', (_event, file) => {
    if (/(^|\/)(\.git|__pycache__|node_modules|\.venv)(\/|$)|\.pyc$/.test(String(file))) return
    clearTimeout(timer)
    timer = setTimeout(() => (running = running.then(deploy, deploy)), RELOAD_MS)
  })
  await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()))
  changes.close()
  await running
}

function triggerText({ eventTrigger }: FunctionResource): string {
  if (!eventTrigger) return 'http'
  return eventTrigger.pubsubTopic?.replace(/.*\//, 'topic ') ?? `bucket ${eventTrigger.eventFilters?.find(({ attribute }) => attribute === 'bucket')?.value ?? ''}`
}

async function projectOf(api: FunctionApi, { project }: PlaceOptions): Promise<string> {
  const chosen = project ?? process.env['GOOGLE_CLOUD_PROJECT'] ?? (await readStatus(api.house)).project
  if (!chosen) throw new Fault('INVALID_ARGUMENT', 'usage', 'Which project?', { hint: 'Give --project.' })
  return chosen
}
