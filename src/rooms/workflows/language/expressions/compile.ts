/** Syntax to closures, once per revision. Names are resolved here, so that what does not exist is refused at deployment. */
import { BLOCKING } from '../../stdlib/blocking.ts'
import type { LibraryFunction, LibraryHost } from '../../stdlib/library.ts'
import { LIBRARY } from '../../stdlib/functions.ts'
import { raised } from '../raised.ts'
import { newMap, type Value } from '../values.ts'
import { binary, checkedText, mapKey, member, negate, not, truth } from './operators.ts'
import type { Syntax } from './parser.ts'
import { ExpressionProblem } from './tokens.ts'

/** What an expression can ask of the step that evaluates it. */
export interface Env {
  read(name: string): Value | undefined
  host: LibraryHost
  /**
   * The result of a sub-workflow or connector called at `site`. When there is none yet it throws `CallNeeded`: the
   * machine makes the call and evaluates the expression again with the result in place.
   */
  called(site: number, call: PendingCall): Value
}

export interface PendingCall {
  kind: 'routine' | 'connector'
  name: string
  args: Value[]
}

export class CallNeeded {
  readonly site: number
  readonly call: PendingCall
  constructor(site: number, call: PendingCall) {
    this.site = site
    this.call = call
  }
}

export type Compiled = (env: Env) => Value

/** Where names are looked up while compiling. */
export interface Names {
  reads(name: string, offset: number): void
  routineParams(name: string): { required: number; total: number } | undefined
  connectorParams(name: string): readonly string[] | undefined
  connectorInExpression(name: string): boolean
  nextSite(): number
}

export function compile(syntax: Syntax, names: Names): Compiled {
  switch (syntax.kind) {
    case 'literal': {
      const { value } = syntax
      return () => value
    }
    case 'variable': {
      const { name } = syntax
      names.reads(name, syntax.at)
      return (env) => {
        const value = env.read(name)
        if (value === undefined) throw raised('KeyError', `variable not found: ${name}`)
        return value
      }
    }
    case 'member': {
      const of = compile(syntax.of, names)
      const { key } = syntax
      return (env) => member(of(env), key)
    }
    case 'index': {
      const of = compile(syntax.of, names)
      const by = compile(syntax.by, names)
      return (env) => member(of(env), by(env))
    }
    case 'list': {
      const items = syntax.items.map((item) => compile(item, names))
      return (env) => items.map((item) => item(env))
    }
    case 'map': {
      const entries = syntax.entries.map(({ key, value }) => [compile(key, names), compile(value, names)] as const)
      return (env) => {
        const map = newMap()
        for (const [key, value] of entries) map[mapKey(key(env))] = value(env)
        return map
      }
    }
    case 'unary': {
      const of = compile(syntax.of, names)
      return syntax.operator === 'not' ? (env) => not(of(env)) : (env) => negate(of(env))
    }
    case 'binary':
      return compileBinary(syntax, names)
    case 'call':
      return compileCall(syntax, names)
  }
}

function compileBinary({ operator, left, right }: Syntax & { kind: 'binary' }, names: Names): Compiled {
  const [a, b] = [compile(left, names), compile(right, names)]
  if (operator === 'and') return (env) => truth(a(env), 'the left side of and') && truth(b(env), 'the right side of and')
  if (operator === 'or') return (env) => truth(a(env), 'the left side of or') || truth(b(env), 'the right side of or')
  return (env) => binary(operator, a(env), b(env))
}

function compileCall({ name, args, at }: Syntax & { kind: 'call' }, names: Names): Compiled {
  const values = args.map((arg) => compile(arg, names))
  const fn = Object.hasOwn(LIBRARY, name) ? LIBRARY[name] : undefined
  if (fn) return libraryCall(name, fn, values, at)
  if (Object.hasOwn(BLOCKING, name)) throw new ExpressionProblem(at, `${name} waits and cannot stand inside an expression; use a call step`)

  const routine = names.routineParams(name)
  if (routine) {
    if (values.length > routine.total) throw new ExpressionProblem(at, `${name} takes at most ${routine.total} arguments`)
    if (values.length < routine.required) throw new ExpressionProblem(at, `${name} needs ${routine.required} arguments`)
    return calledAt(names.nextSite(), 'routine', name, values)
  }
  if (names.connectorParams(name)) {
    if (!names.connectorInExpression(name)) throw new ExpressionProblem(at, `${name} is a connector call and cannot stand inside an expression; use a call step`)
    return calledAt(names.nextSite(), 'connector', name, values)
  }
  throw new ExpressionProblem(at, `unknown function ${name}`)
}

function calledAt(site: number, kind: PendingCall['kind'], name: string, values: Compiled[]): Compiled {
  return (env) => env.called(site, { kind, name, args: values.map((value) => value(env)) })
}

function libraryCall(name: string, fn: LibraryFunction, values: Compiled[], at: number): Compiled {
  if (values.length > fn.params.length) throw new ExpressionProblem(at, `${name} takes at most ${fn.params.length} arguments`)
  const missing = fn.params.slice(values.length).find((param) => param.default === undefined)
  if (missing) throw new ExpressionProblem(at, `${name} needs its argument ${missing.name}`)
  const all: Compiled[] = [...values, ...fn.params.slice(values.length).map((param) => () => param.default!)]
  return (env) => checked(fn.run(all.map((value) => value(env)), env.host))
}

const checked = (value: Value): Value => (typeof value === 'string' ? checkedText(value) : value)
