/** Avro's types as BigQuery reads them, and its records as rows of a table. */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import type { Disk } from '#ground/disk.ts'
import { decimalText, dateText } from '../sql/literal.ts'
import type { Field } from '../sql/types.ts'
import { openAvro, type AvroSchema } from './avro.ts'
import { BadCell, rowReader } from './cells.ts'
import { append } from './insert-rows.ts'
import { badFile } from './mistakes.ts'
import type { Step } from './messages.ts'

export async function avroFields(disk: Disk, file: string): Promise<Field[]> {
  const handle = await disk.open('warehouse', 'staging', file)
  try {
    const { schema } = await openAvro(handle)
    return schema.fields.map(({ name, schema: inner, doc }) => ({ ...fieldOf(name, inner), ...(doc !== undefined && { description: doc }) }))
  } finally {
    await handle.close()
  }
}

function fieldOf(name: string, schema: AvroSchema, mode: Field['mode'] = 'REQUIRED'): Field {
  switch (schema.type) {
    case 'union': {
      const real = schema.branches.filter((branch) => branch.type !== 'null')
      const nullable = real.length < schema.branches.length
      if (real.length !== 1) throw badFile([{ message: `Error while reading data, error message: The field ${name} is a union of several types, which is not supported.` }])
      const inner = fieldOf(name, real[0]!, nullable ? 'NULLABLE' : mode)
      return inner
    }
    case 'array':
      return { ...fieldOf(name, schema.items), mode: 'REPEATED' }
    case 'map':
      return { name, type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'key', type: 'STRING', mode: 'REQUIRED' }, fieldOf('value', schema.items)] }
    case 'record':
      return { name, type: 'RECORD', mode, fields: schema.fields.map((field) => fieldOf(field.name, field.schema)) }
    case 'enum':
      return { name, type: 'STRING', mode }
    default:
      return { name, type: scalarOf(schema), mode }
  }
}

function scalarOf(schema: Exclude<AvroSchema, { type: 'union' | 'array' | 'map' | 'record' | 'enum' }>): Field['type'] {
  switch (schema.logical) {
    case 'date':
      return 'DATE'
    case 'time-millis':
    case 'time-micros':
      return 'TIME'
    case 'timestamp-millis':
    case 'timestamp-micros':
      return 'TIMESTAMP'
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
      return 'DATETIME'
    case 'decimal':
      return (schema.scale ?? 0) <= 9 && (schema.precision ?? 0) - (schema.scale ?? 0) <= 29 ? 'NUMERIC' : 'BIGNUMERIC'
  }
  switch (schema.type) {
    case 'boolean':
      return 'BOOLEAN'
    case 'int':
    case 'long':
      return 'INTEGER'
    case 'float':
    case 'double':
      return 'FLOAT'
    case 'bytes':
    case 'fixed':
      return 'BYTES'
    default:
      return 'STRING'
  }
}

export async function appendAvro(disk: Disk, connection: DuckDBConnection, step: Extract<Step, { kind: 'avro' }>): Promise<number> {
  const handle = await disk.open('warehouse', 'staging', step.file)
  try {
    const avro = await openAvro(handle)
    const convert = converter(avro.schema)
    const reader = rowReader(step.fields)
    let count = 0
    for await (const block of avro.blocks()) {
      const rows: DuckDBValue[][] = []
      for (const record of block) rows.push(readRow(() => reader.read(convert(record), step.ignoreUnknown), step.name))
      await append(connection, step.table, step.fields, rows)
      count += rows.length
    }
    return count
  } finally {
    await handle.close()
  }
}

function readRow(read: () => DuckDBValue[], file: string): DuckDBValue[] {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof BadCell)) throw thrown
    throw badFile([{ file, column: thrown.location, message: `Error while reading data, error message: ${thrown.message}` }])
  }
}

/** Logical types into the texts and numbers that cells are read from. */
function converter(schema: AvroSchema): (value: any) => unknown {
  switch (schema.type) {
    case 'record': {
      const fields = schema.fields.map((field) => [field.name, converter(field.schema)] as const)
      return (value) => Object.fromEntries(fields.map(([name, convert]) => [name, convert(value[name])]))
    }
    case 'union': {
      const real = schema.branches.find((branch) => branch.type !== 'null')
      const convert = real ? converter(real) : () => null
      return (value) => (value === null ? null : convert(value))
    }
    case 'array': {
      const convert = converter(schema.items)
      return (value) => value.map(convert)
    }
    case 'map': {
      const convert = converter(schema.items)
      return (value) => value.map(({ key, value: inner }: { key: string; value: unknown }) => ({ key, value: convert(inner) }))
    }
    case 'enum':
      return (value) => value
  }
  switch (schema.logical) {
    case 'date':
      return (value: bigint) => dateText(Number(value))
    case 'time-millis':
      return (value: bigint) => clockText(value * 1000n)
    case 'time-micros':
      return clockText
    case 'timestamp-millis':
      return (value: bigint) => `${civilText(value * 1000n)}+00`
    case 'timestamp-micros':
      return (value: bigint) => `${civilText(value)}+00`
    case 'local-timestamp-millis':
      return (value: bigint) => civilText(value * 1000n)
    case 'local-timestamp-micros':
      return civilText
    case 'decimal':
      return (value: Buffer) => decimal(value, schema.scale ?? 0)
  }
  return (value) => value
}

const two = (value: number): string => String(value).padStart(2, '0')

function clockText(micros: bigint): string {
  const all = Number(micros)
  return `${two(Math.floor(all / 3_600_000_000))}:${two(Math.floor(all / 60_000_000) % 60)}:${two(Math.floor(all / 1_000_000) % 60)}.${String(all % 1_000_000).padStart(6, '0')}`
}

function civilText(micros: bigint): string {
  const day = 86_400_000_000n
  const days = micros >= 0n ? micros / day : -((-micros + day - 1n) / day)
  return `${dateText(Number(days))} ${clockText(micros - days * day)}`
}

function decimal(bytes: Buffer, scale: number): string {
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  return scale === 0 ? String(unscaled) : decimalText(unscaled, scale)
}
