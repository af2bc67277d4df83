/**
 * The keys the house signs its own tokens with. The newest signs, all of them verify, so that tokens outlive a rotation and a
 * restart. Private halves lie sealed in the ledger.
 */
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { keyCertificate } from '#ground/certificates.ts'
import type { Clock } from '#ground/clock.ts'
import type { Facts } from '#ground/facts.ts'
import { Fault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import { keyPairFromPem, newRsaKeyPair, privatePem, publicPem } from '#ground/key-pairs.ts'
import type { Ledger } from '#ground/ledger.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Vault } from '#ground/vault.ts'
import type { IdentityTables, SigningKeyRow } from './migrations.ts'

const CERTIFICATE_MS = 10 * 365 * 24 * 3600_000

interface Key {
  id: string
  publicKey: KeyObject
  certificate: string
}

export class SigningKeys {
  private readonly ground: { ledger: Ledger; vault: Vault; clock: Clock; ids: Ids; facts: Facts; log: Log }
  private readonly db
  private readonly keys = new Map<string, Key>()
  private signing: { id: string; privateKey: KeyObject } | undefined

  constructor(ground: SigningKeys['ground']) {
    this.ground = ground
    this.db = ground.ledger.builder<IdentityTables>()
  }

  async start(): Promise<void> {
    const rows = await this.ground.ledger.read(this.db.selectFrom('identity_signing_keys').selectAll().orderBy('created_ms'))
    for (const row of rows) this.keep(row)
    const current = rows.findLast(({ retired_ms }) => retired_ms === null)
    if (current) this.signing = this.open(current)
    if (!this.signing) await this.rotate()
  }

  get current(): { id: string; privateKey: KeyObject } {
    if (!this.signing) throw new Fault('UNAVAILABLE', 'backendError', 'The identity room has not started yet.')
    return this.signing
  }

  publicKey(id: string): KeyObject | undefined {
    return this.keys.get(id)?.publicKey
  }

  all(): readonly Key[] {
    return [...this.keys.values()]
  }

  /** From now on another key signs. What the old one signed stays valid until it expires. */
  async rotate(): Promise<string> {
    const { ledger, vault, clock, ids, facts } = this.ground
    const id = ids.next()
    const now_ms = clock.now_ms()
    const { privateKey, publicKey } = await newRsaKeyPair()
    const row: SigningKeyRow = {
      id,
      private_sealed: vault.seal(privatePem(privateKey), belongsTo(id)),
      public_pem: publicPem(publicKey),
      certificate_pem: keyCertificate({ name: `potoroo token key ${id}`, privateKey, valid: { from_ms: now_ms, until_ms: now_ms + CERTIFICATE_MS } }),
      created_ms: now_ms,
      retired_ms: null,
    }
    await ledger.write(
      this.db.updateTable('identity_signing_keys').set({ retired_ms: now_ms }).where('retired_ms', 'is', null),
      this.db.insertInto('identity_signing_keys').values(row),
      facts.append({ type: 'identity.signingKey.created', subject: `signingKeys/${id}`, data: {} }),
    )
    this.keep(row)
    this.signing = { id, privateKey }
    return id
  }

  private keep({ id, public_pem, certificate_pem }: SigningKeyRow): void {
    this.keys.set(id, { id, publicKey: createPublicKey(public_pem), certificate: certificate_pem })
  }

  /** A snapshot brings no vault key along: then the old key only verifies, and a new one signs. */
  private open({ id, private_sealed }: SigningKeyRow): { id: string; privateKey: KeyObject } | undefined {
    try {
      return { id, privateKey: keyPairFromPem(this.ground.vault.openText(private_sealed, belongsTo(id))).privateKey }
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause
      this.ground.log.warn({ reason: cause.reason }, 'the key that signs tokens cannot be opened with this vault key: a new one is made')
      return undefined
    }
  }
}

const belongsTo = (id: string): string => `identity/signing-keys/${id}`
