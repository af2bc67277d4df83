import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Raised } from '../language/raised.ts'
import { findAll, matches, replaceAll } from './regex.ts'

const atom = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\d', '\\w')
const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    atom,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(tie('node'), fc.constantFrom('*', '+', '?', '{0,2}', '*?', '+?')).map(([a, mark]) => `(?:${a})${mark}`),
    tie('node').map((a) => `(${a})`),
  ),
})).node

/** Repetitions of single characters only: of what may be empty, JavaScript gives up an iteration that RE2 keeps. */
const plain = fc.array(fc.tuple(atom, fc.constantFrom('', '*', '+', '?', '{1,2}', '*?', '+?')).map((pair) => pair.join('')), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '\n'), maxLength: 12 })

describe('regular expressions', () => {
  it('find what another engine finds, wherever both speak the same language', () => {
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        expect(matches(subject, source)).toBe(new RegExp(source, 'u').test(subject))
      }),
      { numRuns: 500 },
    )
  })

  it('replace what another engine replaces, where no match is empty', () => {
    fc.assert(
      fc.property(plain, text, (source, subject) => {
        const theirs = new RegExp(source, 'gu')
        fc.pre(![...subject.matchAll(theirs)].some(([found]) => found === ''))
        expect(replaceAll(subject, source, '-')).toBe(subject.replace(theirs, '-'))
      }),
      { numRuns: 500 },
    )
  })

  it('take time in proportion to text and pattern: what kills a backtracking engine is answered', () => {
    expect(matches(`${'a'.repeat(5_000)}!`, '^(a+)+$')).toBe(false)
    expect(matches('a'.repeat(3_000), `${'a?'.repeat(60)}${'a'.repeat(60)}$`)).toBe(true)
  })

  it('a pattern too large, or too much work, is a limit and not a wait', () => {
    expect(() => matches('a', '((a{100}){100}){100}')).toThrow(Raised)
    expect(() => matches('b'.repeat(200_000), `${'(?:a|b|c)*'.repeat(300)}d`)).toThrow(Raised)
  })

  it('prefer the longest of the matches at one place', () => {
    expect(findAll('xaab', 'a|aa|aab').map(({ groups }) => groups[0])).toEqual(['aab'])
  })

  it('know RE2 marks that JavaScript does not', () => {
    expect(matches('FOO', '(?i)foo')).toBe(true)
    expect(matches('a\nb', '(?s)a.b')).toBe(true)
    expect(matches('x', '[[:alpha:]]')).toBe(true)
    expect(matches('α', '\\p{Greek}')).toBe(true)
    expect(replaceAll('k=v', '(?P<key>k)=(v)', '\\2=\\1')).toBe('v=k')
    expect(matches('a+b', '\\Qa+b\\E')).toBe(true)
  })
})
