/** What the storage room announces. The data of an object's fact is what a notification's payload is made of. */
import type { NewFact } from '#ground/facts.ts'
import type { Bucket, StoredObject } from './types.ts'

export const STORAGE_FACTS = {
  finalized: 'storage.object.finalized',
  deleted: 'storage.object.deleted',
  archived: 'storage.object.archived',
  metadataUpdated: 'storage.object.metadataUpdated',
  bucketCreated: 'storage.bucket.created',
  bucketUpdated: 'storage.bucket.updated',
  bucketDeleted: 'storage.bucket.deleted',
} as const

export interface ObjectFact {
  object: StoredObject
  project: string
  /** The generation that took its place. */
  overwrittenBy?: number
  /** The generation whose place it took. */
  overwrote?: number
}

export function objectFact(kind: 'finalized' | 'deleted' | 'archived' | 'metadataUpdated', bucket: Bucket, object: StoredObject, more: Partial<ObjectFact> = {}): NewFact {
  const data: ObjectFact = { object, project: bucket.project, ...more }
  return { type: STORAGE_FACTS[kind], subject: `buckets/${object.bucket}/objects/${object.name}`, data }
}

export function bucketFact(kind: 'bucketCreated' | 'bucketUpdated' | 'bucketDeleted', bucket: Bucket): NewFact {
  return { type: STORAGE_FACTS[kind], subject: `buckets/${bucket.name}`, data: { bucket } }
}
