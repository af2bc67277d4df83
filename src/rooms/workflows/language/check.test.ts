import { describe, expect, it } from 'vitest'
import { problems } from '../runner/quick.ts'

describe('a source is refused at deployment, with line and column', () => {
  it.each([
    ['an unknown step', '- a:\n    next: nowhere\n', "2:11: unknown step 'nowhere'"],
    ['an unknown variable', '- a:\n    return: ${x + 1}\n', "2:15: unknown variable 'x'"],
    ['a call that waits inside an expression', '- a:\n    return: ${http.get("http://x")}\n', '2:23: in an expression: http.get waits'],
    ['an unknown function', '- a:\n    return: ${nope(1)}\n', '2:19: in an expression: unknown function nope'],
    ['an unknown callee', '- a:\n    call: nope\n', "2:11: unknown function or sub-workflow 'nope'"],
    ['an unknown connector', '- a:\n    call: googleapis.nope.v1.get\n', '2:11: the connector googleapis.nope.v1.get is not available'],
    ['an unknown argument', '- a:\n    call: sys.sleep\n    args:\n      hours: 1\n', "4:7: unknown field 'hours' in the arguments of sys.sleep"],
    ['a missing argument', '- a:\n    call: sys.sleep\n', "2:11: sys.sleep needs its argument 'seconds'"],
    ['two forms in one step', '- a:\n    assign: [{x: 1}]\n    return: 1\n', "3:5: 'assign' and 'return' cannot stand in one step"],
    ['a step that does nothing', '- a: {}\n', "1:6: the step 'a' does nothing"],
    ['an unknown field', '- a:\n    return: 1\n    resutl: x\n', "3:5: unknown field 'resutl'"],
    ['a duplicate key', '- a:\n    return: 1\n    return: 2\n', '3:5: this key stands twice'],
    ['a source without main', 'sub:\n  steps:\n    - a: {return: 1}\n', "1:1: a workflow needs a 'main'"],
    ['break outside of a loop', '- a:\n    next: break\n', "2:11: 'break' outside of a loop"],
    ['a return in a parallel branch', '- p:\n    parallel:\n      for:\n        value: v\n        in: [1]\n        steps:\n          - r:\n              return: 1\n', "8:15: 'return' cannot stand in a parallel step"],
    ['break out of a parallel loop', '- p:\n    parallel:\n      for:\n        value: v\n        in: [1]\n        steps:\n          - r:\n              next: break\n', "8:21: 'break' cannot leave a parallel step"],
    ['a retry without a predicate that exists', '- a:\n    try: {raise: x}\n    retry: {predicate: "${nope}", max_retries: 1}\n', "3:24: 'predicate' must name"],
    ['more than fifty assignments', `- a:\n    assign: [${Array.from({ length: 51 }, (_, i) => `{v${i}: 1}`).join(', ')}]\n`, "2:13: 'assign' has 51 entries"],
    ['a main with two parameters', 'main:\n  params: [a, b]\n  steps:\n    - x: {return: 1}\n', "2:11: 'main' has 2 parameters"],
    ['too many arguments by position', 'main:\n  steps:\n    - x:\n        return: ${sub(1, 2)}\nsub:\n  params: [a]\n  steps:\n    - y: {return: 1}\n', '4:22: in an expression: sub takes at most 1'],
    ['an expression that is not closed', '- a:\n    return: ${"x}\n', 'a string that is not closed'],
  ])('%s', (_, source, expected) => {
    expect(problems(source).join('\n')).toContain(expected)
  })

  it('all problems of a source are told at once, in the order of its lines', () => {
    expect(problems('- a:\n    next: b1\n- c:\n    next: d1\n')).toEqual(["2:11: unknown step 'b1'", "4:11: unknown step 'd1'"])
  })

  it('a write to a variable that the parallel step does not share is refused, and a shared one is not', () => {
    const source = (shared: string) => `
- init:
    assign: [{x: 1}]
- p:
    parallel:
      ${shared}
      branches:
        - one:
            steps:
              - w:
                  assign: [{x: 2}]
        - two:
            steps:
              - w:
                  assign: [{mine: 2}]
`
    expect(problems(source('exception_policy: continueAll'))).toEqual([expect.stringContaining("11:29: 'x' belongs to the steps around")])
    expect(problems(source('shared: [x]'))).toEqual([])
  })

  it('names born in a loop, an except or a branch end with it', () => {
    const read = (before: string) => problems(`${before}- r:\n    return: \${born}\n`)
    expect(read('- l:\n    for:\n      value: v\n      in: [1]\n      steps:\n        - a:\n            assign: [{born: 1}]\n')).toHaveLength(1)
    expect(read('- t:\n    try: {raise: x}\n    except:\n      as: born\n')).toHaveLength(1)
    expect(read('- s:\n    switch:\n      - condition: true\n        assign: [{born: 1}]\n')).toEqual([])
  })

  it('a value that is no expression as a whole stays text', () => {
    expect(problems('- a:\n    return: "a ${nowhere} b"\n- b:\n    return: "${no} and ${where}"\n')).toEqual([])
  })
})

describe('what the documentation and its samples write is accepted', () => {
  it.each([
    ['steps alone', '- a:\n    return: 1\n'],
    ['JSON', '[{"a": {"return": "${1 + 1}"}}]'],
    ['a flow map that closes at the column of its parent', 'main:\n  steps:\n    - a:\n        assign:\n          - body : {\n            "load": {\n              "uri": "${ \\"gs://\\" + \\"x\\" }",\n            }\n          }\n    - r:\n        return: ${body}\n'],
    ['a step called return', '- return:\n    return: 1\n'],
    ['integer keys', '- a:\n    assign:\n      - m:\n          1: 10\n'],
    ['expression keys', '- a:\n    assign:\n      - k: x\n      - m:\n          ${k}: 1\n          "${k + \\"y\\"}": 2\n'],
    ['variables with the names of modules', '- a:\n    assign:\n      - list: [1]\n      - map: {}\n      - text: ${list.concat(list, 2)}\n'],
    ['a sub-workflow parameter with a default', 'main:\n  steps:\n    - a: {call: s}\ns:\n  params: [x: "y"]\n  steps:\n    - r: {return: "${x}"}\n'],
    ['a jump out of an except to a step around it', '- t:\n    try: {raise: x}\n    except:\n      as: e\n      steps:\n        - j: {next: done}\n- done:\n    return: 1\n'],
    ['the older execution helpers', '- a:\n    call: experimental.executions.map\n    args: {workflow_id: w, arguments: [1]}\n'],
    ['accessString inside an expression', '- a:\n    return: ${googleapis.secretmanager.v1.projects.secrets.versions.accessString("s", "1", "p")}\n'],
  ])('%s', (_, source) => {
    expect(problems(source)).toEqual([])
  })
})
