/** Logins that go on: refresh tokens, kept as hashes; and device codes, which a logged-in person lets through. */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import type { Ledger } from '#ground/ledger.ts'
import { invalidGrant, notFound, oauthFault, tooMany } from './faults.ts'
import { tokenHash } from './hashes.ts'
import { DEVICE_CODE_S, DEVICE_CODES_MAX, REFRESH_TOKEN_S } from './limits.ts'
import type { DeviceRow, IdentityTables, RefreshTokenRow, UserRow } from './migrations.ts'
import type { Users } from './users.ts'

const USER_CODE_CHARS = 8

export interface Session {
  user: UserRow
  client: string | undefined
}

export class Sessions {
  private readonly ground: { ledger: Ledger; clock: Clock; ids: Ids }
  private readonly users: Users
  private readonly db

  constructor(ground: Sessions['ground'], users: Users) {
    this.ground = ground
    this.users = users
    this.db = ground.ledger.builder<IdentityTables>()
  }

  async begin({ user, client }: Session, lifetime_s = REFRESH_TOKEN_S): Promise<string> {
    const { ids, clock, ledger } = this.ground
    const token = ids.secret()
    const now_ms = clock.now_ms()
    const row: RefreshTokenRow = { hash: tokenHash(token), user_id: user.id, client: client ?? null, expires_ms: now_ms + lifetime_s * 1000 }
    await ledger.write(this.db.deleteFrom('identity_refresh_tokens').where('expires_ms', '<', now_ms), this.db.insertInto('identity_refresh_tokens').values(row))
    return token
  }

  async resume(token: string): Promise<Session> {
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_refresh_tokens').selectAll().where('hash', '=', tokenHash(token)))
    if (!row || row.expires_ms <= this.ground.clock.now_ms()) throw invalidGrant('Invalid refresh token', 'Log in again.')
    const user = await this.users.find(row.user_id)
    if (!user?.enabled) throw invalidGrant('Session not active')
    return { user, client: row.client ?? undefined }
  }

  async end(token: string): Promise<void> {
    await this.ground.ledger.write(this.db.deleteFrom('identity_refresh_tokens').where('hash', '=', tokenHash(token)))
  }

  /** A device asks; `approvedBy` is set at once in open mode, where the house's own user needs no asking. */
  async beginDevice(client: string | undefined, approvedBy: string | undefined): Promise<{ deviceCode: string; userCode: string }> {
    const { ids, clock, ledger } = this.ground
    const now_ms = clock.now_ms()
    const pending = await ledger.read(this.db.selectFrom('identity_devices').select('hash').where('expires_ms', '>', now_ms).limit(DEVICE_CODES_MAX))
    if (pending.length >= DEVICE_CODES_MAX) throw tooMany('device logins at once', DEVICE_CODES_MAX)
    const deviceCode = ids.secret()
    const letters = ids.next().slice(-USER_CODE_CHARS).toUpperCase()
    const userCode = `${letters.slice(0, USER_CODE_CHARS / 2)}-${letters.slice(USER_CODE_CHARS / 2)}`
    const row: DeviceRow = { hash: tokenHash(deviceCode), user_code: userCode, user_id: approvedBy ?? null, client: client ?? null, expires_ms: now_ms + DEVICE_CODE_S * 1000 }
    await ledger.write(this.db.deleteFrom('identity_devices').where('expires_ms', '<', now_ms), this.db.insertInto('identity_devices').values(row))
    return { deviceCode, userCode }
  }

  async approveDevice(userCode: string, userId: string): Promise<void> {
    await this.ground.ledger.write({
      query: this.db
        .updateTable('identity_devices')
        .set({ user_id: userId })
        .where('user_code', '=', userCode.trim().toUpperCase())
        .where('user_id', 'is', null)
        .where('expires_ms', '>', this.ground.clock.now_ms()),
      rows: 1,
      otherwise: notFound('A device that waits under this code'),
    })
  }

  /** Each code lets in once. */
  async finishDevice(deviceCode: string): Promise<Session> {
    const hash = tokenHash(deviceCode)
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_devices').selectAll().where('hash', '=', hash))
    if (!row) throw invalidGrant('Device code not valid')
    if (row.expires_ms <= this.ground.clock.now_ms()) throw oauthFault('expired_token', 'Device code is expired')
    if (row.user_id === null) throw oauthFault('authorization_pending', 'The authorization request is still pending')
    await this.ground.ledger.write({ query: this.db.deleteFrom('identity_devices').where('hash', '=', hash), rows: 1, otherwise: invalidGrant('Device code not valid') })
    const user = await this.users.find(row.user_id)
    if (!user?.enabled) throw invalidGrant('Session not active')
    return { user, client: row.client ?? undefined }
  }
}
