/** Which variables exist where, as far as the source shows: unknown names and writes to unshared variables are found here. */
import type { Problems } from './problems.ts'
import type { Position } from './source.ts'

/** `body` covers for and except, whose new names end with them; a branch also may not write what is outside it. */
export type ScopeKind = 'routine' | 'body' | 'branch'

export class Scope {
  readonly kind: ScopeKind
  readonly outer: Scope | undefined
  private readonly names = new Set<string>()
  private readonly shared: ReadonlySet<string>

  constructor(kind: ScopeKind, outer?: Scope, shared: readonly string[] = []) {
    this.kind = kind
    this.outer = outer
    this.shared = new Set(shared)
  }

  declare(name: string): void {
    this.names.add(name)
  }

  sees(name: string): boolean {
    return this.names.has(name) || (this.outer?.sees(name) ?? false)
  }

  /** Notes an assignment, and says whether it writes a variable that a parallel step did not share. */
  assign(name: string): 'fine' | 'unshared' {
    let scope: Scope = this
    for (; !scope.names.has(name); scope = scope.outer) {
      if (scope.kind === 'branch' && scope.outer?.sees(name)) {
        if (!scope.shared.has(name)) return 'unshared'
      } else if (!scope.outer?.sees(name)) {
        this.names.add(name)
        return 'fine'
      }
      if (!scope.outer) break
    }
    return 'fine'
  }
}

/** Reads are judged at the end of a routine, when every assignment has been seen: a jump may make the later one the earlier. */
export class Reads {
  private readonly noted: { name: string; scope: Scope; at: Position }[] = []

  note(name: string, scope: Scope, at: Position): void {
    this.noted.push({ name, scope, at })
  }

  judge(problems: Problems): void {
    for (const { name, scope, at } of this.noted) {
      if (!scope.sees(name)) problems.add(at, `unknown variable '${name}'`)
    }
  }
}
