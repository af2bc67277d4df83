/** Reading maps and lists of the source by what they must be, with a problem noted where they are not. */
import type { Problems } from './problems.ts'
import type { ListTree, MapEntry, MapTree, Position, Tree } from './source.ts'

export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

export class Fields {
  readonly at: Position
  private readonly entries: ReadonlyMap<string, MapEntry>
  private readonly problems: Problems

  constructor(tree: MapTree, problems: Problems) {
    this.at = tree.entries[0]?.keyAt ?? tree.at
    this.entries = new Map(tree.entries.map((entry) => [entry.key, entry]))
    this.problems = problems
  }

  has(name: string): boolean {
    return this.entries.has(name)
  }

  get(name: string): Tree | undefined {
    return this.entries.get(name)?.value
  }

  keyAt(name: string): Position {
    return this.entries.get(name)?.keyAt ?? this.at
  }

  get names(): string[] {
    return [...this.entries.keys()]
  }

  only(allowed: readonly string[], where: string): void {
    for (const [name, { keyAt }] of this.entries) {
      if (!allowed.includes(name)) this.problems.add(keyAt, `unknown field '${name}' in ${where}`)
    }
  }

  text(name: string): string | undefined {
    const tree = this.get(name)
    if (!tree) return undefined
    if (tree.kind === 'scalar' && typeof tree.value === 'string' && tree.value !== '') return tree.value
    this.problems.add(tree.at, `'${name}' must be text`)
    return undefined
  }

  /** A new variable's name. */
  variable(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined || VARIABLE_NAME.test(text)) return text
    this.problems.add(this.get(name)!.at, `'${text}' is not a variable name`)
    return undefined
  }
}

export function asMap(tree: Tree | undefined, what: string, problems: Problems, at: Position): MapTree | undefined {
  if (tree?.kind === 'map') return tree
  problems.add(tree?.at ?? at, `${what} must be a map`)
  return undefined
}

export function asList(tree: Tree | undefined, what: string, problems: Problems, at: Position): ListTree | undefined {
  if (tree?.kind === 'list') return tree
  problems.add(tree?.at ?? at, `${what} must be a list`)
  return undefined
}

/** The single entry of a one-key map such as `NAME: {...}`. */
export function oneEntry(tree: Tree, what: string, problems: Problems): MapEntry | undefined {
  if (tree.kind === 'map' && tree.entries.length === 1) return tree.entries[0]
  problems.add(tree.at, `${what} must be a map of exactly one key`)
  return undefined
}
