/** Reads the two APIs' resources into one configuration. What the house has no use for is kept as it came. */
import { invalid } from './faults.ts'
import {
  CONCURRENCY_MAX, INSTANCES_MAX, LABELS_MAX, MEMORY_MB_DEFAULT, MEMORY_MB_MAX, MEMORY_MB_MIN, TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX_EVENT, TIMEOUT_S_MAX_GEN1, TIMEOUT_S_MAX_HTTP, VARIABLES_BYTES_MAX,
} from './limits.ts'
import { fromLegacyType } from './event-types.ts'
import type { EventFilter, FunctionConfig, FunctionName, Generation, SecretUse, Source, Trigger } from './types.ts'

export type Json = Record<string, unknown>

const V1_EXTRAS = ['vpcConnector', 'vpcConnectorEgressSettings', 'network', 'kmsKeyName', 'dockerRepository', 'dockerRegistry', 'buildWorkerPool', 'sourceToken', 'buildServiceAccount']
const V2_BUILD_EXTRAS = ['workerPool', 'dockerRepository', 'serviceAccount', 'automaticUpdatePolicy', 'onDeployUpdatePolicy', 'sourceToken']
const V2_SERVICE_EXTRAS = ['vpcConnector', 'vpcConnectorEgressSettings', 'securityLevel', 'binaryAuthorizationPolicy', 'allTrafficOnLatestRevision']

/** By their numbers, which the client libraries send. */
const RETRY_POLICIES = ['RETRY_POLICY_UNSPECIFIED', 'RETRY_POLICY_DO_NOT_RETRY', 'RETRY_POLICY_RETRY']
const INGRESS = ['', 'ALLOW_ALL', 'ALLOW_INTERNAL_ONLY', 'ALLOW_INTERNAL_AND_GCLB']
const SECURITY_LEVELS = ['', 'SECURE_ALWAYS', 'SECURE_OPTIONAL']

const named = (value: unknown, names: readonly string[]): string => (typeof value === 'number' ? (names[value] ?? '') : textOf(value, 'an enumeration'))

export function readV1(given: Json, name: FunctionName): FunctionConfig {
  const trigger = triggerV1(given)
  const timeout_s = durationOf(given['timeout']) ?? TIMEOUT_S_DEFAULT
  bounded('timeout', timeout_s, 1, TIMEOUT_S_MAX_GEN1)
  return checked({
    description: textOf(given['description'], 'description'),
    runtime: required(given['runtime'], 'runtime'),
    entryPoint: textOf(given['entryPoint'], 'entryPoint') || name.id,
    source: sourceV1(given),
    trigger,
    labels: pairs(given['labels'], 'labels'),
    env: pairs(given['environmentVariables'], 'environmentVariables'),
    buildEnv: pairs(given['buildEnvironmentVariables'], 'buildEnvironmentVariables'),
    memory_mb: numberOf(given['availableMemoryMb'], 'availableMemoryMb') ?? MEMORY_MB_DEFAULT,
    timeout_s,
    instances_min: numberOf(given['minInstances'], 'minInstances') ?? 0,
    ...present('instances_max', numberOf(given['maxInstances'], 'maxInstances') || undefined),
    concurrency: 1,
    ...present('serviceAccount', textOf(given['serviceAccountEmail'], 'serviceAccountEmail') || undefined),
    ingress: named(given['ingressSettings'], INGRESS) || 'ALLOW_ALL',
    secretEnv: secretEnvs(given['secretEnvironmentVariables'], name),
    secretFiles: secretVolumes(given['secretVolumes'], name),
    extras: picked(given, V1_EXTRAS),
  })
}

