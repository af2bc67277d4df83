/** Where the vault's keys come from: POTOROO_VAULT_KEY, or a file of mode 0600 made at the first start. Sealing is `vault.ts`'s. */
import { createHash, randomBytes } from 'node:crypto'
import { chmod, stat } from 'node:fs/promises'
import type { Disk } from './disk.ts'
import { Fault } from './fault.ts'

export const VAULT_KEY_VARIABLE = 'POTOROO_VAULT_KEY'

export const KEY_BYTES = 32
const KEY_FILE = 'vault.keys'
const KEYS_MAX = 64
const FIRST_LINE = '# The vault keys of this house, newest first. Without them no stored secret can be read. Keep a copy elsewhere.'

export interface VaultKey {
  /** Derived from the key, so that the same key has the same id wherever it comes from. */
  id: string
  bytes: Buffer
}

export interface VaultKeys {
  /** Newest first; the first one seals. */
  keys: readonly VaultKey[]
  /** The file may be rewritten; keys from the environment are the operator's to change. */
  from: 'file' | 'environment'
}

/** `given` is the variable's value: unset is not the same as empty. */
export async function findVaultKeys(disk: Disk, given: string | undefined): Promise<VaultKeys> {
  const inFile = await readKeyFile(disk)
  if (given !== undefined) {
    const named = given.split(',').map((text) => keyFromText(text, VAULT_KEY_VARIABLE))
    const known = new Set(named.map(({ id }) => id))
    // What was sealed before the operator took over the key stays readable.
    return { keys: [...named, ...(inFile ?? []).filter(({ id }) => !known.has(id))], from: 'environment' }
  }
  if (inFile) return { keys: inFile, from: 'file' }
  const keys = [newKey()]
  await writeKeyFile(disk, keys)
  return { keys, from: 'file' }
}

export function newKey(): VaultKey {
  return vaultKey(randomBytes(KEY_BYTES))
}

export async function writeKeyFile(disk: Disk, keys: readonly VaultKey[]): Promise<void> {
  if (keys.length > KEYS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'tooManyVaultKeys', `The vault already holds ${KEYS_MAX} keys; drop old ones first.`)
  const text = [FIRST_LINE, ...keys.map(({ bytes }) => bytes.toString('base64')), ''].join('\n')
  await disk.writeWhole(text, 0o600, KEY_FILE)
}

async function readKeyFile(disk: Disk): Promise<VaultKey[] | undefined> {
  const text = (await disk.readWhole(KEY_FILE))?.toString('utf8')
  if (text === undefined) return undefined
  const file = disk.path(KEY_FILE)
  await requirePrivate(file)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  if (lines.length === 0) {
    throw new Fault('DATA_LOSS', 'vaultKeyFileEmpty', `${file} holds no key.`, {
      hint: 'Restore it from your copy. A new key cannot read what was sealed with the old one, so none is made.',
    })
  }
  return lines.map((line) => keyFromText(line, file))
}

async function requirePrivate(file: string): Promise<void> {
  if (process.platform === 'win32') return
  const { mode, uid } = await stat(file)
  if ((mode & 0o077) === 0) return
  // Archives and copies lose modes. Ours to repair when the file is ours; said aloud when it is not.
  if (uid === process.getuid?.()) return chmod(file, 0o600)
  throw new Fault('FAILED_PRECONDITION', 'vaultKeyFileOpen', `${file} can be read by other users (mode ${(mode & 0o777).toString(8)}).`, {
    hint: `chmod 600 ${file}`,
  })
}

function keyFromText(text: string, source: string): VaultKey {
  const trimmed = text.trim()
  const bytes = /^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : Buffer.alloc(0)
  if (bytes.length === KEY_BYTES) return vaultKey(bytes)
  const what = trimmed === '' ? 'is set but empty' : `is not the base64 form of ${KEY_BYTES} bytes`
  throw new Fault('INVALID_ARGUMENT', 'badVaultKey', `A vault key in ${source} ${what}.`, {
    hint: `Make one with: head -c ${KEY_BYTES} /dev/urandom | base64`,
  })
}

function vaultKey(bytes: Buffer): VaultKey {
  return { id: createHash('sha256').update('potoroo vault key id\n').update(bytes).digest('hex').slice(0, 12), bytes }
}
