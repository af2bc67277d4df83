/** The things of the functions room as plain data, the same for both generations and from shelf to door. */

export type Generation = 1 | 2

export interface FunctionName {
  project: string
  location: string
  id: string
}

export interface SecretUse {
  /** The variable, or the file's path. */
  as: string
  project: string
  secret: string
  version: string
}

export interface EventFilter {
  attribute: string
  value: string
  operator?: string
}

export type Trigger =
  | { kind: 'http'; securityLevel?: string }
  | {
      kind: 'event'
      /** As CloudEvents name it: `google.cloud.storage.object.v1.finalized`. */
      type: string
      filters: EventFilter[]
      topic?: string
      retry: boolean
      serviceAccount?: string
      region?: string
    }

export type Source =
  | { kind: 'object'; bucket: string; object: string; generation?: string }
  | { kind: 'upload'; id: string }

export interface FunctionConfig {
  description: string
  runtime: string
  entryPoint: string
  source: Source
  trigger: Trigger
  labels: Record<string, string>
  env: Record<string, string>
  buildEnv: Record<string, string>
  memory_mb: number
  cpu?: string
  timeout_s: number
  instances_min: number
  /** Absent where the deployment names none. */
  instances_max?: number
  concurrency: number
  serviceAccount?: string
  ingress: string
  secretEnv: SecretUse[]
  secretFiles: SecretUse[]
  /** What the clients send and read back and the house has no use for. */
  extras: Record<string, unknown>
}

export type FunctionState = 'deploying' | 'active' | 'failed' | 'deleting'

export interface DeployedFunction {
  id: string
  name: FunctionName
  generation: Generation
  state: FunctionState
  config: FunctionConfig
  /** The revision that serves, if any. */
  revision: string | null
  /** Shares of the traffic by revision; all to the newest where null. */
  traffic: TrafficShare[] | null
  version: number
  created_ms: number
  updated_ms: number
  /** Why the last deployment failed. */
  message: string | null
}

export interface TrafficShare {
  revision: string
  percent: number
}

/** How the code wants to be called. */
export type SignatureKind = 'http' | 'event' | 'cloudevent' | 'typed'

export interface Revision {
  id: string
  function: string
  number: number
  state: 'building' | 'ready' | 'failed'
  config: FunctionConfig
  kind: SignatureKind | null
  /** The folder inside the archive that holds the code; empty for its root. */
  root: string
  log: string[]
  created_ms: number
}

export interface Operation {
  id: string
  api: 'v1' | 'v2'
  function: string
  name: FunctionName
  verb: 'create' | 'update' | 'delete'
  revision: string | null
  done: boolean
  stage: string
  /** A google.rpc.Status. */
  error: { code: number; message: string } | null
  created_ms: number
  ended_ms: number | null
}

/** An event in both shapes: a CloudEvent's attributes and data, and what a background function gets. */
export interface FunctionEvent {
  attributes: { id: string; type: string; source: string; time: string; subject?: string; specversion: '1.0'; datacontenttype: string; [name: string]: string | undefined }
  data: unknown
  legacy: { context: { eventId: string; timestamp: string; eventType: string; resource: Record<string, string> | string }; data: unknown }
}

export type DeliveryState = 'waiting' | 'running' | 'delivered' | 'failed'

export interface Delivery {
  id: string
  function: string
  event: FunctionEvent
  state: DeliveryState
  attempts: number
  received_ms: number
  due_ms: number
  ended_ms: number | null
  error: string | null
}

export interface RunRecord {
  id: string
  function: string
  revision: string
  trigger: string
  started_ms: number
  duration_ms: number
  memory_bytes: number
  outcome: 'ok' | 'error' | 'crash' | 'timeout' | 'memory'
  error: string | null
}

export const fullName = ({ project, location, id }: FunctionName): string => `projects/${project}/locations/${location}/functions/${id}`
