/** Secrets and their versions as plain data. A value is never among it: it lies sealed in the ledger and is opened when it is asked for. */

export interface Secret {
  id: string
  /** `projects/P/secrets/S`, or with a location in it. */
  name: string
  project: string
  location: string | null
  secret: string
  created_ms: number
  etag: string
  config: SecretConfig
}

/** Keeps the API's own JSON names. */
export interface SecretConfig {
  labels?: Record<string, string>
  annotations?: Record<string, string>
  replication?: Record<string, unknown>
  topics?: { name: string }[]
  rotation?: Record<string, unknown>
  versionAliases?: Record<string, string>
  versionDestroyTtl?: string
  /** When it goes by itself. */
  expireTime?: string
}

export type VersionState = 'ENABLED' | 'DISABLED' | 'DESTROYED'

export interface SecretVersion {
  id: string
  secret: string
  number: number
  state: VersionState
  created_ms: number
  destroyed_ms: number | null
  etag: string
}
