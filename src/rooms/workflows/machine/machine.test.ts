import { describe, expect, it } from 'vitest'
import { run, type QuickOptions } from '../runner/quick.ts'
import type { StubRoute } from '../runner/stub.ts'

const route = (url: string, ...responses: StubRoute['responses']): StubRoute => ({ method: 'GET', url, responses })
const failing = (status: number) => ({ status, headers: { 'Content-Type': 'application/json' }, body: { why: status } })

/** Both ways: in one go, and with the state written and read again at every wait. They must not differ. */
async function runTwice(source: string, options: QuickOptions = {}) {
  const plain = await run(source, options)
  const resumed = await run(source, { ...options, atRest: (state) => state })
  expect(resumed.outcome).toEqual(plain.outcome)
  expect(resumed.calls).toEqual(plain.calls)
  expect(resumed.virtual_seconds).toBe(plain.virtual_seconds)
  return plain
}

describe('retry and except', () => {
  const get = (retry: string, more = '') => `
main:
  steps:
    - t:
        try: {call: http.get, args: {url: "https://api.test/x"}, result: r}
        retry: ${retry}${more}
    - done:
        return: \${r.body}
yes:
  params: [e]
  steps:
    - s:
        switch:
          - condition: \${e.code == 500}
            return: true
    - n: {return: false}
`
  it('the default policy retries 503 with growing delays, five times', async () => {
    const ok = await runTwice(get('${http.default_retry}'), { routes: [route('https://api.test/x', failing(503), failing(429), { body: 'fine' })] })
    expect(ok).toMatchObject({ result: 'fine', virtual_seconds: 2.25 })
    const never = await runTwice(get('${http.default_retry}'), { routes: [route('https://api.test/x', failing(503))] })
    expect(never.calls).toHaveLength(6)
    expect(never.error).toMatchObject({ code: 503, tags: ['HttpError'], message: 'HTTP server responded with error code 503', body: { why: 503 } })
  })

  it('500 is not retried by default, and is by a predicate of the workflow', async () => {
    const routes = [route('https://api.test/x', failing(500), { body: 'fine' })]
    expect((await runTwice(get('${http.default_retry}'), { routes })).error).toMatchObject({ code: 500 })
    const custom = '{predicate: "${yes}", max_retries: 2, backoff: {initial_delay: 0.5, max_delay: 10, multiplier: 2}}'
    expect(await runTwice(get(custom), { routes })).toMatchObject({ result: 'fine', virtual_seconds: 0.5 })
  })

  it('a delay never grows beyond its bound', async () => {
    const policy = '{predicate: "${retry.always}", max_retries: 4, backoff: {initial_delay: 1, max_delay: 3, multiplier: 2}}'
    expect(await runTwice(get(policy), { routes: [route('https://api.test/x', failing(400))] })).toMatchObject({ virtual_seconds: 1 + 2 + 3 + 3 })
  })

  it('an error inside the predicate takes the place of the one it judged', async () => {
    const { result } = await runTwice(`
main:
  steps:
    - t:
        try: {raise: "no map"}
        retry: {predicate: "\${judge}", max_retries: 3}
        except:
          as: e
          steps:
            - r: {return: "\${e.tags}"}
judge:
  params: [e]
  steps:
    - r: {return: "\${e.code == 1}"}
`)
    expect(result).toEqual(['TypeError'])
  })

  it('a broken connection is an error of its own kind', async () => {
    const { error } = await runTwice(get('${retry.never}'), { refuse_hosts: ['api.test'] })
    expect(error).toMatchObject({ tags: ['ConnectionError'] })
  })

  it('errors pass sub-workflows, and a trace names each call', async () => {
    const { outcome } = await runTwice('main:\n  steps:\n    - outer:\n        call: sub\nsub:\n  steps:\n    - inner:\n        raise: {code: 55, message: "Something went wrong."}\n')
    expect(outcome).toMatchObject({
      state: 'FAILED', context: 'Something went wrong.\nin step "inner", routine "sub", line: 8\nin step "outer", routine "main", line: 4',
      trace: [{ step: 'inner', routine: 'sub', line: 8, column: 9, length: 5 }, { step: 'outer', routine: 'main' }],
    })
  })

  it.each([['a string', '"text"', 'text'], ['a list', '[1, 2]', [1, 2]], ['a map', '{a: 1}', { a: 1 }], ['null', 'null', null]])('%s can be raised and caught as it is', async (_, value, caught) => {
    const { result } = await runTwice(`- t:\n    try: {raise: ${value}}\n    except:\n      as: e\n      steps:\n        - r: {return: ["\${e}"]}\n`)
    expect(result).toEqual([caught])
  })

  it('an except may raise again, and may have no steps', async () => {
    expect((await runTwice('- t:\n    try: {raise: {code: 7}}\n    except:\n      as: e\n      steps:\n        - r: {raise: "${e}"}\n')).error).toEqual({ code: 7 })
    expect((await runTwice('- t:\n    try: {raise: {code: 7}}\n    except: {as: e}\n- r: {return: on}\n')).result).toBe('on')
  })
})

