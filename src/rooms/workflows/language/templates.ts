/** Values of the source that may hold expressions, compiled: `{a: "${x}", b: [1, "${y}"]}` becomes one closure. */
import { compile, type Compiled, type Names } from './expressions/compile.ts'
import { mapKey } from './expressions/operators.ts'
import { parseExpression, parseTarget } from './expressions/parser.ts'
import { ExpressionProblem, expressionIn } from './expressions/tokens.ts'
import type { Problems } from './problems.ts'
import type { Assignment, ConnectorNames, Template } from './program.ts'
import type { Reads, Scope } from './scopes.ts'
import type { Position, Tree } from './source.ts'
import { newMap, type Value } from './values.ts'

export interface RoutineSignature {
  params: readonly { name: string; optional: boolean }[]
}

/** What all expressions of one source share. */
export interface Surroundings {
  problems: Problems
  signatures: ReadonlyMap<string, RoutineSignature>
  connectors: ConnectorNames
}

export const constant = (value: Value): Template => ({ constant: value, run: () => value })

export class Templates {
  private readonly around: Surroundings
  private readonly reads: Reads
  private sites = 0

  constructor(around: Surroundings, reads: Reads) {
    this.around = around
    this.reads = reads
  }

  /** A place where a value must stand; where it is missing, null stands in and the problem is noted by the caller. */
  template(tree: Tree, scope: Scope): Template {
    if (tree.kind === 'scalar') {
      const text = typeof tree.value === 'string' ? expressionIn(tree.value) : undefined
      if (text === undefined) return constant(tree.value)
      return { run: this.expression(text, tree.at, scope) }
    }
    if (tree.kind === 'list') {
      const items = tree.items.map((item) => this.template(item, scope))
      if (items.every(({ constant }) => constant !== undefined)) return constant(items.map((item) => item.constant!))
      return { run: (env) => items.map((item) => item.run(env)) }
    }
    const entries = tree.entries.map(({ key, keyAt, value }) => ({ key: this.key(key, keyAt, scope), value: this.template(value, scope) }))
    if (entries.every(({ key, value }) => typeof key === 'string' && value.constant !== undefined)) {
      const map = newMap()
      for (const { key, value } of entries) map[key as string] = value.constant!
      return constant(map)
    }
    return {
      run(env) {
        const map = newMap()
        for (const { key, value } of entries) map[typeof key === 'string' ? key : mapKey(key(env))] = value.run(env)
        return map
      },
    }
  }

  private key(key: string, at: Position, scope: Scope): string | Compiled {
    const text = expressionIn(key)
    return text === undefined ? key : this.expression(text, at, scope)
  }

  expression(text: string, at: Position, scope: Scope): Compiled {
    return this.noting(at, () => compile(parseExpression(text), this.names(at, scope))) ?? (() => null)
  }

  /** One entry of `assign`. */
  assignment(target: string, at: Position, value: Tree, scope: Scope): Assignment | undefined {
    return this.noting(at, () => {
      // The value is read before the target is written: `x: ${x}` with no x before it is an error.
      const template = this.template(value, scope)
      const { name, path } = parseTarget(target)
      if (scope.assign(name) === 'unshared') {
        this.around.problems.add(at, `'${name}' belongs to the steps around the parallel step; name it in 'shared' to write it`)
      }
      return { name, path: path.map((step) => compile(step, this.names(at, scope))), value: template }
    })
  }

  private noting<T>(at: Position, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof ExpressionProblem)) throw error
      this.around.problems.add(inside(at, error.offset), `in an expression: ${error.message}`)
      return undefined
    }
  }

  private names(at: Position, scope: Scope): Names {
    const { signatures, connectors } = this.around
    return {
      reads: (name, offset) => this.reads.note(name, scope, inside(at, offset)),
      routineParams(name) {
        const params = signatures.get(name)?.params
        return params && { required: params.filter((param) => !param.optional).length, total: params.length }
      },
      connectorParams: (name) => connectors.parameters(name),
      connectorInExpression: (name) => connectors.callableInExpression(name),
      nextSite: () => this.sites++,
    }
  }
}

/** A place inside an expression that stands on one line; on more than one, the start of the whole. */
function inside(at: Position, offset: number): Position {
  return offset > at.length ? at : { line: at.line, column: at.column + 2 + offset, length: 1 }
}
