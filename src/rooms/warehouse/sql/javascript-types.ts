/**
 * How values travel to and from JavaScript functions. Few kinds go as they are; the rest goes as text, cast by the engine on both sides.
 * Shared by the generator, which writes the casts, and the engine, which reads the columns. Types only, no values.
 */
import type { ScalarKind, SqlType } from './types.ts'

const GIVEN_AS_IS: ReadonlySet<ScalarKind> = new Set(['BOOL', 'INT64', 'FLOAT64', 'STRING', 'BYTES', 'DATE', 'TIMESTAMP', 'JSON', 'GEOGRAPHY'])
const TAKEN_AS_IS: ReadonlySet<ScalarKind> = new Set(['BOOL', 'INT64', 'FLOAT64', 'STRING', 'BYTES'])

/** The type of an argument's column. */
export const givenType = (type: SqlType): SqlType => carried(type, GIVEN_AS_IS)

/** The type of the column that comes back. */
export const takenType = (type: SqlType): SqlType => carried(type, TAKEN_AS_IS)

function carried(type: SqlType, asIs: ReadonlySet<ScalarKind>): SqlType {
  if (type.kind === 'ARRAY') return { kind: 'ARRAY', element: carried(type.element, asIs) }
  if (type.kind === 'STRUCT') return { kind: 'STRUCT', fields: type.fields.map((field) => ({ name: field.name, type: carried(field.type, asIs) })) }
  if (type.kind === 'RANGE') return { kind: 'STRING' }
  return asIs.has(type.kind) ? type : { kind: 'STRING' }
}