export function readV2(given: Json, name: FunctionName): FunctionConfig {
  const build = objectOf(given['buildConfig'], 'buildConfig')
  const service = objectOf(given['serviceConfig'], 'serviceConfig')
  const trigger = triggerV2(given)
  const timeout_s = numberOf(service['timeoutSeconds'], 'serviceConfig.timeoutSeconds') || TIMEOUT_S_DEFAULT
  bounded('serviceConfig.timeoutSeconds', timeout_s, 1, trigger.kind === 'http' ? TIMEOUT_S_MAX_HTTP : TIMEOUT_S_MAX_EVENT)
  return checked({
    description: textOf(given['description'], 'description'),
    runtime: required(build['runtime'], 'buildConfig.runtime'),
    entryPoint: textOf(build['entryPoint'], 'buildConfig.entryPoint') || name.id,
    source: sourceV2(build),
    trigger,
    labels: pairs(given['labels'], 'labels'),
    env: pairs(service['environmentVariables'], 'serviceConfig.environmentVariables'),
    buildEnv: pairs(build['environmentVariables'], 'buildConfig.environmentVariables'),
    memory_mb: memoryOf(service['availableMemory']),
    ...present('cpu', textOf(service['availableCpu'], 'serviceConfig.availableCpu') || undefined),
    timeout_s,
    instances_min: numberOf(service['minInstanceCount'], 'serviceConfig.minInstanceCount') ?? 0,
    ...present('instances_max', numberOf(service['maxInstanceCount'], 'serviceConfig.maxInstanceCount') || undefined),
    concurrency: numberOf(service['maxInstanceRequestConcurrency'], 'serviceConfig.maxInstanceRequestConcurrency') || 1,
    ...present('serviceAccount', textOf(service['serviceAccountEmail'], 'serviceConfig.serviceAccountEmail') || undefined),
    ingress: named(service['ingressSettings'], INGRESS) || 'ALLOW_ALL',
    secretEnv: secretEnvs(service['secretEnvironmentVariables'], name),
    secretFiles: secretVolumes(service['secretVolumes'], name),
    extras: { ...picked(given, ['kmsKeyName']), build: picked(build, V2_BUILD_EXTRAS), service: picked(service, V2_SERVICE_EXTRAS) },
  })
}

export const readResource = (generation: Generation, given: Json, name: FunctionName): FunctionConfig => (generation === 1 ? readV1(given, name) : readV2(given, name))

function triggerV1(given: Json): Trigger {
  const { httpsTrigger, eventTrigger } = given
  if (httpsTrigger !== undefined && eventTrigger !== undefined) throw invalid('A function has one trigger, not two.')
  if (eventTrigger === undefined) {
    if (httpsTrigger === undefined) throw invalid('A function needs a trigger: httpsTrigger or eventTrigger.')
    const securityLevel = named(objectOf(httpsTrigger, 'httpsTrigger')['securityLevel'], SECURITY_LEVELS)
    return { kind: 'http', ...(securityLevel !== '' && { securityLevel }) }
  }
  const event = objectOf(eventTrigger, 'eventTrigger')
  const resource = required(event['resource'], 'eventTrigger.resource')
  const retry = event['failurePolicy'] !== undefined && objectOf(event['failurePolicy'], 'eventTrigger.failurePolicy')['retry'] !== undefined
  const type = fromLegacyType(required(event['eventType'], 'eventTrigger.eventType'))
  if (type.includes('.pubsub.')) return { kind: 'event', type, filters: [], topic: topicOf(resource), retry }
  const bucket = /^projects\/[^/]+\/buckets\/(.+)$/.exec(resource)?.[1]
  if (bucket === undefined) throw invalid(`Not a bucket: ${resource.slice(0, 200)}`, 'It has the form projects/_/buckets/BUCKET.')
  return { kind: 'event', type, filters: [{ attribute: 'bucket', value: bucket }], retry }
}

function triggerV2(given: Json): Trigger {
  if (given['eventTrigger'] === undefined) return { kind: 'http' }
  const event = objectOf(given['eventTrigger'], 'eventTrigger')
  const type = required(event['eventType'], 'eventTrigger.eventType')
  const { eventFilters = [], pubsubTopic, triggerRegion, serviceAccountEmail } = event
  if (!Array.isArray(eventFilters)) throw invalid('eventTrigger.eventFilters is a list.')
  const filters = eventFilters.map((one): EventFilter => {
    const { attribute, value, operator } = objectOf(one, 'eventTrigger.eventFilters')
    return { attribute: required(attribute, 'attribute'), value: required(value, 'value'), ...(typeof operator === 'string' && operator !== '' && { operator }) }
  })
  const isTopic = type.includes('.pubsub.')
  if (isTopic && typeof pubsubTopic !== 'string') throw invalid('eventTrigger.pubsubTopic is needed for events of a topic.')
  if (type.includes('.storage.') && !filters.some(({ attribute }) => attribute === 'bucket')) throw invalid('Events of Cloud Storage need a filter for the bucket.')
  return {
    kind: 'event', type, filters, retry: named(event['retryPolicy'], RETRY_POLICIES) === 'RETRY_POLICY_RETRY',
    ...(isTopic && { topic: topicOf(String(pubsubTopic)) }),
    ...(typeof serviceAccountEmail === 'string' && serviceAccountEmail !== '' && { serviceAccount: serviceAccountEmail }),
    ...(typeof triggerRegion === 'string' && triggerRegion !== '' && { region: triggerRegion }),
  }
}

