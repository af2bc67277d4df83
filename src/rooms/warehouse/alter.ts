/** ALTER TABLE's steps as a new description of the table, and as statements for its rows. */
import { unimplemented } from '#ground/fault.ts'
import { tableOptions } from './ddl-options.ts'
import { invalid } from './faults.ts'
import { columnOf, columnType } from './schema.ts'
import type { AlterStep } from './sql/types.ts'
import type { Field, Json, Table, TableConfig } from './types.ts'

export interface Altered {
  fields: Field[]
  config: TableConfig
  expires_ms: number | null
  /** `$table` stands for the engine's table. */
  steps: string[]
}

export function alteredTable(before: Table, steps: readonly AlterStep[], options: ReadonlyMap<object, Json>): Altered {
  const altered: Altered = { fields: [...before.fields], config: { ...before.config }, expires_ms: before.expires_ms, steps: [] }
  for (const step of steps) alter(altered, step, options.get(step) ?? {})
  return altered
}

function alter(altered: Altered, step: AlterStep, options: Json): void {
  const { fields, steps } = altered
  const at = (name: string) => fields.findIndex((field) => field.name.toLowerCase() === name.toLowerCase())
  const column = (name: string, ifExists: boolean): number | undefined => {
    const index = at(name)
    if (index >= 0) return index
    if (ifExists) return undefined
    throw invalid(`Column not found: ${name}`)
  }
  switch (step.step) {
    case 'addColumn':
      if (at(step.field.name) >= 0) {
        if (step.ifNotExists) return
        throw invalid(`Column already exists: ${step.field.name}`)
      }
      steps.push(`ALTER TABLE $table ADD COLUMN ${columnOf(step.field.name)} ${columnType(step.field)}${step.field.mode === 'REPEATED' ? ' DEFAULT []' : ''}`)
      fields.push(step.field)
      return
    case 'dropColumn': {
      const index = column(step.name, step.ifExists)
      if (index === undefined) return
      if (fields.length === 1) throw invalid('A table must keep at least one column.')
      steps.push(`ALTER TABLE $table DROP COLUMN ${columnOf(fields[index]!.name)}`)
      fields.splice(index, 1)
      return
    }
    case 'renameColumn': {
      const index = column(step.from, step.ifExists)
      if (index === undefined) return
      if (at(step.to) >= 0 && at(step.to) !== index) throw invalid(`Column already exists: ${step.to}`)
      steps.push(`ALTER TABLE $table RENAME COLUMN ${columnOf(fields[index]!.name)} TO ${columnOf(step.to)}`)
      fields[index] = { ...fields[index]!, name: step.to }
      return
    }
    case 'columnType': {
      const index = column(step.name, step.ifExists)
      if (index === undefined) return
      const had = fields[index]!
      if (columnType(had) !== columnType(step.field)) steps.push(`ALTER TABLE $table ALTER COLUMN ${columnOf(had.name)} SET DATA TYPE ${columnType(step.field)} USING ${converted(had, step.field)}`)
      const { precision: _p, scale: _s, maxLength: _m, ...kept } = had
      fields[index] = { ...kept, ...step.field, name: had.name, ...(had.mode && { mode: had.mode }) }
      return
    }
    case 'columnDefault': {
      const index = column(step.name, step.ifExists)
      if (index === undefined) return
      const { defaultValueExpression: _gone, ...rest } = fields[index]!
      fields[index] = step.expression === null ? rest : { ...rest, defaultValueExpression: step.expression }
      return
    }
    case 'columnNotNull': {
      const index = column(step.name, step.ifExists)
      if (index === undefined) return
      if (step.notNull) throw invalid('A column cannot be made REQUIRED; only DROP NOT NULL is possible.')
      if (fields[index]!.mode === 'REQUIRED') steps.push(`ALTER TABLE $table ALTER COLUMN ${columnOf(fields[index]!.name)} DROP NOT NULL`)
      fields[index] = { ...fields[index]!, mode: 'NULLABLE' }
      return
    }
    case 'columnOptions': {
      const index = column(step.name, step.ifExists)
      if (index === undefined) return
      const { description: _gone, ...rest } = fields[index]!
      if ('description' in options) fields[index] = options['description'] === null ? rest : { ...rest, description: String(options['description']) }
      return
    }
    case 'options': {
      const { expires_ms, ...given } = tableOptions(options)
      if (expires_ms !== undefined) altered.expires_ms = expires_ms
      altered.config = Object.fromEntries(Object.entries({ ...altered.config, ...given }).filter(([, value]) => value !== null))
      return
    }
    case 'defaultCollation':
      altered.config = { ...altered.config, defaultCollation: step.collation }
      return
    case 'addConstraint':
    case 'dropConstraint':
    case 'dropPrimaryKey':
      altered.config = withConstraint(altered.config, step)
      return
    case 'renameTo':
      throw unimplemented('ALTER TABLE RENAME TO together with other changes')
  }
}

function converted(had: Field, field: Field): string {
  const column = columnOf(had.name)
  if (had.type === 'INTEGER' && field.type === 'BIGNUMERIC') return `CAST(CAST(${column} AS VARCHAR) || '${'0'.repeat(38)}' AS BIGNUM)`
  if (had.type === 'NUMERIC' && field.type === 'BIGNUMERIC') return `CAST(replace(CAST(${column} AS VARCHAR), '.', '') || '${'0'.repeat(29)}' AS BIGNUM)`
  const allowed: Record<string, readonly string[]> = { INTEGER: ['NUMERIC', 'FLOAT'], NUMERIC: ['FLOAT'] }
  if (!allowed[had.type]?.includes(field.type)) throw invalid(`ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type (${had.type}) is assignable to the new type (${field.type})`)
  return `CAST(${column} AS ${columnType(field)})`
}

function withConstraint(config: TableConfig, step: Extract<AlterStep, { step: 'addConstraint' | 'dropConstraint' | 'dropPrimaryKey' }>): TableConfig {
  const { primaryKey, foreignKeys = [] } = (config['tableConstraints'] ?? {}) as { primaryKey?: unknown; foreignKeys?: { name?: string }[] }
  if (step.step === 'dropPrimaryKey') return { ...config, tableConstraints: { foreignKeys } }
  if (step.step === 'dropConstraint') return { ...config, tableConstraints: { ...(primaryKey !== undefined && { primaryKey }), foreignKeys: foreignKeys.filter(({ name }) => name !== step.name) } }
  const { kind, name, columns, references } = step.constraint
  if (kind === 'primaryKey') return { ...config, tableConstraints: { primaryKey: { columns }, foreignKeys } }
  const added = { ...(name && { name }), referencedTable: references!.table, columnReferences: columns.map((column, index) => ({ referencingColumn: column, referencedColumn: references!.columns[index] })) }
  return { ...config, tableConstraints: { ...(primaryKey !== undefined && { primaryKey }), foreignKeys: [...foreignKeys, added] } }
}
