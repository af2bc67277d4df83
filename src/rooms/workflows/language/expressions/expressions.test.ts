import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, run, tagOf } from '../../runner/quick.ts'

describe('operators follow the documented tables', () => {
  it.each([
    ['2 + 3 * 4', 14], ['(2 + 3) * 4', 20], ['7 // 2', 3], ['-7 // 2', -4], ['7 % 3', 1], ['-7 % 3', 2], ['7 / 2', 3.5], ['6 / 2', 3], ['27 * 9 / 5 + 32', 80.6],
    ['"n=" + 1', 'n=1'], ['1 + "n"', '1n'], ['"b=" + true', 'b=true'], ['2.5 + "x"', '2.5x'], ['string(80.6)', '80.6'], ['string(6 / 2)', '3.0'],
    ['not (1 == 2)', true], ['not(1 in [2])', true], ['1 not in [2]', true], ['"a" in args', true], ['3 in [1, 2, 3.0]', true],
    ['1 == 1.0', true], ['1 == "1"', false], ['null == null', true], ['[1, {"a": 2}] == [1, {"a": 2}]', true],
    ['true or args.missing', true], ['false and args.missing', false], ['TRUE AND NOT False', true],
    ['args.a.b[1]', 'second'], ['args["a"]["b"][0]', 'first'], ['"a\\"b\\n\\u0041"', 'a"b\nA'], ["'single'", 'single'],
    ['9007199254740993 + 0', 9007199254740992], ['if(1 < 2, "y", "n")', 'y'], ['default(null, 3)', 3], ['-(-3)', 3], ['1 < 2 and 2 <= 2 and 3 > 2 and 3 >= 3', true], ['"a" < "b"', true],
  ])('%s', async (expression, expected) => {
    expect(await evaluate(expression, { a: { b: ['first', 'second'] } })).toEqual(expected)
  })

  it.each([
    ['true + 1', 'TypeError'], ['[1] + [2]', 'TypeError'], ['1 < "a"', 'TypeError'], ['not 1', 'TypeError'], ['null.x', 'TypeError'], ['"s"[0]', 'TypeError'], ['null + "a"', 'TypeError'],
    ['args.nope', 'KeyError'], ['[1][5]', 'IndexError'], ['[1][-1]', 'IndexError'], ['1 / 0', 'ZeroDivisionError'], ['1 % 0', 'ZeroDivisionError'], ['1 // 0', 'ZeroDivisionError'],
    ['int("abc")', 'ValueError'], ['9223372036854775807 + 1', 'ValueError'], ['string([1])', 'TypeError'], ['1 in null', 'TypeError'], ['true and 1', 'TypeError'],
  ])('%s raises %s', async (expression, tag) => {
    expect(await tagOf(expression, {})).toBe(tag)
  })

  it('integers keep all 64 bits', async () => {
    const { outcome } = await run('- r:\n    return: ${string(9007199254740993 * 3 - 1)}\n')
    expect(outcome).toMatchObject({ result: '27021597764222978' })
  })

  it('integer arithmetic is that of whole numbers, with floor division', async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt(-(2n ** 40n), 2n ** 40n), fc.bigInt(-(2n ** 20n), 2n ** 20n), async (a, b) => {
        const text = (operator: string) => evaluate(`string((${a}) ${operator} (${b}))`)
        expect(await text('+')).toBe(String(a + b))
        expect(await text('*')).toBe(String(a * b))
        if (b === 0n) return
        const quotient = a / b
        const floor = a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient
        expect(await text('//')).toBe(String(floor))
        expect(await text('%')).toBe(String(a - b * floor))
      }),
      { numRuns: 60 },
    )
  })

  it('strings survive their way through an expression', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(await evaluate(JSON.stringify(text))).toBe(text)
      }), { numRuns: 100 })
  })
})

describe('values', () => {
  it('an assignment copies: writing to the copy leaves the original', async () => {
    const { result } = await run(`
- a:
    assign:
      - m: {"x": {"y": [1, 2]}}
      - n: \${m}
      - n.x.y[0]: 9
      - n.new.deep: true
- r:
    return: ['\${m}', '\${n}']
`)
    expect(result).toEqual([{ x: { y: [1, 2] } }, { x: { y: [9, 2] }, new: { deep: true } }])
  })

  it('__proto__ is a key like any other', async () => {
    expect(await evaluate('json.decode("{\\"__proto__\\": {\\"polluted\\": 1}}").__proto__.polluted')).toBe(1)
    expect(await tagOf('args.polluted', {})).toBe('KeyError')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('doubles without a fraction stay doubles, through JSON too', async () => {
    expect(await evaluate('get_type(json.decode("1.0"))')).toBe('double')
    expect(await evaluate('json.encode_to_string([1.0, 1, 6 / 3])')).toBe('[1.0,1,2.0]')
  })
})

describe('sub-workflows inside expressions', () => {
  it('run in the order of the expression, once each, and may wait', async () => {
    const { result, virtual_seconds } = await run(`
main:
  steps:
    - a:
        assign:
          - x: \${slow(1) + slow(slow(2)) * 10}
          - skipped: \${false and slow(99) == 1}
    - r:
        return: ['\${x}', '\${skipped}']
slow:
  params: [n]
  steps:
    - s: {call: sys.sleep, args: {seconds: 10}}
    - r: {return: "\${n + 1}"}
`)
    expect(result).toEqual([42, false])
    expect(virtual_seconds).toBe(30)
  })
})
