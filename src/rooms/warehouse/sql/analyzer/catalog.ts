/**
 * The analyzer's catalog of one statement: a SimpleCatalogProto made from what the statement names, registered once per content
 * and kept warm. Paths stand in it as they were written, because `p.d.t` and `d.t` are different paths to the analyzer.
 */
import { createHash } from 'node:crypto'
import { protoOfType, typeOfField } from '../sqltype.ts'
import type { CatalogColumn, SqlType } from '../types.ts'
import { customFunctions } from './custom.ts'
import type { Language } from './language.ts'
import type { Message } from './proto.ts'
import type { GoogleSql } from './wasm.ts'

export interface CatalogEntryTable {
  written: readonly string[]
  /** Comes back in the resolved table reference. */
  id: number
  columns: readonly CatalogColumn[]
  fullName: string
}

export interface CatalogContent {
  tables: readonly CatalogEntryTable[]
  /** FunctionProto and TableValuedFunctionProto, with the path as written. */
  functions: readonly { written: readonly string[]; proto: Message }[]
  tableFunctions: readonly { written: readonly string[]; proto: Message }[]
  /** Script variables. */
  constants: Readonly<Record<string, SqlType>>
}

/** Registered catalogs kept; each holds the built-in functions (about 1 MB in the module). */
const CATALOGS_MAX = 24

const TYPE_ALIASES = ['INT', 'SMALLINT', 'INTEGER', 'BIGINT', 'TINYINT', 'BYTEINT'].map((name) => ({ name, type: protoOfType({ kind: 'INT64' }) }))

export class Catalogs {
  readonly #google: GoogleSql
  readonly #language: Language
  readonly #known = new Map<string, Registered>()

  constructor(google: GoogleSql, language: Language) {
    this.#google = google
    this.#language = language
  }

  register(content: CatalogContent): Registered {
    const proto = this.#proto(content)
    const encoded = this.#google.protos.encode('SimpleCatalogProto', proto)
    const key = createHash('sha1').update(encoded).digest('base64')
    const found = this.#known.get(key)
    if (found) {
      this.#known.delete(key)
      this.#known.set(key, found)
      return found
    }
    const response = this.#google.call('RegisterCatalog', 'local_service.RegisterCatalogRequest', { simple_catalog: proto, descriptor_pool_list: { definitions: [{ builtin: {} }] } }, 'local_service.RegisterResponse')
    const registered: Registered = { id: Number(response['registered_id'] ?? 0), pools: response['descriptor_pool_id_list']?.registered_ids ?? [] }
    this.#known.set(key, registered)
    if (this.#known.size > CATALOGS_MAX) {
      const [oldest, gone] = this.#known.entries().next().value!
      this.#known.delete(oldest)
      this.#google.call('UnregisterCatalog', 'local_service.UnregisterRequest', { registered_id: gone.id }, 'local_service.UnregisterRequest')
    }
    return registered
  }

  #proto(content: CatalogContent): Message {
    const root: Message = { name: 'catalog', builtin_function_options: { language_options: this.#language.options }, custom_function: [...customFunctions], named_type: TYPE_ALIASES }
    for (const table of content.tables) {
      inside(root, table.written)['table'].push({
        name: table.fullName,
        name_in_catalog: table.written.at(-1),
        serialization_id: table.id,
        full_name: table.fullName,
        column: table.columns.map((column) => ({
          name: column.name,
          type: protoOfType(typeOfField(column)),
          is_pseudo_column: column.pseudo ?? false,
          is_writable_column: !column.pseudo,
          has_default_value: column.defaultValueExpression !== undefined,
          ...(column.defaultValueExpression !== undefined ? { column_expression: { expression_string: column.defaultValueExpression, expression_kind: 'DEFAULT' } } : {}),
        })),
      })
    }
    for (const each of content.functions) inside(root, each.written)['custom_function'].push(each.proto)
    for (const each of content.tableFunctions) inside(root, each.written)['custom_tvf'].push(each.proto)
    root['constant'] = Object.entries(content.constants).map(([name, type]) => ({ name_path: [name], type: protoOfType(type), value: {} }))
    return root
  }
}

export interface Registered {
  id: number
  pools: readonly number[]
}

/** The nested catalog that a path's last part belongs to; made on the way. */
function inside(root: Message, written: readonly string[]): Message {
  let at = root
  for (const part of written.slice(0, -1)) {
    at['catalog'] ??= []
    let next = (at['catalog'] as Message[]).find((each) => String(each['name']).toLowerCase() === part.toLowerCase())
    if (!next) {
      next = { name: part }
      at['catalog'].push(next)
    }
    at = next
  }
  at['table'] ??= []
  at['custom_function'] ??= []
  at['custom_tvf'] ??= []
  return at
}
