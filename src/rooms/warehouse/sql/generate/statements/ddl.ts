/** DDL statements as data for the warehouse's ledger. */
import type { Unit } from '../../analyzer/compile.ts'
import { queryOf } from '../../analyzer/compile.ts'
import type { Message } from '../../analyzer/proto.ts'
import { fieldOfType, typeOfProto } from '../../sqltype.ts'
import type { AlterStep, CatalogRoutine, Constraint, Ddl, DdlStatement, Field, ObjectKind, RoutineArgument, Statement, TablePath } from '../../types.ts'
import { unsupported, type Generator } from '../generator.ts'
import { annotate, clusterBy, createMode, fieldOfDefinition, isTemp, optionsOf, parametrize, partitionBy } from './fields.ts'

const list = (value: unknown): Message[] => (value ?? []) as Message[]

const ddl = (unit: Unit, g: Generator, statementType: string, description: Ddl): DdlStatement => ({ kind: 'ddl', ...unit.common(statementType), jsFunctions: unit.jsOf(g), ddl: description })

const pathOf = (unit: Unit, written: unknown, temp = false): TablePath => unit.pathOf(written as string[], temp)

// ---------------------------------------------------------------- tables

function constraints(unit: Unit, node: Message, fields: readonly Field[]): Constraint[] | undefined {
  const out: Constraint[] = []
  const key = node['primary_key'] as Message | undefined
  if (key) out.push({ kind: 'primaryKey', ...(key['constraint_name'] ? { name: key['constraint_name'] } : {}), columns: key['column_name_list'] ?? ((key['column_offset_list'] ?? []) as number[]).map((i) => fields[i]!.name) })
  for (const each of list(node['foreign_key_list'])) out.push(foreignKey(unit, each))
  return out.length ? out : undefined
}

function foreignKey(unit: Unit, node: Message): Constraint {
  const relation = unit.relations.get(Number(node['referenced_table']?.serialization_id ?? 0))
  const offsets = (node['referenced_column_offset_list'] ?? []) as number[]
  return {
    kind: 'foreignKey', ...(node['constraint_name'] ? { name: node['constraint_name'] } : {}), columns: node['referencing_column_list'] ?? [],
    ...(relation ? { references: { table: relation.paths[0]!, columns: offsets.map((i) => relation.source.columns[i]!.name) } } : {}),
  }
}

function sourceOf(unit: Unit, scan: Message | undefined): { path: TablePath; at_us?: number } | undefined {
  let at = scan
  while (at && at['node'] !== 'ResolvedTableScan') at = at['input_scan'] as Message | undefined
  if (!at) return undefined
  const relation = unit.relations.get(Number(at['table']?.serialization_id ?? 0))
  if (!relation) return undefined
  return { path: relation.paths[0]!, ...(at['for_system_time_expr'] ? { at_us: unit.constantMicros(at['for_system_time_expr']) } : {}) }
}

export function createTable(unit: Unit, g: Generator, node: Message): Statement {
  const temp = isTemp(node)
  const fields = list(node['column_definition_list']).map((definition) => fieldOfDefinition(g, definition))
  const external = node['node'] === 'ResolvedCreateExternalTableStmt'
  const query = node['node'] === 'ResolvedCreateTableAsSelectStmt' ? queryOf(g, node) : undefined
  const like = node['like_table'] ? unit.relations.get(Number(node['like_table'].serialization_id ?? 0))?.paths[0] : undefined
  const clone = sourceOf(unit, node['clone_from'])
  const copy = sourceOf(unit, node['copy_from'])
  const parts = partitionBy(g, node['partition_by_list'])
  const cluster = clusterBy(node['cluster_by_list'])
  const keys = constraints(unit, node, fields)
  const collation = node['collation_name']?.value?.value?.string_value
  return ddl(unit, g, external ? 'CREATE_EXTERNAL_TABLE' : query ? 'CREATE_TABLE_AS_SELECT' : 'CREATE_TABLE', {
    action: 'createTable', path: pathOf(unit, node['name_path'], temp), mode: createMode(node), temp, fields,
    ...(query ? { query } : {}), ...(like ? { like } : {}), ...(copy ? { copy: copy.path } : {}),
    ...(clone ? { clone: { source: clone.path, snapshot: false, ...(clone.at_us === undefined ? {} : { at_us: clone.at_us }) } } : {}),
    ...(external ? { external } : {}), ...(parts ? { partitionBy: parts } : {}), ...(cluster ? { clusterBy: cluster } : {}), ...(keys ? { constraints: keys } : {}),
    ...(collation ? { defaultCollation: collation } : {}),
    options: optionsOf(g, node['option_list']),
  })
}

