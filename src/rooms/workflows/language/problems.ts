/** What is wrong with a source, and where. Problems are collected so that one deployment shows them all (up to a bound). */
import { Fault } from '#ground/fault.ts'
import { PROBLEMS_LISTED_MAX } from '../limits.ts'
import type { Position } from './source.ts'

export class SourceProblem extends Error {
  readonly at: Position
  constructor(at: Position, message: string) {
    super(message)
    this.at = at
  }
}

export class Problems {
  private readonly found: SourceProblem[] = []

  add(at: Position, message: string): void {
    if (this.found.length < PROBLEMS_LISTED_MAX) this.found.push(new SourceProblem(at, message))
  }

  throwIfAny(): void {
    if (this.found.length > 0) throw sourceFault(this.found)
  }
}

export function sourceFault(problems: readonly SourceProblem[]): Fault {
  const sorted = [...problems].sort((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
  const lines = sorted.map(({ at, message }) => `main.yaml:${at.line}:${at.column}: ${message}`)
  return new Fault('INVALID_ARGUMENT', 'parseError', lines.join('\n'), {
    hint: 'Correct the source at the lines named and deploy it again.',
    details: { problems: sorted.map(({ at, message }) => ({ line: at.line, column: at.column, message })) },
  })
}
