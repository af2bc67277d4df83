/** INSERT, UPDATE, DELETE, MERGE and TRUNCATE over the stored table; guards raise what DuckDB would let pass. */
import type { Unit } from '../../analyzer/compile.ts'
import type { Message } from '../../analyzer/proto.ts'
import { structOf } from '../../literal.ts'
import { typeOfField, typeOfProto } from '../../sqltype.ts'
import type { CatalogColumn, DmlStatement, SqlType, TablePath } from '../../types.ts'
import { numericModified } from '../functions/casts.ts'
import { invalidQuery, unsupported, type Generator, type TableSource } from '../generator.ts'

const list = (value: unknown): Message[] => (value ?? []) as Message[]
const TARGET = 't_'
const TOO_MANY = 'UPDATE/MERGE must match at most one source row for each target row'

interface Target {
  source: TableSource
  text: string
  path: TablePath
}

function targetOf(unit: Unit, node: Message): Target {
  const id = Number(node['table']?.serialization_id ?? 0)
  const relation = unit.relations.get(id)
  if (!relation?.source.target) throw invalidQuery(`${node['table']?.full_name ?? 'This object'} is not a table that DML statements can change`)
  return { source: relation.source, text: relation.source.target, path: relation.paths[0]! }
}

/** Target columns stand by their own names behind the alias. */
function nameTarget(g: Generator, target: Target, scan: Message): void {
  const indexes = (scan['column_index_list'] ?? []) as number[]
  list(scan['column_list']).forEach((column, i) => {
    const found = target.source.columns[indexes[i] ?? i]
    if (found) g.named.set(Number(column['column_id']), { text: `${TARGET}.${found.column}`, column: found })
  })
}

const columnOf = (g: Generator, column: Message): CatalogColumn => {
  const found = g.named.get(Number(column['column_id']))?.column
  if (!found) throw unsupported(`the column ${column['name']} as a target`)
  return found
}

/** STRING(3), NUMERIC(10, 2): checked where a value is written. */
export function fitted(text: string, column: CatalogColumn): string {
  if (column.mode === 'REPEATED') return text
  const type = typeOfField(column)
  if (column.maxLength && type.kind === 'STRING') return `gs_max_length(${text}, ${Number(column.maxLength)})`
  if (column.maxLength && type.kind === 'BYTES') return `gs_max_length_bytes(${text}, ${Number(column.maxLength)})`
  if (column.precision && (type.kind === 'NUMERIC' || type.kind === 'BIGNUMERIC')) return numericModified(text, type, Number(column.precision), Number(column.scale ?? 0))
  return text
}

function valueText(unit: Unit, g: Generator, value: Message, column: CatalogColumn): string {
  const inner = value['node'] === 'ResolvedDMLValue' ? (value['value'] as Message) : value
  if (inner['node'] === 'ResolvedDMLDefault') return fitted(unit.defaultOf(column), column)
  return fitted(g.expr(inner), column)
}

const statement = (unit: Unit, g: Generator, verb: DmlStatement['verb'], target: Target, duckSql: string, guards: readonly string[] = [], counts: DmlStatement['counts'] = 'changed'): DmlStatement => ({
  kind: 'dml', ...unit.common(verb === 'TRUNCATE' ? 'TRUNCATE_TABLE' : verb), jsFunctions: unit.jsOf(g), verb, target: target.path, guards, duckSql, counts,
})

