/**
 * Puts values into compiled text. The text is compiled once per set of types; values stand in it as markers until it runs.
 * Literals are complete, typed and escaped, so no value can change the statement.
 */
import { Fault } from '#ground/fault.ts'
import { duckLiteral } from './literal.ts'
import type { DuckSql, QueryParameters, TypedValue } from './types.ts'

/** `quote` writes U+0001 of user text as chr(1), so a marker in compiled text is always ours. */
const MARK = '\u0001'
const MARKER = /\u0001([pvs]):([^\u0001]*)\u0001/g

export const parameterMarker = (name: string): string => `${MARK}p:${name.toLowerCase()}${MARK}`
export const positionMarker = (position: number): string => `${MARK}p:#${position}${MARK}`
export const variableMarker = (name: string): string => `${MARK}v:${name.toLowerCase()}${MARK}`
export const systemMarker = (name: string): string => `${MARK}s:${name.toLowerCase()}${MARK}`

export interface Bindings {
  parameters?: QueryParameters
  /** Script variables, by lower-case name. */
  variables?: Readonly<Record<string, TypedValue>>
  systemVariables?: Readonly<Record<string, TypedValue>>
}

export function bindDuckSql(duckSql: DuckSql, bindings: Bindings = {}): string {
  if (!duckSql.includes(MARK)) return duckSql
  const { parameters } = bindings
  const named = new Map<string, TypedValue>()
  if (parameters?.mode === 'named') for (const [name, value] of Object.entries(parameters.values)) named.set(name.toLowerCase(), value)
  return duckSql.replace(MARKER, (_all, kind: string, name: string) => {
    const value =
      kind === 'v' ? bindings.variables?.[name]
      : kind === 's' ? bindings.systemVariables?.[name]
      : name.startsWith('#') ? (parameters?.mode === 'positional' ? parameters.values[Number(name.slice(1)) - 1] : undefined)
      : named.get(name)
    if (!value) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', name.startsWith('#') ? `Query parameter number ${name.slice(1)} is not set` : `Query parameter '${name}' not found`)
    return `(${duckLiteral(value.type, value.value)})`
  })
}

/** A whole statement with its values put in: every text in it runs as it is. */
export function bindStatement<T>(statement: T, bindings: Bindings): T {
  if (typeof statement === 'string') return bindDuckSql(statement, bindings) as T
  if (Array.isArray(statement)) return statement.map((item) => bindStatement(item, bindings)) as T
  if (typeof statement !== 'object' || statement === null) return statement
  return Object.fromEntries(Object.entries(statement).map(([key, value]) => [key, bindStatement(value, bindings)])) as T
}
