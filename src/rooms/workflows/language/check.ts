/** The way in: source text to checked program, or a Fault that names every problem found with its line and column. */
import { MAIN_PARAMS_MAX, SUBWORKFLOW_PARAMS_MAX } from '../limits.ts'
import { Problems, sourceFault, SourceProblem } from './problems.ts'
import type { ConnectorNames, Program, Routine } from './program.ts'
import { RoutineBuilder } from './routine-builder.ts'
import { asList, asMap, Fields, VARIABLE_NAME } from './shape.ts'
import { readSource, type ListTree, type MapTree, type Tree } from './source.ts'
import type { RoutineSignature } from './templates.ts'

interface RoutineSource {
  name: string
  params: { name: string; default?: { tree: Tree } }[]
  steps: ListTree
}

export function checkProgram(source: string, connectors: ConnectorNames, prelude?: Program): Program {
  try {
    return checked(readSource(source), connectors, prelude)
  } catch (error) {
    if (error instanceof SourceProblem) throw sourceFault([error])
    throw error
  }
}

function checked(tree: Tree, connectors: ConnectorNames, prelude?: Program): Program {
  const problems = new Problems()
  const sources = readRoutines(tree, problems)
  problems.throwIfAny()
  const routines = new Map<string, Routine>(prelude?.routines)
  const signatures = new Map<string, RoutineSignature>()
  for (const routine of routines.values()) signatures.set(routine.name, { params: routine.params.map((param) => ({ name: param.name, optional: param.default !== undefined })) })
  for (const { name, params } of sources) {
    // `main` gets its argument from outside, and null when there is none.
    signatures.set(name, { params: params.map((param) => ({ name: param.name, optional: param.default !== undefined || name === 'main' })) })
  }
  for (const { name, params, steps } of sources) routines.set(name, new RoutineBuilder({ problems, signatures, connectors }).build(name, params, steps))
  problems.throwIfAny()
  return { routines }
}

function readRoutines(tree: Tree, problems: Problems): RoutineSource[] {
  if (tree.kind === 'list') return [{ name: 'main', params: [], steps: tree }]
  if (tree.kind !== 'map') {
    problems.add(tree.at, 'a workflow is a list of steps, or a map with main')
    return []
  }
  if (!tree.entries.some(({ key }) => key === 'main')) problems.add(tree.at, "a workflow needs a 'main'")
  return tree.entries.flatMap(({ key, keyAt, value }) => {
    if (!/^[A-Za-z_][\w.-]*$/.test(key)) problems.add(keyAt, `'${key}' is not a name for a sub-workflow`)
    // `main: [steps]` stands in public code: a list without parameters.
    if (value.kind === 'list') return [{ name: key, params: [], steps: value }]
    const map = asMap(value, `'${key}'`, problems, keyAt)
    return map ? readRoutine(key, map, problems) : []
  })
}

function readRoutine(name: string, map: MapTree, problems: Problems): RoutineSource[] {
  const fields = new Fields(map, problems)
  fields.only(['params', 'steps'], `'${name}'`)
  const steps = asList(fields.get('steps'), `'steps' of ${name}`, problems, fields.at)
  const params = readParams(name, fields, problems)
  return steps ? [{ name, params, steps }] : []
}

function readParams(routine: string, fields: Fields, problems: Problems): RoutineSource['params'] {
  const tree = fields.get('params')
  if (!tree || (tree.kind === 'scalar' && tree.value === null)) return []
  const list = asList(tree, `'params' of ${routine}`, problems, fields.at)
  const params = (list?.items ?? []).flatMap((item): RoutineSource['params'] => {
    const entry = item.kind === 'map' && item.entries.length === 1 ? item.entries[0]! : undefined
    const name = entry ? entry.key : item.kind === 'scalar' ? item.value : null
    if (typeof name !== 'string' || !VARIABLE_NAME.test(name)) {
      problems.add(item.at, 'a parameter is a name, or a map of one name and its default')
      return []
    }
    return [entry ? { name, default: { tree: entry.value } } : { name }]
  })
  const seen = new Set<string>()
  for (const [i, { name }] of params.entries()) {
    if (seen.has(name)) problems.add(list!.items[i]!.at, `the parameter '${name}' stands twice`)
    seen.add(name)
  }
  const params_max = routine === 'main' ? MAIN_PARAMS_MAX : SUBWORKFLOW_PARAMS_MAX
  if (params.length > params_max) problems.add(tree.at, `'${routine}' has ${params.length} parameters; at most ${params_max} allowed`)
  return params
}
