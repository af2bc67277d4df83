/** The forms a step can have: which fields go together, and the nodes each form becomes. */
import { ASSIGNMENTS_MAX, BRANCHES_MAX, CONDITIONS_MAX } from '../limits.ts'
import { resolveCall } from './calls.ts'
import type { Assignment, Iteration, Label, Node, Template } from './program.ts'
import type { Place, RoutineBuilder } from './routine-builder.ts'
import { Scope } from './scopes.ts'
import { asList, asMap, Fields, oneEntry, VARIABLE_NAME } from './shape.ts'
import type { Position, Tree } from './source.ts'
import { constant } from './templates.ts'

export interface Form {
  label: Label
  name: string
  fields: Fields
  /** Where control goes afterwards: `next`, or the step that follows. */
  after: Label
  place: Place
  /** Fields of whatever holds this form inline, such as a switch entry's `condition`. */
  beside: readonly string[]
}

type Builder = (builder: RoutineBuilder, form: Form) => void

interface FormKind {
  fields: readonly string[]
  build: Builder
}

const FORMS: Readonly<Record<string, FormKind>> = {
  assign: { fields: ['next'], build: buildAssign },
  call: { fields: ['args', 'result', 'next'], build: buildCall },
  switch: { fields: ['next'], build: buildSwitch },
  for: { fields: ['next'], build: buildFor },
  parallel: { fields: ['next'], build: buildParallel },
  try: { fields: ['retry', 'except', 'next'], build: buildTry },
  raise: { fields: ['next'], build: buildRaise },
  return: { fields: ['next'], build: buildReturn },
  steps: { fields: ['next'], build: buildNested },
}

export function buildForm(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const { fields, beside } = form
  const kinds = Object.keys(FORMS).filter((kind) => fields.has(kind))
  const [kind, second] = kinds
  if (second !== undefined) problems.add(fields.keyAt(second), `'${kind}' and '${second}' cannot stand in one step`)
  if (kind === undefined && !fields.has('next')) {
    problems.add(fields.at, `the step '${form.name}' does nothing: it needs one of ${Object.keys(FORMS).join(', ')} or next`)
  }
  if (kind === undefined) {
    fields.only(['next', ...beside], `the step '${form.name}'`)
    // The `next` of a switch entry is a part of its switch, not a step.
    builder.place(form.label, node(form, beside.length > 0 ? undefined : 'STEP_GOTO'), { op: 'jump' })
    return
  }
  fields.only([...kinds, ...FORMS[kind]!.fields, ...beside], `the step '${form.name}'`)
  FORMS[kind]!.build(builder, form)
}

function node(form: Form, type: Node['type']) {
  return { name: form.name, at: form.fields.at, depth: form.place.depth, after: form.after, type }
}

/** The unnamed end of a block. */
function end(form: Form, deeper: number, after = form.after) {
  return { name: form.name, at: form.fields.at, depth: form.place.depth + deeper, after }
}

function buildAssign(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const tree = asList(form.fields.get('assign'), "'assign'", problems, form.fields.at)
  const entries: Assignment[] = []
  for (const item of tree?.items ?? []) {
    const entry = oneEntry(item, 'an entry of assign', problems)
    const assignment = entry && builder.templates.assignment(entry.key, entry.keyAt, entry.value, form.place.scope)
    if (assignment) entries.push(assignment)
  }
  if (tree && (tree.items.length === 0 || tree.items.length > ASSIGNMENTS_MAX)) {
    problems.add(tree.at, `'assign' has ${tree.items.length} entries; 1 to ${ASSIGNMENTS_MAX} are allowed`)
  }
  builder.place(form.label, node(form, 'STEP_ASSIGN'), { op: 'assign', entries })
}

const CALL_TYPES = { library: 'STEP_STD_LIB_CALL', blocking: 'STEP_STD_LIB_CALL', routine: 'STEP_SUBWORKFLOW_CALL', connector: 'STEP_CONNECTOR_CALL' } as const

