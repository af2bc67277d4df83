/** Hostile sources: whatever comes, the answer is a program or a Fault with line and column, and an execution ends. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '#ground/fault.ts'
import { connectors } from '../connectors/engine.ts'
import { run } from '../runner/quick.ts'
import { checkProgram } from './check.ts'

const SEEDS = [
  'main:\n  params: [a]\n  steps:\n    - x:\n        assign:\n          - m: {"k": [1, "${a.b + 1}"]}\n    - r:\n        return: ${m.k[0]}\n',
  '- t:\n    try:\n      call: http.get\n      args: {url: "https://x.test"}\n    retry: ${http.default_retry}\n    except:\n      as: e\n      steps:\n        - s: {raise: "${e}"}\n',
  '- p:\n    parallel:\n      shared: []\n      for:\n        value: v\n        range: [1, 3]\n        steps:\n          - s: {call: sys.log, args: {data: "${v}"}}\n',
  '[{"a": {"switch": [{"condition": "${not(1 in [2])}", "next": "end"}], "next": "a"}}]',
]

function isRefusedWell(source: string): void {
  try {
    checkProgram(source, connectors)
  } catch (error) {
    expect(error).toBeInstanceOf(Fault)
    const fault = error as Fault
    expect(fault.code).toBe('INVALID_ARGUMENT')
    for (const line of fault.message.split('\n').filter((text) => text.startsWith('main.yaml'))) expect(line).toMatch(/^main\.yaml:[1-9]\d*:[1-9]\d*: ./)
    expect((fault.details['problems'] as unknown[]).length).toBeGreaterThan(0)
  }
}

/** A seed with pieces cut, doubled and replaced. */
const mutated = fc
  .tuple(fc.constantFrom(...SEEDS), fc.array(fc.tuple(fc.nat(), fc.nat(12), fc.oneof(fc.constantFrom('${', '}', '"', ': ', '- ', '\n', '[', '{', '&a ', '*a', '!!binary ', '|', '>', '\t', '\0', '__proto__'), fc.string({ maxLength: 5 }))), { maxLength: 6 }))
  .map(([seed, edits]) => edits.reduce((text, [at, cut, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut), seed))

describe('hostile sources', () => {
  it('any text is a program or a fault with line and column', () => {
    fc.assert(fc.property(fc.oneof(mutated, mutated, mutated, fc.string({ unit: 'binary', maxLength: 200 })), isRefusedWell), { numRuns: 1_500 })
  })

  it('any JSON is a program or a fault with line and column', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => isRefusedWell(JSON.stringify(value))), { numRuns: 500 })
  })

  it('any expression is a value or an error of the language', async () => {
    const piece = fc.constantFrom('1', '"s"', 'a', 'a.b', '(', ')', '[', ']', '{', '}', '+', '-', '*', '/', '//', '%', '==', '<', 'in', 'not', 'and', 'or', ',', ':', '.', 'len(', 'text.split(', '9223372036854775807', '1e308', 'null', 'true')
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
        const source = JSON.stringify({ main: { params: ['a'], steps: [{ r: { return: `\${${pieces.join(' ')}}` } }] } })
        try {
          const { outcome } = await run(source, { argument: { b: [1] } })
          expect(['SUCCEEDED', 'FAILED']).toContain(outcome.state)
        } catch (error) {
          expect(error).toBeInstanceOf(Fault)
        }
      }),
      { numRuns: 400 },
    )
  })

  const bombs: [string, string][] = [
    ['nested flow lists', '['.repeat(60_000)],
    ['nested flow maps', '{"a":'.repeat(20_000)],
    ['nested block lists', '- '.repeat(40_000)],
    ['nested steps', `${'[{"a":{"steps":'.repeat(300)}[{"a":{"return":1}}]${'}}]'.repeat(300)}`],
    ['aliases of aliases', Array.from({ length: 9 }, (_, i) => `k${i}: &a${i} [${i === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${i - 1}`).join(',')}]`).join('\n')],
    ['an alias of itself', 'main: &a\n  steps: *a\n'],
    ['128 KB and a byte', `- a:\n    return: "${'x'.repeat(128 * 1024)}"\n`],
    ['an expression of parentheses', `- a:\n    return: \${${'('.repeat(1_900)}1${')'.repeat(1_900)}}\n`],
    ['an expression of minus signs', `- a:\n    return: \${${'-'.repeat(3_000)}1}\n`],
    ['a very long expression', `- a:\n    return: \${${'1 + '.repeat(2_000)}1}\n`],
    ['an integer of more than 64 bits', '- a:\n    return: 99999999999999999999\n'],
    ['not a number', '- a:\n    return: .nan\n'],
    ['duplicate keys', '- a: {return: 1}\n  a: {return: 2}\n'],
    ['nothing', ''],
    ['a document of another kind', '--- !!set {a}\n'],
  ]
  it.each(bombs)('%s: a fault with line and column', (_, source) => {
    expect(() => checkProgram(source, connectors)).toThrow(/^main\.yaml:\d+:\d+: /)
  })
})
