/**
 * Resolved tree -> DuckDB text. Holds what a whole statement shares: column names, tables, parameters, arguments of inlined
 * functions. The nodes are written in scans.ts, expressions.ts, aggregates.ts and functions/.
 */
import { Fault } from '#ground/fault.ts'
import type { Message } from '../analyzer/proto.ts'
import { typeOfProto } from '../sqltype.ts'
import type { CatalogColumn, JsFunction, SqlType } from '../types.ts'
import { expression } from './expressions.ts'
import { DUCK_SQL_CHARS_MAX, NODE_DEPTH_MAX } from './limits.ts'
import { scan } from './scans.ts'

/** A table, view or wildcard as the statement sees it. */
export interface TableSource {
  /** Text after FROM. */
  relation: string
  /** In the order in which the analyzer was given them. */
  columns: readonly CatalogColumn[]
  target?: string
}

/** A SQL function whose body was analyzed on its own: its arguments are put into `body` at the call. */
export interface InlineFunction {
  kind: 'sql' | 'js' | 'aggregate'
  argumentNames: readonly string[]
  /** The resolved body with argument references. */
  body?: Message
  aggregateColumns?: readonly Message[]
  js?: JsFunction
  returnType: SqlType
}

export interface TableFunction {
  argumentNames: readonly string[]
  /** The resolved query with argument references. */
  query: Message
  outputColumns: readonly Message[]
}

export interface GeneratorInput {
  table(id: number, node: Message): TableSource
  inlineFunction(name: string, call: Message): InlineFunction | undefined
  tableFunction(name: string, scanNode: Message): TableFunction | undefined
  enumName(enumeration: string, value: number): string
  /** Distinguishes the columns of a view or function body from the statement's own. */
  prefix?: string
}

export class Generator {
  readonly input: GeneratorInput
  readonly jsFunctions = new Map<string, JsFunction>()
  /** Arguments of the function body being written, by lower-case name. */
  readonly argumentFrames: Map<string, string>[] = []
  /** Columns of an inlined body get names of their own per call. */
  prefix: string
  #inlined = 0
  #fresh = 0
  #depth = 0

  constructor(input: GeneratorInput) {
    this.input = input
    this.prefix = input.prefix ?? 'c'
  }

  /** Columns that stand by a name of their own: those of a DML target. */
  readonly named = new Map<number, { text: string; column: CatalogColumn }>()

  column(column: Message): string {
    return (this.named.size && this.#inlinedDepth() === 0 ? this.named.get(Number(column['column_id']))?.text : undefined) ?? `${this.prefix}${column['column_id']}`
  }

  #inlinedDepth(): number {
    return this.argumentFrames.length
  }

  type(node: Message): SqlType {
    return typeOfProto(node['type'])
  }

  fresh(stem: string): string {
    return `${stem}${++this.#fresh}_`
  }

  scan(node: Message): string {
    return this.#deeper(() => scan(this, node))
  }

  expr(node: Message): string {
    return this.#deeper(() => expression(this, node))
  }

  /** Writes an inlined body: its own argument frame and its own column names. */
  inline<T>(args: ReadonlyMap<string, string>, write: () => T): T {
    const before = this.prefix
    this.prefix = `i${++this.#inlined}_`
    this.argumentFrames.push(new Map(args))
    try {
      return write()
    } finally {
      this.argumentFrames.pop()
      this.prefix = before
    }
  }

  /** Inside an argument's text the caller's frame counts; arguments are written before `inline`, so a plain look-up is enough. */
  argument(name: string): string {
    const text = this.argumentFrames.at(-1)?.get(name.toLowerCase())
    if (text === undefined) throw unsupported(`argument reference ${name}`)
    return text
  }

  #deeper(write: () => string): string {
    if (++this.#depth > NODE_DEPTH_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', 'The query is too complex: it is nested too deeply.', { httpStatus: 400 })
    try {
      const text = write()
      if (text.length > DUCK_SQL_CHARS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', 'The query is too complex: what it stands for is too large.', { httpStatus: 400 })
      return text
    } finally {
      this.#depth--
    }
  }
}

/** A construct that BigQuery has and the generator has not. */
export function unsupported(what: string): Fault {
  return new Fault('UNIMPLEMENTED', 'notImplemented', `${what} is not supported.`, { hint: 'COMPAT.md lists what SQL is answered.' })
}

export const invalidQuery = (message: string): Fault => new Fault('INVALID_ARGUMENT', 'invalidQuery', message)