function buildCall(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const { fields, place } = form
  const name = fields.text('call')
  const target = name === undefined ? undefined : resolveCall(name, builder.around)
  const argsTree = fields.get('args')
  const noArgs = argsTree === undefined || (argsTree.kind === 'scalar' && argsTree.value === null)
  const args = noArgs ? undefined : asMap(argsTree, "'args'", problems, fields.at)
  if (name !== undefined && !target) {
    problems.add(fields.get('call')!.at, name.startsWith('googleapis.') ? `the connector ${name} is not available` : `unknown function or sub-workflow '${name}'`)
  }
  const result = fields.variable('result')
  if (!target) {
    builder.place(form.label, node(form, 'STEP_STD_LIB_CALL'), { op: 'jump' })
    if (result) place.scope.assign(result)
    return
  }
  const templates = builder.calls.read(target, args, fields.get('call')!.at, place.scope)
  if (result && place.scope.assign(result) === 'unshared') {
    problems.add(fields.get('result')!.at, `'${result}' belongs to the steps around the parallel step; name it in 'shared' to write it`)
  }
  builder.place(form.label, node(form, CALL_TYPES[target.kind]), { op: 'call', target, args: templates, ...(result ? { result } : {}) })
}

function buildSwitch(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const tree = asList(form.fields.get('switch'), "'switch'", problems, form.fields.at)
  const cases: { condition: Template; then: Label }[] = []
  builder.place(form.label, node(form, 'STEP_SWITCH'), { op: 'switch', cases })
  if (tree && (tree.items.length === 0 || tree.items.length > CONDITIONS_MAX)) {
    problems.add(tree.at, `'switch' has ${tree.items.length} conditions; 1 to ${CONDITIONS_MAX} are allowed`)
  }
  for (const item of tree?.items ?? []) {
    const map = asMap(item, 'an entry of switch', problems, item.at)
    if (!map) continue
    const condition = map.entries.find(({ key }) => key === 'condition')
    if (!condition) {
      problems.add(map.at, "an entry of switch needs a 'condition'")
      continue
    }
    const then: Label = { id: -1 }
    cases.push({ condition: builder.templates.template(condition.value, form.place.scope), then })
    // A condition alone has nothing to do but to end the search.
    if (map.entries.length === 1) builder.place(then, end(form, 0), { op: 'jump' })
    else builder.step(then, form.name, map, form.after, form.place, ['condition'])
  }
}

function readIteration(builder: RoutineBuilder, fields: Fields, scope: Scope): Iteration | undefined {
  const { problems } = builder.around
  const value = fields.variable('value')
  const index = fields.variable('index')
  const items = fields.get('in')
  const range = fields.get('range')
  if (value === undefined && !fields.has('value')) problems.add(fields.at, "'for' needs a 'value'")
  if ((items === undefined) === (range === undefined)) problems.add(fields.at, "'for' needs either 'in' or 'range'")
  if (range?.kind === 'list' && range.items.length !== 2) problems.add(range.at, "'range' must be a list of two numbers")
  if (items?.kind === 'map') problems.add(items.at, "'in' must be a list; for a map use keys()")
  if (value === undefined) return undefined
  return {
    value,
    ...(index ? { index } : {}),
    ...(items ? { items: builder.templates.template(items, scope) } : {}),
    ...(range ? { range: builder.templates.template(range, scope) } : {}),
  }
}

function declareIteration(scope: Scope, iteration: Iteration): void {
  scope.declare(iteration.value)
  if (iteration.index) scope.declare(iteration.index)
}

