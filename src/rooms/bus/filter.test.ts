import { describe, expect, it } from 'vitest'
import { parseFilter } from './filter.ts'

const attributes = { kind: 'a', name: 'quiet', 'iana.org/language_tag': 'en', empty: '' }

describe('the filter language', () => {
  it.each([
    ['attributes:kind', true],
    ['attributes:missing', false],
    ['NOT attributes:missing', true],
    ['-attributes:kind', false],
    ['attributes.kind = "a"', true],
    ['attributes.kind = "A"', false],
    ['attributes.kind != "b"', true],
    ['attributes.missing != "b"', true],
    ['attributes.empty = ""', true],
    ['attributes:"iana.org/language_tag"', true],
    ['attributes."iana.org/language_tag" = "en"', true],
    ['hasPrefix(attributes.name, "qu")', true],
    ['hasPrefix(attributes.missing, "")', false],
    ['attributes.kind = "a" AND NOT hasPrefix(attributes.name, "z")', true],
    ['attributes.kind = "b" OR attributes.kind = "a"', true],
    ['attributes.kind = "b" OR (attributes:name AND attributes:missing)', false],
    ['NOT (attributes.kind = "b" OR attributes.kind = "a")', false],
    ['attributes.name = "qui\\"et"', false],
    ['attributes:constructor', false],
  ])('%s is %s', (text, expected) => {
    expect(parseFilter(text)!(attributes)).toBe(expected)
  })

  it.each([
    'bogus =', 'attributes', 'attributes.kind', 'attributes.kind = a', 'attributes.kind == "a"', 'attributes:', 'hasPrefix(attributes.a)', '(attributes:a', 'attributes:a)',
    'attributes:a AND', 'attributes:a attributes:b', 'attributes:a AND attributes:b OR attributes:c', 'attributes.a = "open', 'NOT', '"a"', 'attributes:a;', `attributes:${'a'.repeat(300)}`, '('.repeat(120),
  ])('%s is refused', (text) => {
    expect(() => parseFilter(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('an empty filter wants everything', () => {
    expect(parseFilter('  ')).toBeUndefined()
  })
})