function topicOf(text: string): string {
  if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(text)) throw invalid(`Not a topic: ${text.slice(0, 200)}`, 'It has the form projects/P/topics/T.')
  return text
}

function sourceV1(given: Json): Source {
  const { sourceArchiveUrl, sourceUploadUrl, sourceRepository } = given
  if (typeof sourceUploadUrl === 'string' && sourceUploadUrl !== '') return uploadOf(sourceUploadUrl)
  if (typeof sourceArchiveUrl === 'string' && sourceArchiveUrl !== '') {
    const found = /^gs:\/\/([^/]+)\/(.+)$/.exec(sourceArchiveUrl)
    if (!found) throw invalid(`Not an object: ${sourceArchiveUrl.slice(0, 200)}`, 'It has the form gs://BUCKET/OBJECT.zip.')
    return { kind: 'object', bucket: found[1]!, object: found[2]! }
  }
  if (sourceRepository !== undefined) throw invalid('Source repositories cannot be read here.', 'Deploy from a zip file in a bucket, or from a local folder.')
  throw invalid('A function needs a source: sourceArchiveUrl or sourceUploadUrl.')
}

function uploadOf(url: string): Source {
  const id = /\/function-uploads\/([a-z0-9-]+)/.exec(url)?.[1]
  if (id === undefined) throw invalid('sourceUploadUrl is not one that this house gave.', 'Ask for one with generateUploadUrl.')
  return { kind: 'upload', id }
}

export const UPLOAD_BUCKET = 'gcf-uploads.potoroo'

function sourceV2(build: Json): Source {
  const { storageSource, repoSource } = objectOf(build['source'], 'buildConfig.source')
  if (repoSource !== undefined) throw invalid('Source repositories cannot be read here.', 'Deploy from a zip file in a bucket, or from a local folder.')
  if (storageSource === undefined) throw invalid('buildConfig.source.storageSource is needed.')
  const { bucket, object, generation, sourceUploadUrl } = objectOf(storageSource, 'buildConfig.source.storageSource')
  if (typeof sourceUploadUrl === 'string' && sourceUploadUrl !== '') return uploadOf(sourceUploadUrl)
  const [inBucket, name] = [required(bucket, 'storageSource.bucket'), required(object, 'storageSource.object')]
  if (inBucket === UPLOAD_BUCKET) return { kind: 'upload', id: name.replace(/\.zip$/, '') }
  return { kind: 'object', bucket: inBucket, object: name, ...(generation !== undefined && String(generation) !== '0' && { generation: String(generation) }) }
}

function secretEnvs(given: unknown, name: FunctionName): SecretUse[] {
  return listOf(given, 'secretEnvironmentVariables').map((one) => {
    const { key, projectId, secret, version } = objectOf(one, 'secretEnvironmentVariables')
    return { as: required(key, 'key'), ...secretOf(required(secret, 'secret'), projectId, name), version: textOf(version, 'version') || 'latest' }
  })
}

function secretVolumes(given: unknown, name: FunctionName): SecretUse[] {
  return listOf(given, 'secretVolumes').flatMap((one) => {
    const { mountPath, projectId, secret, versions } = objectOf(one, 'secretVolumes')
    const at = required(mountPath, 'mountPath').replace(/\/$/, '')
    const which = secretOf(required(secret, 'secret'), projectId, name)
    const wanted = listOf(versions, 'versions').map((entry) => objectOf(entry, 'versions'))
    if (wanted.length === 0) return [{ as: `${at}/${which.secret}`, ...which, version: 'latest' }]
    return wanted.map(({ version, path }) => ({ as: `${at}/${textOf(path, 'path').replace(/^\//, '')}`, ...which, version: textOf(version, 'version') || 'latest' }))
  })
}

