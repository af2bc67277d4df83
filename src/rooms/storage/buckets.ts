/** Buckets: made, found, changed, removed. */
import type { Clock } from '#ground/clock.ts'
import { Turns } from '#ground/turns.ts'
import { bucketFact } from './facts.ts'
import { invalid, noBucket } from './faults.ts'
import { LABELS_MAX } from './limits.ts'
import { checkBucketName } from './names.ts'
import { requireConditions } from './preconditions.ts'
import type { StorageShelf } from './shelf.ts'
import type { Bucket, BucketConfig, Preconditions } from './types.ts'

/** What a client may set, in the JSON API's names. Everything else in a body is ignored, as the cloud does. */
const SETTABLE = [
  'acl', 'autoclass', 'billing', 'cors', 'customPlacementConfig', 'defaultEventBasedHold', 'defaultObjectAcl', 'encryption',
  'hierarchicalNamespace', 'iamConfiguration', 'ipFilter', 'labels', 'lifecycle', 'logging', 'retentionPolicy', 'rpo', 'softDeletePolicy', 'versioning', 'website',
] as const // prettier-ignore

const STORAGE_CLASSES = ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE', 'MULTI_REGIONAL', 'REGIONAL', 'DURABLE_REDUCED_AVAILABILITY']

export class Buckets {
  private readonly shelf: StorageShelf
  private readonly clock: Clock
  private readonly turns = new Turns()

  constructor(shelf: StorageShelf, clock: Clock) {
    this.shelf = shelf
    this.clock = clock
  }

  async create(project: string, body: Record<string, unknown>): Promise<Bucket> {
    const now = this.clock.now_ms()
    const bucket: Bucket = {
      name: checkBucketName(body['name']),
      project,
      metageneration: 1,
      created_ms: now,
      updated_ms: now,
      location: text(body['location'], 'location', 'US').toUpperCase(),
      storageClass: checkStorageClass(body['storageClass'] ?? 'STANDARD'),
      config: checkConfig(settable(body), now),
    }
    await this.shelf.addBucket(bucket, bucketFact('bucketCreated', bucket))
    return bucket
  }

  async get(name: string, conditions: Preconditions = {}): Promise<Bucket> {
    const bucket = await this.shelf.bucket(name)
    if (!bucket) throw noBucket(name)
    requireConditions({ metageneration: conditions.metageneration, metagenerationNot: conditions.metagenerationNot }, { generation: 0, metageneration: bucket.metageneration })
    return bucket
  }

  list(project: string, options: { prefix: string; after: string; limit: number }): Promise<Bucket[]> {
    return this.shelf.buckets(project, options)
  }

  /** PATCH merges what is given, null takes away; PUT replaces everything that can be set. */
  change(name: string, body: Record<string, unknown>, mode: 'merge' | 'replace', conditions: Preconditions): Promise<Bucket> {
    return this.turns.take(name, async () => {
      const before = await this.get(name, conditions)
      const now = this.clock.now_ms()
      const given = settable(body)
      const config = mode === 'merge' ? (mergePatch(before.config, given) as BucketConfig) : (mergePatch({}, given) as BucketConfig)
      const after: Bucket = {
        ...before,
        metageneration: before.metageneration + 1,
        updated_ms: now,
        storageClass: body['storageClass'] === undefined ? before.storageClass : checkStorageClass(body['storageClass']),
        config: checkConfig(config, now, before.config),
      }
      await this.shelf.changeBucket(before, after, bucketFact('bucketUpdated', after))
      return after
    })
  }

  async lockRetention(name: string, metageneration: number): Promise<Bucket> {
    return this.turns.take(name, async () => {
      const before = await this.get(name, { metageneration })
      if (!before.config.retentionPolicy) throw invalid('The bucket has no retention policy to lock.')
      const after = {
        ...before,
        metageneration: before.metageneration + 1,
        updated_ms: this.clock.now_ms(),
        config: { ...before.config, retentionPolicy: { ...before.config.retentionPolicy, isLocked: true } },
      }
      await this.shelf.changeBucket(before, after, bucketFact('bucketUpdated', after))
      return after
    })
  }

  async remove(name: string, conditions: Preconditions): Promise<void> {
    await this.turns.take(name, async () => {
      const bucket = await this.get(name, conditions)
      await this.shelf.removeBucket(bucket, bucketFact('bucketDeleted', bucket))
    })
  }
}

function settable(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(SETTABLE.filter((key) => key in body).map((key) => [key, body[key]]))
}

/** JSON merge patch (RFC 7386). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged: Record<string, unknown> = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(merged[key], value)
  }
  return merged
}

function checkConfig(config: BucketConfig, now_ms: number, before?: BucketConfig): BucketConfig {
  const { labels, retentionPolicy } = config
  for (const key of ['labels', 'versioning', 'lifecycle', 'retentionPolicy', 'website', 'logging', 'iamConfiguration', 'softDeletePolicy'] as const) {
    const value = config[key]
    if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value))) throw invalid(`Invalid value for ${key}: an object is wanted.`)
  }
  for (const key of ['cors', 'acl', 'defaultObjectAcl'] as const) {
    const value: unknown = config[key]
    if (value !== undefined && !(Array.isArray(value) && value.every((entry) => typeof entry === 'object' && entry !== null))) {
      throw invalid(`Invalid value for ${key}: a list of objects is wanted.`)
    }
  }
  if (labels && (Object.keys(labels).length > LABELS_MAX || Object.values(labels).some((value) => typeof value !== 'string'))) {
    throw invalid(`Labels are at most ${LABELS_MAX} texts.`)
  }
  const rules: unknown = config.lifecycle?.rule
  if (rules !== undefined && !(Array.isArray(rules) && rules.every(isRule))) throw invalid('A lifecycle rule has an action with a type and a condition.')
  if (before?.retentionPolicy?.isLocked && Number(retentionPolicy?.retentionPeriod ?? 0) < Number(before.retentionPolicy.retentionPeriod)) {
    throw invalid('A locked retention policy can only be lengthened.', 'forbidden')
  }
  if (!retentionPolicy) return config
  if (!/^\d{1,10}$/.test(String(retentionPolicy.retentionPeriod))) throw invalid('Invalid retentionPeriod: whole seconds are wanted.')
  return {
    ...config,
    retentionPolicy: { effectiveTime: new Date(now_ms).toISOString(), ...retentionPolicy, retentionPeriod: String(retentionPolicy.retentionPeriod) },
  }
}

function isRule(rule: unknown): boolean {
  const { action, condition } = (rule ?? {}) as { action?: { type?: unknown }; condition?: unknown }
  return typeof action?.type === 'string' && typeof condition === 'object' && condition !== null
}

export function checkStorageClass(value: unknown): string {
  const name = text(value, 'storageClass', '').toUpperCase()
  if (!STORAGE_CLASSES.includes(name)) throw invalid(`Invalid storage class: ${name.slice(0, 60)}`)
  return name
}

function text(value: unknown, name: string, fallback: string): string {
  if (value === undefined || value === null) return fallback
  if (typeof value !== 'string') throw invalid(`Invalid value for ${name}: a text is wanted.`)
  return value
}
