/** IAM policies on resources, kept for all rooms: who was given which role where. */
import { createHash } from 'node:crypto'
import type { Resource } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import type { Ledger, Migration } from '#ground/ledger.ts'

export interface Binding {
  role: string
  members: string[]
  condition?: unknown
}

export interface Policy {
  version: number
  etag: string
  bindings: Binding[]
}

interface Tables {
  identity_policies: { type: string; name: string; policy: string; etag: string }
}

const BINDINGS_MAX = 1500

export const policyMigrations: Migration[] = [
  {
    number: 1,
    name: 'policies',
    up: (db) => [
      db.schema
        .createTable('identity_policies')
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('policy', 'text', (column) => column.notNull())
        .addColumn('etag', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('identity_policies_key', ['type', 'name']),
    ],
  },
]

export class Policies {
  private readonly ledger: Ledger
  private readonly db

  constructor(ledger: Ledger) {
    this.ledger = ledger
    this.db = ledger.builder<Tables>()
  }

  async read({ type, name }: Resource): Promise<Policy & Record<string, unknown>> {
    const row = await this.ledger.first(this.db.selectFrom('identity_policies').selectAll().where('type', '=', type).where('name', '=', name))
    return row ? { ...JSON.parse(row.policy), etag: row.etag } : { version: 1, etag: 'ACAB', bindings: [] }
  }

  /** A policy with an etag replaces only the one that etag was read with. */
  async write(resource: Resource, given: Record<string, unknown>): Promise<Policy & Record<string, unknown>> {
    const before = await this.read(resource)
    const wanted = given['etag']
    if (typeof wanted === 'string' && wanted !== '' && wanted !== before.etag) {
      throw new Fault('FAILED_PRECONDITION', 'conditionNotMet', 'The policy was changed by someone else since it was read.', { hint: 'Read it again and repeat the change.', httpStatus: 412 })
    }
    const policy = { version: Number(given['version'] ?? 1), bindings: readBindings(given['bindings'] ?? []) }
    const text = JSON.stringify(policy)
    const etag = createHash('sha256').update(`${before.etag}${text}`).digest('base64').slice(0, 12)
    await this.ledger.write(
      this.db
        .insertInto('identity_policies')
        .values({ type: resource.type, name: resource.name, policy: text, etag })
        .onConflict((conflict) => conflict.columns(['type', 'name']).doUpdateSet({ policy: text, etag })),
    )
    return { ...policy, etag }
  }
}

function readBindings(given: unknown): Binding[] {
  const wellFormed = Array.isArray(given) && given.length <= BINDINGS_MAX && given.every(isBinding)
  if (!wellFormed) throw new Fault('INVALID_ARGUMENT', 'invalid', 'The bindings of a policy are a list of roles with their members.')
  return given.filter(({ members }: Binding) => members.length > 0)
}

function isBinding(value: unknown): value is Binding {
  const { role, members } = (value ?? {}) as Partial<Binding>
  return typeof role === 'string' && Array.isArray(members) && members.every((member) => typeof member === 'string')
}
