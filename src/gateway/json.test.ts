import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJsonObject } from './json.ts'
import { JSON_DEPTH_MAX } from './limits.ts'

const parse = (text: string) => parseJsonObject(Buffer.from(text))
const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', reason: 'parseError' })

test('every JSON object is read as JSON.parse reads it, in any layout', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (object, indent) => {
      const text = JSON.stringify(object, null, indent)
      expect(parse(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('an empty body is an empty object', () => {
  expect(parse('')).toEqual({})
})

test('two equal keys in one object are refused however they are written, at any depth, and only there', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(5), (key, other, depth) => {
      const inside = (members: string) => '{"a":['.repeat(depth) + `{${members}}` + ']}'.repeat(depth)
      const plain = JSON.stringify(key)
      const escaped = `"${[...key].map((unit) => [...Array(unit.length).keys()].map((at) => `\\u${unit.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')).join('')}"`
      expect(() => parse(inside(`${plain}:1,${escaped} :2`))).toThrow(refusal)
      if (key !== other) parse(inside(`${plain}:1,${JSON.stringify(other)}:{${plain}:${plain}}`))
    }),
  )
})

test.each([
  ['no object', '[1]'],
  ['a word', '"text"'],
  ['nothing', 'null'],
  ['broken', '{"a":'],
  ['a trailing comma', '{"a":1,}'],
  ['a comment', '{/*x*/"a":1}'],
  ['an open string', '{"a'],
])('%s is refused', (_, text) => {
  expect(() => parse(text)).toThrow(refusal)
})

test('what is not UTF-8 is refused', () => {
  expect(() => parseJsonObject(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow(refusal)
})

test('depth is bounded before anything is parsed, and brackets in strings do not count', () => {
  const nested = (depth: number) => '{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1)
  parse(nested(JSON_DEPTH_MAX))
  expect(() => parse(nested(JSON_DEPTH_MAX + 1))).toThrow(refusal)
  expect(() => parse('{"a":'.repeat(200_000))).toThrow(refusal)
  parse(JSON.stringify({ a: '['.repeat(10_000) }))
})

test('no text makes it throw anything but a refusal', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', ' ')).map((parts) => parts.join(''))), (text) => {
      try {
        parse(text)
      } catch (thrown) {
        expect(thrown).toEqual(refusal)
      }
    }),
  )
})
