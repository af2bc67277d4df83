/** Strict JSON for request bodies: what `JSON.parse` lets through and users stumble over (duplicate keys, depth bombs) is refused. */
import { Fault } from '#ground/fault.ts'
import { JSON_DEPTH_MAX } from './limits.ts'

export function parseJsonObject(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {}
  const text = utf8(bytes)
  refuseDepth(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('INVALID_ARGUMENT', 'parseError', `The request body is not valid JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Fault('INVALID_ARGUMENT', 'parseError', 'The request body has to be a JSON object.')
  }
  refuseDuplicates(text)
  return value as Record<string, unknown>
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Fault('INVALID_ARGUMENT', 'parseError', 'The request body is not valid UTF-8.', { cause })
  }
}

/** Before parsing: `JSON.parse` recurses. Brackets inside strings are skipped. */
function refuseDepth(text: string): void {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = stringEnd(text, at)
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > JSON_DEPTH_MAX) throw new Fault('INVALID_ARGUMENT', 'parseError', `The request body is nested deeper than ${JSON_DEPTH_MAX} levels.`)
    } else if (code === 0x7d || code === 0x5d) depth--
  }
}

/** After parsing, so the text is known to be JSON: two equal keys in one object are a mistake that would lose a value silently. */
function refuseDuplicates(text: string): void {
  const objects: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x7b) objects.push(new Set())
    else if (code === 0x5b) objects.push(undefined)
    else if (code === 0x7d || code === 0x5d) objects.pop()
    else if (code === 0x22) {
      const end = stringEnd(text, at)
      const keys = objects.at(-1)
      if (keys && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end + 1)) as string
        if (keys.has(key)) throw new Fault('INVALID_ARGUMENT', 'parseError', `The request body has the key ${JSON.stringify(key)} twice in one object.`)
        keys.add(key)
      }
      at = end
    }
  }
}

/** The index of the quote that closes the string opened at `start`. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5c) at++
    else if (code === 0x22) return at
  }
  return text.length
}

function isKey(text: string, closingQuote: number): boolean {
  for (let at = closingQuote + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x3a) return true
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return false
  }
  return false
}
