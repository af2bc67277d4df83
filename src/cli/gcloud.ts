/** `potoroo gcloud …`: the commands that people and scripts type most, in gcloud's own grammar, for machines without it. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { VERSION } from '../version.ts'
import { houseOf } from './command.ts'
import { FunctionApi, pairsOf, pathOf, textOf } from './function-api.ts'
import type { DeployOrder } from './function-api.ts'
import { formatted } from './gcloud-format.ts'
import { gcloudWords } from './gcloud-words.ts'
import type { GcloudWords } from './gcloud-words.ts'
import type { HouseClient } from './house-client.ts'
import { readStatus } from './status.ts'
import { table } from './terminal.ts'
import { filesBelow } from './zip-folder.ts'

type Json = Record<string, unknown>

class Line {
  readonly house: HouseClient
  readonly words: string[]
  private readonly flags: GcloudWords['flags']

  constructor(house: HouseClient, { words, flags }: GcloudWords, command: string) {
    this.house = house
    this.words = words.slice(command.split(' ').length)
    this.flags = flags
  }

  flag(...names: string[]): string | undefined {
    return names.map((name) => this.flags.get(name)?.at(-1)).find((value) => value !== undefined)
  }

  all(name: string): string[] | undefined {
    return this.flags.get(name)
  }

  on(name: string): boolean {
    return this.flag(name) === 'true'
  }

  argument(at: number, what: string): string {
    const word = this.words[at]
    if (word === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', `argument ${what}: Must be specified.`)
    return word
  }

  required(name: string, ...others: string[]): string {
    const value = this.flag(name, ...others)
    if (value === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', `argument --${name}: Must be specified.`)
    return value
  }

  async project(): Promise<string> {
    return this.flag('project') ?? process.env['CLOUDSDK_CORE_PROJECT'] ?? process.env['GOOGLE_CLOUD_PROJECT'] ?? (await readStatus(this.house)).project
  }

  region(): string {
    return this.flag('region') ?? process.env['CLOUDSDK_FUNCTIONS_REGION'] ?? 'us-central1'
  }

  location(): string {
    return this.flag('location') ?? process.env['CLOUDSDK_WORKFLOWS_LOCATION'] ?? 'us-central1'
  }

  print(value: unknown, text?: () => string): void {
    const format = this.flag('format')
    const shown = format === undefined && text ? text() : formatted(value, format ?? 'default')
    if (shown !== '') process.stdout.write(`${shown}\n`)
  }
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const lastOf = (name: unknown): string => String(name).slice(String(name).lastIndexOf('/') + 1)

async function functionPlace(line: Line, at = 0) {
  const given = line.argument(at, 'NAME')
  const full = /^projects\/([^/]+)\/locations\/([^/]+)\/functions\/([^/]+)$/.exec(given)
  if (full) return { project: full[1]!, region: full[2]!, name: full[3]! }
  return { project: await line.project(), region: line.region(), name: given }
}

async function deployFunction(line: Line): Promise<void> {
  const place = await functionPlace(line)
  const api = new FunctionApi(line.house)
  const bucket = line.flag('trigger-bucket')
  const topic = line.flag('trigger-topic')
  const filters = pairsOf(line.all('trigger-event-filters')) ?? {}
  const trigger: DeployOrder['trigger'] = bucket !== undefined ? { kind: 'bucket', bucket } : topic !== undefined ? { kind: 'topic', topic } : line.on('trigger-http') ? { kind: 'http' } : byFilters(filters, line)
  say('Deploying function...')
  const deployed = await api.deploy(
    {
      ...place, generation: 2, source: line.flag('source'), runtime: line.flag('runtime'), entryPoint: line.flag('entry-point'), trigger, retry: line.on('retry'), memory: line.flag('memory'), timeout: line.flag('timeout'),
      env: pairsOf(line.all('set-env-vars') ?? line.all('update-env-vars')), secrets: pairsOf(line.all('set-secrets') ?? line.all('update-secrets')), instances_min: line.flag('min-instances'), instances_max: line.flag('max-instances'),
      concurrency: line.flag('concurrency'), serviceAccount: line.flag('service-account', 'run-service-account'), labels: pairsOf(line.all('update-labels')), open: line.on('allow-unauthenticated'),
    },
    (stage) => say(`[${stage[0]}${stage.slice(1).toLowerCase()}]...`),
  )
  const { '@type': _, ...shown } = deployed
  line.print(shown)
}

function byFilters(filters: Record<string, string>, line: Line): DeployOrder['trigger'] {
  const bucket = filters['bucket'] ?? line.flag('trigger-resource')
  const event = filters['type'] ?? line.flag('trigger-event')
  if (bucket === undefined) return undefined
  if (event?.includes('pubsub')) return { kind: 'topic', topic: bucket }
  return { kind: 'bucket', bucket, ...(event?.startsWith('google.cloud.') && { event }) }
}

async function readLogs(line: Line): Promise<void> {
  const project = await line.project()
  const name = line.words[0]
  const entries = await new FunctionApi(line.house).logs({ project, ...(name !== undefined && { name, region: line.region() }) }, Number(line.flag('limit') ?? 20))
  line.print(entries, () =>
    table(['LEVEL', 'NAME', 'EXECUTION_ID', 'TIME_UTC', 'LOG'], entries.map((entry) => {
      const { severity, timestamp, labels, resource } = entry
      return [severity === 'DEFAULT' ? '' : severity[0]!, resource.labels['function_name'] ?? resource.labels['service_name'] ?? '', labels?.['execution_id'] ?? '', timestamp.replace('T', ' ').replace('Z', ''), textOf(entry)]
    })),
  )
}

async function callFunction(line: Line): Promise<void> {
  const answer = await line.house.json<Json>('POST', `/v1/${pathOf(await functionPlace(line))}:call`, { json: { data: line.flag('data') ?? line.flag('cloud-event') ?? '{}' } })
  line.print(answer, () => (answer['error'] === undefined ? String(answer['result'] ?? '') : formatted(answer, 'yaml')))
  if (answer['error'] !== undefined) process.exitCode = 1
}

async function workflowParent(line: Line): Promise<string> {
  return `projects/${await line.project()}/locations/${line.location()}`
}

async function deployWorkflow(line: Line): Promise<void> {
  const parent = await workflowParent(line)
  const id = line.argument(0, 'WORKFLOW')
  const body = { sourceContents: readFileSync(line.required('source'), 'utf8'), ...(line.flag('service-account') !== undefined && { serviceAccount: line.flag('service-account') }), ...(line.all('set-env-vars') && { userEnvVars: pairsOf(line.all('set-env-vars')) }) }
  const known = await line.house.exchange('GET', `/v1/${parent}/workflows/${id}`)
  const operation = known.ok ? await line.house.json<Json>('PATCH', `/v1/${parent}/workflows/${id}`, { json: body }) : await line.house.json<Json>('POST', `/v1/${parent}/workflows`, { query: { workflowId: id }, json: body })
  line.print(operation['response'])
}

async function runWorkflow(line: Line, waits: boolean): Promise<void> {
  const parent = await workflowParent(line)
  const data = line.flag('data')
  const started = await line.house.json<Json>('POST', `/v1/${parent}/workflows/${line.argument(0, 'WORKFLOW')}/executions`, { json: data === undefined ? {} : { argument: data } })
  if (!waits) return line.print(started)
  await showExecution(line, String(started['name']))
}

async function showExecution(line: Line, name: string): Promise<void> {
  for (;;) {
    const found = await line.house.json<Json>('GET', `/v1/${name}`)
    if (found['state'] !== 'ACTIVE' && found['state'] !== 'QUEUED') {
      line.print(found)
      if (found['state'] !== 'SUCCEEDED') process.exitCode = 1
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function executionName(line: Line): Promise<string> {
  const given = line.words[0] ?? ''
  if (given.startsWith('projects/')) return given
  return `${await workflowParent(line)}/workflows/${line.required('workflow')}/executions/${given}`
}

const bucketOf = (url: string): { bucket: string; object: string } => {
  const [, bucket, object = ''] = /^gs:\/\/([^/]+)(?:\/(.*))?$/.exec(url) ?? []
  if (bucket === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', `${url} is not gs://BUCKET/…`)
  return { bucket, object }
}

async function copy(line: Line): Promise<void> {
  const target = line.words.at(-1)
  const sources = line.words.slice(0, -1)
  if (target === undefined || sources.length === 0) throw new Fault('INVALID_ARGUMENT', 'usage', 'cp wants a source and a destination.')
  for (const source of sources) {
    if (target.startsWith('gs://')) await upload(line, source, target, sources.length > 1)
    else await download(line, source, target)
  }
}

async function upload(line: Line, source: string, target: string, many: boolean): Promise<void> {
  const { bucket, object } = bucketOf(target)
  if (source.startsWith('gs://')) {
    const from = bucketOf(source)
    const name = object === '' || object.endsWith('/') ? `${object}${lastOf(from.object)}` : object
    await line.house.send('POST', `/storage/v1/b/${from.bucket}/o/${encodeURIComponent(from.object)}/rewriteTo/b/${bucket}/o/${encodeURIComponent(name)}`, { json: {} })
    return say(`Copying ${source} to gs://${bucket}/${name}`)
  }
  const folder = existsSync(source) && statSync(source).isDirectory()
  if (folder && !line.on('recursive') && !line.on('r')) throw new Fault('INVALID_ARGUMENT', 'usage', `${source} is a folder.`, { hint: 'Give --recursive.' })
  for (const path of folder ? [...filesBelow(source)] : [source]) {
    const below = folder ? path.slice(source.replace(/\/+$/, '').length - basename(source).length) : basename(path)
    const name = object === '' || object.endsWith('/') || folder || many ? `${object}${object === '' || object.endsWith('/') ? '' : '/'}${below}` : object
    say(`Copying file://${path} to gs://${bucket}/${name}`)
    await line.house.send('POST', `/upload/storage/v1/b/${bucket}/o`, { query: { uploadType: 'media', name }, body: readFileSync(path) as Uint8Array<ArrayBuffer>, headers: { 'content-type': 'application/octet-stream' } })
  }
}

async function download(line: Line, source: string, target: string): Promise<void> {
  const { bucket, object } = bucketOf(source)
  const response = await line.house.send('GET', `/download/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`, { query: { alt: 'media' } })
  const path = existsSync(target) && statSync(target).isDirectory() ? join(target, lastOf(object)) : target
  writeFileSync(path, Buffer.from(await response.arrayBuffer()))
  say(`Copying ${source} to file://${path}`)
}

async function list(line: Line): Promise<void> {
  const url = line.words[0]
  if (url === undefined) {
    const { items = [] } = await line.house.json<{ items?: { name: string }[] }>('GET', '/storage/v1/b', { query: { project: await line.project() } })
    return line.print(items, () => items.map(({ name }) => `gs://${name}/`).join('\n'))
  }
  const { bucket, object } = bucketOf(url)
  const delimiter = line.on('recursive') || line.on('r') || object.includes('**') ? undefined : '/'
  const prefix = object.replace(/\*.*$/, '')
  const found = await line.house.json<{ items?: { name: string }[]; prefixes?: string[] }>('GET', `/storage/v1/b/${bucket}/o`, { query: { prefix, delimiter } })
  line.print(found.items ?? [], () => [...(found.prefixes ?? []), ...(found.items ?? []).map(({ name }) => name)].map((name) => `gs://${bucket}/${name}`).join('\n'))
}

async function publish(line: Line): Promise<void> {
  const attributes = pairsOf(line.all('attribute'))
  const message = { data: Buffer.from(line.flag('message') ?? '').toString('base64'), ...(attributes && { attributes }) }
  line.print(await line.house.json('POST', `/v1/projects/${await line.project()}/topics/${lastOf(line.argument(0, 'TOPIC'))}:publish`, { json: { messages: [message] } }))
}

async function pull(line: Line): Promise<void> {
  const path = `/v1/projects/${await line.project()}/subscriptions/${lastOf(line.argument(0, 'SUBSCRIPTION'))}`
  const { receivedMessages = [] } = await line.house.json<{ receivedMessages?: { ackId: string; message: { data?: string; messageId: string; attributes?: Json } }[] }>('POST', `${path}:pull`, { json: { maxMessages: Number(line.flag('limit') ?? 1), returnImmediately: true } })
  if (line.on('auto-ack') && receivedMessages.length > 0) await line.house.send('POST', `${path}:acknowledge`, { json: { ackIds: receivedMessages.map(({ ackId }) => ackId) } })
  line.print(receivedMessages, () => table(['DATA', 'MESSAGE_ID', 'ATTRIBUTES', 'ACK_ID'], receivedMessages.map(({ ackId, message }) => [Buffer.from(message.data ?? '', 'base64').toString(), message.messageId, Object.entries(message.attributes ?? {}).map(([name, value]) => `${name}=${String(value)}`).join(','), line.on('auto-ack') ? '' : ackId])))
}

/** The setting of this shell: the house keeps none. */
const settings: Readonly<Record<string, string | undefined>> = { project: process.env['CLOUDSDK_CORE_PROJECT'] ?? process.env['GOOGLE_CLOUD_PROJECT'], 'core/project': process.env['CLOUDSDK_CORE_PROJECT'] ?? process.env['GOOGLE_CLOUD_PROJECT'] }

