/** Schemas and their revisions, and the check of a message against its topic's schema. */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import { Turns } from '#ground/turns.ts'
import { alreadyExists, invalid, notFound, tooLarge } from '../faults.ts'
import { checkKeys, textOf } from '../json.ts'
import type { Json } from '../json.ts'
import { SCHEMA_BYTES_MAX, SCHEMA_REVISIONS_MAX } from '../limits.ts'
import { checkName } from '../names.ts'
import type { BusShelf } from '../shelf.ts'
import type { Message, SchemaRevision, SchemaSettings } from '../types.ts'
import { badMessage, parseAvro } from './avro.ts'
import type { MessageCheck } from './avro.ts'
import { parseProtobuf } from './protobuf-schema.ts'

/** What stands in a topic's settings once its schema was deleted. */
const DELETED_SCHEMA = '_deleted-schema_'
/** Parsed revisions kept in memory. */
const PARSED_MAX = 500

export class Schemas {
  private readonly shelf: BusShelf
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly turns = new Turns()
  private readonly parsed = new Map<string, MessageCheck>()
  private readonly revisions = new Map<string, SchemaRevision[]>()

  constructor({ shelf, clock, ids }: { shelf: BusShelf; clock: Clock; ids: Ids }) {
    this.shelf = shelf
    this.clock = clock
    this.ids = ids
  }

  async create(parent: string, id: string, body: Json): Promise<SchemaRevision> {
    const name = checkName('schemas', `${parent}/schemas/${id}`)
    return this.turns.take(name, async () => {
      if ((await this.all(name)).length > 0) throw alreadyExists(name)
      return this.add(name, readSchema(body), 1)
    })
  }

  /** `projects/P/schemas/S` is its newest revision, `…@REVISION` a certain one. */
  async get(named: string): Promise<SchemaRevision> {
    const [name, revision] = splitRevision(named)
    const all = await this.all(name)
    const found = revision === undefined ? all.at(-1) : all.find((known) => known.revision === revision)
    if (!found) throw notFound(named)
    return found
  }

  /** The newest revision of each, by name. */
  async list(project: string): Promise<SchemaRevision[]> {
    const newest = new Map<string, SchemaRevision>()
    for (const revision of await this.shelf.schemas({ project })) newest.set(revision.name, revision)
    return [...newest.values()]
  }

  /** Newest first. */
  async listRevisions(name: string): Promise<SchemaRevision[]> {
    const all = await this.all(checkName('schemas', name))
    if (all.length === 0) throw notFound(name)
    return all.toReversed()
  }

  async commit(name: string, body: Json): Promise<SchemaRevision> {
    checkName('schemas', name)
    return this.turns.take(name, async () => this.addRevision(name, readSchema(body)))
  }

  async rollback(name: string, revision: string): Promise<SchemaRevision> {
    checkName('schemas', name)
    return this.turns.take(name, async () => this.addRevision(name, await this.get(`${name}@${revision}`)))
  }

  async removeRevision(named: string, revisionId?: string): Promise<SchemaRevision> {
    const [name, inName] = splitRevision(named)
    const revision = inName ?? revisionId
    if (revision === undefined || revision === '') throw invalid('The name must name a revision: projects/P/schemas/S@REVISION.')
    return this.turns.take(name, async () => {
      const all = await this.all(name)
      if (!all.some((known) => known.revision === revision)) throw notFound(`${name}@${revision}`)
      if (all.length === 1) throw invalid('The only revision of a schema cannot be deleted; delete the schema.')
      await this.shelf.removeSchema(name, revision)
      this.revisions.delete(name)
      return this.get(name)
    })
  }

  async remove(name: string): Promise<void> {
    checkName('schemas', name)
    await this.turns.take(name, async () => {
      if ((await this.all(name)).length === 0) throw notFound(name)
      await this.shelf.removeSchema(name)
      this.revisions.delete(name)
    })
  }

  /** Throws where the definition is not one. */
  validate(body: Json): void {
    readSchema(body)
  }

  /** Checks bytes against a schema that is given or named. */
  async validateMessage(request: Json): Promise<void> {
    const encoding = encodingOf(request['encoding'])
    const bytes = Buffer.from(textOf(request['message'] ?? '', 'message'), 'base64')
    const { type, definition } = request['schema'] !== undefined ? readSchema(request['schema'] as Json) : await this.get(textOf(request['name'] ?? '', 'name'))
    check(parse(type, definition), encoding, bytes)
  }

