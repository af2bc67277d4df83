/** What a call step calls and with which arguments, checked against what the callee takes. */
import { BLOCKING } from '../stdlib/blocking.ts'
import { LIBRARY } from '../stdlib/functions.ts'
import type { Parameter } from '../stdlib/library.ts'
import type { CallArguments, CallTarget, Template } from './program.ts'
import { Fields } from './shape.ts'
import type { Scope } from './scopes.ts'
import type { MapTree, Position } from './source.ts'
import { constant, type Surroundings, type Templates } from './templates.ts'

export function resolveCall(name: string, around: Surroundings): CallTarget | undefined {
  // A sub-workflow may carry the name of a helper such as `string`; the source's own meaning wins.
  if (around.signatures.has(name)) return { kind: 'routine', name }
  const fn = Object.hasOwn(LIBRARY, name) ? LIBRARY[name] : undefined
  if (fn) return { kind: 'library', name, fn }
  const params = Object.hasOwn(BLOCKING, name) ? BLOCKING[name] : undefined
  if (params) return { kind: 'blocking', name, params }
  if (around.connectors.parameters(name)) return { kind: 'connector', name }
  return undefined
}

export class CallArgumentReader {
  private readonly around: Surroundings
  private readonly templates: Templates

  constructor(around: Surroundings, templates: Templates) {
    this.around = around
    this.templates = templates
  }

  read(target: CallTarget, tree: MapTree | undefined, at: Position, scope: Scope): CallArguments {
    const given = new Map(tree?.entries.map((entry) => [entry.key, entry]))
    const fields = tree && new Fields(tree, this.around.problems)
    const templateOf = (name: string): Template | undefined => {
      const entry = given.get(name)
      return entry && this.templates.template(entry.value, scope)
    }
    if (target.kind === 'connector') return { named: Object.fromEntries([...given.keys()].map((name) => [name, templateOf(name)!])) }

    if (target.kind === 'routine') {
      const { params } = this.around.signatures.get(target.name)!
      fields?.only(params.map(({ name }) => name), `the arguments of ${target.name}`)
      for (const { name, optional } of params) {
        if (!optional && !given.has(name)) this.around.problems.add(at, `${target.name} needs its argument '${name}'`)
      }
      return { named: Object.fromEntries(params.flatMap(({ name }) => (given.has(name) ? [[name, templateOf(name)!]] : []))) }
    }

    const params = target.kind === 'library' ? target.fn.params : target.params
    fields?.only(params.flatMap((param) => [param.name, ...(param.aliases ?? [])]), `the arguments of ${target.name}`)
    const templates = params.map((param) => {
      const name = spelling(param, given)
      if (name !== undefined) return templateOf(name)!
      if (param.default === undefined) this.around.problems.add(at, `${target.name} needs its argument '${param.name}'`)
      return constant(param.default ?? null)
    })
    if (target.kind === 'library') return { ordered: templates }
    return { named: Object.fromEntries(params.map((param, i) => [param.name, templates[i]!])) }
  }
}

function spelling(param: Parameter, given: ReadonlyMap<string, unknown>): string | undefined {
  return [param.name, ...(param.aliases ?? [])].find((name) => given.has(name))
}
