/** Between gRPC messages, as the loader gives and takes them, and the JSON API's resources: they differ in times, lengths and bytes. */
import { timeOf, timeText } from '../durations.ts'
import { isObject } from '../json.ts'
import type { Json } from '../json.ts'

const DURATIONS = new Set(['messageRetentionDuration', 'topicMessageRetentionDuration', 'ttl', 'minimumBackoff', 'maximumBackoff', 'maxDuration'])
const TIMES = new Set(['time', 'expireTime', 'revisionCreateTime', 'publishTime'])
const MAPS = new Set(['labels', 'attributes', 'tags'])

export function fromMessage(message: object): Json {
  return walk(message, '', fieldFrom) as Json
}

export function toMessage(resource: Json): object {
  return walk(resource, '', fieldTo) as object
}

function walk(value: unknown, key: string, convert: (value: unknown, key: string) => unknown): unknown {
  const converted = convert(value, key)
  if (converted !== undefined) return converted
  if (Array.isArray(value)) return value.map((item) => walk(item, '', convert))
  if (!isObject(value) || MAPS.has(key)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, name, convert)]))
}

/** Undefined leaves a value to the walk. */
function fieldFrom(value: unknown, key: string): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (!isObject(value)) return undefined
  if (key === 'updateMask') return value['paths'] ?? []
  const { seconds = '0', nanos = 0 } = value as { seconds?: string; nanos?: number }
  if (DURATIONS.has(key)) return nanos === 0 ? `${seconds}s` : `${seconds}.${String(nanos).padStart(9, '0').replace(/0+$/, '')}s`
  if (TIMES.has(key)) return timeText(Number(seconds) * 1e6 + Math.floor(nanos / 1000))
  return undefined
}

function fieldTo(value: unknown, key: string): unknown {
  if (typeof value !== 'string') return undefined
  if (DURATIONS.has(key)) {
    const [seconds, fraction = ''] = value.slice(0, -1).split('.')
    return { seconds, nanos: Number(fraction.padEnd(9, '0')) }
  }
  if (TIMES.has(key)) {
    const time_us = timeOf(value, key)
    const seconds = Math.floor(time_us / 1e6)
    return { seconds: String(seconds), nanos: (time_us - seconds * 1e6) * 1000 }
  }
  return undefined
}