export function insert(unit: Unit, g: Generator, node: Message): DmlStatement {
  const scan = node['table_scan'] as Message
  const target = targetOf(unit, scan)
  if (node['returning']) throw unsupported('THEN RETURN')
  nameTarget(g, target, scan)
  const columns = list(node['insert_column_list']).map((column) => target.source.columns.find((each) => each.name.toLowerCase() === String(column['name']).toLowerCase()) ?? columnOf(g, column))
  const given = new Set(columns.map((column) => column.name))
  const defaults = target.source.columns.filter((column) => !column.pseudo && !given.has(column.name) && column.defaultValueExpression !== undefined)
  const into = `INSERT INTO ${target.text} (${[...columns, ...defaults].map((column) => column.column).join(', ')})`
  const extra = defaults.map((column) => unit.defaultOf(column))
  if (node['query']) {
    const outputs = list(node['query_output_column_list'])
    const select = [...columns.map((column, i) => fitted(g.column(outputs[i]!), column)), ...extra]
    return statement(unit, g, 'INSERT', target, `${into} SELECT ${select.join(', ')} FROM (${g.scan(node['query'])})`)
  }
  const rows = list(node['row_list']).map((row) => `(${[...list(row['value_list']).map((value, i) => valueText(unit, g, value, columns[i]!)), ...extra].join(', ')})`)
  return statement(unit, g, 'INSERT', target, `${into} VALUES ${rows.join(', ')}`)
}

/** SET a.b.c = x rebuilds the struct around the field. */
interface Change {
  value?: string
  fields: Map<number, Change>
}

function assignments(unit: Unit, g: Generator, items: readonly Message[]): Map<string, string> {
  const changes = new Map<string, { column: CatalogColumn; text: string; change: Change }>()
  for (const item of items) {
    if (list(item['update_item_element_list']).length || list(item['delete_list']).length || list(item['update_list']).length || list(item['insert_list']).length) throw unsupported('DML on the elements of an array')
    const path: number[] = []
    let at = item['target'] as Message
    while (at['node'] === 'ResolvedGetStructField') {
      path.unshift(Number(at['field_idx'] ?? 0))
      at = at['expr'] as Message
    }
    const column = columnOf(g, at['column'])
    const entry = changes.get(column.name) ?? { column, text: g.column(at['column']), change: { fields: new Map<number, Change>() } as Change }
    changes.set(column.name, entry)
    let change: Change = entry.change
    for (const index of path) {
      const next: Change = change.fields.get(index) ?? { fields: new Map<number, Change>() }
      change.fields.set(index, next)
      change = next
    }
    const value = item['set_value'] as Message
    change.value = path.length ? g.expr(value['value']) : valueText(unit, g, value, column)
  }
  return new Map([...changes.values()].map(({ column, text, change }) => [column.column, changed(text, typeOfField(column), change)]))
}

const written = (changes: ReadonlyMap<string, string>): string => [...changes].map(([column, text]) => `${column} = ${text}`).join(', ')

/**
 * With RETURNING, a column that a MERGE action does not name comes back from memory that nobody wrote (seen in DuckDB 1.5 with lists, where
 * it ends the database), so every action names all of them.
 */
function everyColumn(target: Target, changes: ReadonlyMap<string, string>): string {
  const rest = target.source.columns.filter((column) => !column.pseudo && !changes.has(column.column))
  return written(new Map([...changes, ...rest.map((column): [string, string] => [column.column, `${TARGET}.${column.column}`])]))
}

function changed(text: string, type: SqlType, change: Change): string {
  if (change.value !== undefined) return change.value
  if (type.kind !== 'STRUCT') throw unsupported('this assignment')
  return structOf(type.fields.map((field, i) => {
    const inner = `(${text})._${i + 1}`
    const next = change.fields.get(i)
    return next ? changed(inner, field.type, next) : inner
  }))
}

export function update(unit: Unit, g: Generator, node: Message): DmlStatement {
  const scan = node['table_scan'] as Message
  const target = targetOf(unit, scan)
  if (node['returning']) throw unsupported('THEN RETURN')
  nameTarget(g, target, scan)
  const where = node['where_expr'] ? g.expr(node['where_expr']) : 'true'
  const set = written(assignments(unit, g, list(node['update_item_list'])))
  if (!node['from_scan']) return statement(unit, g, 'UPDATE', target, `UPDATE ${target.text} AS ${TARGET} SET ${set} WHERE ${where}`)
  const from = `(${g.scan(node['from_scan'])}) AS from_`
  const guard = `SELECT gs_error('${TOO_MANY}') FROM ${target.text} AS ${TARGET}, ${from} WHERE ${where} GROUP BY ${TARGET}.rowid HAVING count(*) > 1 LIMIT 1`
  return statement(unit, g, 'UPDATE', target, `UPDATE ${target.text} AS ${TARGET} SET ${set} FROM ${from} WHERE ${where}`, [guard])
}

