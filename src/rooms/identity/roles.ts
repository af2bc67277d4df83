/** Roles: what a name in a binding allows. The predefined ones come from the table, the basic ones from rules, custom ones from the ledger. */
import type { Clock } from '#ground/clock.ts'
import type { Facts } from '#ground/facts.ts'
import type { Ids } from '#ground/ids.ts'
import type { Ledger } from '#ground/ledger.ts'
import { invalid, notFound, taken, tooMany } from './faults.ts'
import { CUSTOM_ROLES_MAX, PERMISSIONS_PER_ROLE_MAX } from './limits.ts'
import type { IdentityTables, RoleRow } from './migrations.ts'
import { ROLE_TABLE } from './role-table.ts'

const PERMISSION = /^[a-z][a-zA-Z0-9]*(?:\.[a-zA-Z][a-zA-Z0-9]*){2}$/
const ROLE_ID = /^[a-zA-Z0-9_.]{3,64}$/

export interface Role {
  name: string
  title: string
  description: string
  stage: string
  permissions: readonly string[]
  etag: string
  deleted: boolean
}

type Rule = (permission: string) => boolean

/** Reading is looking at what is there; what these verbs give out or the denied ones guard is more than that. */
const READS = /\.(get|list|view|search|lookup|query|fullView|download)[A-Za-z]*$/
const READS_MORE = new Set(['bigquery.jobs.create', 'bigquery.readsessions.create', 'bigquery.tables.export', 'serviceusage.services.use'])
/** Becoming someone else, handing out rights, and the secrets themselves stay with owners. */
const OWNERS_ONLY = /(\.setIamPolicy$|^iam\.(roles|serviceAccountKeys)\.(?!get$|list$)|^iam\.serviceAccounts\.(actAs|getAccessToken|getOpenIdToken|sign\w+|implicitDelegation|create|delete|update|enable|disable|undelete)$|^secretmanager\.versions\.access$|^resourcemanager\.projects\.(create|delete|update)$|^potoroo\.(users|tokens|worlds|signingKeys)\.)/

const BASIC: Readonly<Record<string, readonly [title: string, allows: Rule]>> = {
  'roles/owner': ['Owner', () => true],
  'roles/editor': ['Editor', (permission) => !OWNERS_ONLY.test(permission)],
  'roles/viewer': ['Viewer', (permission) => (READS.test(permission) || READS_MORE.has(permission)) && !OWNERS_ONLY.test(permission)],
}

/** What the basic roles allow, for those who test against them. */
export const BASIC_RULES: Readonly<Record<string, Rule>> = Object.fromEntries(Object.entries(BASIC).map(([name, [, allows]]) => [name, allows]))

export class Roles {
  private readonly ground: { ledger: Ledger; clock: Clock; ids: Ids; facts: Facts }
  private readonly db
  private readonly predefined = new Map(Object.entries(ROLE_TABLE).map(([name, [, text]]) => [name, ruleOf(text.split(/\s+/))]))
  private readonly custom = new Map<string, Rule>()
  private readonly changed: () => void

  constructor(ground: Roles['ground'], changed: () => void) {
    this.ground = ground
    this.changed = changed
    this.db = ground.ledger.builder<IdentityTables>()
  }

  async start(): Promise<void> {
    for (const row of await this.ground.ledger.read(this.db.selectFrom('identity_roles').selectAll())) this.keep(row)
  }

  allows(role: string, permission: string): boolean {
    return (BASIC[role]?.[1] ?? this.predefined.get(role) ?? this.custom.get(role))?.(permission) ?? false
  }

  exists(role: string): boolean {
    return role in BASIC || this.predefined.has(role) || this.custom.has(role)
  }

