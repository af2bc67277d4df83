/** Where the vault's keys come from: POTOROO_VAULT_KEY, or a file of mode 0600 made at the first start. Sealing is `vault.ts`'s. */
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
export async function findVaultKeys(folder: string, given: string | undefined): Promise<VaultKeys> {
  const inFile = await readKeyFile(folder)
  if (given !== undefined) {
    const named = given.split(',').map((text) => keyFromText(text, VAULT_KEY_VARIABLE))
    const known = new Set(named.map(({ id }) => id))
    // What was sealed before the operator took over the key stays readable.
    return { keys: [...named, ...(inFile ?? []).filter(({ id }) => !known.has(id))], from: 'environment' }
  }
  if (inFile) return { keys: inFile, from: 'file' }
  const keys = [newKey()]
  await writeKeyFile(folder, keys)
  return { keys, from: 'file' }
}

export function newKey(): VaultKey {
  return vaultKey(randomBytes(KEY_BYTES))
}

/** Temp file, sync, rename, sync the folder: a kill in between leaves the old keys or the new ones, never half a key. */
export async function writeKeyFile(folder: string, keys: readonly VaultKey[]): Promise<void> {
  if (keys.length > KEYS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'tooManyVaultKeys', `The vault already holds ${KEYS_MAX} keys; drop old ones first.`)
  const file = join(folder, KEY_FILE)
  const staged = `${file}.new`
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await rm(staged, { force: true })
  const handle = await open(staged, 'wx', 0o600)
  try {
    await handle.writeFile([FIRST_LINE, ...keys.map(({ bytes }) => bytes.toString('base64')), ''].join('\n'))
    await handle.chmod(0o600)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(staged, file)
  const parent = await open(dirname(file), 'r')
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
}

async function readKeyFile(folder: string): Promise<VaultKey[] | undefined> {
  const file = join(folder, KEY_FILE)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
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