  async checkSettings({ schema, firstRevisionId, lastRevisionId }: SchemaSettings): Promise<void> {
    if (schema === DELETED_SCHEMA) return
    await this.get(schema)
    for (const revision of [firstRevisionId, lastRevisionId]) if (revision) await this.get(`${schema}@${revision}`)
  }

  /** The message with what the service notes about its schema, if one of the allowed revisions, newest first, has it so. */
  async stamp(settings: SchemaSettings, message: Message): Promise<Message> {
    const all = await this.all(settings.schema)
    if (all.length === 0) throw invalid('The schema of the topic was deleted; nothing can be published until its settings name another.')
    const first = settings.firstRevisionId ? all.findIndex(({ revision }) => revision === settings.firstRevisionId) : 0
    const last = settings.lastRevisionId ? all.findIndex(({ revision }) => revision === settings.lastRevisionId) : all.length - 1
    const encoding = encodingOf(settings.encoding)
    let refusal: unknown = badMessage('the topic allows no revision that still exists')
    for (const revision of all.slice(Math.max(0, first), last + 1).toReversed()) {
      try {
        check(this.checkOf(revision), encoding, message.data)
      } catch (thrown) {
        refusal = thrown
        continue
      }
      const attributes = { ...message.attributes, googclient_schemaencoding: encoding, googclient_schemaname: settings.schema, googclient_schemarevisionid: revision.revision }
      return { ...message, attributes }
    }
    throw refusal
  }

  private async all(name: string): Promise<SchemaRevision[]> {
    const known = this.revisions.get(name)
    if (known) return known
    const all = await this.shelf.schemas({ name })
    if (this.revisions.size >= PARSED_MAX) this.revisions.clear()
    this.revisions.set(name, all)
    return all
  }

  private async addRevision(name: string, body: Pick<SchemaRevision, 'type' | 'definition'>): Promise<SchemaRevision> {
    const all = await this.all(name)
    const newest = all.at(-1)
    if (!newest) throw notFound(name)
    if (newest.type !== body.type) throw invalid('A new revision is of the same type as the schema.')
    if (all.length >= SCHEMA_REVISIONS_MAX) throw tooLarge('revision_count', all.length + 1, SCHEMA_REVISIONS_MAX)
    return this.add(name, body, all.length + 1)
  }

  private async add(name: string, { type, definition }: Pick<SchemaRevision, 'type' | 'definition'>, number: number): Promise<SchemaRevision> {
    const revision = { name, revision: this.ids.uuid().slice(0, 8), type, definition, created_ms: this.clock.now_ms() }
    await this.shelf.addSchemaRevision(revision, number)
    this.revisions.delete(name)
    return revision
  }

  private checkOf({ name, revision, type, definition }: SchemaRevision): MessageCheck {
    const key = `${name}@${revision}`
    let found = this.parsed.get(key)
    if (!found) {
      if (this.parsed.size >= PARSED_MAX) this.parsed.clear()
      this.parsed.set(key, (found = parse(type, definition)))
    }
    return found
  }
}

const parse = (type: SchemaRevision['type'], definition: string): MessageCheck => (type === 'AVRO' ? parseAvro(definition) : parseProtobuf(definition))

function check(schema: MessageCheck, encoding: 'JSON' | 'BINARY', bytes: Buffer): void {
  if (encoding === 'JSON') schema.json(bytes)
  else schema.binary(bytes)
}

function encodingOf(value: unknown): 'JSON' | 'BINARY' {
  if (value === 'JSON' || value === 'BINARY') return value
  throw invalid('An encoding is wanted: JSON or BINARY.')
}

function readSchema(body: Json): Pick<SchemaRevision, 'type' | 'definition'> {
  const { type, definition } = checkKeys(body, ['type', 'definition'], 'schema', ['name', 'revisionId', 'revisionCreateTime'])
  if (type !== 'AVRO' && type !== 'PROTOCOL_BUFFER') throw invalid('The type of a schema is AVRO or PROTOCOL_BUFFER.')
  const text = textOf(definition ?? '', 'definition')
  if (text === '') throw invalid('A schema has a definition.')
  if (Buffer.byteLength(text) > SCHEMA_BYTES_MAX) throw tooLarge('definition', Buffer.byteLength(text), SCHEMA_BYTES_MAX)
  parse(type, text)
  return { type, definition: text }
}

function splitRevision(named: string): [name: string, revision: string | undefined] {
  const at = named.indexOf('@')
  const name = checkName('schemas', at < 0 ? named : named.slice(0, at))
  return [name, at < 0 ? undefined : named.slice(at + 1)]
}
