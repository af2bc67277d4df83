/** How a function of the standard library is described: its parameters, so that it can be called by name or by position, and what it does. */
import type { Value } from '../language/values.ts'

export interface Parameter {
  name: string
  /** Other spellings that the documentation or public code uses. */
  aliases?: readonly string[]
  /** Absent: the argument must be given. */
  default?: Value
}

/** What a pure function may still need to know of its execution. */
export interface LibraryHost {
  /** A variable of the environment: the built-in ones and the user's. */
  env(name: string): string | undefined
  now_ms(): number
  uuid(): string
}

export interface LibraryFunction {
  params: readonly Parameter[]
  /** One value for each parameter; a parameter that was not given holds its default. */
  run(args: readonly Value[], host: LibraryHost): Value
}

export type Library = Readonly<Record<string, LibraryFunction>>

/** Shorthand: `params('source', 'start', ['charset', 'UTF-8'])`. */
export function params(...specs: readonly (string | readonly [name: string, fallback: Value] | Parameter)[]): Parameter[] {
  return specs.map((spec) => {
    if (typeof spec === 'string') return { name: spec }
    return isPair(spec) ? { name: spec[0], default: spec[1] } : spec
  })
}

const isPair = (spec: unknown): spec is readonly [string, Value] => Array.isArray(spec)
