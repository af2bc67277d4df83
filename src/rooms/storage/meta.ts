/** What a client may say about an object: taken from a JSON body, checked, merged. */
import { invalid } from './faults.ts'
import { METADATA_BYTES_MAX } from './limits.ts'
import type { ObjectMeta } from './types.ts'

const TEXTS = ['contentType', 'contentEncoding', 'contentDisposition', 'contentLanguage', 'cacheControl', 'customTime'] as const
const SWITCHES = ['eventBasedHold', 'temporaryHold'] as const

/** A whole set of metadata; null and absent both mean: not set. */
export function readMeta(body: Record<string, unknown>): ObjectMeta {
  return mergeMeta({}, body)
}

/** PATCH: what is given replaces, null takes away, customer metadata merges key by key. */
export function mergeMeta(before: ObjectMeta, body: Record<string, unknown>): ObjectMeta {
  const meta: ObjectMeta = { ...before }
  for (const key of TEXTS) {
    const value = body[key]
    if (value === null) delete meta[key]
    else if (value !== undefined) meta[key] = asText(key, value)
  }
  for (const key of SWITCHES) {
    const value = body[key]
    if (value === null) delete meta[key]
    else if (value !== undefined) meta[key] = asSwitch(key, value)
  }
  if (body['metadata'] === null) delete meta.metadata
  else if (body['metadata'] !== undefined) meta.metadata = mergeMetadata(before.metadata ?? {}, body['metadata'])
  if (body['acl'] === null) delete meta.acl
  else if (body['acl'] !== undefined) meta.acl = asEntries(body['acl'])
  if (body['retention'] === null) delete meta.retention
  else if (body['retention'] !== undefined) meta.retention = asRetention(body['retention'])
  if (meta.customTime !== undefined && Number.isNaN(Date.parse(meta.customTime))) throw invalid(`Invalid customTime: ${meta.customTime.slice(0, 60)}`)
  return meta
}

function mergeMetadata(before: Record<string, string>, given: unknown): Record<string, string> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('Invalid metadata: an object of texts is wanted.')
  const merged: Record<string, string> = { ...before }
  for (const [key, value] of Object.entries(given)) {
    if (value === null) delete merged[key]
    else merged[key] = asText(`metadata.${key}`, value)
  }
  const size = Object.entries(merged).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  if (size > METADATA_BYTES_MAX) throw invalid(`The metadata of an object holds at most ${METADATA_BYTES_MAX} bytes.`)
  return merged
}

function asText(key: string, value: unknown): string {
  // Clients send numbers and booleans as metadata values too; the cloud turns them into texts.
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  if (typeof text !== 'string') throw invalid(`Invalid value for ${key}: a text is wanted.`)
  if (!key.startsWith('metadata.') && /[\r\n\0]/.test(text)) throw invalid(`Invalid value for ${key}: it holds a line break or NUL.`)
  return text
}

function asSwitch(key: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(`Invalid value for ${key}: true or false is wanted.`)
  return value
}

function asEntries(value: unknown): NonNullable<ObjectMeta['acl']> {
  const wellFormed = Array.isArray(value) && value.every((entry) => typeof entry?.entity === 'string' && typeof entry?.role === 'string')
  if (!wellFormed) throw invalid('Invalid acl: a list of entries with entity and role is wanted.')
  return value
}

function asRetention(value: unknown): NonNullable<ObjectMeta['retention']> {
  const { mode, retainUntilTime } = (value ?? {}) as Record<string, unknown>
  if (typeof retainUntilTime !== 'string' || Number.isNaN(Date.parse(retainUntilTime))) throw invalid('Invalid retention: mode and retainUntilTime are wanted.')
  return { mode: asText('retention.mode', mode ?? 'Unlocked'), retainUntilTime }
}
