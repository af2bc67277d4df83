/** IAM policies on resources, kept for all rooms: who was given which role where. What a role allows is `roles.ts`'s. */
import { createHash } from 'node:crypto'
import type { Clock } from '#ground/clock.ts'
import type { Resource } from '#ground/door.ts'
import type { Facts } from '#ground/facts.ts'
import { Fault } from '#ground/fault.ts'
import type { Ledger, Migration } from '#ground/ledger.ts'
import { CACHED_POLICIES_MAX, CACHED_POLICY_MS } from './limits.ts'

export interface Binding {
  role: string
  members: string[]
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
const MEMBERS_MAX = 1500
const MEMBER = /^(allUsers|allAuthenticatedUsers|(user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer|principal|principalSet|deleted):.{1,300})$/

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

/** Bound to the whole house: its bindings hold in every project. */
export const HOUSE: Resource = { type: 'house', name: 'house' }

export class Policies {
  private readonly ground: { ledger: Ledger; facts: Facts; clock: Clock }
  private readonly db
  private readonly cache = new Map<string, { bindings: readonly Binding[]; until_ms: number }>()

  constructor(ground: Policies['ground']) {
    this.ground = ground
    this.db = ground.ledger.builder<Tables>()
  }

  async read(resource: Resource): Promise<Policy & Record<string, unknown>> {
    const { type, name } = keyOf(resource)
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_policies').selectAll().where('type', '=', type).where('name', '=', name))
    return row ? { ...(JSON.parse(row.policy) as Policy), etag: row.etag } : { version: 1, etag: 'ACAB', bindings: [] }
  }

  /** What is bound here, as of a moment ago at most; what this house wrote, at once. */
  async bindings(resource: Resource): Promise<readonly Binding[]> {
    const key = textOf(keyOf(resource))
    const now_ms = this.ground.clock.now_ms()
    const kept = this.cache.get(key)
    if (kept && kept.until_ms > now_ms) return kept.bindings
    const { bindings } = await this.read(resource)
    if (this.cache.size >= CACHED_POLICIES_MAX) this.cache.clear()
    this.cache.set(key, { bindings, until_ms: now_ms + CACHED_POLICY_MS })
    return bindings
  }

  /** A policy with an etag replaces only the one that etag was read with. */
  async write(resource: Resource, given: Record<string, unknown>): Promise<Policy & Record<string, unknown>> {
    const before = await this.read(resource)
    const wanted = given['etag']
    if (typeof wanted === 'string' && wanted !== '' && standard(wanted) !== before.etag) throw changedMeanwhile()
    return this.replace(resource, before, { version: Number(given['version'] ?? 1), bindings: readBindings(given['bindings'] ?? []) })
  }

  async grant(resource: Resource, role: string, member: string): Promise<Policy> {
    const before = await this.read(resource)
    const bindings = before.bindings.map((binding) => (binding.role === role ? { ...binding, members: [...new Set([...binding.members, member])] } : binding))
    if (!bindings.some((binding) => binding.role === role)) bindings.push({ role, members: [member] })
    return this.replace(resource, before, { version: before.version, bindings: readBindings(bindings) })
  }

  async revoke(resource: Resource, role: string, member: string): Promise<Policy> {
    const before = await this.read(resource)
    const bindings = before.bindings.map((binding) => (binding.role === role ? { ...binding, members: binding.members.filter((one) => one !== member) } : binding))
    return this.replace(resource, before, { version: before.version, bindings: readBindings(bindings) })
  }

  private async replace(resource: Resource, before: Policy, policy: { version: number; bindings: Binding[] }): Promise<Policy & Record<string, unknown>> {
    const { type, name } = keyOf(resource)
    const text = JSON.stringify(policy)
    const etag = createHash('sha256').update(`${before.etag}${text}`).digest('base64').slice(0, 12)
    const row = { type, name, policy: text, etag }
    const isNew = before.etag === 'ACAB'
    await this.ground.ledger.write(
      {
        query: isNew
          ? this.db.insertInto('identity_policies').values(row).onConflict((conflict) => conflict.columns(['type', 'name']).doNothing())
          : this.db.updateTable('identity_policies').set(row).where('type', '=', type).where('name', '=', name).where('etag', '=', before.etag),
        rows: 1,
        otherwise: changedMeanwhile(),
      },
      this.ground.facts.append({ type: 'identity.policy.changed', subject: `${type}/${name}`, data: { before: before.bindings, after: policy.bindings } }),
    )
    this.cache.delete(textOf({ type, name }))
    return { ...policy, etag }
  }
}

/** Names that only their project makes unique are kept with it; buckets, the house and full names stand alone. */
function keyOf({ type, name, project }: Resource): { type: string; name: string } {
  const alone = type === 'bucket' || type === 'project' || type === 'house' || type === 'serviceAccount' || name.startsWith('projects/') || project === undefined
  return { type, name: alone ? name : `projects/${project}/${type}s/${name}` }
}

const textOf = ({ type, name }: { type: string; name: string }): string => `${type} ${name}`

/** Etags are bytes, and gcloud writes base64 with the URL's alphabet. */
const standard = (etag: string): string => etag.replaceAll('-', '+').replaceAll('_', '/')

function changedMeanwhile(): Fault {
  return new Fault('ABORTED', 'conditionNotMet', 'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.', { httpStatus: 412 })
}

function readBindings(given: unknown): Binding[] {
  const wellFormed = Array.isArray(given) && given.length <= BINDINGS_MAX && given.every(isBinding)
  if (!wellFormed) throw new Fault('INVALID_ARGUMENT', 'invalid', 'The bindings of a policy are a list of roles with their members.')
  for (const { members, ...rest } of given as (Binding & { condition?: unknown })[]) {
    const bad = members.find((member) => !MEMBER.test(member))
    if (bad !== undefined) throw new Fault('INVALID_ARGUMENT', 'invalid', `${JSON.stringify(bad.slice(0, 200))} is not a member.`, { hint: 'For example user:ada@example.com, serviceAccount:…, allUsers.' })
    // A condition that nobody evaluates would grant more than was meant.
    if (rest.condition !== undefined && rest.condition !== null) {
      throw new Fault('UNIMPLEMENTED', 'notImplemented', 'Conditions on role bindings are not implemented.', { hint: 'Bind the role without a condition, or on a narrower resource.' })
    }
  }
  return (given as Binding[]).filter(({ members }) => members.length > 0).map(({ role, members }) => ({ role, members }))
}

function isBinding(value: unknown): value is Binding {
  const { role, members } = (value ?? {}) as Partial<Binding>
  return typeof role === 'string' && Array.isArray(members) && members.length <= MEMBERS_MAX && members.every((member) => typeof member === 'string')
}
