/** The retry predicates and policies that the library has ready. */
import { isList, isMap, mapOf, type Value, type ValueMap } from '../language/values.ts'

export interface Predicate {
  codes: readonly number[]
  tags: readonly string[]
}

const IDEMPOTENT: Predicate = { codes: [429, 502, 503, 504], tags: ['ConnectionError', 'ConnectionFailedError', 'TimeoutError'] }
const NON_IDEMPOTENT: Predicate = { codes: [429, 503], tags: ['ConnectionFailedError'] }

export type PredicateName = keyof typeof PREDICATES

export const PREDICATES = {
  'http.default_retry_predicate': (error: Value) => holds(IDEMPOTENT, error),
  'http.default_retry_predicate_non_idempotent': (error: Value) => holds(NON_IDEMPOTENT, error),
  'retry.always': (_error: Value) => true,
  'retry.never': (_error: Value) => false,
} as const satisfies Record<string, (error: Value) => boolean>

export const DEFAULT_BACKOFF: ValueMap = mapOf({ initial_delay: 1, max_delay: 60, multiplier: 1.25 })
export const DEFAULT_MAX_RETRIES = 5

export const POLICIES: Readonly<Record<string, PredicateName>> = {
  'http.default_retry': 'http.default_retry_predicate',
  'http.default_retry_non_idempotent': 'http.default_retry_predicate_non_idempotent',
}

export const isPredicate = (name: string): name is PredicateName => Object.hasOwn(PREDICATES, name)

function holds(predicate: Predicate, error: Value): boolean {
  if (!isMap(error)) return false
  const { code, tags } = error
  if (typeof code === 'number' && predicate.codes.includes(code)) return true
  return tags !== undefined && isList(tags) && tags.some((tag) => typeof tag === 'string' && predicate.tags.includes(tag))
}

/** The k-th wait of a policy, k from 1. */
export function delay_s(retry: number, initial_s: number, max_s: number, multiplier: number): number {
  return Math.max(0, Math.min(initial_s * multiplier ** (retry - 1), max_s))
}
