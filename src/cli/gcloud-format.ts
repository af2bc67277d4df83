/** Answers in the formats that scripts ask gcloud for: yaml by default, json, value(…), and nothing. */
import { stringify } from 'yaml'
import { Fault } from '#ground/fault.ts'

export function formatted(value: unknown, format: string): string {
  if (format === 'json') return JSON.stringify(value, null, 2)
  if (format === 'yaml' || format === 'default') return Array.isArray(value) ? value.map((one) => stringify(one)).join('---\n').trimEnd() : stringify(value).trimEnd()
  if (format === 'none' || format === 'disable') return ''
  const [, kind, fields = ''] = /^(value|get|csv|table)(?:\[[^\]]*\])?\((.*)\)$/.exec(format) ?? []
  if (kind === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', `The format ${format.slice(0, 80)} is not known here; json, yaml and value(field) are.`)
  const names = fields.split(',').map((field) => field.trim().replace(/\(\)$/, '').replace(/\..*\(.*$/, ''))
  const rows = (Array.isArray(value) ? value : [value]).map((one) => names.map((name) => textAt(one, name)).join(kind === 'csv' ? ',' : '\t'))
  return (kind === 'csv' || kind === 'table' ? [names.join(kind === 'csv' ? ',' : '\t'), ...rows] : rows).join('\n')
}

function textAt(value: unknown, path: string): string {
  let found: unknown = value
  for (const name of path.split('.')) found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined
  if (found === undefined || found === null) return ''
  return typeof found === 'object' ? JSON.stringify(found) : String(found)
}
