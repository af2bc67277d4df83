/** A JSON value that keeps numbers as they were written: parsing, canonical printing, paths. */

export class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Json = null | boolean | string | JsonNumber | Json[] | Map<string, Json>

const DEPTH_MAX = 500

export function parseJson(text: string): Json {
  let at = 0
  let depth = 0
  const bad = (): never => {
    throw new Error(`Invalid input to PARSE_JSON: syntax error while parsing value - at position ${at}`)
  }
  const blank = () => {
    while (at < text.length) {
      const code = text.charCodeAt(at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
      at++
    }
  }
  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
  const string = (): string => {
    const start = at++
    let plain = true
    for (;;) {
      const code = text.charCodeAt(at)
      if (at >= text.length || code < 32) bad()
      if (code === 34) break
      if (code === 92) {
        plain = false
        at++
      }
      at++
    }
    at++
    if (plain) return text.slice(start + 1, at - 1)
    try {
      return JSON.parse(text.slice(start, at)) as string
    } catch {
      return bad()
    }
  }
  const value = (): Json => {
    blank()
    const char = text[at]
    if (char === '"') return string()
    if (char === '{') {
      if (++depth > DEPTH_MAX) bad()
      at++
      const out = new Map<string, Json>()
      blank()
      if (text[at] === '}') at++
      else
        for (;;) {
          blank()
          if (text[at] !== '"') bad()
          const key = string()
          blank()
          if (text[at++] !== ':') bad()
          const item = value()
          if (!out.has(key)) out.set(key, item)
          blank()
          const next = text[at++]
          if (next === '}') break
          if (next !== ',') bad()
        }
      depth--
      return out
    }
    if (char === '[') {
      if (++depth > DEPTH_MAX) bad()
      at++
      const out: Json[] = []
      blank()
      if (text[at] === ']') at++
      else
        for (;;) {
          out.push(value())
          blank()
          const next = text[at++]
          if (next === ']') break
          if (next !== ',') bad()
        }
      depth--
      return out
    }
    for (const [word, meaning] of [['true', true], ['false', false], ['null', null]] as const) {
      if (text.startsWith(word, at)) {
        at += word.length
        return meaning
      }
    }
    number.lastIndex = at
    const found = number.exec(text)
    if (!found) return bad()
    at = number.lastIndex
    return new JsonNumber(found[0])
  }
  const out = value()
  blank()
  if (at < text.length) bad()
  return out
}

export function printJson(value: Json, sorted = true): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${value.map((item) => printJson(item, sorted)).join(',')}]`
  const entries = sorted ? [...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : [...value]
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${printJson(item, sorted)}`).join(',')}}`
}

/** Canonical: integers as they are, other numbers as the shortest text of their double. */
export function canonicalNumbers(value: Json, mode: 'exact' | 'round'): Json {
  if (value instanceof JsonNumber) {
    if (/^-?\d+$/.test(value.text)) {
      const number = BigInt(value.text)
      if (number >= -(1n << 63n) && number < 1n << 64n) return new JsonNumber(value.text === '-0' ? '0' : value.text)
    }
    const double = Number(value.text)
    const shortest = doubleJson(double)
    if (mode === 'exact' && !sameNumber(value.text, shortest)) throw new Error(`Input number: ${value.text} cannot round-trip through string representation`)
    return new JsonNumber(shortest)
  }
  if (Array.isArray(value)) return value.map((item) => canonicalNumbers(item, mode))
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, canonicalNumbers(item, mode)]))
  return value
}

/** A double as JSON text keeps a point, so that it stays a double; below 1e-4 and from 1e15 on it has an exponent. */
export function doubleJson(double: number): string {
  if (double === 0) return Object.is(double, -0) ? '-0.0' : '0.0'
  const [mantissa, power] = Math.abs(double).toExponential().split('e') as [string, string]
  const digits = mantissa.replace('.', '')
  const point = Number(power) + 1
  const sign = double < 0 ? '-' : ''
  if (point > 0 && point <= 15) return sign + (digits.length <= point ? `${digits.padEnd(point, '0')}.0` : `${digits.slice(0, point)}.${digits.slice(point)}`)
  if (point > -4 && point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return `${sign}${mantissa}e${point - 1 < 0 ? '-' : '+'}${String(Math.abs(point - 1)).padStart(2, '0')}`
}

function sameNumber(a: string, b: string): boolean {
  const parts = (text: string) => {
    const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!
    const digits = (match[2]! + (match[3] ?? '')).replace(/^0+/, '')
    const trimmed = digits.replace(/0+$/, '')
    return `${trimmed ? match[1] : ''}${trimmed}e${trimmed ? Number(match[4] ?? 0) - (match[3] ?? '').length + digits.length - trimmed.length : 0}`
  }
  return parts(a) === parts(b)
}

export type Step = string | number

/** `$.a[0]."b c"`, and in the legacy form `$['b c']`. Lax paths come back with their mode. */
export function parsePath(path: string, legacy: boolean): { steps: Step[]; mode: '' | 'lax' | 'lax recursive' } {
  const bad = (): never => {
    throw new Error(`Invalid JSONPath input: ${JSON.stringify(path)}`)
  }
  const head = /^\s*(lax\s+recursive|recursive\s+lax|lax|strict)?\s*\$/i.exec(path) ?? bad()
  const steps: Step[] = []
  let rest = path.slice(head[0].length)
  while (rest) {
    const match = /^\.([^.[\]"'\s][^.[\]]*)|^\."((?:[^"\\]|\\.)*)"|^\[\s*(\d+)\s*\]|^\[\s*'((?:[^'\\]|\\.)*)'\s*\]|^\[\s*"((?:[^"\\]|\\.)*)"\s*\]/.exec(rest) ?? bad()
    if (match[1] !== undefined) steps.push(match[1].trimEnd())
    else if (match[2] !== undefined) {
      if (legacy) bad()
      steps.push(match[2].replace(/\\(.)/g, '$1'))
    } else if (match[3] !== undefined) steps.push(Number(match[3]))
    else {
      if (!legacy) bad()
      steps.push((match[4] ?? match[5])!.replace(/\\(.)/g, '$1'))
    }
    rest = rest.slice(match[0].length)
  }
  const word = (head[1] ?? '').toLowerCase()
  return { steps, mode: word.includes('recursive') ? 'lax recursive' : word.includes('lax') ? 'lax' : '' }
}

/** The value at a path; undefined where there is none. */
export function follow(value: Json, steps: readonly Step[]): Json | undefined {
  let at: Json | undefined = value
  for (const step of steps) {
    if (at instanceof Map) at = at.get(String(step))
    else if (Array.isArray(at) && typeof step === 'number') at = at[step]
    else return undefined
    if (at === undefined) return undefined
  }
  return at
}

/** Lax: arrays are looked into where a key is asked of them, and a plain value counts as an array of one. */
export function followLax(value: Json, steps: readonly Step[], recursive: boolean): Json[] {
  let now: Json[] = [value]
  for (const step of steps) {
    const next: Json[] = []
    for (const each of now) {
      if (typeof step === 'number') {
        const items: Json[] = Array.isArray(each) ? each : [each]
        if (items[step] !== undefined) next.push(items[step])
        continue
      }
      const open = (item: Json, level: number): void => {
        if (item instanceof Map) {
          const found = item.get(step)
          if (found !== undefined) next.push(found)
        } else if (Array.isArray(item) && (recursive || level < 1)) for (const inner of item) open(inner, level + 1)
      }
      open(each, 0)
    }
    now = next
  }
  return now
}