  /** The predefined ones, in the order of their names. */
  list(): Role[] {
    const basic = Object.entries(BASIC).map(([name, [title]]) => predefinedRole(name, title, []))
    const others = Object.entries(ROLE_TABLE).map(([name, [title, permissions]]) => predefinedRole(name, title, permissions.split(/\s+/)))
    return [...basic, ...others].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async get(name: string): Promise<Role> {
    const found = this.list().find((role) => role.name === name)
    if (found) return found
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_roles').selectAll().where('name', '=', name))
    if (!row) throw notFound(`Role ${name.slice(0, 200)}`)
    return roleOf(row)
  }

  async listCustom(parent: string, showDeleted: boolean): Promise<Role[]> {
    const rows = await this.ground.ledger.read(this.db.selectFrom('identity_roles').selectAll().where('name', 'like', `${parent}/roles/%`).orderBy('name').limit(CUSTOM_ROLES_MAX))
    return rows.map(roleOf).filter(({ name, deleted }) => name.startsWith(`${parent}/roles/`) && (showDeleted || !deleted))
  }

  async create(parent: string, id: string, given: RoleFields): Promise<Role> {
    if (!ROLE_ID.test(id)) throw invalid(`${JSON.stringify(id.slice(0, 80))} is not a role id.`, 'It has 3 to 64 letters, digits, underscores and dots.')
    if ((await this.listCustom(parent, true)).length >= CUSTOM_ROLES_MAX) throw tooMany('custom roles in one project', CUSTOM_ROLES_MAX)
    const row = this.row(`${parent}/roles/${id}`, { title: id, ...given }, 0)
    await this.ground.ledger.write(
      { query: this.db.insertInto('identity_roles').values(row).onConflict((conflict) => conflict.column('name').doNothing()), rows: 1, otherwise: taken(`Role ${row.name}`) },
      this.ground.facts.append({ type: 'identity.role.created', subject: row.name, data: { permissions: JSON.parse(row.permissions) } }),
    )
    return this.keep(row)
  }

  async change(name: string, given: RoleFields): Promise<Role> {
    const before = await this.getCustom(name)
    return this.replace(this.row(name, { ...before, ...given }, before.deleted ? 1 : 0))
  }

  async setDeleted(name: string, deleted: boolean): Promise<Role> {
    return this.replace(this.row(name, await this.getCustom(name), deleted ? 1 : 0))
  }

  private async getCustom(name: string): Promise<Role> {
    if (name.startsWith('roles/')) throw invalid(`${name} is a predefined role and cannot be changed.`)
    return this.get(name)
  }

  private async replace(row: RoleRow): Promise<Role> {
    await this.ground.ledger.write(
      { query: this.db.updateTable('identity_roles').set(row).where('name', '=', row.name), rows: 1, otherwise: notFound(`Role ${row.name}`) },
      this.ground.facts.append({ type: 'identity.role.changed', subject: row.name, data: { permissions: JSON.parse(row.permissions), deleted: row.deleted === 1 } }),
    )
    this.changed()
    return this.keep(row)
  }

  private row(name: string, { title, description, stage, permissions }: RoleFields, deleted: number): RoleRow {
    return {
      name,
      title: title ?? '',
      description: description ?? '',
      stage: stage ?? 'GA',
      permissions: JSON.stringify(readPermissions(permissions ?? [])),
      etag: this.ground.ids.next().slice(-12),
      deleted,
    }
  }

  private keep(row: RoleRow): Role {
    const role = roleOf(row)
    if (role.deleted) this.custom.delete(role.name)
    else this.custom.set(role.name, ruleOf(role.permissions))
    return role
  }
}

export interface RoleFields {
  title?: string
  description?: string
  stage?: string
  permissions?: readonly string[]
}

/** Any permission of the cloud is taken, also of services the house does not have: role files are written for the cloud. */
export function readPermissions(given: readonly string[]): string[] {
  if (given.length > PERMISSIONS_PER_ROLE_MAX) throw tooMany('permissions in one role', PERMISSIONS_PER_ROLE_MAX)
  const bad = given.find((permission) => !PERMISSION.test(permission))
  if (bad !== undefined) throw invalid(`Permission ${JSON.stringify(bad.slice(0, 100))} is not valid.`, 'A permission is written service.resource.verb.')
  return [...new Set(given)]
}

function ruleOf(permissions: readonly string[]): Rule {
  const exact = new Set(permissions.filter((entry) => !entry.endsWith('*')))
  const prefixes = permissions.filter((entry) => entry.endsWith('*')).map((entry) => entry.slice(0, -1))
  return (permission) => exact.has(permission) || prefixes.some((prefix) => permission.startsWith(prefix))
}

function predefinedRole(name: string, title: string, permissions: readonly string[]): Role {
  return { name, title, description: '', stage: 'GA', permissions: [...new Set(permissions)], etag: 'AA==', deleted: false }
}

function roleOf({ permissions, deleted, ...row }: RoleRow): Role {
  return { ...row, permissions: JSON.parse(permissions) as string[], deleted: deleted === 1 }
}
