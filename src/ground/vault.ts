/**
 * Seals and opens secrets at rest: AES-256-GCM, each value bound to what it belongs to, so that a sealed text moved to
 * another row does not open. Where the sealed text is kept is the rooms' business.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Disk } from './disk.ts'
import { Fault } from './fault.ts'
import { findVaultKeys, newKey, VAULT_KEY_VARIABLE, type VaultKey, type VaultKeys, writeKeyFile } from './vault-keys.ts'

const ALGORITHM = 'aes-256-gcm'
const FORM = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface VaultOptions {
  /** The data folder, where the key file lies. */
  disk: Disk
  /** POTOROO_VAULT_KEY: base64 of 32 bytes, several comma-separated with the newest first. Undefined when unset. */
  key?: string | undefined
}

export class Vault {
  readonly #disk: Disk
  #keys: VaultKeys

  static async open({ disk, key }: VaultOptions): Promise<Vault> {
    return new Vault(disk, await findVaultKeys(disk, key))
  }

  private constructor(disk: Disk, keys: VaultKeys) {
    this.#disk = disk
    this.#keys = keys
  }

  /** Newest first. */
  get keyIds(): readonly string[] {
    return this.#keys.keys.map(({ id }) => id)
  }

  get keysFrom(): 'file' | 'environment' {
    return this.#keys.from
  }

  /** `belongsTo` names the one place where this may be opened, such as `secrets/versions/<id>`. The result is printable text. */
  seal(secret: string | Uint8Array, belongsTo: string): string {
    const key = this.#newest()
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, key.bytes, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(boundTo(key, belongsTo))
    const body = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()])
    return [FORM, key.id, nonce.toString('base64url'), body.toString('base64url')].join('.')
  }

  open(sealed: string, belongsTo: string): Buffer {
    const { keyId, nonce, body, tag } = parse(sealed)
    const key = this.#keys.keys.find(({ id }) => id === keyId)
    if (!key) {
      throw new Fault('FAILED_PRECONDITION', 'vaultKeyMissing', `This secret was sealed with the vault key ${keyId}, which this house does not have.`, {
        hint: `Put that key back into the vault's key file, or after the newest in ${VAULT_KEY_VARIABLE}.`,
      })
    }
    const decipher = createDecipheriv(ALGORITHM, key.bytes, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(boundTo(key, belongsTo))
    decipher.setAuthTag(tag)
    try {
      return Buffer.concat([decipher.update(body), decipher.final()])
    } catch (cause) {
      throw new Fault('DATA_LOSS', 'sealBroken', 'A sealed secret was changed, or does not belong to where it was found.', { cause })
    }
  }

  openText(sealed: string, belongsTo: string): string {
    return this.open(sealed, belongsTo).toString('utf8')
  }

  /** Makes a new newest key. Older ones still open; `reseal` what is stored, then `drop` them. */
  async rotate(): Promise<string> {
    this.#requireOwnFile('rotated')
    const keys = [newKey(), ...this.#keys.keys]
    // Stored before it is used: nothing may ever be sealed with a key that a kill would lose.
    await writeKeyFile(this.#disk, keys)
    this.#keys = { keys, from: 'file' }
    return this.#newest().id
  }

  /** The same secret under the newest key, or undefined where it is already. */
  reseal(sealed: string, belongsTo: string): string | undefined {
    if (parse(sealed).keyId === this.#newest().id) return undefined
    return this.seal(this.open(sealed, belongsTo), belongsTo)
  }

  /** Forgets an old key for good: only after everything was resealed. */
  async drop(keyId: string): Promise<void> {
    this.#requireOwnFile('dropped')
    if (keyId === this.#newest().id) throw new Fault('FAILED_PRECONDITION', 'newestVaultKey', 'The newest key of the vault cannot be dropped.')
    const keys = this.#keys.keys.filter(({ id }) => id !== keyId)
    await writeKeyFile(this.#disk, keys)
    this.#keys = { keys, from: 'file' }
  }

  #newest(): VaultKey {
    return this.#keys.keys[0] as VaultKey
  }

  #requireOwnFile(what: string): void {
    if (this.#keys.from === 'file') return
    throw new Fault('FAILED_PRECONDITION', 'vaultKeyFromEnvironment', `The vault's key is given by ${VAULT_KEY_VARIABLE}, so it cannot be ${what} here.`, {
      hint: `Set ${VAULT_KEY_VARIABLE} to NEW,OLD and start again.`,
    })
  }
}

function boundTo(key: VaultKey, belongsTo: string): Buffer {
  return Buffer.from([FORM, key.id, belongsTo].join('\n'))
}

function parse(sealed: string): { keyId: string; nonce: Buffer; body: Buffer; tag: Buffer } {
  const [form, keyId, nonceText, bodyText, ...more] = sealed.split('.')
  const nonce = Buffer.from(nonceText ?? '', 'base64url')
  const whole = Buffer.from(bodyText ?? '', 'base64url')
  if (form !== FORM || !keyId || nonce.length !== NONCE_BYTES || whole.length < TAG_BYTES || more.length > 0) {
    throw new Fault('DATA_LOSS', 'sealBroken', 'A sealed secret is not in a form that this house writes.')
  }
  return { keyId, nonce, body: whole.subarray(0, -TAG_BYTES), tag: whole.subarray(-TAG_BYTES) }
}