describe('parallel steps', () => {
  it('iterations share what is shared and keep the rest to themselves', async () => {
    const { result } = await runTwice(`
- init:
    assign: [{total: 0}, {seen: ["", "", ""]}]
- p:
    parallel:
      shared: [total, seen]
      for:
        value: v
        index: i
        in: [10, 20, 30]
        steps:
          - wait: {call: sys.sleep, args: {seconds: "\${30 - v / 10}"}}
          - a:
              assign: [{mine: "\${v}"}, {total: "\${total + mine}"}, {"seen[i]": "\${string(mine)}"}]
- r:
    return: ['\${total}', '\${seen}']
`)
    expect(result).toEqual([60, ['10', '20', '30']])
  })

  it('all branches end before their errors are told together', async () => {
    const { result, virtual_seconds } = await runTwice(`
- t:
    try:
      parallel:
        for:
          value: n
          range: [0, 5]
          steps:
            - s: {call: sys.sleep, args: {seconds: "\${n}"}}
            - odd:
                switch:
                  - condition: \${n % 2 != 0}
                    raise: "how odd!"
    except:
      as: e
      steps:
        - r: {return: "\${e}"}
`)
    expect(virtual_seconds).toBe(5)
    expect(result).toMatchObject({ tags: ['UnhandledBranchError', 'RuntimeError'], branches: [{ id: '2' }, { id: '4' }, { id: '6' }], truncated: false })
  })

  it('no more run at a time than the limit allows', async () => {
    const source = (limit: string) => `- p:\n    parallel:\n      ${limit}\n      for:\n        value: v\n        range: [1, 40]\n        steps:\n          - s: {call: sys.sleep, args: {seconds: 10}}\n`
    expect((await runTwice(source('concurrency_limit: 5'))).virtual_seconds).toBe(80)
    expect((await runTwice(source('concurrency_limit: ${2 * 5}'))).virtual_seconds).toBe(40)
    expect((await runTwice(source('shared: []'))).virtual_seconds).toBe(20)
  })

  it('nested steps do not starve each other, and a third level is an error', async () => {
    const nested = (depth: number): object[] =>
      depth === 0 ? [{ s: { call: 'sys.sleep', args: { seconds: 1 } } }] : [{ p: { parallel: { for: { value: `v${depth}`, range: [1, 21], steps: nested(depth - 1) } } } }]
    expect((await runTwice(JSON.stringify(nested(2)))).outcome.state).toBe('SUCCEEDED')
    expect(JSON.stringify((await runTwice(JSON.stringify(nested(3)))).error)).toContain('ParallelNestingError')
  })
})

describe('control flow', () => {
  it('loops go by range, break and continue; jumps go back; nested steps fall through', async () => {
    const { result } = await runTwice(`
- init:
    assign: [{out: []}, {n: 0}]
- again:
    steps:
      - count:
          assign: [{n: "\${n + 1}"}]
      - more:
          switch:
            - condition: \${n < 3}
              next: again
- outer:
    for:
      value: a
      range: [-1.5, 1]
      steps:
        - inner:
            for:
              value: b
              in: [1, 2, 3]
              steps:
                - s:
                    switch:
                      - condition: \${b == 2}
                        next: continue
                      - condition: \${a > 0}
                        next: break
                - add:
                    assign: [{out: "\${list.concat(out, a * b)}"}]
- r:
    return: ['\${n}', '\${out}']
`)
    expect(result).toEqual([3, [-1.5, -4.5, -0.5, -1.5]])
  })

  it('an assignment inside a switch entry goes on with its next', async () => {
    const source = (value: string) => `main:\n  params: [input]\n  steps:\n    - check:\n        switch:\n          - condition: ${'${"term" in input}'}\n            assign: [{t: "${'${input.term}'}"}]\n            next: use\n    - fallback:\n        assign: [{t: ${value}}]\n    - use:\n        return: ${'${t}'}\n`
    expect((await runTwice(source('x'), { argument: { term: 'given' } })).result).toBe('given')
    expect((await runTwice(source('x'), { argument: {} })).result).toBe('x')
  })

  it('next: end in a sub-workflow ends only that one', async () => {
    expect((await runTwice('main:\n  steps:\n    - a: {call: s, result: x}\n    - r: {return: ["${x}"]}\ns:\n  steps:\n    - e: {next: end}\n    - n: {return: 1}\n')).result).toEqual([null])
  })

  it('a callback is taken when it comes, and missed when it does not', async () => {
    const source = `
- make: {call: events.create_callback_endpoint, args: {http_callback_method: POST}, result: c}
- wait: {call: events.await_callback, args: {callback: "\${c}", timeout: 60}, result: got}
- r: {return: "\${got.http_request.body}"}
`
    const request = Object.assign(Object.create(null), { http_request: Object.assign(Object.create(null), { body: 'hi' }), type: 'HTTP' })
    expect((await run(source, { callbacks: [request] })).result).toBe('hi')
    expect(await runTwice(source)).toMatchObject({ error: { tags: ['TimeoutError'] }, virtual_seconds: 60 })
  })

  it('a month of sleep is one wait', async () => {
    expect((await runTwice('- s: {call: sys.sleep, args: {seconds: 2592000}}\n- u: {call: sys.sleep_until, args: {time: "2026-06-01T00:00:00Z"}}\n- r: {return: "${time.format(sys.now())}"}\n')).result).toBe('2026-06-01T00:00:00Z')
  })
})