export function createSnapshot(unit: Unit, g: Generator, node: Message): Statement {
  const source = sourceOf(unit, node['clone_from'])
  if (!source) throw unsupported('This snapshot source')
  return ddl(unit, g, 'CREATE_SNAPSHOT_TABLE', {
    action: 'createTable', path: pathOf(unit, node['name_path']), mode: createMode(node), temp: false, fields: [],
    clone: { source: source.path, snapshot: true, ...(source.at_us === undefined ? {} : { at_us: source.at_us }) }, options: optionsOf(g, node['option_list']),
  })
}

export function createView(unit: Unit, g: Generator, node: Message): Statement {
  const materialized = node['node'] === 'ResolvedCreateMaterializedViewStmt'
  const outputs = list(node['output_column_list'])
  const definitions = list(node['column_definition_list'])
  let anonymous = 0
  const fields = outputs.map((output, i) => {
    const given = String(output['name'] ?? '')
    const field = fieldOfType(given === '' || given.startsWith('$') ? `f${anonymous++}_` : given, typeOfProto(output['column'].type))
    annotate(g, field, definitions[i]?.['annotations'])
    return field
  })
  const parts = partitionBy(g, node['partition_by_list'])
  const cluster = clusterBy(node['cluster_by_list'])
  return ddl(unit, g, materialized ? 'CREATE_MATERIALIZED_VIEW' : 'CREATE_VIEW', {
    action: 'createView', path: pathOf(unit, node['name_path']), mode: createMode(node), materialized, query: String(node['sql'] ?? ''), fields,
    ...(node['has_explicit_columns'] ? { columnNames: fields.map((field) => field.name) } : {}),
    ...(parts ? { partitionBy: parts } : {}), ...(cluster ? { clusterBy: cluster } : {}), options: optionsOf(g, node['option_list']),
  })
}

export function createSchema(unit: Unit, g: Generator, node: Message): Statement {
  const path = unit.schemaOf(node['name_path'])
  const collation = node['collation_name']?.value?.value?.string_value
  return ddl(unit, g, 'CREATE_SCHEMA', { action: 'createSchema', ...path, mode: createMode(node), ...(collation ? { defaultCollation: collation } : {}), options: optionsOf(g, node['option_list']) })
}

// ---------------------------------------------------------------- routines

function argumentsOf(node: Message): RoutineArgument[] {
  const names = (node['argument_name_list'] ?? []) as string[]
  return list(node['signature']?.argument).map((argument, i): RoutineArgument => {
    const mode = String(argument['options']?.procedure_argument_mode ?? 'NOT_SET')
    return {
      ...(names[i] === undefined ? {} : { name: names[i] }),
      ...(argument['type'] ? { type: typeOfProto(argument['type']) } : {}),
      ...(mode === 'NOT_SET' ? {} : { mode: mode as 'IN' }),
      ...(argument['options']?.is_not_aggregate ? { notAggregate: true } : {}),
    }
  })
}

function routine(unit: Unit, g: Generator, node: Message, statementType: string, made: Omit<CatalogRoutine, 'path' | 'version' | 'arguments'>): Statement {
  const temp = isTemp(node)
  const options = optionsOf(g, node['option_list'])
  return ddl(unit, g, statementType, {
    action: 'createRoutine', mode: createMode(node), temp, options,
    routine: { path: pathOf(unit, node['name_path'], temp), version: '', arguments: argumentsOf(node), ...made },
  })
}

