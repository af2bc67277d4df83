/** Persistence of secrets. What is sealed is bound to the version it belongs to: moved to another row it does not open. */
import type { Facts } from '#ground/facts.ts'
import type { Ledger, Migration } from '#ground/ledger.ts'
import { changed, secretExists } from './faults.ts'
import type { Secret, SecretVersion, VersionState } from './types.ts'

interface SecretRow {
  id: string
  name: string
  project: string
  location: string | null
  secret: string
  created_ms: number
  etag: string
  config: string
}

interface VersionRow {
  id: string
  secret: string
  number: number
  state: string
  created_ms: number
  destroyed_ms: number | null
  etag: string
  sealed: string | null
}

interface Tables {
  secrets: SecretRow
  secret_versions: VersionRow
}

export const secretMigrations: Migration[] = [
  {
    number: 1,
    name: 'secrets and versions',
    up: (db) => [
      db.schema
        .createTable('secrets')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('location', 'text')
        .addColumn('secret', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('etag', 'text', (column) => column.notNull())
        .addColumn('config', 'text', (column) => column.notNull()),
      db.schema
        .createTable('secret_versions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('secret', 'text', (column) => column.notNull())
        .addColumn('number', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('destroyed_ms', 'bigint')
        .addColumn('etag', 'text', (column) => column.notNull())
        .addColumn('sealed', 'text'),
      db.schema.createIndex('secret_versions_of').on('secret_versions').columns(['secret', 'number']).unique(),
    ],
  },
]

export class SecretShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  async find(name: string): Promise<Secret | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('secrets').selectAll().where('name', '=', name))
    return row && asSecret(row)
  }

  async list(project: string, location: string | null, after: string, limit: number): Promise<Secret[]> {
    const query = this.db.selectFrom('secrets').selectAll().where('project', '=', project).where('location', location === null ? 'is' : '=', location).where('secret', '>', after).orderBy('secret').limit(limit)
    return (await this.ledger.read(query)).map(asSecret)
  }

  async count(project: string): Promise<number> {
    const [row] = await this.ledger.read(this.db.selectFrom('secrets').select(({ fn }) => fn.countAll<number>().as('count')).where('project', '=', project))
    return Number(row?.count ?? 0)
  }

  async add(secret: Secret): Promise<void> {
    await this.ledger.write(
      { query: this.db.insertInto('secrets').values({ ...secret, config: JSON.stringify(secret.config) }).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: () => secretExists(secret.name) },
      this.told('secret.created', secret),
    )
  }

  async change(before: Secret, after: Secret): Promise<void> {
    const { config, etag } = after
    await this.ledger.write(
      { query: this.db.updateTable('secrets').set({ config: JSON.stringify(config), etag }).where('id', '=', before.id).where('etag', '=', before.etag), rows: 1, otherwise: changed },
      this.told('secret.updated', after),
    )
  }

  async remove(secret: Secret): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('secret_versions').where('secret', '=', secret.id), this.db.deleteFrom('secrets').where('id', '=', secret.id), this.told('secret.deleted', secret))
  }

  async addVersion(secret: Secret, version: SecretVersion, sealed: string): Promise<void> {
    await this.ledger.write(this.db.insertInto('secret_versions').values({ ...version, sealed }), this.told('version.added', secret, version.number))
  }

  async version(secret: string, number: number): Promise<SecretVersion | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('secret_versions').selectAll().where('secret', '=', secret).where('number', '=', number))
    return row && asVersion(row)
  }

  /** Newest first. */
  async versions(secret: string, below: number, limit: number): Promise<SecretVersion[]> {
    return (await this.ledger.read(this.db.selectFrom('secret_versions').selectAll().where('secret', '=', secret).where('number', '<', below).orderBy('number', 'desc').limit(limit))).map(asVersion)
  }

  async sealed(id: string): Promise<string | null> {
    return (await this.ledger.first(this.db.selectFrom('secret_versions').select('sealed').where('id', '=', id)))?.sealed ?? null
  }

  /** A destroyed value is gone from the ledger, not only hidden. */
  async setState(secret: Secret, version: SecretVersion, state: VersionState, etag: string, now_ms: number): Promise<void> {
    const gone = state === 'DESTROYED' ? { sealed: null, destroyed_ms: now_ms } : {}
    await this.ledger.write(
      { query: this.db.updateTable('secret_versions').set({ state, etag, ...gone }).where('id', '=', version.id).where('etag', '=', version.etag), rows: 1, otherwise: changed },
      this.told(`version.${state.toLowerCase()}`, secret, version.number),
    )
  }

  /** For a new vault key. */
  async allSealed(): Promise<{ id: string; sealed: string }[]> {
    const rows = await this.ledger.read(this.db.selectFrom('secret_versions').select(['id', 'sealed']).where('sealed', 'is not', null))
    return rows.map(({ id, sealed }) => ({ id, sealed: sealed! }))
  }

  async reseal(id: string, before: string, sealed: string): Promise<void> {
    await this.ledger.write(this.db.updateTable('secret_versions').set({ sealed }).where('id', '=', id).where('sealed', '=', before))
  }

  private told(what: string, { name, project }: Secret, version?: number) {
    return this.facts.append({ type: `secrets.${what}`, subject: name, data: { secret: name, project, ...(version !== undefined && { version }) } })
  }
}

const asSecret = (row: SecretRow): Secret => ({ ...row, config: JSON.parse(row.config) })
const asVersion = ({ sealed: _, ...row }: VersionRow): SecretVersion => ({ ...row, state: row.state as VersionState })