describe('limits end an execution and nothing else', () => {
  it.each([
    ['an infinite loop of jumps', '- a: {next: a}\n', 'more than 100000 steps'],
    ['an infinite loop that retries itself', '- t:\n    try:\n      steps:\n        - a: {assign: [{x: 1}]}\n        - b: {next: a}\n    retry: {predicate: "${retry.always}", max_retries: 1000000}\n', 'more than 100000 steps'],
    ['endless recursion', 'main:\n  steps:\n    - a: {call: main}\n', 'RecursionError'],
    ['endless recursion inside an expression', 'main:\n  steps:\n    - a: {return: "${s(1)}"}\ns:\n  params: [n]\n  steps:\n    - b: {return: "${s(n + 1)}"}\n', 'RecursionError'],
    ['a string that doubles', '- i: {assign: [{s: x}]}\n- a: {assign: [{s: "${s + s}"}]}\n- b: {next: a}\n', 'ResourceLimitError'],
    ['a list that doubles', '- i: {assign: [{s: [1]}]}\n- a: {assign: [{s: ["${s}", "${s}"]}]}\n- b: {next: a}\n', 'ResourceLimitError'],
    ['a map that nests itself', '- i: {assign: [{s: {}}]}\n- a: {assign: [{s: {"k": "${s}"}}]}\n- b: {next: a}\n', 'ResourceLimitError'],
  ])('%s', async (_, source, expected) => {
    const { outcome } = await run(source)
    expect(outcome.state).toBe('FAILED')
    expect(JSON.stringify(outcome)).toContain(expected)
  })

  it('memory that goes is counted no more', async () => {
    const thousand = 'x'.repeat(1_000)
    const { outcome } = await run(`
main:
  steps:
    - l:
        for:
          value: v
          range: [1, 2000]
          steps:
            - a: {call: s, args: {x: "${thousand}"}}
s:
  params: [x]
  steps:
    - l: {for: {value: v, in: ["${thousand}"], steps: [{a: {assign: [{y: "\${x + v}"}]}}]}}
`)
    expect(outcome).toEqual({ state: 'SUCCEEDED', result: null })
  })
})

describe('the history of steps', () => {
  it('names every step with its kind, its place and its end', async () => {
    const { entries } = await runTwice('- a: {assign: [{x: 1}]}\n- t:\n    try: {raise: no}\n    except:\n      as: e\n      steps:\n        - s: {call: sys.sleep, args: {seconds: 1}}\n- r: {return: 1}\n')
    expect(entries.map(({ step, type, state }) => [step, type, state])).toEqual([
      ['a', 'STEP_ASSIGN', 'STATE_SUCCEEDED'], ['t', 'STEP_TRY_RETRY_EXCEPT', 'STATE_SUCCEEDED'], ['t', 'STEP_RAISE', 'STATE_FAILED'],
      ['s', 'STEP_STD_LIB_CALL', 'STATE_SUCCEEDED'], ['r', 'STEP_RETURN', 'STATE_SUCCEEDED'],
    ])
    const [, tried, raised, slept] = entries
    expect(raised!.parent).toBe(tried!.id)
    expect(slept!.closed_ms! - slept!.opened_ms).toBe(1000)
  })

  it('has the variables at the detailed level only', async () => {
    const source = '- a: {assign: [{x: 1}]}\n- b: {assign: [{y: 2}]}\n'
    expect((await run(source, { detailed: true })).entries.at(-1)!.variables).toBe('{"x":1,"y":2}')
    expect((await run(source)).entries.at(-1)!.variables).toBeUndefined()
  })
})