export function createFunction(unit: Unit, g: Generator, node: Message): Statement {
  const language = String(node['language'] ?? 'SQL').toUpperCase()
  if (node['is_remote'] || (language !== 'SQL' && language !== 'JS' && language !== 'JAVASCRIPT')) throw unsupported(`A function in ${node['is_remote'] ? 'a remote service' : language}`)
  const sql = language === 'SQL'
  return routine(unit, g, node, 'CREATE_FUNCTION', {
    kind: node['is_aggregate'] ? 'aggregate' : 'scalar', language: sql ? 'SQL' : 'JAVASCRIPT', body: String(node['code'] ?? ''),
    ...(node['has_explicit_return_type'] || !sql ? { returnType: typeOfProto(node['return_type']) } : {}),
    ...(node['determinism_level'] === 'DETERMINISM_DETERMINISTIC' ? { determinism: 'DETERMINISTIC' } : node['determinism_level'] === 'DETERMINISM_NOT_DETERMINISTIC' ? { determinism: 'NOT_DETERMINISTIC' } : {}),
  })
}

export function createTableFunction(unit: Unit, g: Generator, node: Message): Statement {
  if (String(node['language'] ?? 'SQL').toUpperCase() !== 'SQL') throw unsupported(`A table function in ${node['language']}`)
  const columns = list(node['output_column_list']).map((each) => ({ name: String(each['name']), type: typeOfProto(each['column'].type) }))
  return routine(unit, g, node, 'CREATE_TABLE_FUNCTION', { kind: 'table', language: 'SQL', body: String(node['code'] ?? ''), ...(node['has_explicit_return_schema'] ? { returnColumns: columns } : {}) })
}

export function createProcedure(unit: Unit, g: Generator, node: Message): Statement {
  const language = String(node['language'] ?? '').toUpperCase()
  if (language && language !== 'SQL') throw unsupported(`A procedure in ${language}`)
  return routine(unit, g, node, 'CREATE_PROCEDURE', { kind: 'procedure', language: 'SQL', body: String(node['procedure_body'] ?? '') })
}

// ---------------------------------------------------------------- drop, alter, the rest

export function drop(unit: Unit, g: Generator, node: Message): Statement {
  const kind = String(node['object_type'] ?? '').toUpperCase()
  const object = ({
    ResolvedDropFunctionStmt: 'FUNCTION', ResolvedDropTableFunctionStmt: 'TABLE FUNCTION', ResolvedDropMaterializedViewStmt: 'MATERIALIZED VIEW', ResolvedDropSnapshotTableStmt: 'SNAPSHOT TABLE',
  }[String(node['node'])] ?? kind) as ObjectKind
  if (object as string === 'MODEL') throw unsupported('BigQuery ML (DROP MODEL)')
  const path = object === 'SCHEMA' ? { ...unit.schemaOf(node['name_path']), tableId: '' } : pathOf(unit, node['name_path'])
  return ddl(unit, g, `DROP_${object.replaceAll(' ', '_')}`, { action: 'drop', object, path, ifExists: Boolean(node['is_if_exists']), cascade: node['drop_mode'] === 'CASCADE' })
}

export function dropIndex(unit: Unit, g: Generator, node: Message): Statement {
  const object = node['index_type'] === 'INDEX_VECTOR' ? 'VECTOR INDEX' : 'SEARCH INDEX'
  return ddl(unit, g, `DROP_${object.replace(' ', '_')}`, { action: 'drop', object, path: pathOf(unit, node['table_name_path']), name: node['name'], ifExists: Boolean(node['is_if_exists']), cascade: false })
}

export function dropPolicy(unit: Unit, g: Generator, node: Message): Statement {
  return ddl(unit, g, 'DROP_ROW_ACCESS_POLICY', {
    action: 'drop', object: 'ROW ACCESS POLICY', path: pathOf(unit, node['target_name_path']), ...(node['is_drop_all'] ? {} : { name: node['name'] }), ifExists: Boolean(node['is_if_exists']), cascade: false,
  })
}

