/** What the commands about functions do at the house's doors: deploying, waiting for it, calling, reading logs. */
import { existsSync, statSync } from 'node:fs'
import { systemClock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { HouseClient } from './house-client.ts'
import { keepAlive } from './wait.ts'
import { zipFolder } from './zip-folder.ts'

export interface DeployOrder {
  project: string
  region: string
  name: string
  generation: 1 | 2
  source?: string | undefined
  runtime?: string | undefined
  entryPoint?: string | undefined
  trigger?: { kind: 'http' } | { kind: 'bucket'; bucket: string; event?: string } | { kind: 'topic'; topic: string } | undefined
  retry?: boolean | undefined
  memory?: string | undefined
  timeout?: string | undefined
  env?: Record<string, string> | undefined
  secrets?: Record<string, string> | undefined
  instances_min?: string | undefined
  instances_max?: string | undefined
  concurrency?: string | undefined
  serviceAccount?: string | undefined
  labels?: Record<string, string> | undefined
  open?: boolean | undefined
}

export interface Operation {
  name: string
  done?: boolean
  error?: { code: number; message: string }
  response?: Record<string, unknown>
  metadata?: { stages?: { name: string; state: string }[] }
}

export interface LogEntry {
  timestamp: string
  severity: string
  textPayload?: string
  jsonPayload?: Record<string, unknown>
  labels?: Record<string, string>
  resource: { type: string; labels: Record<string, string> }
}

type Json = Record<string, unknown>
const LOOK_MS = 100

export const pathOf = ({ project, region, name }: { project: string; region: string; name: string }): string => `projects/${project}/locations/${region}/functions/${name}`

export class FunctionApi {
  readonly house: HouseClient

  constructor(house: HouseClient) {
    this.house = house
  }

  /** Creates it, or deploys its next revision. Resolves when it serves; a Fault with the build's words otherwise. */
  async deploy(order: DeployOrder, onStage: (stage: string) => void): Promise<Json> {
    const path = `/v2/${pathOf(order)}`
    const known = await this.house.exchange('GET', path)
    if (!known.ok && known.status !== 404) throw new Fault('INTERNAL', 'unknown', `The house answered ${known.status}.`)
    const before = known.ok ? ((await known.json()) as Json) : undefined
    const body = await this.bodyOf(order, before)
    const operation = before
      ? await this.house.json<Operation>('PATCH', path, { json: body })
      : await this.house.json<Operation>('POST', path.slice(0, path.lastIndexOf('/')), { query: { functionId: order.name }, json: body })
    const done = await this.wait(`/v2/${operation.name}`, onStage)
    if (order.open) await this.openToAll(order)
    return done
  }

  async wait(path: string, onStage: (stage: string) => void = () => {}): Promise<Json> {
    for (let told = ''; ; ) {
      const operation = await this.house.json<Operation>('GET', path)
      const stage = operation.metadata?.stages?.find(({ state }) => state === 'IN_PROGRESS')?.name ?? ''
      if (stage !== told && stage !== '') onStage((told = stage))
      if (operation.done) {
        if (operation.error) throw new Fault('FAILED_PRECONDITION', 'deployFailed', operation.error.message)
        return operation.response ?? {}
      }
      await keepAlive(systemClock().sleep(LOOK_MS))
    }
  }

  async remove(place: { project: string; region: string; name: string }): Promise<void> {
    const operation = await this.house.json<Operation>('DELETE', `/v2/${pathOf(place)}`)
    await this.wait(`/v2/${operation.name}`)
  }

  async openToAll({ project, region, name }: { project: string; region: string; name: string }): Promise<void> {
    await this.bind({ project, region, name }, 'roles/run.invoker', 'allUsers')
  }

  async bind(place: { project: string; region: string; name: string }, role: string, member: string): Promise<Json> {
    const path = `/v2/${pathOf(place)}`
    const policy = await this.house.json<{ bindings?: { role: string; members: string[] }[] }>('GET', `${path}:getIamPolicy`)
    const bindings = policy.bindings ?? []
    const bound = bindings.find((one) => one.role === role)
    if (bound) bound.members = [...new Set([...bound.members, member])]
    else bindings.push({ role, members: [member] })
    return this.house.json<Json>('POST', `${path}:setIamPolicy`, { json: { policy: { ...policy, bindings } } })
  }

  async logs({ project, region, name }: { project: string; region?: string; name?: string }, limit: number): Promise<LogEntry[]> {
    const filter = name === undefined ? functionsFilter : filterOf(name, region)
    const { entries = [] } = await this.house.json<{ entries?: LogEntry[] }>('POST', '/v2/entries:list', { json: { resourceNames: [`projects/${project}`], filter, orderBy: 'timestamp desc', pageSize: limit } })
    return entries
  }

  /** Each new entry as it is written, until the signal is raised. */
  async *follow({ project, region, name }: { project: string; region: string; name: string }, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const response = await this.house.send('POST', '/v2/entries:tail', { json: { resourceNames: [`projects/${project}`], filter: filterOf(name, region) }, signal })
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') yield JSON.parse(line) as LogEntry
    }
  }

  private async bodyOf(order: DeployOrder, before: Json | undefined): Promise<Json> {
    const source = await this.sourceOf(order, before)
    const build = before?.['buildConfig'] as Json | undefined
    const { runtime = build?.['runtime'], entryPoint = build?.['entryPoint'], trigger } = order
    if (runtime === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', 'Which runtime?', { hint: 'Give --runtime, such as python311 or nodejs20.' })
    const service = {
      ...(order.memory !== undefined && { availableMemory: order.memory }), ...(order.timeout !== undefined && { timeoutSeconds: Number(order.timeout.replace(/s$/, '')) }),
      ...(order.env && { environmentVariables: order.env }), ...(order.instances_min !== undefined && { minInstanceCount: Number(order.instances_min) }),
      ...(order.instances_max !== undefined && { maxInstanceCount: Number(order.instances_max) }), ...(order.concurrency !== undefined && { maxInstanceRequestConcurrency: Number(order.concurrency) }),
      ...(order.serviceAccount !== undefined && { serviceAccountEmail: order.serviceAccount }), ...(order.secrets && secretsOf(order.secrets, order.project)),
    }
    const eventTrigger = trigger === undefined || trigger.kind === 'http' ? undefined : eventTriggerOf(trigger, order)
    return {
      name: pathOf(order),
      buildConfig: { ...(before && { ...build }), runtime, ...(entryPoint !== undefined && { entryPoint }), source },
      serviceConfig: { ...(before?.['serviceConfig'] as Json | undefined), ...service },
      ...(order.labels && { labels: order.labels }),
      ...(eventTrigger ? { eventTrigger } : trigger === undefined && before?.['eventTrigger'] !== undefined ? { eventTrigger: before['eventTrigger'] } : {}),
    }
  }

  private async sourceOf({ source, project, region }: DeployOrder, before: Json | undefined): Promise<Json> {
    const object = /^gs:\/\/([^/]+)\/(.+)$/.exec(source ?? '')
    if (object) return { storageSource: { bucket: object[1], object: object[2] } }
    if (source === undefined && before) return (before['buildConfig'] as { source: Json }).source
    const folder = source ?? '.'
    if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new Fault('NOT_FOUND', 'usage', `${folder} is neither a folder nor gs://BUCKET/OBJECT.zip.`)
    const { uploadUrl, storageSource } = await this.house.json<{ uploadUrl: string; storageSource: Json }>('POST', `/v2/projects/${project}/locations/${region}/functions:generateUploadUrl`, { json: {} })
    await this.house.send('PUT', new URL(uploadUrl).pathname, { body: zipFolder(folder) as Uint8Array<ArrayBuffer>, headers: { 'content-type': 'application/zip' } })
    return { storageSource }
  }
}

function eventTriggerOf(trigger: Exclude<NonNullable<DeployOrder['trigger']>, { kind: 'http' }>, { project, retry }: DeployOrder): Json {
  const retryPolicy = retry ? 'RETRY_POLICY_RETRY' : 'RETRY_POLICY_DO_NOT_RETRY'
  if (trigger.kind === 'bucket') return { eventType: trigger.event ?? 'google.cloud.storage.object.v1.finalized', eventFilters: [{ attribute: 'bucket', value: trigger.bucket.replace(/^gs:\/\//, '').replace(/\/$/, '') }], retryPolicy }
  const topic = trigger.topic.startsWith('projects/') ? trigger.topic : `projects/${project}/topics/${trigger.topic}`
  return { eventType: 'google.cloud.pubsub.topic.v1.messagePublished', pubsubTopic: topic, retryPolicy }
}

/** `KEY=secret:version` for a variable, `/path=secret:version` for a file. */
function secretsOf(given: Record<string, string>, projectId: string): Json {
  const uses = Object.entries(given).map(([as, text]) => {
    const [secret = '', version = 'latest'] = text.split(':')
    return { as, secret, version, projectId }
  })
  const files = uses.filter(({ as }) => as.startsWith('/')).map(({ as, ...use }) => ({ mountPath: as.slice(0, as.lastIndexOf('/')), projectId: use.projectId, secret: use.secret, versions: [{ version: use.version, path: as.slice(as.lastIndexOf('/')) }] }))
  const env = uses.filter(({ as }) => !as.startsWith('/')).map(({ as, ...use }) => ({ key: as, ...use }))
  return { ...(env.length > 0 && { secretEnvironmentVariables: env }), ...(files.length > 0 && { secretVolumes: files }) }
}

const functionsFilter = '(resource.type="cloud_function" OR (resource.type="cloud_run_revision" AND labels."goog-managed-by"="cloudfunctions"))'

function filterOf(name: string, region: string | undefined): string {
  const service = name.toLowerCase().replaceAll('_', '-')
  const [first, second] = region === undefined ? ['', ''] : [` resource.labels.region="${region}"`, ` resource.labels.location="${region}"`]
  return `(resource.type="cloud_function"${first} resource.labels.function_name="${name}") OR (resource.type="cloud_run_revision"${second} resource.labels.service_name="${service}")`
}

export const textOf = ({ textPayload, jsonPayload }: LogEntry): string => textPayload ?? (typeof jsonPayload?.['message'] === 'string' && Object.keys(jsonPayload).length === 1 ? jsonPayload['message'] : JSON.stringify(jsonPayload ?? {}))

export const lineOf = (entry: LogEntry): string => `${entry.timestamp} ${entry.severity.padEnd(8)} ${entry.labels?.['execution_id'] ?? '-'} ${textOf(entry)}`

/** `a=b,c=d`, also given several times. */
export function pairsOf(given: readonly string[] | undefined): Record<string, string> | undefined {
  if (given === undefined) return undefined
  const pairs = given.flatMap((text) => (/^\^(.)\^/.test(text) ? text.slice(3).split(text[1]!) : text.split(',')))
  return Object.fromEntries(
    pairs.filter(Boolean).map((pair) => {
      const at = pair.indexOf('=')
      if (at <= 0) throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(pair)} is not NAME=VALUE.`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
