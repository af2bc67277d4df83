/** Long-lived tokens for machines such as CI: shown once, kept as a hash, revoked by id. */
import type { Clock } from '#ground/clock.ts'
import type { Facts } from '#ground/facts.ts'
import type { Ids } from '#ground/ids.ts'
import type { Ledger } from '#ground/ledger.ts'
import { badToken, invalid, notFound, tooMany } from './faults.ts'
import { tokenHash } from './hashes.ts'
import { API_TOKEN_DAYS_MAX, API_TOKENS_MAX } from './limits.ts'
import type { ApiTokenRow, IdentityTables } from './migrations.ts'

/** Makes them recognizable, to people and to scanners for leaked secrets. */
export const API_TOKEN_PREFIX = 'potoroo_'

export class ApiTokens {
  private readonly ground: { ledger: Ledger; clock: Clock; ids: Ids; facts: Facts }
  private readonly db
  private readonly changed: () => void

  constructor(ground: ApiTokens['ground'], changed: () => void) {
    this.ground = ground
    this.changed = changed
    this.db = ground.ledger.builder<IdentityTables>()
  }

  async create(principal: string, name: string, days: number): Promise<{ row: ApiTokenRow; token: string }> {
    if (!Number.isInteger(days) || days < 1 || days > API_TOKEN_DAYS_MAX) throw invalid(`A token lives 1 to ${API_TOKEN_DAYS_MAX} days.`)
    if ((await this.list()).length >= API_TOKENS_MAX) throw tooMany('API tokens', API_TOKENS_MAX)
    const { ledger, clock, ids, facts } = this.ground
    const token = `${API_TOKEN_PREFIX}${ids.secret()}`
    const now_ms = clock.now_ms()
    const row: ApiTokenRow = { id: ids.next(), hash: tokenHash(token), name, principal, created_ms: now_ms, expires_ms: now_ms + days * 24 * 3600_000 }
    await ledger.write(
      this.db.insertInto('identity_api_tokens').values(row),
      facts.append({ type: 'identity.token.created', subject: `tokens/${row.id}`, data: { name, principal, expires_ms: row.expires_ms } }),
    )
    return { row, token }
  }

  async read(token: string): Promise<ApiTokenRow> {
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_api_tokens').selectAll().where('hash', '=', tokenHash(token)))
    if (!row) throw badToken('the token was revoked, or is not one of this house.')
    if (row.expires_ms <= this.ground.clock.now_ms()) throw badToken('the token has expired.', '`potoroo token create` makes a new one.')
    return row
  }

  list(): Promise<ApiTokenRow[]> {
    return this.ground.ledger.read(this.db.selectFrom('identity_api_tokens').selectAll().orderBy('id').limit(API_TOKENS_MAX))
  }

  async revoke(id: string): Promise<void> {
    await this.ground.ledger.write(
      { query: this.db.deleteFrom('identity_api_tokens').where('id', '=', id), rows: 1, otherwise: notFound(`Token ${id.slice(0, 60)}`) },
      this.ground.facts.append({ type: 'identity.token.revoked', subject: `tokens/${id}`, data: {} }),
    )
    this.changed()
  }
}
