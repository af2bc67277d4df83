import { describe, expect, test } from 'vitest'
import { readSchema, schemaChange } from './schema.ts'
import type { Field } from './sql/types.ts'

const a: Field = { name: 'a', type: 'INTEGER', mode: 'REQUIRED' }
const r: Field = { name: 'r', type: 'RECORD', mode: 'NULLABLE', fields: [{ name: 'x', type: 'FLOAT', mode: 'NULLABLE' }] }

describe('a schema may grow and relax, and nothing else', () => {
  test('a new column, a relaxed one, a record with one field more', () => {
    const after = [{ ...a, mode: 'NULLABLE' as const }, { ...r, fields: [{ name: 'y', type: 'STRING' as const, mode: 'NULLABLE' as const }, ...r.fields!] }, { name: 'b', type: 'STRING' as const, mode: 'NULLABLE' as const }]
    const { fields, steps } = schemaChange([a, r], after)
    expect(fields.map(({ name }) => name)).toEqual(['a', 'r', 'b'])
    expect(steps).toHaveLength(3)
    // The old field keeps its value at its new place.
    expect(steps.find((step) => step.includes('"r"'))).toContain(`'_2': ("r")._1`)
  })

  test.each<[string, Field[]]>([
    ['a column that has gone', [r]],
    ['another type', [{ ...a, type: 'STRING' }, r]],
    ['a mode that is stricter', [a, { ...r, mode: 'REQUIRED' }]],
    ['a new column that is required', [a, r, { name: 'b', type: 'STRING', mode: 'REQUIRED' }]],
    ['a field of a record that has gone', [a, { ...r, fields: [{ name: 'z', type: 'FLOAT' }] }]],
  ])('%s is refused', (_name, after) => expect(() => schemaChange([a, r], after)).toThrow(/does not match Table/))
})

test('types are read in every spelling and kept in one', () => {
  const spelled = ['INT64', 'BIGINT', 'FLOAT64', 'BOOL', 'DECIMAL', 'string'].map((type, index) => ({ name: `c${index}`, type }))
  expect(readSchema({ fields: spelled }).map(({ type }) => type)).toEqual(['INTEGER', 'INTEGER', 'FLOAT', 'BOOLEAN', 'NUMERIC', 'STRING'])
})
