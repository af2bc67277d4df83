/**
 * One text -> one compiled statement, inside the analyzer child. Pure in its inputs: the catalog's answers come with the request,
 * and what is still missing is asked for by returning `needs`.
 */
import { Fault } from '#ground/fault.ts'
import { Generator, invalidQuery, unsupported, type InlineFunction, type TableFunction, type TableSource } from '../generate/generator.ts'
import { DUCK_SQL_CHARS_MAX, INLINE_DEPTH_MAX } from '../generate/limits.ts'
import { name, quote } from '../literal.ts'
import { duckType, fieldOfType, protoOfType, sqlName, typeOfField, typeOfProto } from '../sqltype.ts'
import type { CatalogColumn, CatalogRoutine, CatalogTable, CompiledQuery, Field, JsFunction, SqlType, Statement, TablePath } from '../types.ts'
import { Catalogs, type CatalogEntryTable } from './catalog.ts'
import { faultOfAnalyzer } from './errors.ts'
import { analyzerOptions, language, type AnalyzeSettings, type Language } from './language.ts'
import { nameRef, needKey, type Answer, type Defaults, type Need } from './needs.ts'
import type { Message } from './proto.ts'
import { calledNames, ddlTableNames, isScript, namesSystemVariable, splitStatements, writtenTokens, type Token } from './text.ts'
import { AnalyzerError, GoogleSql } from './wasm.ts'
import { statementOf } from '../generate/statements/statements.ts'

export interface CompileRequest {
  text: string
  defaults: Defaults
  named?: Readonly<Record<string, SqlType>>
  positional?: readonly SqlType[]
  variables?: Readonly<Record<string, SqlType>>
  systemVariables?: Readonly<Record<string, SqlType>>
  /** Temporary functions of the script so far. */
  functions?: readonly CatalogRoutine[]
  javascript?: boolean
  answers: Readonly<Record<string, Answer>>
}

export type CompileResponse = { needs: readonly Need[] } | { statement: Statement; tempFunctions?: readonly CatalogRoutine[] }

/** Thrown inside, caught by `compile`: names that the request has no answer for. */
class Missing extends Error {
  readonly needs: readonly Need[]
  constructor(needs: readonly Need[]) {
    super('missing names')
    this.needs = needs
  }
}

export class AnalyzerCompiler {
  readonly #google: GoogleSql
  readonly #language: Language
  readonly #catalogs: Catalogs
  readonly #builtin: ReadonlySet<string>
  readonly #tableNames = new Map<string, readonly string[][]>()

