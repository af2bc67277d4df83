/** Sources compiled once per revision and kept while they are used. */
import { connectors } from './connectors/engine.ts'
import { checkProgram } from './language/check.ts'
import { preludeProgram } from './language/prelude.ts'
import type { Program } from './language/program.ts'
import { PROGRAMS_MAX } from './limits.ts'

export class Programs {
  readonly prelude = preludeProgram(connectors)
  private readonly compiled = new Map<string, Program>()

  /** The checked program; a Fault with every problem's line and column where the source is not one. */
  check(source: string): Program {
    return checkProgram(source, connectors, this.prelude)
  }

  /** `key` names a revision, whose source never changes. */
  async of(key: string, source: () => Promise<string>): Promise<Program> {
    const known = this.compiled.get(key)
    if (known) {
      // Moved to the end: the first entry is always the one unused for longest.
      this.compiled.delete(key)
      this.compiled.set(key, known)
      return known
    }
    const program = this.check(await source())
    if (this.compiled.size >= PROGRAMS_MAX) this.compiled.delete(this.compiled.keys().next().value!)
    this.compiled.set(key, program)
    return program
  }

  forget(workflow: string): void {
    for (const key of this.compiled.keys()) if (key.startsWith(`${workflow}@`)) this.compiled.delete(key)
  }
}
