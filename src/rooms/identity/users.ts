/** People: an e-mail, a password, whether they may log in. What they may do stands in policies. */
import type { Clock } from '#ground/clock.ts'
import type { Facts } from '#ground/facts.ts'
import type { Ids } from '#ground/ids.ts'
import type { Ledger } from '#ground/ledger.ts'
import { invalid, notFound, oauthFault, taken, tooMany } from './faults.ts'
import { USERS_MAX } from './limits.ts'
import type { IdentityTables, UserRow } from './migrations.ts'
import type { Passwords } from './passwords.ts'

const EMAIL = /^[^\s@"'<>:]{1,64}@[^\s@"'<>:]{1,255}$/

export class Users {
  private readonly ground: { ledger: Ledger; clock: Clock; ids: Ids; facts: Facts }
  private readonly passwords: Passwords
  private readonly db
  /** Told when a user may do less than before. */
  private readonly changed: () => void

  constructor(ground: Users['ground'], passwords: Passwords, changed: () => void) {
    this.ground = ground
    this.passwords = passwords
    this.changed = changed
    this.db = ground.ledger.builder<IdentityTables>()
  }

  find(id: string): Promise<UserRow | undefined> {
    return this.ground.ledger.first(this.db.selectFrom('identity_users').selectAll().where('id', '=', id))
  }

  findByEmail(email: string): Promise<UserRow | undefined> {
    return this.ground.ledger.first(this.db.selectFrom('identity_users').selectAll().where('email', '=', email.toLowerCase()))
  }

  async get(id: string): Promise<UserRow> {
    const row = await this.find(id)
    if (!row) throw notFound(`User ${id.slice(0, 100)}`)
    return row
  }

  list(after: string, limit: number): Promise<UserRow[]> {
    return this.ground.ledger.read(this.db.selectFrom('identity_users').selectAll().where('email', '>', after).orderBy('email').limit(limit))
  }

  async add(email: string, password: string): Promise<UserRow> {
    if (!EMAIL.test(email)) throw invalid(`${JSON.stringify(email.slice(0, 200))} is not an e-mail address.`)
    if ((await this.list('', USERS_MAX)).length >= USERS_MAX) throw tooMany('users', USERS_MAX)
    const { ledger, ids, clock, facts } = this.ground
    const row: UserRow = { id: ids.uuid(), email: email.toLowerCase(), password_hash: await this.passwords.hash(password), enabled: 1, created_ms: clock.now_ms() }
    await ledger.write(
      { query: this.db.insertInto('identity_users').values(row).onConflict((conflict) => conflict.column('email').doNothing()), rows: 1, otherwise: taken(`User ${row.email}`) },
      facts.append({ type: 'identity.user.created', subject: `users/${row.id}`, data: { email: row.email } }),
    )
    return row
  }

  async setEnabled(id: string, enabled: boolean): Promise<UserRow> {
    const row = await this.get(id)
    await this.ground.ledger.write(
      this.db.updateTable('identity_users').set({ enabled: enabled ? 1 : 0 }).where('id', '=', id),
      ...(enabled ? [] : [this.db.deleteFrom('identity_refresh_tokens').where('user_id', '=', id)]),
      this.ground.facts.append({ type: 'identity.user.changed', subject: `users/${id}`, data: { email: row.email, enabled } }),
    )
    this.changed()
    return { ...row, enabled: enabled ? 1 : 0 }
  }

  /** A new password ends every session that began with the old one. */
  async setPassword(id: string, password: string): Promise<void> {
    const row = await this.get(id)
    await this.ground.ledger.write(
      this.db.updateTable('identity_users').set({ password_hash: await this.passwords.hash(password) }).where('id', '=', id),
      this.db.deleteFrom('identity_refresh_tokens').where('user_id', '=', id),
      this.ground.facts.append({ type: 'identity.user.changed', subject: `users/${id}`, data: { email: row.email, password: 'changed' } }),
    )
    this.changed()
  }

  async remove(id: string): Promise<void> {
    const row = await this.get(id)
    await this.ground.ledger.write(
      this.db.deleteFrom('identity_refresh_tokens').where('user_id', '=', id),
      this.db.deleteFrom('identity_users').where('id', '=', id),
      this.ground.facts.append({ type: 'identity.user.removed', subject: `users/${id}`, data: { email: row.email } }),
    )
    this.changed()
  }

  async logIn(email: string, password: string, address: string): Promise<UserRow> {
    const row = await this.findByEmail(email)
    const right = await this.passwords.check({ user: email, password, address, hash: row?.password_hash })
    if (!right || !row?.enabled) throw oauthFault('invalid_grant', 'Invalid user credentials', 401)
    return row
  }
}
