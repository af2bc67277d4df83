/** JSON functions over text. Parsed values are remembered briefly: one row often asks one value several things. */
import { scaledInteger } from '../../literal.ts'
import { remembered, type ScalarFunction } from '../scalar.ts'
import { canonicalNumbers, doubleJson, follow, followLax, JsonNumber, parseJson, parsePath, printJson, type Json, type Step } from './json-value.ts'
import { doubleText } from './numbers.ts'

const pathOf = remembered((key) => parsePath(key.slice(1), key[0] === 'L'))

let lastText: string | undefined
let lastValue: Json | undefined

/** A text that is no JSON reads as nothing: the extracting functions give NULL then. */
function read(text: string): Json | undefined {
  if (text === lastText) return lastValue
  try {
    lastValue = parseJson(text)
  } catch {
    lastValue = undefined
  }
  lastText = text
  return lastValue
}

function at(text: string, path: string, legacy: boolean): Json | undefined {
  const { steps, mode } = pathOf((legacy ? 'L' : 'S') + path)
  const value = read(text)
  if (value === undefined) return undefined
  if (mode) return followLax(value, steps, mode === 'lax recursive')
  return follow(value, steps)
}

const scalarText = (value: Json | undefined): string | null => {
  if (value === undefined || value === null || Array.isArray(value) || value instanceof Map) return null
  return value instanceof JsonNumber ? value.text : String(value)
}

// ---------------------------------------------------------------- changing

const own = (text: string): Json => parseJson(text)

function setAt(root: Json, steps: readonly Step[], value: Json, create: boolean): Json {
  if (!steps.length) return value
  const [step, ...rest] = steps as [Step, ...Step[]]
  if (root === null && create) root = typeof step === 'number' ? [] : new Map()
  if (root instanceof Map && typeof step === 'string') {
    const inner = root.get(step)
    if (inner === undefined && !create) return root
    if (inner !== undefined && rest.length && !(inner instanceof Map) && !Array.isArray(inner) && inner !== null) return root
    root.set(step, setAt(inner ?? null, rest, value, create))
  } else if (Array.isArray(root) && typeof step === 'number') {
    if (step >= root.length && !create) return root
    while (root.length < step) root.push(null)
    root[step] = setAt(root[step] ?? null, rest, value, create)
  }
  return root
}

function removeAt(root: Json, steps: readonly Step[]): void {
  const parent = follow(root, steps.slice(0, -1))
  const last = steps.at(-1)
  if (parent instanceof Map && typeof last === 'string') parent.delete(last)
  else if (Array.isArray(parent) && typeof last === 'number') parent.splice(last, 1)
}

/** Arrays given as values travel with a mark before their text (see generate/functions/json.ts). */
const MARK = '[\u0002'

function arrayEdit(kind: 'append' | 'insert') {
  return (text: string, paths: string[], values: string[], each: boolean): string => {
    let root = own(text)
    paths.forEach((path, i) => {
      const steps = pathOf(`S${path}`).steps
      const marked = values[i]!.startsWith(MARK)
      const value = own(marked ? values[i]!.slice(MARK.length) : values[i]!)
      const items = marked && each && Array.isArray(value) ? value : [value]
      if (kind === 'append') {
        const target = follow(root, steps)
        if (target === null) root = setAt(root, steps, [...items], true)
        else if (Array.isArray(target)) target.push(...items)
        return
      }
      const index = steps.at(-1)
      if (typeof index !== 'number') return
      const target = follow(root, steps.slice(0, -1))
      if (target === null) root = setAt(root, steps.slice(0, -1), [...Array<null>(index).fill(null), ...items], true)
      else if (Array.isArray(target)) {
        while (target.length < index) target.push(null)
        target.splice(index, 0, ...items)
      }
    })
    return printJson(root)
  }
}

function stripNulls(value: Json, arrays: boolean, empty: boolean): Json | undefined {
  if (value === null) return undefined
  if (Array.isArray(value)) {
    const kept = value.map((item) => (item === null ? (arrays ? undefined : null) : stripNulls(item, arrays, empty) ?? (arrays ? undefined : null))).filter((item) => item !== undefined)
    return empty && !kept.length ? undefined : kept
  }
  if (value instanceof Map) {
    const kept = new Map<string, Json>()
    for (const [key, item] of value) {
      const left = stripNulls(item, arrays, empty)
      if (left !== undefined) kept.set(key, left)
    }
    return empty && !kept.size ? undefined : kept
  }
  return value
}

