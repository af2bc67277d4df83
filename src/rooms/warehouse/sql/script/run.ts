/**
 * The script interpreter: walks the tree, keeps variables, temporary functions and system variables, and gives every statement to
 * the host as a child job. Control flow is here, SQL is the compiler's, execution the host's.
 */
import type { Clock } from '#ground/clock.ts'
import { asFault, Fault } from '#ground/fault.ts'
import { nameRef } from '../analyzer/needs.ts'
import { bindStatement, bindDuckSql, type Bindings } from '../bind.ts'
import type { Compiled, ScriptCompiler } from '../compiler.ts'
import { CALL_DEPTH_MAX, SCRIPT_ROWS_MAX, SCRIPT_STATEMENTS_MAX, SCRIPT_STEPS_MAX } from '../limits.ts'
import { sameType, sqlName } from '../sqltype.ts'
import type { CatalogRoutine, ChildJob, CompiledQuery, CompileOptions, QueryParameters, ScriptHost, ScriptOutcome, SqlType, TypedValue, Value } from '../types.ts'
import { Scope } from './scope.ts'
import { SystemVariables } from './system.ts'
import type { Slice, Step } from './tree.ts'

export interface ScriptRun {
  compiler: ScriptCompiler
  clock: Clock
  host: ScriptHost
  text: string
  options: CompileOptions
}

export async function runScript(run: ScriptRun): Promise<ScriptOutcome> {
  const interpreter = new Interpreter(run)
  try {
    return await interpreter.run()
  } catch (thrown) {
    await run.host.rollback()
    throw thrown
  }
}

/** How a list of steps ended. */
type Flow = { kind: 'next' } | { kind: 'leave' | 'iterate'; label?: string } | { kind: 'return' }
const NEXT: Flow = { kind: 'next' }

/** One text being run: the script itself, a procedure's body, or the text of EXECUTE IMMEDIATE. */
interface Frame {
  text: string
  scope: Scope
  parameters?: QueryParameters
  procedureId?: string
  /** The step under way, for stack frames. */
  at?: Slice
}

class Interpreter {
  readonly #run: ScriptRun
  readonly #system: SystemVariables
  readonly #functions: CatalogRoutine[] = []
  readonly #frames: Frame[] = []
  readonly #errors: Fault[] = []
  #steps = 0
  #children = 0
  #resultChild: number | undefined

  constructor(run: ScriptRun) {
    this.#run = run
    this.#system = new SystemVariables(run.host, run.options, run.clock)
  }

  async run(): Promise<ScriptOutcome> {
    const { compiler, text, options } = this.#run
    const tree = await compiler.script(text, options)
    await this.#inFrame({ text, scope: new Scope(), ...(options.parameters ? { parameters: options.parameters } : {}) }, tree)
    return { statements: this.#children, ...(this.#resultChild === undefined ? {} : { resultChild: this.#resultChild }) }
  }

  get #frame(): Frame {
    return this.#frames.at(-1)!
  }

  async #inFrame(frame: Frame, steps: readonly Step[]): Promise<void> {
    if (this.#frames.length >= CALL_DEPTH_MAX) throw invalid('Procedure call nesting exceeds the limit of 50')
    this.#frames.push(frame)
    try {
      const flow = await this.#list(steps)
      if (flow.kind === 'leave' || flow.kind === 'iterate') throw invalid(`${flow.kind === 'leave' ? 'BREAK' : 'CONTINUE'} is only allowed inside of a loop body`)
    } finally {
      this.#frames.pop()
    }
  }

