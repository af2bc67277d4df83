/** Functions and operations as the two APIs' JSON resources. */
import { defaultAccount, revisionName } from './runtime/launcher.ts'
import { toLegacyType } from './event-types.ts'
import { hostOf, serviceName } from './names.ts'
import { UPLOAD_BUCKET } from './resource.read.ts'
import type { Json } from './resource.read.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, FunctionConfig, FunctionName, Operation, SecretUse } from './types.ts'

const time = (ms: number): string => new Date(ms).toISOString()

/** Where the function is called: below our own address, or by its name in the cloud for those who came by one. */
export function callUrl(name: FunctionName, origin: string): string {
  const host = new URL(origin).hostname
  const own = /^[\d.]+$|^\[|^localhost$|\.localhost$/.test(host) || !host.includes('.')
  return own || !host.endsWith('.googleapis.com') ? `${origin}/${hostOf(name)}/${name.id}` : `https://${hostOf(name)}/${name.id}`
}

const STATES_V1 = { active: 'ACTIVE', deploying: 'DEPLOY_IN_PROGRESS', failed: 'OFFLINE', deleting: 'DELETE_IN_PROGRESS' } as const
const STATES_V2 = { active: 'ACTIVE', deploying: 'DEPLOYING', failed: 'FAILED', deleting: 'DELETING' } as const

export function resourceV1({ name, config, state, version, updated_ms, generation }: DeployedFunction, origin: string): Json {
  const { trigger, source } = config
  return {
    name: fullName(name),
    ...(config.description !== '' && { description: config.description }),
    ...(source.kind === 'object' ? { sourceArchiveUrl: `gs://${source.bucket}/${source.object}` } : { sourceUploadUrl: `${origin}/function-uploads/${source.id}` }),
    ...(trigger.kind === 'http'
      ? { httpsTrigger: { url: callUrl(name, origin), securityLevel: trigger.securityLevel ?? 'SECURE_OPTIONAL' } }
      : {
          eventTrigger: {
            eventType: toLegacyType(trigger.type),
            resource: trigger.topic ?? `projects/_/buckets/${trigger.filters.find(({ attribute }) => attribute === 'bucket')?.value ?? ''}`,
            service: trigger.topic === undefined ? 'storage.googleapis.com' : 'pubsub.googleapis.com',
            failurePolicy: trigger.retry ? { retry: {} } : {},
          },
        }),
    status: STATES_V1[state],
    entryPoint: config.entryPoint,
    runtime: config.runtime,
    timeout: `${config.timeout_s}s`,
    availableMemoryMb: config.memory_mb,
    serviceAccountEmail: config.serviceAccount ?? defaultAccount(name.project, generation),
    updateTime: time(updated_ms),
    versionId: String(version),
    labels: config.labels,
    ...(Object.keys(config.env).length > 0 && { environmentVariables: config.env }),
    ...(Object.keys(config.buildEnv).length > 0 && { buildEnvironmentVariables: config.buildEnv }),
    ...(config.instances_max !== undefined && { maxInstances: config.instances_max }),
    ...(config.instances_min > 0 && { minInstances: config.instances_min }),
    ingressSettings: config.ingress,
    ...secretsOf(config),
    ...config.extras,
  }
}

export function resourceV2(found: DeployedFunction, origin: string, newest?: { number: number }): Json {
  const { name, config, state, created_ms, updated_ms, generation, message } = found
  const { trigger, source, extras } = config
  const service = `projects/${name.project}/locations/${name.location}/services/${serviceName(name.id)}`
  const { build = {}, service: serviceExtras = {}, ...rest } = generation === 2 ? (extras as { build?: Json; service?: Json }) : {}
  return {
    name: fullName(name),
    ...(config.description !== '' && { description: config.description }),
    environment: generation === 1 ? 'GEN_1' : 'GEN_2',
    state: STATES_V2[state],
    ...(message !== null && { stateMessages: [{ severity: 'ERROR', type: 'CloudFunctionsDeployment', message }] }),
    createTime: time(created_ms),
    updateTime: time(updated_ms),
    labels: config.labels,
    url: callUrl(name, origin),
    buildConfig: {
      build: `projects/${name.project}/locations/${name.location}/builds/${found.revision ?? 'none'}`,
      runtime: config.runtime,
      entryPoint: config.entryPoint,
      source: { storageSource: source.kind === 'object' ? { bucket: source.bucket, object: source.object, ...(source.generation !== undefined && { generation: source.generation }) } : { bucket: UPLOAD_BUCKET, object: `${source.id}.zip` } },
      ...(Object.keys(config.buildEnv).length > 0 && { environmentVariables: config.buildEnv }),
      ...build,
    },
    serviceConfig: {
      service,
      timeoutSeconds: config.timeout_s,
      availableMemory: `${config.memory_mb}M`,
      ...(config.cpu !== undefined && { availableCpu: config.cpu }),
      ...(config.instances_max !== undefined && { maxInstanceCount: config.instances_max }),
      ...(config.instances_min > 0 && { minInstanceCount: config.instances_min }),
      maxInstanceRequestConcurrency: config.concurrency,
      ingressSettings: config.ingress,
      uri: callUrl(name, origin),
      serviceAccountEmail: config.serviceAccount ?? defaultAccount(name.project, generation),
      allTrafficOnLatestRevision: found.traffic === null,
      ...(newest && { revision: revisionName(found, newest) }),
      ...(Object.keys(config.env).length > 0 && { environmentVariables: config.env }),
      ...secretsOf(config),
      ...serviceExtras,
    },
    ...(trigger.kind === 'event' && {
      eventTrigger: {
        trigger: `projects/${name.project}/locations/${trigger.region ?? name.location}/triggers/${serviceName(name.id)}`,
        triggerRegion: trigger.region ?? name.location,
        eventType: trigger.type,
        ...(trigger.filters.length > 0 && { eventFilters: trigger.filters }),
        ...(trigger.topic !== undefined && { pubsubTopic: trigger.topic }),
        serviceAccountEmail: trigger.serviceAccount ?? config.serviceAccount ?? defaultAccount(name.project, generation),
        retryPolicy: trigger.retry ? 'RETRY_POLICY_RETRY' : 'RETRY_POLICY_DO_NOT_RETRY',
      },
    }),
    ...rest,
  }
}

function secretsOf({ secretEnv, secretFiles }: FunctionConfig): Json {
  const volume = ({ as, project, secret, version }: SecretUse) => {
    const at = as.lastIndexOf('/')
    return { mountPath: as.slice(0, at), projectId: project, secret, versions: [{ version, path: as.slice(at) }] }
  }
  return {
    ...(secretEnv.length > 0 && { secretEnvironmentVariables: secretEnv.map(({ as, project, secret, version }) => ({ key: as, projectId: project, secret, version })) }),
    ...(secretFiles.length > 0 && { secretVolumes: secretFiles.map(volume) }),
  }
}

const VERBS_V1 = { create: 'CREATE_FUNCTION', update: 'UPDATE_FUNCTION', delete: 'DELETE_FUNCTION' } as const
const STAGES = ['BUILD', 'SERVICE', 'TRIGGER'] as const

export function operationName({ api, id, name }: Operation): string {
  return api === 'v1' ? `operations/${id}` : `projects/${name.project}/locations/${name.location}/operations/${id}`
}

export function operationResource(operation: Operation, found: DeployedFunction | undefined, origin: string): Json {
  const { api, verb, done, error, name, created_ms, ended_ms } = operation
  const target = fullName(name)
  const type = api === 'v1' ? 'google.cloud.functions.v1' : 'google.cloud.functions.v2'
  const resource = found && (api === 'v1' ? resourceV1(found, origin) : resourceV2(found, origin))
  const metadata =
    api === 'v1'
      ? { '@type': `type.googleapis.com/${type}.OperationMetadataV1`, target, type: VERBS_V1[verb], versionId: String(found?.version ?? 0), updateTime: time(ended_ms ?? created_ms) }
      : {
          '@type': `type.googleapis.com/${type}.OperationMetadata`, createTime: time(created_ms), ...(ended_ms !== null && { endTime: time(ended_ms) }), target, verb, apiVersion: 'v2', cancelRequested: false,
          operationType: VERBS_V1[verb],
          ...(verb !== 'delete' && { stages: stagesOf(operation) }),
        }
  return {
    name: operationName(operation),
    metadata,
    ...(done && { done: true }),
    ...(done && error !== null && { error }),
    ...(done && error === null && { response: verb === 'delete' ? { '@type': 'type.googleapis.com/google.protobuf.Empty' } : { '@type': `type.googleapis.com/${type}.${api === 'v1' ? 'CloudFunction' : 'Function'}`, ...resource } }),
  }
}

function stagesOf({ done, error, stage }: Operation): Json[] {
  const at = STAGES.indexOf(stage as (typeof STAGES)[number])
  return STAGES.map((name, index) => {
    const state = done && error === null ? 'COMPLETE' : at < 0 || index > at ? 'NOT_STARTED' : index < at ? 'COMPLETE' : done ? 'COMPLETE' : 'IN_PROGRESS'
    return { name, message: state === 'IN_PROGRESS' ? `${name.toLowerCase()} in progress` : '', state }
  })
}