const ALTERED: Record<string, ObjectKind> = { ResolvedAlterTableStmt: 'TABLE', ResolvedAlterViewStmt: 'VIEW', ResolvedAlterMaterializedViewStmt: 'MATERIALIZED VIEW', ResolvedAlterSchemaStmt: 'SCHEMA', ResolvedAlterTableSetOptionsStmt: 'TABLE' }

export function alter(unit: Unit, g: Generator, node: Message): Statement {
  const object = ALTERED[String(node['node'])]!
  const path = object === 'SCHEMA' ? { ...unit.schemaOf(node['name_path']), tableId: '' } : pathOf(unit, node['name_path'])
  const steps = node['option_list'] && !node['alter_action_list'] ? [{ step: 'options' as const, options: optionsOf(g, node['option_list']) }] : list(node['alter_action_list']).map((action) => stepOf(unit, g, action))
  return ddl(unit, g, `ALTER_${object.replaceAll(' ', '_')}`, { action: 'alter', object, path, ifExists: Boolean(node['is_if_exists']), steps })
}

function stepOf(unit: Unit, g: Generator, action: Message): AlterStep {
  const ifExists = Boolean(action['is_if_exists'])
  const name = String(action['column'] ?? action['name'] ?? '')
  switch (String(action['node'])) {
    case 'ResolvedSetOptionsAction':
      return { step: 'options', options: optionsOf(g, action['option_list']) }
    case 'ResolvedAddColumnAction': {
      const field = fieldOfDefinition(g, action['column_definition'])
      const expression = action['column_definition'].default_value?.expression
      return { step: 'addColumn', field, ifNotExists: Boolean(action['is_if_not_exists']), ...(expression ? { default: g.expr(expression) } : {}) }
    }
    case 'ResolvedDropColumnAction':
      return { step: 'dropColumn', name, ifExists }
    case 'ResolvedRenameColumnAction':
      return { step: 'renameColumn', from: name, to: String(action['new_name']), ifExists }
    case 'ResolvedRenameToAction':
      return { step: 'renameTo', tableId: (action['new_path'] as string[]).at(-1)! }
    case 'ResolvedAlterColumnSetDataTypeAction': {
      const field = fieldOfType(name, typeOfProto(action['updated_type']))
      parametrize(field, action['updated_type_parameters'])
      annotate(g, field, action['updated_annotations'])
      return { step: 'columnType', name, field, ifExists }
    }
    case 'ResolvedAlterColumnSetDefaultAction':
      return { step: 'columnDefault', name, expression: String(action['default_value']?.sql ?? ''), ifExists }
    case 'ResolvedAlterColumnDropDefaultAction':
      return { step: 'columnDefault', name, expression: null, ifExists }
    case 'ResolvedAlterColumnDropNotNullAction':
      return { step: 'columnNotNull', name, notNull: false, ifExists }
    case 'ResolvedAlterColumnOptionsAction':
      return { step: 'columnOptions', name, options: optionsOf(g, action['option_list']), ifExists }
    case 'ResolvedSetCollateClause':
      return { step: 'defaultCollation', collation: String(action['collation_name']?.value?.value?.string_value ?? '') }
    case 'ResolvedAddConstraintAction': {
      const constraint = action['constraint'] as Message
      const made: Constraint = constraint['node'] === 'ResolvedPrimaryKey' ? { kind: 'primaryKey', ...(constraint['constraint_name'] ? { name: constraint['constraint_name'] } : {}), columns: constraint['column_name_list'] ?? [] } : foreignKey(unit, constraint)
      return { step: 'addConstraint', constraint: made, ifNotExists: Boolean(action['is_if_not_exists']) }
    }
    case 'ResolvedDropConstraintAction':
      return { step: 'dropConstraint', name, ifExists }
    case 'ResolvedDropPrimaryKeyAction':
      return { step: 'dropPrimaryKey', ifExists }
    default:
      throw unsupported(String(action['node']).replace(/^Resolved|Action$/g, '').replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase())
  }
}

