/** The things of the storage room as plain data, the same from shelf to door. */

export interface Bucket {
  name: string
  project: string
  metageneration: number
  created_ms: number
  updated_ms: number
  location: string
  storageClass: string
  /** Everything a client may set and read back: labels, versioning, lifecycle, cors … in the JSON API's own names. */
  config: BucketConfig
}

export interface BucketConfig {
  labels?: Record<string, string>
  versioning?: { enabled?: boolean }
  lifecycle?: { rule?: LifecycleRule[] }
  cors?: CorsEntry[]
  retentionPolicy?: { retentionPeriod?: string; effectiveTime?: string; isLocked?: boolean }
  defaultEventBasedHold?: boolean
  acl?: AclEntry[]
  defaultObjectAcl?: AclEntry[]
  [key: string]: unknown
}

export interface CorsEntry {
  origin?: string[]
  method?: string[]
  responseHeader?: string[]
  maxAgeSeconds?: number
}

export interface LifecycleRule {
  action: { type: string; storageClass?: string }
  condition: Record<string, unknown>
}

export interface AclEntry {
  entity: string
  role: string
  [key: string]: unknown
}

/** What a client says about an object, in the JSON API's own names. */
export interface ObjectMeta {
  contentType?: string
  contentEncoding?: string
  contentDisposition?: string
  contentLanguage?: string
  cacheControl?: string
  customTime?: string
  metadata?: Record<string, string>
  eventBasedHold?: boolean
  temporaryHold?: boolean
  acl?: AclEntry[]
  retention?: { mode?: string; retainUntilTime?: string }
  contexts?: unknown
}

export interface StoredObject {
  bucket: string
  name: string
  generation: number
  metageneration: number
  live: boolean
  /** The file that holds its bytes; several objects may share one. */
  blob: string
  size: number
  /** Base64, big endian. */
  crc32c: string
  /** Base64; composed objects and XML multipart uploads have none. */
  md5: string | null
  componentCount: number | null
  storageClass: string
  created_ms: number
  updated_ms: number
  classUpdated_ms: number
  /** When it stopped being the live one. */
  noncurrent_ms: number | null
  meta: ObjectMeta
}

/** Bytes on disk, whole and synced, not yet anyone's object. */
export interface Blob {
  id: string
  size: number
  crc32c: string
  md5: string | null
}

export interface Preconditions {
  generation?: number
  generationNot?: number
  metageneration?: number
  metagenerationNot?: number
}

/** Digests that the client announced; what arrives has to match. */
export interface Digests {
  crc32c?: string
  md5?: string
}

export interface Upload {
  id: string
  bucket: string
  name: string
  blob: string
  meta: ObjectMeta
  storageClass: string | null
  conditions: Preconditions
  digests: Digests
  /** Announced size, if it was. */
  total: number | null
  /** Bytes that are synced and acknowledged. */
  stored: number
  started_ms: number
  /** The generation it became, once it is finished. */
  finished: number | null
}

export interface Notification {
  id: string
  bucket: string
  topic: string
  payloadFormat: string
  eventTypes: string[]
  objectNamePrefix: string | null
  attributes: Record<string, string>
}