function buildFor(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const { place } = form
  const map = asMap(form.fields.get('for'), "'for'", problems, form.fields.at)
  const fields = map && new Fields(map, problems)
  fields?.only(['value', 'index', 'in', 'range', 'steps'], "'for'")
  const iteration = fields && readIteration(builder, fields, place.scope)
  const steps = fields && asList(fields.get('steps'), "'steps' of for", problems, fields.at)
  if (!iteration || !steps) return builder.place(form.label, node(form, 'STEP_FOR'), { op: 'jump' })

  const body: Label = { id: -1 }
  const next: Label = { id: -1 }
  builder.place(form.label, node(form, 'STEP_FOR'), { op: 'for', body, next, ...iteration })
  builder.place(next, end(form, 1), { op: 'forNext' })
  const scope = new Scope('body', place.scope)
  declareIteration(scope, iteration)
  const start = builder.list(steps, next, { ...place, scope, depth: place.depth + 1, loop: { next, done: form.after } })
  body.id = start.id
}

function buildParallel(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const { place } = form
  const map = asMap(form.fields.get('parallel'), "'parallel'", problems, form.fields.at)
  if (!map) return builder.place(form.label, node(form, 'STEP_PARALLEL_BRANCH'), { op: 'jump' })
  const fields = new Fields(map, problems)
  fields.only(['shared', 'exception_policy', 'concurrency_limit', 'branches', 'for'], "'parallel'")
  if (fields.has('branches') === fields.has('for')) problems.add(fields.at, "'parallel' needs either 'branches' or 'for'")
  const policy = fields.text('exception_policy')
  if (policy !== undefined && policy !== 'continueAll') problems.add(fields.get('exception_policy')!.at, "the only exception policy is 'continueAll'")
  const shared = readShared(builder, fields, place.scope)
  const limitTree = fields.get('concurrency_limit')
  const limit = limitTree && builder.templates.template(limitTree, place.scope)
  const common = { op: 'parallel' as const, shared, ...(limit ? { limit } : {}) }

  const branchPlace = (kind: 'branch' | 'iteration', end: Label): Place => ({
    names: [], scope: new Scope('branch', place.scope, shared), depth: 0, nesting: place.nesting, end, branch: kind,
  })
  if (fields.has('for')) {
    const loopMap = asMap(fields.get('for'), "'for' of parallel", problems, fields.at)
    const loopFields = loopMap && new Fields(loopMap, problems)
    loopFields?.only(['value', 'index', 'in', 'range', 'steps'], "'for'")
    const iteration = loopFields && readIteration(builder, loopFields, place.scope)
    const steps = loopFields && asList(loopFields.get('steps'), "'steps' of for", problems, loopFields.at)
    if (!iteration || !steps) return builder.place(form.label, node(form, 'STEP_PARALLEL_FOR'), { op: 'jump' })
    const body: Label = { id: -1 }
    builder.place(form.label, node(form, 'STEP_PARALLEL_FOR'), { ...common, loop: { ...iteration, body } })
    const done: Label = { id: -1 }
    const inside = branchPlace('iteration', done)
    declareIteration(inside.scope, iteration)
    const start = builder.list(steps, done, inside)
    builder.place(done, { ...end(form, 0), depth: 0 }, { op: 'branchEnd' })
    body.id = start.id
    return
  }

  const branches: { name: string; body: Label }[] = []
  builder.place(form.label, node(form, 'STEP_PARALLEL_BRANCH'), { ...common, branches })
  const tree = asList(fields.get('branches'), "'branches'", problems, fields.at)
  if (tree && (tree.items.length < 1 || tree.items.length > BRANCHES_MAX)) {
    problems.add(tree.at, `'branches' has ${tree.items.length} entries; 2 to ${BRANCHES_MAX} are allowed`)
  }
  for (const item of tree?.items ?? []) {
    const entry = oneEntry(item, 'a branch', problems)
    const branchMap = entry && asMap(entry.value, `the branch '${entry.key}'`, problems, entry.keyAt)
    if (!entry || !branchMap) continue
    const branchFields = new Fields(branchMap, problems)
    branchFields.only(['steps'], `the branch '${entry.key}'`)
    const steps = asList(branchFields.get('steps'), "'steps' of a branch", problems, branchFields.at)
    if (!steps) continue
    const done: Label = { id: -1 }
    const body = builder.list(steps, done, branchPlace('branch', done))
    builder.place(done, { ...end(form, 0), depth: 0 }, { op: 'branchEnd' })
    branches.push({ name: entry.key, body })
  }
}