export function rename(unit: Unit, g: Generator, node: Message): Statement {
  return ddl(unit, g, 'ALTER_TABLE', { action: 'alter', object: 'TABLE', path: pathOf(unit, node['old_name_path']), ifExists: false, steps: [{ step: 'renameTo', tableId: (node['new_name_path'] as string[]).at(-1)! }] })
}

export function createPolicy(unit: Unit, g: Generator, node: Message): Statement {
  const scan = node['table_scan'] as Message
  const relation = unit.relations.get(Number(scan['table']?.serialization_id ?? 0))!
  list(scan['column_list']).forEach((column, i) => {
    const found = relation.source.columns[((scan['column_index_list'] ?? []) as number[])[i] ?? i]!
    g.named.set(Number(column['column_id']), { text: found.column, column: found })
  })
  const grantees = list(node['grantee_expr_list']).map((each) => String(each['value']?.value?.string_value ?? ''))
  return ddl(unit, g, 'CREATE_ROW_ACCESS_POLICY', {
    action: 'createRowAccessPolicy', path: relation.paths[0]!, name: String(node['name']), mode: createMode(node), grantees: grantees.length ? grantees : (node['grantee_list'] ?? []),
    filter: String(node['predicate_str'] ?? ''), filterDuckSql: g.expr(node['predicate']),
  })
}

export function createIndex(unit: Unit, g: Generator, node: Message): Statement {
  const columns = node['index_all_columns'] ? ['ALL COLUMNS'] : list(node['index_item_list']).map((item) => String(item['column_ref']?.column?.name ?? ''))
  const index = node['is_vector'] ? 'VECTOR' : 'SEARCH'
  return ddl(unit, g, `CREATE_${index}_INDEX`, {
    action: 'createIndex', index, path: pathOf(unit, node['table_name_path']), name: (node['name_path'] as string[]).at(-1)!, mode: createMode(node), columns, options: optionsOf(g, node['option_list']),
  })
}

export function undrop(unit: Unit, g: Generator, node: Message): Statement {
  if (String(node['schema_object_kind']).toUpperCase() !== 'SCHEMA') throw unsupported(`UNDROP ${node['schema_object_kind']}`)
  return ddl(unit, g, 'UNDROP_SCHEMA', { action: 'undrop', object: 'SCHEMA', path: { ...unit.schemaOf(node['name_path']), tableId: '' }, ifNotExists: Boolean(node['is_if_not_exists']) })
}

export function grant(unit: Unit, g: Generator, node: Message): Statement {
  const revoke = node['node'] === 'ResolvedRevokeStmt'
  const object = ((node['object_type_list'] ?? []) as string[]).join(' ').toUpperCase()
  return ddl(unit, g, revoke ? 'REVOKE' : 'GRANT', {
    action: revoke ? 'revoke' : 'grant', roles: list(node['privilege_list']).map((each) => String(each['action_type'])), object,
    path: object === 'SCHEMA' ? { ...unit.schemaOf(node['name_path']), tableId: '' } : pathOf(unit, node['name_path']),
    grantees: list(node['grantee_expr_list']).map((each) => String(each['value']?.value?.string_value ?? '')),
  })
}

export function exportData(unit: Unit, g: Generator, node: Message): Statement {
  return { kind: 'export', ...unit.common('EXPORT_DATA'), jsFunctions: unit.jsOf(g), query: queryOf(g, node), options: optionsOf(g, node['option_list']) }
}

export function loadData(unit: Unit, g: Generator, node: Message): Statement {
  const temp = Boolean(node['is_temp_table'])
  const fields = list(node['column_definition_list']).map((definition) => fieldOfDefinition(g, definition))
  const parts = partitionBy(g, node['partition_by_list'])
  const cluster = clusterBy(node['cluster_by_list'])
  return {
    kind: 'load', ...unit.common('LOAD_DATA'), target: pathOf(unit, node['name_path'], temp), overwrite: node['insertion_mode'] === 'OVERWRITE', temp,
    ...(fields.length ? { fields } : {}), ...(parts ? { partitionBy: parts } : {}), ...(cluster ? { clusterBy: cluster } : {}),
    options: optionsOf(g, node['option_list']), from: optionsOf(g, node['from_files_option_list']),
  }
}
