/** Lifecycle rules: which action is due for an object. Pure. */
import type { LifecycleRule, StoredObject } from './types.ts'

const DAY_MS = 24 * 3600_000

export type Action = 'delete' | { storageClass: string }

/** The action that wins: deleting before changing the class, as the cloud decides. `newer` is how many newer versions the object has. */
export function dueAction(rules: LifecycleRule[], object: StoredObject, newer: number, now_ms: number): Action | undefined {
  const due = rules.filter((rule) => holds(rule.condition, object, newer, now_ms)).map(({ action }) => action)
  if (due.some(({ type }) => type === 'Delete')) return 'delete'
  const reclass = due.find(({ type, storageClass }) => type === 'SetStorageClass' && storageClass !== undefined && storageClass !== object.storageClass)
  return reclass?.storageClass === undefined ? undefined : { storageClass: reclass.storageClass }
}

type Check = (value: any, object: StoredObject, newer: number, now_ms: number) => boolean

const CHECKS: Record<string, Check> = {
  age: (days, object, _, now_ms) => now_ms - object.created_ms >= Number(days) * DAY_MS,
  createdBefore: (date, object) => object.created_ms < Date.parse(date),
  isLive: (live, object) => object.live === live,
  numNewerVersions: (count, object, newer) => !object.live && newer >= Number(count),
  matchesStorageClass: (classes, object) => asList(classes).includes(object.storageClass),
  matchesPrefix: (prefixes, object) => asList(prefixes).some((prefix) => object.name.startsWith(prefix)),
  matchesSuffix: (suffixes, object) => asList(suffixes).some((suffix) => object.name.endsWith(suffix)),
  daysSinceNoncurrentTime: (days, object, _, now_ms) => object.noncurrent_ms !== null && now_ms - object.noncurrent_ms >= Number(days) * DAY_MS,
  noncurrentTimeBefore: (date, object) => object.noncurrent_ms !== null && object.noncurrent_ms < Date.parse(date),
  customTimeBefore: (date, object) => object.meta.customTime !== undefined && Date.parse(object.meta.customTime) < Date.parse(date),
  daysSinceCustomTime: (days, object, _, now_ms) => object.meta.customTime !== undefined && now_ms - Date.parse(object.meta.customTime) >= Number(days) * DAY_MS,
}

/** Every condition of a rule has to hold. A condition that is not known never holds: better to keep than to delete by mistake. */
function holds(condition: Record<string, unknown>, object: StoredObject, newer: number, now_ms: number): boolean {
  const entries = Object.entries(condition).filter(([, value]) => value !== null && value !== undefined)
  return entries.length > 0 && entries.every(([key, value]) => CHECKS[key]?.(value, object, newer, now_ms) ?? false)
}

function asList(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)]
}