/** Longest first: `functions logs read` before `functions`. */
const COMMANDS: Readonly<Record<string, (line: Line) => Promise<void> | void>> = {
  'functions deploy': deployFunction,
  'functions describe': async (line) => line.print(await line.house.json('GET', `/v2/${pathOf(await functionPlace(line))}`)),
  'functions list': async (line) => {
    const { functions } = await line.house.json<{ functions: (Json & { name: string; state: string; environment: string; eventTrigger?: { pubsubTopic?: string } })[] }>('GET', `/v2/projects/${await line.project()}/locations/-/functions`)
    line.print(functions, () => table(['NAME', 'STATE', 'TRIGGER', 'REGION', 'ENVIRONMENT'], functions.map(({ name, state, environment, eventTrigger }) => [lastOf(name), state, eventTrigger ? (eventTrigger.pubsubTopic ? `topic: ${lastOf(eventTrigger.pubsubTopic)}` : 'Event Trigger') : 'HTTP Trigger', name.split('/')[3]!, environment === 'GEN_1' ? '1st gen' : '2nd gen'])))
  },
  'functions call': callFunction,
  'functions delete': async (line) => {
    const place = await functionPlace(line)
    await new FunctionApi(line.house).remove(place)
    say(`Deleted [${pathOf(place)}].`)
  },
  'functions logs read': readLogs,
  'functions add-iam-policy-binding': async (line) => line.print(await new FunctionApi(line.house).bind(await functionPlace(line), line.required('role'), line.required('member'))),
  'functions add-invoker-policy-binding': async (line) => line.print(await new FunctionApi(line.house).bind(await functionPlace(line), 'roles/run.invoker', line.required('member'))),
  'workflows deploy': deployWorkflow,
  'workflows run': (line) => runWorkflow(line, true),
  'workflows execute': (line) => runWorkflow(line, false),
  'workflows list': async (line) => line.print((await line.house.json<{ workflows?: unknown[] }>('GET', `/v1/${await workflowParent(line)}/workflows`)).workflows ?? []),
  'workflows describe': async (line) => line.print(await line.house.json('GET', `/v1/${await workflowParent(line)}/workflows/${line.argument(0, 'WORKFLOW')}`)),
  'workflows delete': async (line) => void (await line.house.send('DELETE', `/v1/${await workflowParent(line)}/workflows/${line.argument(0, 'WORKFLOW')}`)),
  'workflows executions list': async (line) => line.print((await line.house.json<{ executions?: unknown[] }>('GET', `/v1/${await workflowParent(line)}/workflows/${line.argument(0, 'WORKFLOW')}/executions`)).executions ?? []),
  'workflows executions describe': async (line) => line.print(await line.house.json('GET', `/v1/${await executionName(line)}`)),
  'workflows executions describe-last': async (line) => {
    const { executions = [] } = await line.house.json<{ executions?: { name: string }[] }>('GET', `/v1/${await workflowParent(line)}/workflows/${line.required('workflow')}/executions`)
    if (executions[0]) line.print(await line.house.json('GET', `/v1/${executions[0].name}`))
  },
  'workflows executions wait': async (line) => showExecution(line, await executionName(line)),
  'workflows executions cancel': async (line) => line.print(await line.house.json('POST', `/v1/${await executionName(line)}:cancel`, { json: {} })),
  'storage buckets create': async (line) => {
    for (const url of line.words) {
      const { bucket } = bucketOf(url)
      await line.house.send('POST', '/storage/v1/b', { query: { project: await line.project() }, json: { name: bucket, ...(line.flag('location') !== undefined && { location: line.flag('location') }) } })
      say(`Creating gs://${bucket}/...`)
    }
  },
  'storage buckets list': list,
  'storage cp': copy,
  'storage ls': list,
  'storage cat': async (line) => {
    for (const url of line.words) {
      const { bucket, object } = bucketOf(url)
      process.stdout.write(Buffer.from(await (await line.house.send('GET', `/download/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`, { query: { alt: 'media' } })).arrayBuffer()))
    }
  },
  'storage rm': async (line) => {
    for (const url of line.words) {
      const { bucket, object } = bucketOf(url)
      await line.house.send('DELETE', `/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`)
      say(`Removing gs://${bucket}/${object}...`)
    }
  },
  'pubsub topics create': async (line) => {
    for (const id of line.words) say(`Created topic [${String((await line.house.json<Json>('PUT', `/v1/projects/${await line.project()}/topics/${lastOf(id)}`, { json: {} }))['name'])}].`)
  },
  'pubsub topics list': async (line) => line.print((await line.house.json<{ topics?: unknown[] }>('GET', `/v1/projects/${await line.project()}/topics`)).topics ?? []),
  'pubsub topics delete': async (line) => void (await line.house.send('DELETE', `/v1/projects/${await line.project()}/topics/${lastOf(line.argument(0, 'TOPIC'))}`)),
  'pubsub topics publish': publish,
  'pubsub subscriptions create': async (line) => {
    const project = await line.project()
    const made = await line.house.json<Json>('PUT', `/v1/projects/${project}/subscriptions/${lastOf(line.argument(0, 'SUBSCRIPTION'))}`, { json: { topic: `projects/${project}/topics/${lastOf(line.required('topic'))}` } })
    say(`Created subscription [${String(made['name'])}].`)
  },
  'pubsub subscriptions pull': pull,
  'services enable': (line) => say(`${line.words.join(', ')}: everything that this house answers is enabled.`),
  'services list': async (line) => line.print((await line.house.json<{ services?: unknown[] }>('GET', `/v1/projects/${await line.project()}/services`)).services ?? []),
  'config set': (line) => say(`Updated property [${line.words[0] ?? ''}]. It holds in this shell where it is a variable: export CLOUDSDK_CORE_PROJECT=…`),
  'config get': (line) => void process.stdout.write(`${settings[line.words[0] ?? ''] ?? ''}\n`),
  'config get-value': (line) => void process.stdout.write(`${settings[line.words[0] ?? ''] ?? ''}\n`),
  'config list': () => void process.stdout.write(`[core]\nproject = ${settings['project'] ?? ''}\n`),
  auth: () => say('This house asks for no login here; `potoroo login` and `potoroo token` are for those that do.'),
  'projects describe': async (line) => line.print(await line.house.json('GET', `/v1/projects/${line.words[0] ?? (await line.project())}`)),
  'projects list': async (line) => line.print((await line.house.json<{ projects?: unknown[] }>('GET', '/v1/projects')).projects ?? []),
  version: () => void process.stdout.write(`potoroo ${VERSION}, in the grammar of gcloud\n`),
}

export function gcloudCommand(): Command {
  return new Command('gcloud')
    .description('The most typed gcloud commands, for machines without gcloud')
    .argument('[words...]', 'as gcloud takes them')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (words: string[]) => runGcloud(words))
}

async function runGcloud(args: string[]): Promise<void> {
  if (args[0] === '--version' || args[0] === '-v') args = ['version']
  const parsed = gcloudWords(args)
  // Release tracks have the same commands here.
  if (parsed.words[0] === 'beta' || parsed.words[0] === 'alpha') parsed.words.shift()
  const command = Object.keys(COMMANDS).sort((a, b) => b.length - a.length).find((name) => `${parsed.words.join(' ')} `.startsWith(`${name} `))
  if (command === undefined) {
    throw new Fault('UNIMPLEMENTED', 'usage', `gcloud ${parsed.words.join(' ')} is not among the commands that potoroo knows.`, { hint: `It knows ${Object.keys(COMMANDS).join(', ')}. Google's own gcloud works with this house as well: eval "$(potoroo env)".` })
  }
  await COMMANDS[command]!(new Line(houseOf({}), parsed, command))
}
