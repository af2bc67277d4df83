/** createDisposition and writeDisposition of load, query and copy jobs: what they allow, and how the rows then arrive. */
import { Fault } from '#ground/fault.ts'
import { invalid, noTable, tableName } from './faults.ts'
import { schemaChange } from './schema.ts'
import type { Field, Table, TablePath } from './types.ts'
import { notATable, type How } from './writer.ts'

export interface Disposition {
  create: 'CREATE_IF_NEEDED' | 'CREATE_NEVER'
  write: 'WRITE_APPEND' | 'WRITE_TRUNCATE' | 'WRITE_EMPTY' | 'WRITE_TRUNCATE_DATA'
  addFields: boolean
  relaxFields: boolean
}

export function readDisposition(configuration: Record<string, unknown>, fallback: Disposition['write']): Disposition {
  const create = configuration['createDisposition'] || 'CREATE_IF_NEEDED'
  const write = configuration['writeDisposition'] || fallback
  if (create !== 'CREATE_IF_NEEDED' && create !== 'CREATE_NEVER') throw invalid(`Invalid value for createDisposition: ${String(create).slice(0, 60)}`, 'createDisposition')
  if (write !== 'WRITE_APPEND' && write !== 'WRITE_TRUNCATE' && write !== 'WRITE_EMPTY' && write !== 'WRITE_TRUNCATE_DATA') throw invalid(`Invalid value for writeDisposition: ${String(write).slice(0, 60)}`, 'writeDisposition')
  const options = (configuration['schemaUpdateOptions'] ?? []) as string[]
  for (const option of options) if (option !== 'ALLOW_FIELD_ADDITION' && option !== 'ALLOW_FIELD_RELAXATION') throw invalid(`Invalid value for schemaUpdateOptions: ${option.slice(0, 60)}`, 'schemaUpdateOptions')
  return { create, write, addFields: options.includes('ALLOW_FIELD_ADDITION'), relaxFields: options.includes('ALLOW_FIELD_RELAXATION') }
}

export interface Target {
  how: How
  fields: Field[]
  /** Schema changes to make first; `$table` stands for the table. */
  steps: string[]
}

/**
 * Where rows of these fields go. On append the table's own schema stands; a field that it lacks, or that it requires and the rows do
 * not bring, is refused unless the job allows the change.
 */
export function targetOf(path: TablePath, before: Table | undefined, incoming: readonly Field[], disposition: Disposition): Target {
  if (!before) {
    if (disposition.create === 'CREATE_NEVER') throw noTable(path)
    return { how: 'create', fields: [...incoming], steps: [] }
  }
  if (before.physical === null) throw notATable(before)
  if (disposition.write === 'WRITE_EMPTY' && before.rows > 0) throw new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Table ${tableName(path)}`)
  if (disposition.write === 'WRITE_TRUNCATE') return { how: 'replace', fields: withDescriptions(incoming, before.fields), steps: [] }
  if (before.fields.length === 0) return { how: 'replace', fields: [...incoming], steps: [] }
  if (before.damage !== null && disposition.write !== 'WRITE_TRUNCATE_DATA') throw new Fault('DATA_LOSS', 'backendError', `Table ${tableName(path)} is damaged: ${before.damage}.`, { hint: 'Load it again with WRITE_TRUNCATE.', httpStatus: 400 })
  const { fields, steps } = merged(before.fields, incoming, disposition)
  return { how: disposition.write === 'WRITE_TRUNCATE_DATA' ? 'replace' : 'append', fields, steps: disposition.write === 'WRITE_TRUNCATE_DATA' ? [] : steps }
}

function merged(before: readonly Field[], incoming: readonly Field[], { addFields, relaxFields }: Disposition): { fields: Field[]; steps: string[] } {
  const find = (fields: readonly Field[], name: string) => fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  for (const field of incoming) {
    const had = find(before, field.name)
    if (!had && !addFields) throw invalid(`Provided Schema does not match Table. Cannot add fields (field: ${field.name})`)
    if (had && had.type !== field.type && !convertible(field, had)) throw invalid(`Provided Schema does not match Table. Field ${field.name} has changed type from ${had.type} to ${field.type}`)
    if (had && (had.mode === 'REPEATED') !== (field.mode === 'REPEATED')) throw invalid(`Provided Schema does not match Table. Field ${field.name} has changed mode from ${had.mode ?? 'NULLABLE'} to ${field.mode ?? 'NULLABLE'}`)
  }
  for (const field of before) {
    if (field.mode === 'REQUIRED' && !find(incoming, field.name) && !relaxFields) throw invalid(`Provided Schema does not match Table. Field ${field.name} is missing in new schema`)
  }
  const relaxed = before.map((field): Field => {
    const now = find(incoming, field.name)
    const relax = relaxFields && field.mode === 'REQUIRED' && now?.mode !== 'REQUIRED'
    const inner = addFields && field.type === 'RECORD' && now?.fields ? { fields: withAdded(field.fields ?? [], now.fields) } : {}
    return { ...field, ...inner, ...(relax && { mode: 'NULLABLE' as const }) }
  })
  const added = incoming.filter((field) => !find(before, field.name)).map((field): Field => ({ ...field, mode: field.mode === 'REQUIRED' ? 'NULLABLE' : (field.mode ?? 'NULLABLE') }))
  const { fields, steps } = schemaChange(before, [...relaxed, ...added])
  return { fields, steps }
}

function withAdded(before: readonly Field[], incoming: readonly Field[]): Field[] {
  const added = incoming.filter((field) => !before.some((each) => each.name.toLowerCase() === field.name.toLowerCase()))
  const kept = before.map((field) => {
    const now = incoming.find((each) => each.name.toLowerCase() === field.name.toLowerCase())
    return field.type === 'RECORD' && now?.fields ? { ...field, fields: withAdded(field.fields ?? [], now.fields) } : field
  })
  return [...kept, ...added]
}

/** Types that a value of another type goes into without loss. */
function convertible(from: Field, to: Field): boolean {
  const wider: Record<string, readonly string[]> = { INTEGER: ['FLOAT', 'NUMERIC', 'BIGNUMERIC'], NUMERIC: ['BIGNUMERIC', 'FLOAT'], BIGNUMERIC: ['NUMERIC', 'FLOAT'], FLOAT: ['NUMERIC', 'BIGNUMERIC'], DATE: ['DATETIME', 'TIMESTAMP'], DATETIME: ['TIMESTAMP'], TIMESTAMP: ['DATETIME'], STRING: ['JSON', 'GEOGRAPHY'] }
  return wider[from.type]?.includes(to.type) ?? false
}

function withDescriptions(incoming: readonly Field[], before: readonly Field[]): Field[] {
  return incoming.map((field) => {
    const description = before.find((each) => each.name.toLowerCase() === field.name.toLowerCase())?.description
    return field.description === undefined && description !== undefined ? { ...field, description } : field
  })
}
