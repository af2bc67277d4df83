/** Scheduled jobs as plain data. Targets and retries keep the API's own JSON names. */

export interface HttpTarget {
  uri: string
  httpMethod: string
  headers: Record<string, string>
  /** Base64. */
  body?: string
  oidcToken?: { serviceAccountEmail?: string; audience?: string }
  oauthToken?: { serviceAccountEmail?: string; scope?: string }
}

export interface PubsubTarget {
  topicName: string
  /** Base64. */
  data?: string
  attributes?: Record<string, string>
}

export interface RetryConfig {
  retryCount: number
  maxRetry_ms: number
  minBackoff_ms: number
  maxBackoff_ms: number
  maxDoublings: number
}

export type Target = { kind: 'http'; http: HttpTarget } | { kind: 'pubsub'; pubsub: PubsubTarget }

export interface ScheduledJob {
  name: string
  project: string
  location: string
  description: string
  schedule: string
  timeZone: string
  target: Target
  retry: RetryConfig
  attemptDeadline_ms: number
  state: 'ENABLED' | 'PAUSED'
  created_ms: number
  updated_ms: number
  /** When it runs next; null while paused. */
  next_ms: number | null
  lastAttempt_ms: number | null
  /** Of the last attempt: a google.rpc.Status. */
  status: { code: number; message?: string } | null
}
