import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Disk } from './disk.ts'
import { Sealed } from './sealed.ts'
import { Vault } from './vault.ts'

let folder: string
let disk: Disk
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-vault-'))
  disk = new Disk(folder, { durable: true })
})
afterEach(() => rmSync(folder, { recursive: true }))

const keyFile = () => join(folder, 'vault.keys')
const key = () => randomBytes(32).toString('base64')

describe('sealing', () => {
  it('gives back exactly what was sealed, for any bytes and any place', async () => {
    const vault = await Vault.open({ disk })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.string(), (secret, place) => {
        expect(vault.open(vault.seal(secret, place), place).equals(secret)).toBe(true)
      }),
    )
  })

  it('never gives the same text twice, nor shows the secret', async () => {
    const vault = await Vault.open({ disk })
    const texts = new Set(Array.from({ length: 50 }, () => vault.seal('hunter2', 'a')))
    expect(texts.size).toBe(50)
    expect([...texts].join()).not.toMatch(/hunter2|aHVudGVyMg/)
  })

  it('does not open at another place, nor after a change of any one character', async () => {
    const vault = await Vault.open({ disk })
    const sealed = vault.seal('hunter2', 'secrets/1')
    expect(() => vault.open(sealed, 'secrets/2')).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }))
    const body_at = sealed.lastIndexOf('.') + 1
    for (let at = 0; at < sealed.length; at++) {
      // The last character of a base64 text carries spare bits, which do not belong to the secret.
      if (at === sealed.length - 1 || at === body_at - 2) continue
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
      expect(() => vault.open(changed, 'secrets/1'), changed).toThrow()
    }
  })
})

describe('keys', () => {
  it('are made once, with mode 0600, and found again', async () => {
    const sealed = (await Vault.open({ disk })).seal('s', 'p')
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
    expect((await Vault.open({ disk })).openText(sealed, 'p')).toBe('s')
  })

  it('from a file that lost its mode are made private again', async () => {
    await Vault.open({ disk })
    chmodSync(keyFile(), 0o644)
    await Vault.open({ disk })
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
  })

  it('are never replaced when their file is damaged', async () => {
    for (const damage of ['', '# only a comment\n', 'half a ke', `${key()}\nnot a key\n`]) {
      writeFileSync(keyFile(), damage)
      await expect(Vault.open({ disk })).rejects.toMatchObject({ name: 'Fault' })
      expect(readFileSync(keyFile(), 'utf8')).toBe(damage)
    }
  })

  it('given by the environment write no file', async () => {
    const given = key()
    const sealed = (await Vault.open({ disk, key: given })).seal('s', 'p')
    expect(existsSync(keyFile())).toBe(false)
    expect((await Vault.open({ disk, key: given })).openText(sealed, 'p')).toBe('s')
    await expect(Vault.open({ disk, key: key() }).then((vault) => vault.open(sealed, 'p'))).rejects.toMatchObject({ reason: 'vaultKeyMissing' })
  })

  it.each(['', ' ', 'short', 'A'.repeat(44), '!'.repeat(44), `${key()},`, randomBytes(31).toString('base64')])('given as %j are refused', async (given) => {
    await expect(Vault.open({ disk, key: given })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'badVaultKey' })
  })

  it('rotate: the newest seals, older ones open until dropped', async () => {
    const vault = await Vault.open({ disk })
    const [first] = vault.keyIds as [string]
    const sealed = vault.seal('s', 'p')
    const second = await vault.rotate()
    expect(vault.keyIds).toEqual([second, first])
    const again = await Vault.open({ disk })
    expect(again.openText(sealed, 'p')).toBe('s')
    const resealed = again.reseal(sealed, 'p') as string
    expect(resealed).toContain(second)
    expect(again.reseal(resealed, 'p')).toBeUndefined()
    await expect(again.drop(second)).rejects.toMatchObject({ reason: 'newestVaultKey' })
    await again.drop(first)
    expect(again.openText(resealed, 'p')).toBe('s')
    expect(() => again.open(sealed, 'p')).toThrow(expect.objectContaining({ reason: 'vaultKeyMissing' }))
  })

  it('of the environment rotate by NEW,OLD, and the file of before stays readable', async () => {
    const byFile = (await Vault.open({ disk })).seal('from file', 'p')
    const old = key()
    const byOld = (await Vault.open({ disk, key: old })).seal('from old', 'p')
    const vault = await Vault.open({ disk, key: `${key()},${old}` })
    expect(vault.openText(byOld, 'p')).toBe('from old')
    expect(vault.openText(byFile, 'p')).toBe('from file')
    await expect(vault.rotate()).rejects.toMatchObject({ reason: 'vaultKeyFromEnvironment' })
  })
})

it('a Sealed value prints as stars wherever it may land', () => {
  const secret = new Sealed('hunter2')
  const prints = [`${secret}`, String(secret), JSON.stringify({ secret }), inspect({ deep: { secret } }, { showHidden: true, depth: 9 }), '' + secret, [secret].join()]
  for (const print of prints) {
    expect(print).toContain('*****')
    expect(print).not.toContain('hunter2')
  }
  expect(secret.reveal()).toBe('hunter2')
})
