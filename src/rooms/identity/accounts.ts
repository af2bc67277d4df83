/** Service accounts and their keys. Of a user's key the house keeps the public half only: the file is given out once. */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Clock } from '#ground/clock.ts'
import type { Facts } from '#ground/facts.ts'
import { Fault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import { keyPairFromPem, newRsaKeyPair, privatePem, publicPem } from '#ground/key-pairs.ts'
import type { Ledger } from '#ground/ledger.ts'
import { Turns } from '#ground/turns.ts'
import type { Vault } from '#ground/vault.ts'
import { invalid, notFound, taken, tooMany } from './faults.ts'
import { KEYS_PER_ACCOUNT_MAX, SERVICE_ACCOUNTS_PER_PROJECT_MAX } from './limits.ts'
import type { AccountRow, IdentityTables, KeyRow } from './migrations.ts'

const ACCOUNT_ID = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/
const EMAIL = /^[a-z0-9][a-z0-9.-]{0,62}@[a-z0-9][a-z0-9.-]{0,120}\.gserviceaccount\.com$/
const HOST = 'iam.gserviceaccount.com'

export interface NewAccount {
  project: string
  accountId: string
  displayName?: string
  description?: string
}

/** A key as it is shown; its private half is not among it. */
export type AccountKey = Omit<KeyRow, 'use'>

/** Google's own form of a key file. */
export interface KeyFile {
  type: 'service_account'
  project_id: string
  private_key_id: string
  private_key: string
  client_email: string
  client_id: string
  auth_uri: string
  token_uri: string
  auth_provider_x509_cert_url: string
  client_x509_cert_url: string
  universe_domain: string
}

export class Accounts {
  private readonly ground: { ledger: Ledger; vault: Vault; clock: Clock; ids: Ids; facts: Facts }
  private readonly db
  private readonly turns = new Turns()
  /** Told when an account or key may do less than before. */
  private readonly changed: () => void

  constructor(ground: Accounts['ground'], changed: () => void) {
    this.ground = ground
    this.db = ground.ledger.builder<IdentityTables>()
    this.changed = changed
  }

  find(email: string): Promise<AccountRow | undefined> {
    return this.ground.ledger.first(this.db.selectFrom('identity_accounts').selectAll().where('email', '=', email))
  }

  /** By e-mail or by unique id, as Google's API takes both. */
  async get(name: string): Promise<AccountRow> {
    const row = await this.ground.ledger.first(
      this.db.selectFrom('identity_accounts').selectAll().where((where) => where.or([where('email', '=', name), where('id', '=', name)])),
    )
    if (!row) throw notFound(`Service account ${name.slice(0, 200)}`)
    return row
  }

  list(project: string, after: string, limit: number): Promise<AccountRow[]> {
    return this.ground.ledger.read(
      this.db.selectFrom('identity_accounts').selectAll().where('project', '=', project).where('email', '>', after).orderBy('email').limit(limit),
    )
  }

  async create({ project, accountId, displayName, description }: NewAccount): Promise<AccountRow> {
    if (!ACCOUNT_ID.test(accountId)) {
      throw invalid(`${JSON.stringify(accountId.slice(0, 60))} is not an account id.`, 'It has 6 to 30 small letters, digits and hyphens, and begins with a letter.')
    }
    return this.insert(`${accountId}@${project}.${HOST}`, project, displayName ?? '', description ?? '')
  }

  /** The account of this e-mail, made when it is not there: for accounts that the cloud would have made by itself. */
  async ensure(email: string, project: string, displayName = ''): Promise<AccountRow> {
    return this.turns.take(email, async () => (await this.find(email)) ?? (await this.insert(email, project, displayName, '')))
  }

  async change(name: string, fields: Partial<Pick<AccountRow, 'display_name' | 'description' | 'disabled'>>): Promise<AccountRow> {
    const before = await this.get(name)
    await this.ground.ledger.write(
      { query: this.db.updateTable('identity_accounts').set(fields).where('email', '=', before.email), rows: 1, otherwise: notFound(`Service account ${before.email}`) },
      this.ground.facts.append({ type: 'identity.serviceAccount.changed', subject: subject(before), data: { fields: Object.keys(fields) } }),
    )
    this.changed()
    return { ...before, ...fields }
  }

  async remove(name: string): Promise<void> {
    const row = await this.get(name)
    await this.ground.ledger.write(
      this.db.deleteFrom('identity_keys').where('email', '=', row.email),
      { query: this.db.deleteFrom('identity_accounts').where('email', '=', row.email), rows: 1, otherwise: notFound(`Service account ${row.email}`) },
      this.ground.facts.append({ type: 'identity.serviceAccount.removed', subject: subject(row), data: {} }),
    )
    this.changed()
  }

  /** Makes a key and gives its file out, once. */
  async createKey(name: string, origin: string): Promise<{ key: AccountKey; file: KeyFile }> {
    const account = await this.get(name)
    if ((await this.keys(account.email)).length >= KEYS_PER_ACCOUNT_MAX) throw tooMany('keys of one service account', KEYS_PER_ACCOUNT_MAX)
    const { privateKey, publicKey } = await newRsaKeyPair()
    const key = await this.keepKey(account, publicKey, 'user')
    return { key, file: keyFile(account, key.id, privatePem(privateKey), origin) }
  }

  /** The key that the house itself puts into a child's hands: made once, kept sealed. */
  async childKey(name: string, origin: string): Promise<KeyFile> {
    const { email } = await this.get(name)
    return this.turns.take(`child ${email}`, async () => {
      const account = await this.get(email)
      const known = account.child_key === null ? undefined : this.openChildKey(account.email, account.child_key)
      if (known) return keyFile(account, known.id, known.pem, origin)
      const pair = await newRsaKeyPair()
      const pem = privatePem(pair.privateKey)
      const key = this.keyRow(account, pair.publicKey, 'child')
      await this.ground.ledger.write(
        this.db.insertInto('identity_keys').values(key),
        this.db.updateTable('identity_accounts').set({ child_key: `${key.id} ${this.ground.vault.seal(pem, belongsTo(account.email))}` }).where('email', '=', account.email),
        this.keyCreated(account, key),
      )
      return keyFile(account, key.id, pem, origin)
    })
  }

  /** A snapshot brings no vault key along: what was sealed elsewhere stays closed, and a new key is made. */
  private openChildKey(email: string, stored: string): { id: string; pem: string } | undefined {
    const [id, sealed] = splitOnce(stored)
    try {
      return { id, pem: this.ground.vault.openText(sealed, belongsTo(email)) }
    } catch (cause) {
      if (!(cause instanceof Fault) || cause.reason !== 'vaultKeyMissing') throw cause
      return undefined
    }
  }

  keys(email: string): Promise<KeyRow[]> {
    return this.ground.ledger.read(this.db.selectFrom('identity_keys').selectAll().where('email', '=', email).where('use', '=', 'user').orderBy('created_ms'))
  }

  async key(email: string, id: string): Promise<KeyRow> {
    const row = await this.ground.ledger.first(this.db.selectFrom('identity_keys').selectAll().where('email', '=', email).where('id', '=', id))
    if (!row) throw notFound(`Key ${id.slice(0, 60)}`)
    return row
  }

  keyById(id: string): Promise<KeyRow | undefined> {
    return this.ground.ledger.first(this.db.selectFrom('identity_keys').selectAll().where('id', '=', id))
  }

  /** Every key that may speak for this account now. */
  async verifiers(email: string): Promise<{ id: string; publicKey: KeyObject }[]> {
    const rows = await this.ground.ledger.read(this.db.selectFrom('identity_keys').selectAll().where('email', '=', email).where('disabled', '=', 0))
    return rows.map(({ id, public_pem }) => ({ id, publicKey: createPublicKey(public_pem) }))
  }

  async setKeyDisabled(email: string, id: string, disabled: boolean): Promise<void> {
    await this.ground.ledger.write({
      query: this.db.updateTable('identity_keys').set({ disabled: disabled ? 1 : 0 }).where('email', '=', email).where('id', '=', id),
      rows: 1,
      otherwise: notFound(`Key ${id.slice(0, 60)}`),
    })
    this.changed()
  }

  async removeKey(email: string, id: string): Promise<void> {
    await this.ground.ledger.write(
      {
        query: this.db.deleteFrom('identity_keys').where('email', '=', email).where('id', '=', id).where('use', '=', 'user'),
        rows: 1,
        otherwise: notFound(`Key ${id.slice(0, 60)}`),
      },
      this.ground.facts.append({ type: 'identity.key.removed', subject: `serviceAccounts/${email}/keys/${id}`, data: {} }),
    )
    this.changed()
  }

  private async insert(email: string, project: string, display_name: string, description: string): Promise<AccountRow> {
    const { ledger, clock, facts, ids } = this.ground
    if (!EMAIL.test(email)) throw invalid(`${JSON.stringify(email.slice(0, 200))} is not the e-mail of a service account.`, `It ends in .${HOST}.`)
    if ((await this.list(project, '', SERVICE_ACCOUNTS_PER_PROJECT_MAX)).length >= SERVICE_ACCOUNTS_PER_PROJECT_MAX) {
      throw tooMany(`service accounts in project ${project}`, SERVICE_ACCOUNTS_PER_PROJECT_MAX)
    }
    const row: AccountRow = { email, id: uniqueId(ids.uuid()), project, display_name, description, disabled: 0, created_ms: clock.now_ms(), child_key: null }
    await ledger.write(
      {
        query: this.db.insertInto('identity_accounts').values(row).onConflict((conflict) => conflict.column('email').doNothing()),
        rows: 1,
        otherwise: taken(`Service account ${email}`),
      },
      facts.append({ type: 'identity.serviceAccount.created', subject: subject(row), data: { email, project } }),
    )
    return row
  }

  private async keepKey(account: AccountRow, publicKey: KeyObject, use: KeyRow['use']): Promise<AccountKey> {
    const row = this.keyRow(account, publicKey, use)
    await this.ground.ledger.write(this.db.insertInto('identity_keys').values(row), this.keyCreated(account, row))
    return row
  }

  private keyRow({ email }: AccountRow, publicKey: KeyObject, use: KeyRow['use']): KeyRow {
    const id = this.ground.ids.uuid().replaceAll('-', '') + this.ground.ids.uuid().replaceAll('-', '').slice(0, 8)
    return { id, email, public_pem: publicPem(publicKey), disabled: 0, created_ms: this.ground.clock.now_ms(), use }
  }

  private keyCreated({ email }: AccountRow, { id, use }: KeyRow) {
    return this.ground.facts.append({ type: 'identity.key.created', subject: `serviceAccounts/${email}/keys/${id}`, data: { email, use } })
  }
}

function keyFile({ project, email, id }: AccountRow, keyId: string, privateKey: string, origin: string): KeyFile {
  return {
    type: 'service_account',
    project_id: project,
    private_key_id: keyId,
    private_key: privateKey,
    client_email: email,
    client_id: id,
    auth_uri: `${origin}/o/oauth2/auth`,
    token_uri: `${origin}/token`,
    auth_provider_x509_cert_url: `${origin}/oauth2/v1/certs`,
    client_x509_cert_url: `${origin}/robot/v1/metadata/x509/${encodeURIComponent(email)}`,
    universe_domain: 'googleapis.com',
  }
}

const subject = ({ email }: AccountRow): string => `serviceAccounts/${email}`
const belongsTo = (email: string): string => `identity/accounts/${email}/child-key`

function splitOnce(text: string): [before: string, after: string] {
  const at = text.indexOf(' ')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Google's unique ids are 21 digits that begin with 1. */
function uniqueId(uuid: string): string {
  const digits = BigInt(`0x${uuid.replaceAll('-', '')}`) % 10n ** 20n
  return `1${String(digits).padStart(20, '0')}`
}
