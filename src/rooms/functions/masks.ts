/** Field masks of PATCH: the named fields of the body over what there is. */
import type { Json } from './resource.read.ts'

/** Without a mask every field that the body names is taken, as both APIs do. */
export function masked(before: Json, given: Json, mask: string): Json {
  const paths = mask.split(',').map((path) => path.trim()).filter(Boolean)
  if (paths.length === 0 || paths.includes('*')) return { ...before, ...given }
  const after = structuredClone(before)
  for (const path of paths) set(after, path.split('.').map(camel), given)
  return after
}

/** Clients write `update_mask` paths in either case. */
const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

function set(target: Json, path: string[], given: Json): void {
  const [name, ...rest] = path
  if (name === undefined || name === '__proto__') return
  const value = given[name]
  if (rest.length === 0) {
    if (value === undefined) delete target[name]
    else target[name] = value
    return
  }
  if (!isObject(target[name])) target[name] = {}
  set(target[name] as Json, rest, isObject(value) ? value : {})
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