export function remove(unit: Unit, g: Generator, node: Message): DmlStatement {
  const scan = node['table_scan'] as Message
  const target = targetOf(unit, scan)
  if (node['returning']) throw unsupported('THEN RETURN')
  nameTarget(g, target, scan)
  const where = node['where_expr'] ? g.expr(node['where_expr']) : 'true'
  if (!/\bSELECT\b/.test(where)) return statement(unit, g, 'DELETE', target, `DELETE FROM ${target.text} AS ${TARGET} WHERE ${where}`)
  return statement(unit, g, 'DELETE', target, `DELETE FROM ${target.text} WHERE rowid IN (SELECT ${TARGET}.rowid FROM ${target.text} AS ${TARGET} WHERE ${where})`)
}

export function truncate(unit: Unit, g: Generator, node: Message): DmlStatement {
  const target = targetOf(unit, node['table_scan'])
  return statement(unit, g, 'TRUNCATE', target, `DELETE FROM ${target.text}`)
}

export function merge(unit: Unit, g: Generator, node: Message): DmlStatement {
  const scan = node['table_scan'] as Message
  const target = targetOf(unit, scan)
  nameTarget(g, target, scan)
  const source = `(${g.scan(node['from_scan'])}) AS from_`
  const on = g.expr(node['merge_expr'])
  const matched: string[] = []
  const clauses = list(node['when_clause_list']).map((when) => {
    const condition = when['match_expr'] ? g.expr(when['match_expr']) : undefined
    const kind = { MATCHED: 'MATCHED', NOT_MATCHED_BY_SOURCE: 'NOT MATCHED BY SOURCE', NOT_MATCHED_BY_TARGET: 'NOT MATCHED BY TARGET' }[String(when['match_type'])]
    if (kind === 'MATCHED') matched.push(condition ?? 'true')
    return `WHEN ${kind}${condition ? ` AND ${condition}` : ''} THEN ${mergeAction(unit, g, when, target)}`
  })
  const guards = matched.length
    ? [`SELECT gs_error('${TOO_MANY}') FROM ${target.text} AS ${TARGET} JOIN ${source} ON ${on} WHERE ${matched.map((each) => `(${each})`).join(' OR ')} GROUP BY ${TARGET}.rowid HAVING count(*) > 1 LIMIT 1`]
    : []
  return statement(unit, g, 'MERGE', target, `MERGE INTO ${target.text} AS ${TARGET} USING ${source} ON ${on} ${clauses.join(' ')} RETURNING merge_action`, guards, 'mergeAction')
}

function mergeAction(unit: Unit, g: Generator, when: Message, target: Target): string {
  switch (String(when['action_type'])) {
    case 'DELETE':
      return 'DELETE'
    case 'UPDATE':
      return `UPDATE SET ${everyColumn(target, assignments(unit, g, list(when['update_item_list'])))}`
    default: {
      const columns = list(when['insert_column_list']).map((column) => target.source.columns.find((each) => each.name.toLowerCase() === String(column['name']).toLowerCase()) ?? columnOf(g, column))
      const given = new Set(columns.map((column) => column.name))
      const defaults = target.source.columns.filter((column) => !column.pseudo && !given.has(column.name))
      const values = [...list(when['insert_row']?.value_list).map((value, i) => valueText(unit, g, value, columns[i]!)), ...defaults.map((column) => unit.defaultOf(column))]
      return `INSERT (${[...columns, ...defaults].map((column) => column.column).join(', ')}) VALUES (${values.join(', ')})`
    }
  }
}

export { typeOfProto }