  private constructor(google: GoogleSql) {
    this.#google = google
    this.#language = language(google)
    this.#catalogs = new Catalogs(google, this.#language)
    const functions = google.call('GetBuiltinFunctions', 'ZetaSQLBuiltinFunctionOptionsProto', { language_options: this.#language.options }, 'local_service.GetBuiltinFunctionsResponse')
    this.#builtin = new Set((functions['function'] as Message[]).map((each) => (each['name_path'] as string[]).join('.').toUpperCase()))
  }

  static async open(folder: string): Promise<AnalyzerCompiler> {
    const compiler = new AnalyzerCompiler(await GoogleSql.open(folder))
    compiler.compile({ text: 'SELECT 1', defaults: { projectId: 'p' }, answers: {} })
    return compiler
  }

  memory_bytes(): number {
    return this.#google.memory_bytes()
  }

  compile(request: CompileRequest): CompileResponse {
    try {
      return new Unit(this, request).compile()
    } catch (thrown) {
      if (thrown instanceof Missing) return { needs: thrown.needs }
      throw faultOfAnalyzer(thrown, request.defaults)
    }
  }

  /** The parse tree of a script, for the interpreter. */
  parseScript(text: string, defaults: Defaults): Message {
    try {
      return this.#google.call('Parse', 'local_service.ParseRequest', { sql_statement: text, options: this.#language.options, allow_script: true }, 'local_service.ParseResponse')['parsed_script']
    } catch (thrown) {
      throw faultOfAnalyzer(thrown, defaults)
    }
  }

  /** Tables that a statement names, as written. A text comes again with the catalog's answers, so what it names is kept. */
  tableNames(text: string): readonly string[][] {
    const known = this.#tableNames.get(text)
    if (known) return known
    const request = { sql_statement: text, options: this.#language.options, allow_script: false }
    const extracted = this.#google.call('ExtractTableNamesFromStatement', 'local_service.ExtractTableNamesFromStatementRequest', request, 'local_service.ExtractTableNamesFromStatementResponse')
    const names = ((extracted['table_name'] ?? []) as Message[]).map((each) => each['table_name_segment'] as string[])
    if (this.#tableNames.size >= TEXTS_KEPT_MAX) this.#tableNames.delete(this.#tableNames.keys().next().value!)
    this.#tableNames.set(text, names)
    return names
  }

  get google(): GoogleSql {
    return this.#google
  }
  get language(): Language {
    return this.#language
  }
  get catalogs(): Catalogs {
    return this.#catalogs
  }
  isBuiltin(parts: readonly string[]): boolean {
    return this.#builtin.has(parts.join('.').toUpperCase())
  }
}

const PSEUDO = [{ name: '_PARTITIONTIME', type: { kind: 'TIMESTAMP' as const } }, { name: '_PARTITIONDATE', type: { kind: 'DATE' as const } }]

interface Relation {
  source: TableSource
  paths: readonly TablePath[]
  bytes: number
}

/** Texts whose names are kept between the rounds of one compilation. */
const TEXTS_KEPT_MAX = 64

/** Words before '(' that are never functions. */
const NOT_CALLS = new Set([
  'SELECT', 'FROM', 'WHERE', 'IN', 'AND', 'OR', 'NOT', 'ON', 'USING', 'VALUES', 'AS', 'OVER', 'WITH', 'UNION', 'ALL', 'DISTINCT', 'EXISTS', 'CASE', 'WHEN', 'THEN', 'ELSE', 'BY', 'HAVING', 'QUALIFY',
  'OPTIONS', 'TABLE', 'INSERT', 'INTO', 'SET', 'UNNEST', 'STRUCT', 'ARRAY', 'CAST', 'SAFE_CAST', 'EXTRACT', 'PIVOT', 'UNPIVOT', 'TABLESAMPLE', 'JOIN', 'CROSS', 'LIMIT', 'IF', 'INTERVAL', 'EXCEPT', 'REPLACE',
  'ROLLUP', 'CUBE', 'SETS', 'GROUPING', 'LIKE', 'ANY', 'SOME', 'FILES', 'NUMERIC', 'STRING', 'BYTES', 'BIGNUMERIC', 'DECIMAL', 'BIGDECIMAL', 'OFFSET', 'ORDINAL', 'SAFE_OFFSET', 'SAFE_ORDINAL', 'PARTITION', 'ORDER', 'WINDOW', 'RETURN', 'SYSTEM', 'PERCENT',
])

export class Unit {
  readonly compiler: AnalyzerCompiler
  readonly request: CompileRequest
  readonly relations = new Map<number, Relation>()
  readonly referenced = new Map<string, TablePath>()
  readonly routines = new Map<string, TablePath>()
  bytes = 0
  readonly #inlined = new Map<string, InlineFunction>()
  readonly #tableFunctions = new Map<string, TableFunction>()
  readonly #temp: CatalogRoutine[]
  #nextTable = 0
  #loading = false
  #depth = 0

  constructor(compiler: AnalyzerCompiler, request: CompileRequest) {
    this.compiler = compiler
    this.request = request
    this.#temp = [...(request.functions ?? [])]
  }

  compile(): CompileResponse {
    const { text, defaults } = this.request
    const all = writtenTokens(text)
    if (!all.length) throw invalidQuery('Syntax error: Unexpected end of statement at [1:1]')
    const functions: CatalogRoutine[] = []
    let last = text
    if (isScript(text, all) || (!this.request.systemVariables && namesSystemVariable(all))) {
      const statements = splitStatements(text, all)
      const leading = statements.slice(0, -1)
      if (statements.length < 2 || !leading.every((each) => /^(\s|--[^\n]*\n|#[^\n]*\n|\/\*[\s\S]*?\*\/)*CREATE\s+(OR\s+REPLACE\s+)?(TEMP|TEMPORARY)\s+(AGGREGATE\s+)?(TABLE\s+)?FUNCTION\b/i.test(each)) || isScript(statements.at(-1)!)) {
        return { statement: { kind: 'script', statementType: 'SCRIPT', referencedTables: [], referencedRoutines: [], bytesEstimate: 0 } }
      }
      let offset = 0
      for (const each of leading) {
        const compiled = this.#statement(padded(text, each, (offset = text.indexOf(each, offset))), defaults)
        if (compiled.kind !== 'ddl' || compiled.ddl.action !== 'createRoutine') throw unsupported('This statement before a query')
        this.#temp.push(compiled.ddl.routine)
        functions.push(compiled.ddl.routine)
      }
      // Blanks in place of what came before keep the analyzer's positions right.
      last = padded(text, statements.at(-1)!, text.lastIndexOf(statements.at(-1)!))
    }
    return { statement: this.#statement(last, defaults), ...(functions.length ? { tempFunctions: functions } : {}) }
  }

  #statement(text: string, defaults: Defaults): Statement {
    this.#loading = /^\s*LOAD\b/i.test(text)
    const creating = /^\s*(?:--[^\n]*\n\s*)*(?:CREATE|LOAD)\b/i.test(text)
    const resolved = this.analyze(text, defaults, this.#settings(), creating ? { pseudo: PSEUDO } : {})
    const generator = this.generator()
    const statement = statementOf(this, generator, resolved)
    for (const duckSql of textsOf(statement)) {
      if (duckSql.length > DUCK_SQL_CHARS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', 'The query is too large after its views and functions are put in.', { httpStatus: 400 })
    }
    return statement
  }

  #settings(): AnalyzeSettings {
    const { named, positional, systemVariables } = this.request
    return { named, positional, systemVariables }
  }

  generator(prefix = 'c'): Generator {
    return new Generator({
      prefix,
      table: (id, node) => this.#table(id, node),
      inlineFunction: (full, call) => this.#inlineFunction(full, call),
      tableFunction: (full) => this.#tableFunctions.get(full.toLowerCase()),
      enumName: (enumeration, value) => {
        for (const [label, number] of this.compiler.google.protos.enumValues(enumeration)) if (number === value) return label
        throw unsupported(`${enumeration} ${value}`)
      },
    })
  }

  /** Analyzes one statement against a catalog of what it names. */
  analyze(text: string, defaults: Defaults, settings: AnalyzeSettings, extra: { pseudo?: AnalyzeSettings['pseudoColumns'] } = {}): Message {
    const { google, language, catalogs } = this.compiler
    const all = writtenTokens(text)
    const tableNames = this.compiler.tableNames(text)
    const needs: Need[] = []
    const tables: CatalogEntryTable[] = []
    for (const written of [...tableNames, ...ddlTableNames(all, tableNames)]) {
      const found = this.#relation(written, defaults, needs)
      if (found) tables.push(found)
    }
    const functions: { written: readonly string[]; proto: Message }[] = []
    const tableFunctions: { written: readonly string[]; proto: Message }[] = []
    const routines = this.#routines(text, all, defaults, needs)
    if (needs.length) throw new Missing(needs)
    for (const [written, routine] of routines) {
      if (routine.kind === 'procedure') continue
      if (routine.kind === 'table') tableFunctions.push({ written, proto: this.#tableFunctionProto(written, routine) })
      else functions.push({ written, proto: this.#functionProto(written, routine) })
    }
    const registered = catalogs.register({ tables, functions, tableFunctions, constants: this.request.variables ?? {} })
    const options = analyzerOptions(language, { ...settings, pseudoColumns: extra.pseudo })
    const response = google.call('Analyze', 'local_service.AnalyzeRequest', {
      sql_statement: text, registered_catalog_id: registered.id, options, descriptor_pool_list: { definitions: registered.pools.map((registered_id) => ({ registered_id })) },
    }, 'local_service.AnalyzeResponse')
    return response['resolved_statement']
  }

  // ---------------------------------------------------------------- tables

  #relation(written: readonly string[], defaults: Defaults, needs: Need[]): CatalogEntryTable | undefined {
    const ref = nameRef(written, defaults)
    if (ref.id.endsWith('*') && ref.datasetId) return this.#wildcard(written, defaults, needs)
    const need: Need = { kind: 'relation', ref }
    const answer = this.request.answers[needKey(need)]
    if (!answer) {
      needs.push(need)
      return undefined
    }
    const relation = 'relation' in answer ? answer.relation : undefined
    if (!relation) {
      // LOAD DATA makes the table that it names; the analyzer wants to see one.
      return this.#loading && ref.datasetId ? this.#enter(written, { projectId: ref.projectId, datasetId: ref.datasetId, tableId: ref.id }, { relation: '', columns: [] }, [], 0) : undefined
    }
    const { path } = relation
    if (relation.kind === 'table') return this.#enter(written, path, { relation: filtered(relation), columns: relation.columns, target: relation.target }, [path], relation.bytes ?? 0)
    if (++this.#depth > INLINE_DEPTH_MAX) throw invalidQuery(`View ${path.datasetId}.${path.tableId} is nested too deeply`)
    try {
      const inner = this.#viewUnit(relation.query, path, relation.columnNames)
      return this.#enter(written, path, inner.source, [path, ...inner.paths], inner.bytes)
    } finally {
      this.#depth--
    }
  }

  /** A view is compiled with its own project as the default, and stands as a subquery. */
  #viewUnit(query: string, path: TablePath, names: readonly string[] | undefined): Relation {
    const unit = new Unit(this.compiler, { ...this.request, defaults: { projectId: path.projectId }, functions: [], variables: {}, named: undefined, positional: undefined })
    unit.#depth = this.#depth
    const resolved = unit.analyze(query, { projectId: path.projectId, dataset: { projectId: path.projectId, datasetId: path.datasetId } }, {})
    const generator = unit.generator(`v${this.#nextTable}_`)
    const compiled = queryOf(generator, resolved)
    for (const [key, fn] of generator.jsFunctions) this.jsFunctions.set(key, fn)
    const columns = compiled.schema.map((field, i): CatalogColumn => ({ ...field, name: names?.[i] ?? field.name, column: `o${i + 1}` }))
    return { source: { relation: `(${compiled.duckSql})`, columns }, paths: [...unit.referenced.values()], bytes: unit.bytes }
  }

  readonly jsFunctions = new Map<string, JsFunction>()

  #wildcard(written: readonly string[], defaults: Defaults, needs: Need[]): CatalogEntryTable | undefined {
    const ref = nameRef(written, defaults)
    const need: Need = { kind: 'wildcard', ref: { ...ref, id: ref.id.slice(0, -1) } }
    const answer = this.request.answers[needKey(need)]
    if (!answer) {
      needs.push(need)
      return undefined
    }
    const tables = 'wildcard' in answer ? answer.wildcard : []
    if (!tables.length) throw new Fault('NOT_FOUND', 'notFound', `Not found: ${ref.projectId}:${ref.datasetId}.${ref.id} does not match any table.`, { details: { location: 'query' } })
    const prefix = ref.id.length - 1
    // The newest table gives the schema; the others take part with the columns that they have.
    const schema = tables[0]!.columns.filter((column) => !column.pseudo)
    const parts = tables.map((table) => {
      const own = new Map(table.columns.map((column) => [column.name.toLowerCase(), column]))
      const items = schema.map((column, i) => {
        const found = own.get(column.name.toLowerCase())
        const type = duckType(typeOfField(column))
        return `${found ? `CAST(${found.column} AS ${type})` : `CAST(NULL AS ${type})`} AS w${i + 1}`
      })
      return `SELECT ${[...items, `${quote(table.path.tableId.slice(prefix))} AS ts_`].join(', ')} FROM ${filtered(table)}`
    })
    const columns: CatalogColumn[] = [...schema.map((column, i) => ({ ...column, column: `w${i + 1}` })), { name: '_TABLE_SUFFIX', type: 'STRING', column: 'ts_', pseudo: true }]
    const path = { projectId: ref.projectId, datasetId: ref.datasetId!, tableId: ref.id }
    return this.#enter(written, path, { relation: `(${parts.join(' UNION ALL ')})`, columns }, tables.map((table) => table.path), tables.reduce((sum, table) => sum + (table.bytes ?? 0), 0))
  }

  #enter(written: readonly string[], path: TablePath, source: TableSource, paths: readonly TablePath[], bytes: number): CatalogEntryTable {
    const id = ++this.#nextTable
    this.relations.set(id, { source, paths, bytes })
    for (const each of paths) this.referenced.set(`${each.projectId}:${each.datasetId}.${each.tableId}`, each)
    this.bytes += bytes
    return { written, id, columns: source.columns, fullName: `${path.projectId}.${path.datasetId}.${path.tableId}` }
  }

  #table(id: number, node: Message): TableSource {
    const found = this.relations.get(id)
    if (!found) throw unsupported(`the table ${node['table']?.full_name}`)
    if (node['for_system_time_expr']) return this.#asOf(found, node)
    return found.source
  }

  #asOf(found: Relation, node: Message): TableSource {
    const at_us = this.constantMicros(node['for_system_time_expr'])
    const path = found.paths[0]!
    const need: Need = { kind: 'relation', ref: { written: [], projectId: path.projectId, datasetId: path.datasetId, id: path.tableId }, at_us }
    const answer = this.request.answers[needKey(need)]
    if (!answer) throw new Missing([need])
    const relation = 'relation' in answer ? answer.relation : undefined
    if (!relation || relation.kind !== 'table') throw invalidQuery(`Table ${path.datasetId}.${path.tableId} has no state at the time given`)
    return { relation: filtered(relation), columns: relation.columns }
  }

  /** FOR SYSTEM_TIME AS OF takes a constant: the analyzer's own evaluator folds it. */
  constantMicros(expression: Message): number {
    const raw = expression['value']?.value?.timestamp_value as Buffer | undefined
    if (expression['node'] === 'ResolvedLiteral' && raw) {
      const match = /make_timestamptz\((-?\d+)\)/.exec(this.generator().expr(expression))
      return Number(match![1])
    }
    const call = expression['node'] === 'ResolvedFunctionCall' ? String(expression['function']?.name ?? '') : ''
    const now_us = this.request.defaults.now_us ?? 0
    if (/:current_timestamp$/i.test(call)) return now_us
    const sub = /:timestamp_(sub|add)$/i.exec(call)
    if (sub) {
      const [base, count, part] = expression['argument_list'] as [Message, Message, Message]
      const unit = ({ DAY: 86_400_000_000, HOUR: 3_600_000_000, MINUTE: 60_000_000, SECOND: 1_000_000, MILLISECOND: 1000, MICROSECOND: 1 } as Record<string, number>)[this.generator().input.enumName('functions.DateTimestampPart', Number(part['value']?.value?.enum_value))]
      const amount = count['value']?.value?.int64_value
      if (unit && amount !== undefined) return this.constantMicros(base) + (sub[1] === 'sub' ? -1 : 1) * Number(amount) * unit
    }
    throw unsupported('FOR SYSTEM_TIME AS OF over this expression')
  }

  // ---------------------------------------------------------------- routines

  #routines(text: string, all: readonly Token[], defaults: Defaults, needs: Need[]): [readonly string[], CatalogRoutine][] {
    const out: [readonly string[], CatalogRoutine][] = []
    const creating = /^\s*CREATE\b/i.test(text) ? (/\bFUNCTION\s+(?:IF\s+NOT\s+EXISTS\s+)?([^\s(]+)\s*\(/i.exec(text)?.[1] ?? '') : ''
    const seen = new Set<string>()
    for (const written of calledNames(all)) {
      const key = written.join('\u0000').toLowerCase()
      if (seen.has(key)) continue
      seen.add(key)
      if (/^(ML|AI)$/i.test(written[0]!) && written.length === 2) throw unsupported(`BigQuery ML (${written.join('.').toUpperCase()})`)
      const bare = written[0]!.toUpperCase() === 'SAFE' && written.length > 1 ? written.slice(1) : written
      const single = bare.length === 1 && !bare[0]!.includes('.')
      if (single && (NOT_CALLS.has(bare[0]!.toUpperCase()) || this.compiler.isBuiltin(bare))) continue
      if (this.compiler.isBuiltin(bare) || bare.join('.') === creating.replaceAll('`', '')) continue
      const temp = single ? this.#temp.findLast((each) => each.path.tableId.toLowerCase() === bare[0]!.toLowerCase()) : undefined
      if (temp) {
        out.push([bare, temp])
        continue
      }
      const ref = nameRef(bare, defaults)
      if (!ref.datasetId) continue
      const need: Need = { kind: 'routine', ref }
      const answer = this.request.answers[needKey(need)]
      if (!answer) needs.push(need)
      else if ('routine' in answer && answer.routine) {
        out.push([bare, answer.routine])
        this.routines.set(`${ref.projectId}.${ref.datasetId}.${ref.id}`, answer.routine.path)
      }
    }
    return out
  }

  #routineDefaults(routine: CatalogRoutine): Defaults {
    return routine.path.datasetId ? { projectId: routine.path.projectId } : this.request.defaults
  }

  /** A unit that sees the same answers and temporary functions: for bodies. */
  #bodyUnit(routine: CatalogRoutine): Unit {
    if (this.#depth >= INLINE_DEPTH_MAX) throw invalidQuery(`Function ${routine.path.tableId} is nested too deeply`)
    const position = this.#temp.indexOf(routine)
    const unit = new Unit(this.compiler, { ...this.request, variables: {}, functions: position >= 0 ? this.#temp.slice(0, position) : [] })
    unit.#depth = this.#depth + 1
    unit.#nextTable = this.#nextTable + 1000
    return unit
  }

  #adopt(unit: Unit): void {
    for (const [id, relation] of unit.relations) this.relations.set(id, relation)
    for (const [key, path] of unit.referenced) this.referenced.set(key, path)
    for (const [key, fn] of unit.#inlined) this.#inlined.set(key, fn)
    for (const [key, fn] of unit.#tableFunctions) this.#tableFunctions.set(key, fn)
    for (const [key, fn] of unit.jsFunctions) this.jsFunctions.set(key, fn)
    this.#nextTable = Math.max(this.#nextTable, unit.#nextTable)
    this.bytes += unit.bytes
  }

  #functionProto(written: readonly string[], routine: CatalogRoutine): Message {
    const key = written.join('.').toLowerCase()
    const argument = (each: { name?: string; type?: SqlType }) => (each.type ? { kind: 'ARG_TYPE_FIXED', type: protoOfType(each.type), num_occurrences: -1 } : { kind: 'ARG_TYPE_ARBITRARY', num_occurrences: -1 })
    const templated = routine.arguments.some((each) => !each.type)
    const names = routine.arguments.map((each, i) => each.name ?? `arg${i}`)
    const mode = routine.kind === 'aggregate' ? 'AGGREGATE' : 'SCALAR'
    const options = routine.kind === 'aggregate' ? { supports_over_clause: true, window_ordering_support: 'ORDER_OPTIONAL', supports_window_framing: true } : undefined
    if (routine.language === 'JAVASCRIPT') {
      if (!routine.returnType) throw invalidQuery(`The JavaScript function ${routine.path.tableId} has no RETURNS`)
      const types = routine.arguments.map((each) => each.type!)
      const id = `js_${hash(`${names}\u0000${routine.body}\u0000${(routine.libraries ?? []).join()}\u0000${sqlName(routine.returnType)}\u0000${types.map(sqlName)}`)}`
      if (!this.request.javascript) throw unsupported(`JavaScript in functions (${routine.path.tableId})`)
      this.#inlined.set(`external:${key}`, {
        kind: 'js', argumentNames: names, returnType: routine.returnType,
        js: { name: id, argumentNames: names, argumentTypes: types, returnType: routine.returnType, body: routine.body, libraries: routine.libraries ?? [] },
      })
      return { name_path: written, group: 'External', mode, signature: [{ argument: routine.arguments.map(argument), return_type: { kind: 'ARG_TYPE_FIXED', type: protoOfType(routine.returnType), num_occurrences: -1 }, context_id: 0 }] }
    }
    if (templated) {
      this.#templates.set(`external:${key}`, routine)
      const returnType = routine.returnType ?? this.#templateReturn(routine)
      // The result's type depends on the arguments; where it cannot be told beforehand the first argument's type is taken.
      const returns = returnType ? { kind: 'ARG_TYPE_FIXED', type: protoOfType(returnType), num_occurrences: -1 } : { kind: 'ARG_TYPE_ANY_1', num_occurrences: -1 }
      const args = routine.arguments.map((each) => (each.type ? argument(each) : returnType ? { kind: 'ARG_TYPE_ARBITRARY', num_occurrences: -1 } : { kind: 'ARG_TYPE_ANY_1', num_occurrences: -1 }))
      return { name_path: written, group: 'External', mode, signature: [{ argument: args, return_type: returns, context_id: 0 }], ...(options ? { options } : {}) }
    }
    const inline = this.#analyzeBody(routine, routine.arguments.map((each) => each.type!))
    this.#inlined.set(`external:${key}`, inline)
    return { name_path: written, group: 'External', mode, signature: [{ argument: routine.arguments.map(argument), return_type: { kind: 'ARG_TYPE_FIXED', type: protoOfType(inline.returnType), num_occurrences: -1 }, context_id: 0 }], ...(options ? { options } : {}) }
  }

  readonly #templates = new Map<string, CatalogRoutine>()

  /** Tries the common argument types; where all that work agree, that is the result's type. */
  #templateReturn(routine: CatalogRoutine): SqlType | undefined {
    const tries: SqlType[] = [{ kind: 'INT64' }, { kind: 'FLOAT64' }, { kind: 'STRING' }, { kind: 'ARRAY', element: { kind: 'INT64' } }, { kind: 'ARRAY', element: { kind: 'STRING' } }]
    const results = new Map<string, SqlType>()
    for (const each of tries) {
      try {
        const found = this.#analyzeBody(routine, routine.arguments.map((argument) => argument.type ?? each)).returnType
        results.set(sqlName(found), found)
      } catch (thrown) {
        if (!(thrown instanceof AnalyzerError)) throw thrown
      }
    }
    return results.size === 1 ? [...results.values()][0] : undefined
  }

  #analyzeBody(routine: CatalogRoutine, types: readonly SqlType[]): InlineFunction {
    const names = routine.arguments.map((each, i) => each.name ?? `arg${i}`)
    const unit = this.#bodyUnit(routine)
    const notAggregate = (i: number) => (routine.arguments[i]?.notAggregate ? ' NOT AGGREGATE' : '')
    const head = `CREATE TEMP ${routine.kind === 'aggregate' ? 'AGGREGATE ' : ''}FUNCTION f_(${names.map((each, i) => `${name(each).replaceAll('"', '`')} ${sqlName(types[i]!)}${routine.kind === 'aggregate' ? notAggregate(i) : ''}`).join(', ')})`
    const resolved = unit.analyze(`${head}${routine.returnType ? ` RETURNS ${sqlName(routine.returnType)}` : ''} AS (\n${routine.body}\n)`, this.#routineDefaults(routine), {})
    this.#adopt(unit)
    const body = resolved['function_expression'] as Message
    return {
      kind: routine.kind === 'aggregate' ? 'aggregate' : 'sql', argumentNames: names, body, aggregateColumns: (resolved['aggregate_expression_list'] ?? []) as Message[],
      returnType: typeOfProto(body['type']),
    }
  }

  #inlineFunction(full: string, call: Message): InlineFunction | undefined {
    const key = full.toLowerCase()
    if (!key.startsWith('external:')) return undefined
    const found = this.#inlined.get(key)
    if (found) return found
    const template = this.#templates.get(key)
    if (!template) return undefined
    const types = ((call['argument_list'] ?? []) as Message[]).map((each) => typeOfProto(each['type']))
    return this.#analyzeBody(template, template.arguments.map((argument, i) => argument.type ?? types[i]!))
  }

  #tableFunctionProto(written: readonly string[], routine: CatalogRoutine): Message {
    const names = routine.arguments.map((each, i) => each.name ?? `arg${i}`)
    const unit = this.#bodyUnit(routine)
    const head = `CREATE TEMP TABLE FUNCTION f_(${names.map((each, i) => `\`${each}\` ${routine.arguments[i]!.type ? sqlName(routine.arguments[i]!.type!) : 'ANY TYPE'}`).join(', ')})`
    const resolved = unit.analyze(`${head} AS (\n${routine.body}\n)`, this.#routineDefaults(routine), {})
    this.#adopt(unit)
    const outputs = (resolved['output_column_list'] ?? []) as Message[]
    const key = written.at(-1)!.toLowerCase()
    const found: TableFunction = { argumentNames: names, query: resolved['query'], outputColumns: outputs }
    this.#tableFunctions.set(key, found)
    this.#tableFunctions.set(written.join('.').toLowerCase(), found)
    return {
      name_path: [written.at(-1)],
      type: 'FIXED_OUTPUT_SCHEMA_TVF',
      signature: {
        argument: routine.arguments.map((each) => ({ kind: 'ARG_TYPE_FIXED', type: protoOfType(each.type ?? { kind: 'STRING' }), num_occurrences: -1 })),
        return_type: {
          kind: 'ARG_TYPE_RELATION', num_occurrences: -1,
          options: { relation_input_schema: { column: outputs.map((each, i) => ({ name: routine.returnColumns?.[i]?.name ?? each['name'], type: each['column'].type })) } },
        },
        context_id: 0,
      },
    }
  }

  /** Where a created or dropped object lives. */
  pathOf(written: readonly string[], temp: boolean): TablePath {
    const ref = nameRef(written, this.request.defaults)
    if (temp) return { projectId: ref.projectId, datasetId: '', tableId: ref.id }
    if (!ref.datasetId) throw new Fault('INVALID_ARGUMENT', 'invalid', `Table "${ref.id}" must be qualified with a dataset (e.g. dataset.table).`)
    return { projectId: ref.projectId, datasetId: ref.datasetId, tableId: ref.id }
  }

  schemaOf(written: readonly string[]): { projectId: string; datasetId: string } {
    const parts = written.flatMap((part) => part.split('.'))
    return { projectId: parts.length > 1 ? parts.slice(0, -1).join('.') : this.request.defaults.projectId, datasetId: parts.at(-1)! }
  }

  /** A column's DEFAULT, compiled; NULL where it has none. */
  defaultOf(column: CatalogColumn): string {
    if (column.defaultValueExpression === undefined) return `CAST(NULL AS ${duckType(typeOfField(column))})`
    const unit = new Unit(this.compiler, { ...this.request, functions: [], variables: {} })
    const resolved = unit.analyze(`SELECT CAST((${column.defaultValueExpression}) AS ${sqlName(typeOfField(column))})`, this.request.defaults, {})
    const query = queryOf(unit.generator(`d${this.#nextTable}_`), resolved)
    return `(SELECT o1 FROM (${query.duckSql}))`
  }

  common(statementType: string) {
    return {
      statementType,
      referencedTables: [...this.referenced.values()],
      referencedRoutines: [...this.routines.values()],
      bytesEstimate: this.bytes,
    }
  }

  jsOf(generator: Generator): readonly JsFunction[] {
    return [...this.jsFunctions.values(), ...generator.jsFunctions.values()]
  }
}

const filtered = (table: CatalogTable): string => (table.rowFilter ? `(SELECT * FROM ${table.relation} WHERE ${table.rowFilter})` : table.relation)

/** Everything before the statement as blanks, line breaks kept. */
function padded(text: string, statement: string, at: number): string {
  return text.slice(0, at).replace(/[^\n]/g, ' ') + statement
}

function hash(text: string): string {
  let a = 0xcbf29ce484222325n
  for (const char of Buffer.from(text)) a = BigInt.asUintN(64, (a ^ BigInt(char)) * 0x100000001b3n)
  return a.toString(16).padStart(16, '0')
}

function textsOf(statement: Statement): string[] {
  if (statement.kind === 'query' || statement.kind === 'dml') return [statement.duckSql]
  if (statement.kind === 'export') return [statement.query.duckSql]
  return []
}

/** The output of a query statement: real names, our columns o1, o2 … */
export function queryOf(g: Generator, resolved: Message): CompiledQuery {
  const query = resolved['query'] as Message
  const outputs = (resolved['output_column_list'] ?? []) as Message[]
  const types = outputs.map((output) => typeOfProto(output['column'].type))
  const ordered = query['node'] === 'ResolvedOrderByScan' || Boolean(query['is_ordered'])
  const select = outputs.map((output, i) => `${g.column(output['column'])} AS o${i + 1}`)
  const duckSql = `SELECT ${select.join(', ')} FROM (${g.scan(query)})`
  let anonymous = 0
  const schema = outputs.map((output, i): Field => {
    const given = String(output['name'] ?? '')
    return fieldOfType(given === '' || given.startsWith('$') ? `f${anonymous++}_` : given, types[i]!)
  })
  return { duckSql, schema, types, ordered }
}
