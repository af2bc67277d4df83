/** Routines in the API's own names, and as the compiler knows them. */
import { invalid, required } from './faults.ts'
import type { CatalogRoutine, RoutineArgument, ScalarKind, SqlField, SqlType } from './sql/types.ts'
import type { Json, Routine } from './types.ts'

const KINDS = { SCALAR_FUNCTION: 'scalar', AGGREGATE_FUNCTION: 'aggregate', TABLE_VALUED_FUNCTION: 'table', PROCEDURE: 'procedure' } as const
const TYPES: Record<CatalogRoutine['kind'], keyof typeof KINDS> = { scalar: 'SCALAR_FUNCTION', aggregate: 'AGGREGATE_FUNCTION', table: 'TABLE_VALUED_FUNCTION', procedure: 'PROCEDURE' }

const SCALARS = new Set<string>(['BOOL', 'INT64', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC', 'STRING', 'BYTES', 'DATE', 'TIME', 'DATETIME', 'TIMESTAMP', 'INTERVAL', 'JSON', 'GEOGRAPHY'])

/** A StandardSqlDataType. */
export function typeOfWire(given: unknown, path: string): SqlType {
  if (typeof given !== 'object' || given === null) throw invalid(`Invalid value at ${path}: a data type is wanted.`, path)
  const { typeKind, arrayElementType, structType, rangeElementType } = given as { typeKind?: unknown; arrayElementType?: unknown; structType?: { fields?: unknown }; rangeElementType?: unknown }
  if (typeKind === 'ARRAY') return { kind: 'ARRAY', element: typeOfWire(arrayElementType, `${path}.arrayElementType`) }
  if (typeKind === 'RANGE') return { kind: 'RANGE', element: typeOfWire(rangeElementType, `${path}.rangeElementType`) }
  if (typeKind === 'STRUCT') return { kind: 'STRUCT', fields: fieldsOfWire(structType?.fields, `${path}.structType.fields`) }
  if (typeof typeKind === 'string' && SCALARS.has(typeKind)) return { kind: typeKind as ScalarKind }
  throw invalid(`Invalid value for typeKind at ${path}: ${JSON.stringify(typeKind)?.slice(0, 60)}`, path)
}

function fieldsOfWire(given: unknown, path: string): SqlField[] {
  if (!Array.isArray(given)) return []
  return given.map((field, index) => ({ name: String((field as { name?: unknown })?.name ?? ''), type: typeOfWire((field as { type?: unknown })?.type, `${path}[${index}].type`) }))
}

export function typeToWire(type: SqlType): Json {
  if (type.kind === 'ARRAY') return { typeKind: 'ARRAY', arrayElementType: typeToWire(type.element) }
  if (type.kind === 'RANGE') return { typeKind: 'RANGE', rangeElementType: typeToWire(type.element) }
  if (type.kind === 'STRUCT') return { typeKind: 'STRUCT', structType: { fields: type.fields.map(({ name, type: inner }) => ({ name, type: typeToWire(inner) })) } }
  return { typeKind: type.kind }
}

export function routineOf({ config, projectId, datasetId, routineId }: Pick<Routine, 'config' | 'projectId' | 'datasetId' | 'routineId'>): Omit<CatalogRoutine, 'version'> {
  const kind = KINDS[String(config['routineType']) as keyof typeof KINDS]
  if (!kind) throw invalid(`Invalid value for routineType: ${String(config['routineType']).slice(0, 60)}`, 'routineType')
  const body = config['definitionBody']
  if (typeof body !== 'string') throw required('definitionBody')
  const returnTable = config['returnTableType'] as { columns?: unknown } | undefined
  const determinism = config['determinismLevel']
  return {
    kind, path: { projectId, datasetId, tableId: routineId }, language: config['language'] === 'JAVASCRIPT' ? 'JAVASCRIPT' : 'SQL', body,
    arguments: ((config['arguments'] ?? []) as unknown[]).map(argumentOf),
    ...(config['returnType'] !== undefined && { returnType: typeOfWire(config['returnType'], 'returnType') }),
    ...(returnTable !== undefined && { returnColumns: fieldsOfWire(returnTable.columns, 'returnTableType.columns') }),
    ...((determinism === 'DETERMINISTIC' || determinism === 'NOT_DETERMINISTIC') && { determinism }),
  }
}

function argumentOf(given: unknown, index: number): RoutineArgument {
  const { name, mode, dataType, argumentKind } = given as { name?: unknown; mode?: unknown; dataType?: unknown; argumentKind?: unknown }
  return {
    ...(typeof name === 'string' && { name }),
    ...(argumentKind !== 'ANY_TYPE' && dataType !== undefined && { type: typeOfWire(dataType, `arguments[${index}].dataType`) }),
    ...((mode === 'IN' || mode === 'OUT' || mode === 'INOUT') && { mode }),
  }
}

/** From CREATE FUNCTION and CREATE PROCEDURE. */
export function routineConfig(routine: CatalogRoutine): Json {
  return {
    routineType: TYPES[routine.kind],
    language: routine.language,
    definitionBody: routine.body,
    arguments: routine.arguments.map(({ name, type, mode }) => ({ ...(name !== undefined && { name }), ...(type ? { dataType: typeToWire(type) } : { argumentKind: 'ANY_TYPE' }), ...(mode && { mode }) })),
    ...(routine.returnType && { returnType: typeToWire(routine.returnType) }),
    ...(routine.returnColumns && { returnTableType: { columns: routine.returnColumns.map(({ name, type }) => ({ name, type: typeToWire(type) })) } }),
    ...(routine.determinism && { determinismLevel: routine.determinism }),
  }
}
