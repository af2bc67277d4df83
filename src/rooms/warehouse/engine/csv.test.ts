import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCsv } from './csv.ts'
import { typeOfCell, validName } from './sniff.ts'

const sample = { delimiter: ',', quote: '"', rows_max: 1000, whole: true }

test('what is quoted comes back as it was, whatever it holds', () => {
  const cell = fc.string().filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 }), (rows) => {
      const text = rows.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(',')).join('\r\n')
      expect(parseCsv(text, sample)).toEqual(rows)
    }),
  )
})

test('a last line that the sample cuts off is no row', () => {
  expect(parseCsv('a,b\nc', { ...sample, whole: false })).toEqual([['a', 'b']])
  expect(parseCsv('a,b\nc', sample)).toEqual([['a', 'b'], ['c']])
})

test.each([
  ['7', 'INTEGER'], ['-9223372036854775808', 'INTEGER'], ['9223372036854775808', 'FLOAT'], ['1.5e3', 'FLOAT'], ['TRUE', 'BOOLEAN'], ['2024-02-29', 'DATE'], ['2023-02-29', 'STRING'], ['2020-01-01 00:00:00', 'TIMESTAMP'],
  ['2020-01-01T00:00:00.123Z', 'TIMESTAMP'], ['23:59:59', 'TIME'], ['24:00:00', 'STRING'], ['yes?', 'STRING'],
])('%s is taken for %s', (cell, type) => expect(typeOfCell(cell)).toBe(type))

test('names are made valid', () => {
  expect(['Rating Score', '1st', 'a.b', 'größe', 'x-y'].map(validName)).toEqual(['Rating_Score', '_1st', 'a_b', 'größe', 'x_y'])
})