  async #list(steps: readonly Step[]): Promise<Flow> {
    for (const step of steps) {
      const flow = await this.#step(step)
      if (flow.kind !== 'next') return flow
    }
    return NEXT
  }

  async #step(step: Step): Promise<Flow> {
    this.#run.host.signal?.throwIfAborted()
    if (++this.#steps > SCRIPT_STEPS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', `The script exceeded ${SCRIPT_STEPS_MAX} steps.`, { httpStatus: 400 })
    this.#frame.at = step
    switch (step.kind) {
      case 'sql':
        await this.#statement(this.#frame.text, step)
        return NEXT
      case 'declare':
        await this.#declare(step)
        return NEXT
      case 'set':
        await this.#set(step)
        return NEXT
      case 'setSystem':
        this.#system.set(step.name, (await this.#evaluate(step.value)).value)
        return NEXT
      case 'if':
        for (const branch of step.branches) if (await this.#truth(branch.condition)) return this.#list(branch.body)
        return this.#list(step.otherwise)
      case 'case':
        return this.#case(step)
      case 'loop':
        return this.#loop(step.label, async () => step.condition === undefined || this.#truth(step.condition), step.body)
      case 'repeat': {
        let first = true
        return this.#loop(step.label, async () => {
          if (first) return !(first = false)
          return !(await this.#truth(step.until))
        }, step.body)
      }
      case 'for':
        return this.#for(step)
      case 'leave':
      case 'iterate':
        return { kind: step.kind, ...(step.label ? { label: step.label.toLowerCase() } : {}) }
      case 'block':
        return this.#block(step)
      case 'raise':
        return this.#raise(step)
      case 'return':
        return { kind: 'return' }
      case 'call':
        await this.#call(step)
        return NEXT
      case 'execute':
        await this.#execute(step)
        return NEXT
      case 'assert':
        if (!(await this.#truth(step.condition))) throw invalid(step.description === undefined ? 'Assertion failed' : `Assertion failed: ${step.description}`)
        return NEXT
    }
  }

  // ---------------------------------------------------------------- control flow

  async #loop(label: string | undefined, again: () => Promise<boolean>, body: readonly Step[]): Promise<Flow> {
    while (await again()) {
      if (++this.#steps > SCRIPT_STEPS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', `The script exceeded ${SCRIPT_STEPS_MAX} steps.`, { httpStatus: 400 })
      this.#run.host.signal?.throwIfAborted()
      // A loop without a statement in it must still let the house answer others.
      if (this.#steps % 100 === 0) await this.#run.clock.sleep(0)
      const flow = await this.#list(body)
      if (flow.kind === 'return') return flow
      if (flow.kind === 'next') continue
      if (flow.label !== undefined && flow.label !== label?.toLowerCase()) return flow
      if (flow.kind === 'leave') return NEXT
    }
    return NEXT
  }

  async #case(step: Extract<Step, { kind: 'case' }>): Promise<Flow> {
    for (const branch of step.branches) {
      const hit = step.value
        ? (await this.#evaluateText(`(${this.#text(step.value)}) = (${this.#text(branch.condition)})`, step.value)).value === 'true'
        : await this.#truth(branch.condition)
      if (hit) return this.#list(branch.body)
    }
    return step.otherwise ? this.#list(step.otherwise) : NEXT
  }

  async #for(step: Extract<Step, { kind: 'for' }>): Promise<Flow> {
    const query = await this.#query(this.#padded(step.query))
    const rows = await this.#run.host.rows(query, this.#child('EXPRESSION', this.#text(step.query)), SCRIPT_ROWS_MAX)
    const type: SqlType = { kind: 'STRUCT', fields: query.schema.map((field, i) => ({ name: field.name, type: query.types[i]! })) }
    const { scope } = this.#frame
    let at = 0
    scope.enter()
    try {
      scope.declare(step.variable, { type, value: null })
      return await this.#loop(step.label, async () => {
        if (at >= rows.length) return false
        scope.set(step.variable, rows[at++]! as Value)
        return true
      }, step.body)
    } finally {
      scope.leave()
    }
  }

  async #block(step: Extract<Step, { kind: 'block' }>): Promise<Flow> {
    const { scope } = this.#frame
    const depth = this.#frames.length
    scope.enter()
    let flow: Flow
    try {
      flow = await this.#list(step.body)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (!step.handler || fault.code === 'CANCELLED' || fault.code === 'INTERNAL') throw thrown
      this.#frames.length = depth
      scope.leave()
      scope.enter()
      return await this.#handle(fault, step.handler)
    } finally {
      scope.leave()
    }
    if (flow.kind === 'leave' && flow.label !== undefined && flow.label === step.label?.toLowerCase()) return NEXT
    return flow
  }

  async #handle(fault: Fault, handler: readonly Step[]): Promise<Flow> {
    this.#errors.push(fault)
    const before = this.#system.error(fault, this.#frame.at ? this.#text(this.#frame.at) : '', this.#stack())
    try {
      return await this.#list(handler)
    } finally {
      this.#errors.pop()
      before()
    }
  }

  async #raise(step: Extract<Step, { kind: 'raise' }>): Promise<Flow> {
    if (!step.message) {
      const current = this.#errors.at(-1)
      if (!current) throw invalid('Cannot re-raise an existing exception outside of an exception handler')
      throw current
    }
    const { value } = await this.#evaluate(step.message)
    throw invalid(value === null ? 'The message of RAISE must not be NULL' : String(value))
  }

  // ---------------------------------------------------------------- variables

  async #declare(step: Extract<Step, { kind: 'declare' }>): Promise<void> {
    const { scope } = this.#frame
    let made: TypedValue
    if (step.type) {
      const type = this.#text(step.type)
      made = await this.#evaluateText(`CAST(${step.value ? `(${this.#text(step.value)})` : 'NULL'} AS ${type})`, step.value ?? step.type)
    } else made = await this.#evaluate(step.value!)
    for (const name of step.names) scope.declare(name, made)
  }

  async #set(step: Extract<Step, { kind: 'set' }>): Promise<void> {
    const { scope } = this.#frame
    if (!step.many) {
      scope.set(step.names[0]!, await this.#valueFor(scope.get(step.names[0]!).type, step.value))
      return
    }
    const made = await this.#evaluate(step.value)
    if (made.type.kind !== 'STRUCT' || made.type.fields.length !== step.names.length) throw invalid(`Number of fields in assigned struct does not match the number of variables`)
    for (const [i, name] of step.names.entries()) {
      const { type } = scope.get(name)
      const field = made.type.fields[i]!
      const value = Array.isArray(made.value) ? (made.value[i] as Value) : null
      scope.set(name, sameType(field.type, type) ? value : await this.#converted({ type: field.type, value }, type))
    }
  }

  /** An assigned expression in the variable's type; a wrong type is the analyzer's to refuse. */
  async #valueFor(type: SqlType, slice: Slice): Promise<Value> {
    const made = await this.#evaluate(slice)
    if (sameType(made.type, type)) return made.value
    return (await this.#evaluateText(`CAST((${this.#text(slice)}) AS ${sqlName(type)})`, slice)).value
  }

  async #converted(given: TypedValue, type: SqlType): Promise<Value> {
    const query = await this.#run.compiler.compileWith(`SELECT CAST(v AS ${sqlName(type)})`, this.#options(), { variables: { v: given.type } })
    const rows = await this.#run.host.rows(bound(query, { variables: { v: given } }), this.#child('EXPRESSION', ''), 1)
    return rows[0]?.[0] ?? null
  }

  async #truth(slice: Slice): Promise<boolean> {
    return (await this.#evaluate(slice)).value === 'true'
  }

  #evaluate(slice: Slice): Promise<TypedValue> {
    return this.#evaluateText(this.#text(slice), slice)
  }

  /** The text keeps its place in the script, so that positions in error messages are right. */
  async #evaluateText(expression: string, slice: Slice): Promise<TypedValue> {
    const before = this.#frame.text.slice(0, slice.start).replace(/[^\n]/g, ' ')
    const room = /( {8})$/.test(before)
    const query = await this.#query(`${room ? before.slice(0, -8) : before}SELECT (${expression}\n)`)
    const rows = await this.#run.host.rows(query, this.#child('EXPRESSION', expression), 1)
    return { type: query.types[0]!, value: (rows[0]?.[0] ?? null) as Value }
  }

  async #query(text: string): Promise<CompiledQuery> {
    return bound(await this.#compile(text), this.#bindings())
  }

  // ---------------------------------------------------------------- statements

  #compile(text: string): Promise<Compiled> {
    return this.#run.compiler.compileWith(text, this.#options(), { variables: this.#frame.scope.types(), functions: this.#functions })
  }

  #options(): CompileOptions {
    const { parameters } = this.#frame
    const { parameters: _given, ...options } = this.#run.options
    return { ...options, defaultDataset: this.#system.defaultDataset(), systemVariables: this.#system.values(), ...(parameters ? { parameters } : {}) }
  }

  #bindings(): Bindings {
    const { parameters, scope } = this.#frame
    return { ...(parameters ? { parameters } : {}), variables: scope.values(), systemVariables: this.#system.values() }
  }

  async #statement(_text: string, slice: Slice): Promise<void> {
    await this.#runCompiled(await this.#compile(this.#padded(slice)), this.#text(slice))
  }

  async #runCompiled(compiled: Compiled, text: string): Promise<void> {
    const { statement } = compiled
    if (statement.kind === 'script') throw invalid('Nested scripts are not allowed here')
    if (statement.kind === 'ddl' && statement.ddl.action === 'createRoutine' && statement.ddl.temp) {
      const { routine } = statement.ddl
      this.#functions.push(routine)
      return
    }
    const child = this.#child('STATEMENT', text)
    if (++this.#children > SCRIPT_STATEMENTS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', `The script ran more than ${SCRIPT_STATEMENTS_MAX} statements.`, { httpStatus: 400 })
    const outcome = await this.#run.host.run(bindStatement(statement, this.#bindings()), child)
    if (statement.kind === 'query') this.#resultChild = child.index
    this.#system.after(outcome, this.#children)
  }

  async #call(step: Extract<Step, { kind: 'call' }>): Promise<void> {
    const { host, options, compiler } = this.#run
    const ref = nameRef(step.path, { projectId: options.projectId, ...(this.#system.defaultDataset() ? { dataset: this.#system.defaultDataset()! } : {}) })
    if (step.path.join('.').toUpperCase().startsWith('BQ.')) throw new Fault('UNIMPLEMENTED', 'notImplemented', `The system procedure ${step.path.join('.')} is not supported.`)
    const routine = ref.datasetId ? await host.catalog.routine(ref) : undefined
    if (!routine || routine.kind !== 'procedure') throw new Fault('NOT_FOUND', 'notFound', `Not found: Procedure ${ref.projectId}:${ref.datasetId ?? ''}.${ref.id} was not found in location US`)
    if (routine.arguments.length !== step.args.length) throw invalid(`Number of arguments does not match for procedure ${step.path.join('.')}. Supported signature: ${routine.path.tableId}(${routine.arguments.map((each) => (each.type ? sqlName(each.type) : 'ANY')).join(', ')})`)
    const caller = this.#frame.scope
    const scope = new Scope()
    const outs: { from: string; to: string }[] = []
    for (const [i, argument] of routine.arguments.entries()) {
      const name = argument.name ?? `arg${i}`
      const mode = argument.mode ?? 'IN'
      const slice = step.args[i]!
      const given = mode === 'OUT' ? undefined : await this.#evaluate(slice)
      const type = argument.type ?? given?.type ?? caller.get(this.#text(slice)).type
      const value = given === undefined ? null : sameType(given.type, type) ? given.value : await this.#valueFor(type, slice)
      scope.declare(name, { type, value })
      if (mode === 'IN') continue
      const target = this.#text(slice).replace(/^`|`$/g, '')
      caller.get(target)
      outs.push({ from: name, to: target })
    }
    const tree = await compiler.script(routine.body, this.#options())
    await this.#inFrame({ text: routine.body, scope, procedureId: `${routine.path.projectId}.${routine.path.datasetId}.${routine.path.tableId}` }, tree)
    for (const { from, to } of outs) caller.set(to, await this.#outValue(scope.get(from), caller.get(to).type))
  }

  async #outValue(given: TypedValue, type: SqlType): Promise<Value> {
    return sameType(given.type, type) ? given.value : this.#converted(given, type)
  }

  async #execute(step: Extract<Step, { kind: 'execute' }>): Promise<void> {
    const sql = await this.#evaluate(step.sql)
    if (sql.type.kind !== 'STRING') throw invalid(`EXECUTE IMMEDIATE sql string must be of type STRING`)
    if (sql.value === null) throw invalid('EXECUTE IMMEDIATE sql string cannot be NULL')
    const text = String(sql.value)
    const values = await this.#usingValues(step)
    const named = step.using.some((each) => each.name !== undefined)
    const parameters: QueryParameters | undefined = !step.using.length
      ? undefined
      : named
        ? { mode: 'named', values: Object.fromEntries(step.using.map((each, i) => [each.name ?? `p${i}`, values[i]!])) }
        : { mode: 'positional', values }
    const outer = this.#frame
    // The dynamic text sees the variables of the block that it stands in.
    this.#frames.push({ text, scope: outer.scope, ...(parameters ? { parameters } : {}), ...(outer.procedureId ? { procedureId: outer.procedureId } : {}), at: { start: 0, end: text.length } })
    try {
      const compiled = await this.#compile(text)
      if (!step.into.length) return await this.#runCompiled(compiled, text)
      if (compiled.statement.kind !== 'query') throw invalid('EXECUTE IMMEDIATE with INTO clause must be a query')
      const query = bound(compiled, this.#bindings())
      if (query.types.length !== step.into.length) throw invalid('EXECUTE IMMEDIATE with INTO clause must have the same number of columns as variables')
      const rows = await this.#run.host.rows(query, this.#child('STATEMENT', text), 2)
      if (rows.length > 1) throw invalid('EXECUTE IMMEDIATE with INTO clause must return at most one row')
      for (const [i, name] of step.into.entries()) {
        const target = outer.scope.get(name)
        outer.scope.set(name, await this.#outValue({ type: query.types[i]!, value: (rows[0]?.[i] ?? null) as Value }, target.type))
      }
    } finally {
      this.#frames.pop()
    }
  }

  async #usingValues(step: Extract<Step, { kind: 'execute' }>): Promise<TypedValue[]> {
    const out: TypedValue[] = []
    for (const each of step.using) out.push(await this.#evaluate(each.value))
    return out
  }

  // ---------------------------------------------------------------- places

  #text(slice: Slice): string {
    return this.#frame.text.slice(slice.start, slice.end)
  }

  #padded(slice: Slice): string {
    return this.#frame.text.slice(0, slice.start).replace(/[^\n]/g, ' ') + this.#text(slice)
  }

  #child(evaluationKind: ChildJob['evaluationKind'], text: string): ChildJob {
    return { index: this.#children, text, evaluationKind, stackFrames: this.#stack() }
  }

  #stack(): ChildJob['stackFrames'] {
    return this.#frames.toReversed().map((frame) => {
      const at = frame.at ?? { start: 0, end: 0 }
      const [start, end] = [place(frame.text, at.start), place(frame.text, at.end)]
      return { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column, text: frame.text.slice(at.start, at.end), ...(frame.procedureId ? { procedureId: frame.procedureId } : {}) }
    })
  }
}

function place(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - (before.lastIndexOf('\n') + 1) + 1 }
}

function bound(compiled: Compiled, bindings: Bindings): CompiledQuery {
  const { statement } = compiled
  if (statement.kind !== 'query') throw invalid('A query is expected here')
  return { ...statement, duckSql: bindDuckSql(statement.duckSql, bindings) }
}

const invalid = (message: string): Fault => new Fault('INVALID_ARGUMENT', 'invalidQuery', message, { details: { location: 'query' } })