function keys(value: Json, depth: number, mode: string): string[] {
  const found = new Set<string>()
  const walk = (item: Json, prefix: string, left: number, inArray: boolean): void => {
    if (Array.isArray(item)) {
      if (mode === 'strict' || (mode === 'lax' && inArray)) return
      for (const each of item) walk(each, prefix, left, true)
    } else if (item instanceof Map && left > 0) {
      for (const [key, inner] of item) {
        const path = prefix + (/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key))
        found.add(path)
        walk(inner, `${path}.`, left - 1, false)
      }
    }
  }
  walk(value, '', depth, false)
  return [...found].sort((a, b) => (a < b ? -1 : 1))
}

function contains(a: Json, b: Json): boolean {
  if (Array.isArray(a)) {
    if (Array.isArray(b)) return b.every((item) => a.some((each) => contains(each, item)))
    return a.some((each) => !Array.isArray(each) && !(each instanceof Map) && same(each, b))
  }
  if (a instanceof Map) return b instanceof Map && [...b].every(([key, item]) => a.has(key) && contains(a.get(key)!, item))
  return same(a, b)
}
const same = (a: Json, b: Json): boolean => (a instanceof JsonNumber && b instanceof JsonNumber ? Number(a.text) === Number(b.text) : printJson(a) === printJson(b))

function pretty(value: Json, indent = ''): string {
  const inner = `${indent}  `
  if (Array.isArray(value) && value.length) return `[\n${value.map((item) => inner + pretty(item, inner)).join(',\n')}\n${indent}]`
  if (value instanceof Map && value.size) return `{\n${[...value].map(([key, item]) => `${inner}${JSON.stringify(key)}: ${pretty(item, inner)}`).join(',\n')}\n${indent}}`
  return printJson(value, false)
}

// ---------------------------------------------------------------- scalars out of JSON

const typeName = (value: Json) => (value === null ? 'null' : typeof value === 'boolean' ? 'boolean' : typeof value === 'string' ? 'string' : value instanceof JsonNumber ? 'number' : Array.isArray(value) ? 'array' : 'object')

function asInt(value: Json, lax: boolean): bigint | null {
  const fit = (number: bigint) => {
    if (BigInt.asIntN(64, number) === number) return number
    if (lax) return null
    throw new Error('The provided JSON number is not an integer that fits INT64')
  }
  if (value instanceof JsonNumber) {
    if (/^-?\d+$/.test(value.text)) return fit(BigInt(value.text))
    const number = Number(value.text)
    if (Number.isInteger(number)) return fit(BigInt(number))
    if (lax) return Number.isFinite(number) && Math.abs(number) < 2 ** 63 ? BigInt(number < 0 ? -Math.round(-number) : Math.round(number)) : null
    throw new Error(`The provided JSON number: ${value.text} cannot be converted to an integer`)
  }
  if (lax) {
    if (typeof value === 'boolean') return value ? 1n : 0n
    if (typeof value === 'string') {
      const scaled = scaledInteger(value, 0)
      return scaled === undefined ? null : fit(scaled)
    }
    return null
  }
  throw new Error(`The provided JSON input is not an integer`)
}

function asDouble(value: Json, lax: boolean, mode: string): number | null {
  if (value instanceof JsonNumber) {
    const number = Number(value.text)
    if (!lax && mode === 'exact' && /^-?\d+$/.test(value.text) && BigInt(number) !== BigInt(value.text)) throw new Error(`JSON number: ${value.text} cannot be converted to DOUBLE without loss of precision`)
    return number
  }
  if (typeof value === 'string') {
    if (/^[+-]?inf(inity)?$/i.test(value)) return lax || /^-?Infinity$/.test(value) ? (value.startsWith('-') ? -Infinity : Infinity) : null
    if (/^[+-]?nan$/i.test(value)) return NaN
    if (lax && /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value)) return Number(value)
  }
  if (lax) return typeof value === 'boolean' ? null : null
  throw new Error('The provided JSON input is not a number')
}

function asBool(value: Json, lax: boolean): boolean | null {
  if (typeof value === 'boolean') return value
  if (!lax) throw new Error('The provided JSON input is not a boolean')
  if (typeof value === 'string') return /^true$/i.test(value) ? true : /^false$/i.test(value) ? false : null
  if (value instanceof JsonNumber) return Number(value.text) !== 0
  return null
}

