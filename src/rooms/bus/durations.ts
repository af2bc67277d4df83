/** Lengths and points of time as the JSON API writes them: `604800s`, RFC 3339. */
import { invalid } from './faults.ts'

const DURATION = /^(-?\d{1,12})(?:\.(\d{1,9}))?s$/
const TIME = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/

/** Of a text that was checked before. */
export const seconds = (text: string): number => Number(text.slice(0, -1))

export function checkDuration(value: unknown, field: string): string {
  const found = typeof value === 'string' ? DURATION.exec(value) : null
  if (!found) throw invalid(`Invalid value for ${field}: a duration in seconds, such as "600s", is wanted.`)
  return value as string
}

/** Microseconds since 1970. */
export function timeOf(value: unknown, field: string): number {
  const found = typeof value === 'string' ? TIME.exec(value) : null
  const ms = found ? Date.parse(`${found[1]}${found[3]}`) : Number.NaN
  if (!found || Number.isNaN(ms)) throw invalid(`Invalid value for ${field}: a time such as "2026-01-01T00:00:00Z" is wanted.`)
  return ms * 1000 + Math.floor(Number((found[2] ?? '').padEnd(9, '0')) / 1000)
}

export function timeText(time_us: number): string {
  const ms = Math.floor(time_us / 1000)
  const rest_us = Math.round(time_us - ms * 1000)
  const text = new Date(ms).toISOString()
  return rest_us === 0 ? text : `${text.slice(0, -1)}${String(rest_us).padStart(3, '0')}Z`
}