function secretOf(secret: string, project: unknown, name: FunctionName): { project: string; secret: string } {
  const full = /^projects\/([^/]+)\/secrets\/([^/]+)$/.exec(secret)
  if (full) return { project: full[1]!, secret: full[2]! }
  return { project: textOf(project, 'projectId') || name.project, secret }
}

/** `256M`, `512Mi`, `1Gi`, `2G`, or bytes. */
export function memoryOf(given: unknown): number {
  if (given === undefined || given === '') return MEMORY_MB_DEFAULT
  const found = /^(\d+(?:\.\d+)?)(k|Ki|M|Mi|MB|MiB|G|Gi|GB|GiB)?$/.exec(String(given))
  if (!found) throw invalid(`Not an amount of memory: ${String(given).slice(0, 40)}`, 'For example 256M, 512Mi or 1Gi.')
  const amount = Number(found[1])
  const unit = found[2] ?? ''
  if (unit === '') return Math.ceil(amount / (1024 * 1024))
  if (unit.startsWith('k') || unit.startsWith('K')) return Math.ceil(amount / 1024)
  return Math.ceil(unit.startsWith('G') ? amount * 1024 : amount)
}

function checked(config: FunctionConfig): FunctionConfig {
  bounded('memory in MB', config.memory_mb, MEMORY_MB_MIN, MEMORY_MB_MAX)
  bounded('minimum of instances', config.instances_min, 0, INSTANCES_MAX)
  bounded('maximum of instances', config.instances_max ?? 1, 1, INSTANCES_MAX)
  bounded('concurrency', config.concurrency, 1, CONCURRENCY_MAX)
  if (config.instances_max !== undefined && config.instances_min > config.instances_max) throw invalid('The minimum of instances is over the maximum.')
  if (Object.keys(config.labels).length > LABELS_MAX) throw invalid(`A function has at most ${LABELS_MAX} labels.`)
  if (Buffer.byteLength(JSON.stringify(config.env)) > VARIABLES_BYTES_MAX) throw invalid(`The environment variables are over ${VARIABLES_BYTES_MAX} bytes.`)
  if (!/^(python3\d+|nodejs\d+)$/.test(config.runtime)) {
    throw invalid(`The runtime ${config.runtime.slice(0, 40)} is not one of this house's.`, 'Runtimes are python39 to python313 and nodejs18 to nodejs24.')
  }
  if (!/^[A-Za-z_$][\w$.]{0,127}$/.test(config.entryPoint)) throw invalid(`Not a name of a function in code: ${config.entryPoint.slice(0, 80)}`, 'Give --entry-point.')
  const bad = Object.keys(config.env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  if (bad !== undefined) throw invalid(`Not a name of an environment variable: ${bad.slice(0, 80)}`)
  return config
}

function bounded(what: string, value: number, from: number, to: number): void {
  if (!(value >= from && value <= to)) throw invalid(`The ${what} is from ${from} to ${to}; ${value} was asked for.`)
}

function objectOf(value: unknown, what: string): Json {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(`${what} is an object.`)
  return value as Json
}

function listOf(value: unknown, what: string): unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(`${what} is a list.`)
  return value
}

function textOf(value: unknown, what: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw invalid(`${what} is text.`)
  return value
}

function required(value: unknown, what: string): string {
  const text = textOf(value, what)
  if (text === '') throw invalid(`${what} is needed.`)
  return text
}

function numberOf(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < 0) throw invalid(`${what} is a whole number that is not negative.`)
  return number
}

/** `60s`, or seconds. */
function durationOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const found = /^(\d+(?:\.\d+)?)s$/.exec(String(value))
  if (!found) throw invalid(`Not a duration: ${String(value).slice(0, 40)}`, 'For example 60s.')
  return Number(found[1])
}

function pairs(value: unknown, what: string): Record<string, string> {
  const given = objectOf(value, what)
  if (!Object.values(given).every((one) => typeof one === 'string')) throw invalid(`${what} are pairs of text.`)
  return given as Record<string, string>
}

const picked = (given: Json, names: string[]): Json => Object.fromEntries(names.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]))

function present<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: V }
}
