import { expect, it } from 'vitest'
import { connectors } from './connectors/engine.ts'
import { graphOf } from './graph.ts'
import { checkProgram } from './language/check.ts'
import { preludeProgram } from './language/prelude.ts'

const prelude = preludeProgram(connectors)

it('every step is a box, and arrows lead through the ends of blocks to the step that runs next', () => {
  const { routines } = graphOf(checkProgram(`
- a: {assign: [{x: 1}]}
- l:
    for:
      value: v
      in: [1]
      steps:
        - t:
            try: {call: http.get, args: {url: "http://x"}}
            except: {as: e, steps: [{s: {call: sys.log}}]}
- c:
    switch:
      - condition: \${x == 1}
        next: a
- r: {return: "\${x}"}
`, connectors, prelude), prelude)
  expect(routines).toHaveLength(1)
  const { steps, arrows } = routines[0]!
  const name = new Map(steps.map(({ id, name, type }) => [id, `${name}:${type.replace('STEP_', '')}`]))
  expect(arrows.map(({ from, to, kind }) => `${name.get(from)} ${kind} ${to === null ? 'end' : name.get(to)}`)).toEqual([
    'a:ASSIGN next l:FOR', 'l:FOR body t:TRY_RETRY_EXCEPT', 'l:FOR next c:SWITCH', 't:TRY_RETRY_EXCEPT body t:STD_LIB_CALL', 't:TRY_RETRY_EXCEPT except s:STD_LIB_CALL',
    't:STD_LIB_CALL again l:FOR', 's:STD_LIB_CALL again l:FOR', 'c:SWITCH case a:ASSIGN', 'c:SWITCH next r:RETURN',
  ])
  expect(steps.find(({ type }) => type === 'STEP_STD_LIB_CALL')).toMatchObject({ calls: 'http.get', line: 9 })
})
