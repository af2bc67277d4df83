/** `retry:` of a try step: one of the library's policies by name, or a map with a predicate, a count and a back-off. */
import { DEFAULT_BACKOFF, DEFAULT_MAX_RETRIES, isPredicate, POLICIES } from '../stdlib/retry.ts'
import { dottedName, parseExpression } from './expressions/parser.ts'
import { ExpressionProblem, expressionIn } from './expressions/tokens.ts'
import type { RetryPlan } from './program.ts'
import { asMap, Fields } from './shape.ts'
import type { Scope } from './scopes.ts'
import type { Tree } from './source.ts'
import { constant, type Surroundings, type Templates } from './templates.ts'

export class RetryReader {
  private readonly around: Surroundings
  private readonly templates: Templates

  constructor(around: Surroundings, templates: Templates) {
    this.around = around
    this.templates = templates
  }

  read(tree: Tree, scope: Scope): RetryPlan | undefined {
    const { problems } = this.around
    const policy = functionNamed(tree)
    if (policy !== undefined) {
      const predicate = Object.hasOwn(POLICIES, policy) ? POLICIES[policy] : undefined
      if (predicate) return plan({ library: predicate })
      // `retry: ${my_predicate}` stands in public code: a predicate with the default policy around it.
      const named = this.predicate(tree)
      return named && plan(named)
    }
    const map = asMap(tree, "'retry'", problems, tree.at)
    if (!map) return undefined
    const fields = new Fields(map, problems)
    fields.only(['predicate', 'max_retries', 'backoff'], "'retry'")
    const predicateTree = fields.get('predicate')
    const predicate = predicateTree ? this.predicate(predicateTree) : ({ library: 'retry.always' } as const)
    if (!predicate) return undefined
    const made = plan(predicate)
    const count = fields.get('max_retries')
    if (count) made.max_retries = this.templates.template(count, scope)
    this.readBackoff(fields.get('backoff'), made, scope)
    return made
  }

  private readBackoff(tree: Tree | undefined, made: RetryPlan, scope: Scope): void {
    if (!tree || functionNamed(tree) === 'retry.default_backoff') return
    const map = asMap(tree, "'backoff'", this.around.problems, tree.at)
    if (!map) return
    const fields = new Fields(map, this.around.problems)
    const names = ['initial_delay', 'max_delay', 'multiplier'] as const
    fields.only(names, "'backoff'")
    for (const name of names) {
      const value = fields.get(name)
      if (value) made[name] = this.templates.template(value, scope)
    }
  }

  private predicate(tree: Tree): RetryPlan['predicate'] | undefined {
    const name = functionNamed(tree)
    if (name !== undefined && isPredicate(name)) return { library: name }
    if (name !== undefined && Object.hasOwn(POLICIES, name)) return { library: POLICIES[name]! }
    const signature = name === undefined ? undefined : this.around.signatures.get(name)
    if (!signature) {
      this.around.problems.add(tree.at, `'predicate' must name a predicate of the library or a sub-workflow${name ? `, and ${name} is neither` : ''}`)
      return undefined
    }
    if (signature.params.length === 0 || signature.params.slice(1).some((param) => !param.optional)) {
      this.around.problems.add(tree.at, `the predicate ${name} must take one parameter, the error`)
      return undefined
    }
    return { routine: name! }
  }
}

function plan(predicate: RetryPlan['predicate']): RetryPlan {
  return {
    predicate,
    max_retries: constant(DEFAULT_MAX_RETRIES),
    initial_delay: constant(DEFAULT_BACKOFF['initial_delay']!),
    max_delay: constant(DEFAULT_BACKOFF['max_delay']!),
    multiplier: constant(DEFAULT_BACKOFF['multiplier']!),
  }
}

/** `${a.b}` as "a.b". */
function functionNamed(tree: Tree): string | undefined {
  if (tree.kind !== 'scalar' || typeof tree.value !== 'string') return undefined
  const text = expressionIn(tree.value)
  if (text === undefined) return undefined
  try {
    return dottedName(parseExpression(text))
  } catch (error) {
    if (error instanceof ExpressionProblem) return undefined
    throw error
  }
}
