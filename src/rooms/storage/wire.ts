/** The room's things as the JSON API writes them. Whole numbers travel as texts, times as RFC 3339. */
import { projectNumber } from '#ground/project-number.ts'
import type { Bucket, Notification, StoredObject } from './types.ts'

const time = (ms: number) => new Date(ms).toISOString()
const segment = encodeURIComponent

export function bucketResource(bucket: Bucket, origin: string, projection: string | null): Record<string, unknown> {
  const { acl, defaultObjectAcl, iamConfiguration, softDeletePolicy, ...config } = bucket.config
  const uniform = (iamConfiguration as { uniformBucketLevelAccess?: { enabled?: boolean } } | undefined)?.uniformBucketLevelAccess?.enabled === true
  return {
    kind: 'storage#bucket',
    id: bucket.name,
    selfLink: `${origin}/storage/v1/b/${bucket.name}`,
    projectNumber: projectNumber(bucket.project),
    name: bucket.name,
    generation: String(bucket.created_ms * 1000),
    metageneration: String(bucket.metageneration),
    etag: bucketEtag(bucket),
    timeCreated: time(bucket.created_ms),
    updated: time(bucket.updated_ms),
    location: bucket.location,
    locationType: locationType(bucket.location),
    storageClass: bucket.storageClass,
    iamConfiguration: iamConfiguration ?? { bucketPolicyOnly: { enabled: false }, uniformBucketLevelAccess: { enabled: false }, publicAccessPrevention: 'inherited' },
    softDeletePolicy: softDeletePolicy ?? { retentionDurationSeconds: '0' },
    ...config,
    ...(projection === 'full' && !uniform && { acl: acl ?? defaultBucketAcl(bucket), defaultObjectAcl: defaultObjectAcl ?? defaultDefaultObjectAcl(bucket), owner: { entity: `project-owners-${projectNumber(bucket.project)}` } }),
  }
}

export function objectResource(object: StoredObject, origin: string, projection: string | null = null): Record<string, unknown> {
  const path = `${segment(object.bucket)}/o/${segment(object.name)}`
  const { acl, ...meta } = object.meta
  return {
    kind: 'storage#object',
    id: `${object.bucket}/${object.name}/${object.generation}`,
    selfLink: `${origin}/storage/v1/b/${path}`,
    mediaLink: `${origin}/download/storage/v1/b/${path}?generation=${object.generation}&alt=media`,
    name: object.name,
    bucket: object.bucket,
    generation: String(object.generation),
    metageneration: String(object.metageneration),
    ...meta,
    storageClass: object.storageClass,
    size: String(object.size),
    ...(object.md5 !== null && { md5Hash: object.md5 }),
    crc32c: object.crc32c,
    etag: objectEtag(object),
    timeCreated: time(object.created_ms),
    updated: time(object.updated_ms),
    timeStorageClassUpdated: time(object.classUpdated_ms),
    timeFinalized: time(object.created_ms),
    ...(object.noncurrent_ms !== null && { timeDeleted: time(object.noncurrent_ms) }),
    ...(object.componentCount !== null && { componentCount: object.componentCount }),
    ...((projection === 'full' || acl) && { acl: (acl ?? []).map((entry) => objectAclEntry(object, entry, origin)) }),
  }
}

export function objectEtag(object: StoredObject): string {
  return Buffer.from(`${object.generation}/${object.metageneration}`).toString('base64')
}

export function bucketEtag(bucket: Bucket): string {
  return Buffer.from(`${bucket.created_ms}/${bucket.metageneration}`).toString('base64')
}

export function objectAclEntry(object: StoredObject, entry: Record<string, unknown>, origin: string): Record<string, unknown> {
  return {
    kind: 'storage#objectAccessControl',
    id: `${object.bucket}/${object.name}/${object.generation}/${entry['entity']}`,
    selfLink: `${origin}/storage/v1/b/${segment(object.bucket)}/o/${segment(object.name)}/acl/${segment(String(entry['entity']))}`,
    bucket: object.bucket,
    object: object.name,
    generation: String(object.generation),
    etag: objectEtag(object),
    ...entry,
  }
}

export function bucketAclEntry(bucket: Bucket, entry: Record<string, unknown>, kind: 'bucketAccessControl' | 'objectAccessControl'): Record<string, unknown> {
  return { kind: `storage#${kind}`, id: `${bucket.name}/${entry['entity']}`, bucket: bucket.name, etag: bucketEtag(bucket), ...entry }
}

export function defaultBucketAcl(bucket: Bucket) {
  const number = projectNumber(bucket.project)
  return [
    { entity: `project-owners-${number}`, role: 'OWNER', projectTeam: { projectNumber: number, team: 'owners' } },
    { entity: `project-editors-${number}`, role: 'OWNER', projectTeam: { projectNumber: number, team: 'editors' } },
    { entity: `project-viewers-${number}`, role: 'READER', projectTeam: { projectNumber: number, team: 'viewers' } },
  ].map((entry) => bucketAclEntry(bucket, entry, 'bucketAccessControl'))
}

export function defaultDefaultObjectAcl(bucket: Bucket) {
  return defaultBucketAcl(bucket).map((entry) => ({ ...entry, kind: 'storage#objectAccessControl' }))
}

export function notificationResource(notification: Notification, origin: string): Record<string, unknown> {
  return {
    kind: 'storage#notification',
    id: notification.id,
    selfLink: `${origin}/storage/v1/b/${notification.bucket}/notificationConfigs/${notification.id}`,
    topic: notification.topic,
    payload_format: notification.payloadFormat,
    ...(notification.eventTypes.length > 0 && { event_types: notification.eventTypes }),
    ...(notification.objectNamePrefix !== null && { object_name_prefix: notification.objectNamePrefix }),
    ...(Object.keys(notification.attributes).length > 0 && { custom_attributes: notification.attributes }),
    etag: notification.id,
  }
}

function locationType(location: string): string {
  if (['US', 'EU', 'ASIA'].includes(location)) return 'multi-region'
  return /^[A-Z]+\d$|^NAM4$|^EUR4$/.test(location) ? 'dual-region' : 'region'
}
