/** Reading JSON resources as clients write them: which keys there are, of what kind; a mask that says which of them are meant. */
import { invalid } from './faults.ts'
import { LABELS_MAX } from './limits.ts'

export type Json = Record<string, unknown>

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Proto JSON: null and what is not there are the same. */
export function present(body: Json): Json {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== null))
}

/** Refuses keys that the API does not have. Output-only ones are passed over. */
export function checkKeys(body: Json, known: readonly string[], what: string, passedOver: readonly string[] = []): Json {
  const kept = present(body)
  for (const key of Object.keys(kept)) {
    if (passedOver.includes(key)) delete kept[key]
    else if (!known.includes(key)) throw invalid(`Invalid JSON payload received. Unknown name "${key.slice(0, 100)}" at '${what}': Cannot find field.`)
  }
  return kept
}

export function objectOf(value: unknown, field: string): Json {
  if (!isObject(value)) throw invalid(`Invalid value for ${field}: an object is wanted.`)
  return value
}

export function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string') throw invalid(`Invalid value for ${field}: a text is wanted.`)
  return value
}

export function flagOf(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') throw invalid(`Invalid value for ${field}: true or false is wanted.`)
  return value
}

/** Whole numbers come as numbers or, where they may be large, as texts. */
export function wholeOf(value: unknown, field: string): number {
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalid(`Invalid value for ${field}: a whole number is wanted.`)
  return number
}

export function textsOf(value: unknown, field: string, max: number): string[] {
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw invalid(`Invalid value for ${field}: a list of texts is wanted.`)
  if (value.length > max) throw invalid(`${field} has ${value.length} entries; at most ${max} are taken.`)
  return value as string[]
}

export function textMap(value: unknown, field: string): Record<string, string> {
  const map = objectOf(value, field)
  for (const [key, item] of Object.entries(map)) textOf(item, `${field}.${key}`)
  return map as Record<string, string>
}

export function labelsOf(value: unknown): Record<string, string> {
  const labels = textMap(value, 'labels')
  if (Object.keys(labels).length > LABELS_MAX) throw invalid(`A resource has at most ${LABELS_MAX} labels.`)
  for (const [key, text] of Object.entries(labels)) {
    if (!/^\p{Ll}[\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key) || !/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(text)) throw invalid(`Invalid label: ${key.slice(0, 80)}=${text.slice(0, 80)}`)
  }
  return labels
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Keys of these are the user's own. */
const MAPS = new Set(['labels', 'attributes', 'tags'])

/** Proto JSON takes `push_config` for `pushConfig`. */
export function camelKeys(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => camelKeys(item))
  if (!isObject(value) || MAPS.has(key)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [camel(name), camelKeys(item, camel(name))]))
}

/** The paths of an update mask: a list, or a text with commas. */
export function maskOf(value: unknown, request: string): string[] {
  const paths = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value.map(String) : []
  const named = paths.map((path) => camel(path.trim())).filter(Boolean)
  if (named.length === 0) throw invalid(`The update_mask in the ${request} must be set, and must contain a non-empty paths list.`)
  return named
}

/** The settings with what the mask names taken from `given`; what is not there in it goes back to its default. */
export function masked(before: Json, given: Json, mask: readonly string[], changeable: readonly string[], what: string): Json {
  const after: Json = structuredClone(before)
  for (const path of mask) {
    const [head, ...rest] = path.split('.')
    if (!changeable.includes(head!)) throw invalid(`Invalid update_mask provided in the request: '${path.slice(0, 100)}' is not a known ${what} field that can be changed.`)
    put(after, [head!, ...rest], at(given, [head!, ...rest]))
  }
  return present(after)
}

function at(value: Json, path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), value)
}

function put(target: Json, path: string[], value: unknown): void {
  const [head, ...rest] = path
  if (rest.length === 0) {
    if (value === undefined || value === null) delete target[head!]
    else target[head!] = value
    return
  }
  const inner = isObject(target[head!]) ? (target[head!] as Json) : {}
  target[head!] = inner
  put(inner, rest, value)
}