function readShared(builder: RoutineBuilder, fields: Fields, scope: Scope): string[] {
  const tree = fields.get('shared')
  if (!tree) return []
  const { problems } = builder.around
  return (asList(tree, "'shared'", problems, fields.at)?.items ?? []).flatMap((item) => {
    const name = item.kind === 'scalar' ? item.value : null
    if (typeof name !== 'string' || !VARIABLE_NAME.test(name)) {
      problems.add(item.at, "'shared' must list names of variables")
      return []
    }
    if (!scope.sees(name)) problems.add(item.at, `unknown variable '${name}' in 'shared'`)
    return [name]
  })
}

function buildTry(builder: RoutineBuilder, form: Form): void {
  const { problems } = builder.around
  const { fields, place } = form
  const bodyMap = asMap(fields.get('try'), "'try'", problems, fields.at)
  const retryTree = fields.get('retry')
  const retry = retryTree && builder.retries.read(retryTree, place.scope)
  const body: Label = { id: -1 }
  const done: Label = { id: -1 }
  const operation = { op: 'try' as const, body, ...(retry ? { retry } : {}) }
  const exceptTree = fields.get('except')
  const except = exceptTree && { body: { id: -1 } as Label, as: undefined as string | undefined }
  builder.place(form.label, node(form, 'STEP_TRY_RETRY_EXCEPT'), except ? { ...operation, except } : operation)
  builder.place(done, end(form, 1), { op: 'tryEnd' })
  if (bodyMap) builder.step(body, form.name, bodyMap, done, { ...place, depth: place.depth + 1 })
  if (except) buildExcept(builder, form, exceptTree, except)
}

function buildExcept(builder: RoutineBuilder, form: Form, tree: Tree, except: { body: Label; as?: string | undefined }): void {
  const { problems } = builder.around
  const map = asMap(tree, "'except'", problems, tree.at)
  const fields = map && new Fields(map, problems)
  fields?.only(['as', 'steps'], "'except'")
  const as = fields?.variable('as')
  if (as) except.as = as
  const scope = new Scope('body', form.place.scope)
  if (as) scope.declare(as)
  const done: Label = { id: -1 }
  builder.place(done, end(form, 1), { op: 'exceptEnd' })
  const steps = fields?.has('steps') ? asList(fields.get('steps'), "'steps' of except", problems, fields.at) : undefined
  except.body.id = steps ? builder.list(steps, done, { ...form.place, scope, depth: form.place.depth + 1 }).id : done.id
}

function buildRaise(builder: RoutineBuilder, form: Form): void {
  builder.place(form.label, node(form, 'STEP_RAISE'), { op: 'raise', value: value(builder, form, 'raise') })
}

function buildReturn(builder: RoutineBuilder, form: Form): void {
  if (form.place.branch) builder.around.problems.add(form.fields.keyAt('return'), "'return' cannot stand in a parallel step")
  builder.place(form.label, node(form, 'STEP_RETURN'), { op: 'return', value: value(builder, form, 'return') })
}

function value(builder: RoutineBuilder, form: Form, field: string): Template {
  const tree = form.fields.get(field)
  return tree ? builder.templates.template(tree, form.place.scope) : constant(null)
}

function buildNested(builder: RoutineBuilder, form: Form): void {
  const tree = asList(form.fields.get('steps'), "'steps'", builder.around.problems, form.fields.at)
  const operation = { op: 'enter' as const, body: { id: -1 } as Label }
  builder.place(form.label, node(form, undefined), operation)
  if (tree) operation.body = builder.list(tree, form.after, form.place)
}
