/** The things of the bus room as plain data, the same from shelf to door. Settings keep the API's own JSON names. */

export interface Topic {
  name: string
  /** The log that holds its messages. */
  log: string
  /** Part of its messages' ids. */
  serial: number
  created_ms: number
  config: TopicConfig
}

export interface TopicConfig {
  labels?: Record<string, string>
  messageStoragePolicy?: Record<string, unknown>
  kmsKeyName?: string
  schemaSettings?: SchemaSettings
  messageRetentionDuration?: string
}

export interface SchemaSettings {
  schema: string
  encoding?: 'JSON' | 'BINARY' | 'ENCODING_UNSPECIFIED'
  firstRevisionId?: string
  lastRevisionId?: string
}

export interface Subscription {
  name: string
  /** The topic's name, or `_deleted-topic_`. */
  topic: string
  log: string
  /** The topic's serial, which outlives the topic. */
  topicSerial: number
  serial: number
  created_ms: number
  config: SubscriptionConfig
}

export interface SubscriptionConfig {
  labels?: Record<string, string>
  ackDeadlineSeconds: number
  messageRetentionDuration: string
  retainAckedMessages?: boolean
  enableMessageOrdering?: boolean
  enableExactlyOnceDelivery?: boolean
  filter?: string
  expirationPolicy: { ttl?: string }
  deadLetterPolicy?: { deadLetterTopic: string; maxDeliveryAttempts: number }
  retryPolicy?: { minimumBackoff: string; maximumBackoff: string }
  pushConfig?: PushConfig
  bigqueryConfig?: BigqueryConfig
  cloudStorageConfig?: CloudStorageConfig
  detached?: boolean
}

export interface PushConfig {
  pushEndpoint?: string
  attributes?: Record<string, string>
  oidcToken?: { serviceAccountEmail?: string; audience?: string }
  pubsubWrapper?: Record<string, never>
  noWrapper?: { writeMetadata?: boolean }
}

export interface BigqueryConfig {
  table: string
  useTopicSchema?: boolean
  useTableSchema?: boolean
  writeMetadata?: boolean
  dropUnknownFields?: boolean
  serviceAccountEmail?: string
}

export interface CloudStorageConfig {
  bucket: string
  filenamePrefix?: string
  filenameSuffix?: string
  filenameDatetimeFormat?: string
  textConfig?: Record<string, never>
  avroConfig?: { writeMetadata?: boolean; useTopicSchema?: boolean }
  maxDuration?: string
  maxBytes?: string
  maxMessages?: string
  serviceAccountEmail?: string
}

export interface Snapshot {
  name: string
  topic: string
  log: string
  created_ms: number
  expire_ms: number
  labels: Record<string, string>
  filter: string
  cursor: Cursor
}

/** How far a subscription has come: everything before `next` is acknowledged but for these runs. */
export interface Cursor {
  next: number
  unacked: Run[]
}

/** Records that lie together and were tried equally often. */
export interface Run {
  first: number
  count: number
  attempts: number
}

export interface Message {
  data: Buffer
  attributes: Record<string, string>
  orderingKey: string
}

export interface SchemaRevision {
  name: string
  revision: string
  type: 'AVRO' | 'PROTOCOL_BUFFER'
  definition: string
  created_ms: number
}
