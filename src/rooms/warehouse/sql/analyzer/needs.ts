/**
 * What a text names, and how the names are resolved: the child tells main what it needs, main asks the warehouse, and the call is
 * repeated with the answers. Shared by both sides.
 */
import type { CatalogRelation, CatalogRoutine, CatalogTable, NameRef } from '../types.ts'

export interface Defaults {
  /** The job's start, for FOR SYSTEM_TIME AS OF. */
  now_us?: number
  projectId: string
  dataset?: { projectId: string; datasetId: string }
}

export interface Need {
  kind: 'relation' | 'wildcard' | 'routine'
  ref: NameRef
  at_us?: number
}

export type Answer = { relation?: CatalogRelation } | { wildcard: readonly CatalogTable[] } | { routine?: CatalogRoutine }

export const needKey = (need: Need): string => `${need.kind}\u0000${need.ref.projectId}\u0000${need.ref.datasetId ?? ''}\u0000${need.ref.id}\u0000${need.at_us ?? ''}`

/** `p.d.t` in back-quotes, p.d.t, d.t or t, with INFORMATION_SCHEMA.X counted as one last part. */
export function nameRef(written: readonly string[], defaults: Defaults): NameRef {
  const parts = written.flatMap((part) => part.split('.'))
  const info = parts.findIndex((part) => part.toUpperCase() === 'INFORMATION_SCHEMA')
  const last = info >= 0 ? parts.slice(info).join('.') : parts.at(-1)!
  const before = info >= 0 ? parts.slice(0, info) : parts.slice(0, -1)
  if (before.length >= 2) {
    // Legacy domain-scoped projects hold a dot themselves: example.com:project.
    return { written, projectId: before.slice(0, -1).join('.'), datasetId: before.at(-1)!, id: last }
  }
  if (before.length === 1) return { written, projectId: defaults.projectId, datasetId: before[0]!, id: last }
  return defaults.dataset ? { written, projectId: defaults.dataset.projectId, datasetId: defaults.dataset.datasetId, id: last } : { written, projectId: defaults.projectId, id: last }
}