function asText(value: Json, lax: boolean): string | null {
  if (typeof value === 'string') return value
  if (!lax) throw new Error('The provided JSON input is not a string')
  if (typeof value === 'boolean') return String(value)
  if (value instanceof JsonNumber) return /^-?\d+$/.test(value.text) ? value.text : doubleText(Number(value.text))
  return null
}

/** JSON null is NULL for LAX functions and an error for the strict ones. */
const scalar = <T>(take: (value: Json, lax: boolean, mode: string) => T) => (text: string, lax: boolean, mode: string): T | null => take(parseJson(text), lax, mode)

function canonical(text: string, mode: string): string {
  const value = canonicalNumbers(parseJson(text), mode === 'round' ? 'round' : 'exact')
  return printJson(value)
}

function texts(value: Json, out: string[] = []): string[] {
  if (typeof value === 'string') out.push(value)
  else if (value instanceof JsonNumber || typeof value === 'boolean') out.push(printJson(value))
  else if (Array.isArray(value)) for (const item of value) texts(item, out)
  else if (value instanceof Map) for (const item of value.values()) texts(item, out)
  return out
}

export const json: ScalarFunction[] = [
  { name: 'gs_json_value', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN'], returns: 'VARCHAR', run: (text: string, path: string, legacy: boolean) => scalarText(at(text, path, legacy)) },
  {
    name: 'gs_json_query', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN', 'BOOLEAN'], returns: 'VARCHAR',
    run(text: string, path: string, legacy: boolean, typed: boolean) {
      const found = at(text, path, legacy)
      // Out of a STRING a JSON null is NULL; out of JSON it is JSON null.
      return found === undefined || (found === null && !typed) ? null : printJson(found, false)
    },
  },
  {
    name: 'gs_json_value_array', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN'], returns: 'VARCHAR[]',
    run(text: string, path: string, legacy: boolean) {
      const found = at(text, path, legacy)
      if (!Array.isArray(found) || found.some((item) => Array.isArray(item) || item instanceof Map)) return null
      return found.map(scalarText)
    },
  },
  {
    name: 'gs_json_query_array', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN'], returns: 'VARCHAR[]',
    run(text: string, path: string, legacy: boolean) {
      const found = at(text, path, legacy)
      return Array.isArray(found) ? found.map((item) => printJson(item, false)) : null
    },
  },
  {
    name: 'gs_json_field', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR',
    run(text: string, name: string) {
      const value = read(text)
      const found = value instanceof Map ? value.get(name) : undefined
      return found === undefined ? null : printJson(found)
    },
  },
  {
    name: 'gs_json_index', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR',
    run(text: string, index: bigint) {
      const value = read(text)
      const found = Array.isArray(value) && index >= 0n ? value[Number(index)] : undefined
      return found === undefined ? null : printJson(found)
    },
  },
  { name: 'gs_parse_json', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => canonical(text, 'exact') },
  { name: 'gs_parse_json_mode', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR', run: canonical },
  { name: 'gs_json_canonical', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => printJson(parseJson(text)) },
  { name: 'gs_json_quote', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => JSON.stringify(text).replace(/[\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`) },
  {
    name: 'gs_double_json', parameters: ['DOUBLE', 'BOOLEAN'], returns: 'VARCHAR',
    run(value: number, point: boolean) {
      if (!Number.isFinite(value)) return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"'
      return point ? doubleJson(value) : doubleText(value)
    },
  },
  {
    name: 'gs_decimal_json', parameters: ['VARCHAR', 'BOOLEAN'], returns: 'VARCHAR',
    run(text: string, wide: boolean) {
      if (!wide) return text
      return /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? text : JSON.stringify(text)
    },
  },
  { name: 'gs_json_type', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => typeName(parseJson(text)) },
  {
    name: 'gs_json_keys', parameters: ['VARCHAR', 'BIGINT', 'VARCHAR'], returns: 'VARCHAR[]', nulls: true,
    run: (text: string | null, depth: bigint | null, mode: string | null) => (text === null ? null : keys(parseJson(text), depth === null ? 1e6 : Number(depth), (mode ?? 'strict').toLowerCase())),
  },
  {
    name: 'gs_json_object', parameters: ['VARCHAR[]', 'VARCHAR[]'], returns: 'VARCHAR',
    run(names: (string | null)[], values: string[]) {
      if (names.length !== values.length) throw new Error('Invalid input to JSON_OBJECT: the number of keys and values must match')
      const out = new Map<string, Json>()
      names.forEach((name, i) => {
        if (name === null) throw new Error('Invalid input to JSON_OBJECT: A key cannot be NULL')
        if (!out.has(name)) out.set(name, parseJson(values[i]!))
      })
      return printJson(out)
    },
  },
  {
    name: 'gs_json_set', parameters: ['VARCHAR', 'VARCHAR[]', 'VARCHAR[]', 'BOOLEAN'], returns: 'VARCHAR',
    run: (text: string, paths: string[], values: string[], create: boolean) => printJson(paths.reduce((root, path, i) => setAt(root, pathOf(`S${path}`).steps, own(values[i]!), create), own(text))),
  },
  { name: 'gs_json_array_append', parameters: ['VARCHAR', 'VARCHAR[]', 'VARCHAR[]', 'BOOLEAN'], returns: 'VARCHAR', run: arrayEdit('append') },
  { name: 'gs_json_array_insert', parameters: ['VARCHAR', 'VARCHAR[]', 'VARCHAR[]', 'BOOLEAN'], returns: 'VARCHAR', run: arrayEdit('insert') },
  {
    name: 'gs_json_remove', parameters: ['VARCHAR', 'VARCHAR[]'], returns: 'VARCHAR',
    run(text: string, paths: string[]) {
      const root = own(text)
      for (const path of paths) {
        const { steps } = pathOf(`S${path}`)
        if (!steps.length) throw new Error("The JSONPath cannot be '$'")
        removeAt(root, steps)
      }
      return printJson(root)
    },
  },
  {
    name: 'gs_json_strip_nulls', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN', 'BOOLEAN'], returns: 'VARCHAR',
    run(text: string, path: string, arrays: boolean, empty: boolean) {
      const root = own(text)
      const { steps } = pathOf(`S${path}`)
      const target = follow(root, steps)
      if (target === undefined) return printJson(root)
      const stripped = stripNulls(target, arrays, empty) ?? null
      return printJson(setAt(root, steps, stripped, false))
    },
  },
  { name: 'gs_json_contains', parameters: ['VARCHAR', 'VARCHAR'], returns: 'BOOLEAN', run: (a: string, b: string) => contains(own(a), own(b)) },
  {
    name: 'gs_json_flatten', parameters: ['VARCHAR'], returns: 'VARCHAR[]',
    run(text: string) {
      const flat = (value: Json): Json[] => (Array.isArray(value) ? value.flatMap(flat) : [value])
      return flat(own(text)).map((item) => printJson(item))
    },
  },
  { name: 'gs_json_pretty', parameters: ['VARCHAR', 'BOOLEAN'], returns: 'VARCHAR', run: (text: string, on: boolean) => (on ? pretty(own(text)) : text) },
  { name: 'gs_json_to_string', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => asText(parseJson(text), false) },
  { name: 'gs_json_as_int', parameters: ['VARCHAR', 'BOOLEAN', 'VARCHAR'], returns: 'BIGINT', run: scalar(asInt) },
  { name: 'gs_json_as_double', parameters: ['VARCHAR', 'BOOLEAN', 'VARCHAR'], returns: 'DOUBLE', run: scalar(asDouble) },
  { name: 'gs_json_as_bool', parameters: ['VARCHAR', 'BOOLEAN', 'VARCHAR'], returns: 'BOOLEAN', run: scalar(asBool) },
  { name: 'gs_json_as_string', parameters: ['VARCHAR', 'BOOLEAN', 'VARCHAR'], returns: 'VARCHAR', run: scalar(asText) },
  {
    name: 'gs_json_elements', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN'], returns: 'VARCHAR[]',
    run(text: string, _kind: string, lax: boolean) {
      const value = parseJson(text)
      if (Array.isArray(value)) return value.map((item) => printJson(item))
      if (lax) return null
      throw new Error('The provided JSON input is not an array')
    },
  },
  { name: 'gs_json_texts', parameters: ['VARCHAR'], returns: 'VARCHAR[]', run: (text: string) => texts(own(text)) },
]
