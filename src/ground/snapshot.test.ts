import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { openSqliteLedger, readSqliteLedger } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import { loadSnapshot, saveSnapshot } from './snapshot.ts'
import { readTar } from './tar.ts'

/** A data folder in use: a ledger that names files, and everything beside them that is no data. */
async function furnished() {
  const folder = join(testFolder(), 'data')
  mkdirSync(join(folder, 'objects', '01'), { recursive: true })
  mkdirSync(join(folder, 'staging'))
  const ledger = await openSqliteLedger(join(folder, 'ledger.sqlite'), { durable: false })
  await ledger.write(sql`create table files (id text primary key, text text not null)`.compile(ledger.builder()))
  await put(folder, ledger, 'one', 'first')
  await put(folder, ledger, 'two', '')
  writeFileSync(join(folder, 'staging', 'half'), 'unfinished')
  for (const name of ['vault.keys', 'run.json', 'owner.json', 'lock']) writeFileSync(join(folder, name), 'private')
  return { folder, ledger }
}

async function put(folder: string, ledger: Ledger, id: string, text: string): Promise<void> {
  writeFileSync(join(folder, 'objects', '01', id), text)
  await ledger.write(sql`insert into files values (${id}, ${text})`.compile(ledger.builder()))
}

const save = (folder: string, to: string) => saveSnapshot({ from: folder, to, folders: ['objects', 'staging'], missing: lacking, version: '0', now_ms: Date.UTC(2026, 0, 1) })

async function filesNamed(folder: string): Promise<{ id: string; text: string }[]> {
  const ledger = readSqliteLedger(join(folder, 'ledger.sqlite'))
  const rows = await ledger.read(sql<{ id: string; text: string }>`select * from files order by id`.compile(ledger.builder()))
  await ledger.close()
  return rows
}

const lacking = async (folder: string) => (await filesNamed(folder)).map(({ id }) => id).filter((id) => !existsSync(join(folder, 'objects', '01', id)))

/** Every file that the ledger names is there with what it says. */
async function expectWhole(folder: string): Promise<string[]> {
  const rows = await filesNamed(folder)
  for (const { id, text } of rows) expect(readFileSync(join(folder, 'objects', '01', id), 'utf8')).toBe(text)
  return rows.map(({ id }) => id)
}

test('what was saved beside a running house is loaded whole, and leaves no trace in the folder it came from', async () => {
  const { folder, ledger } = await furnished()
  const before = readdirSync(folder).sort()
  const file = join(folder, '..', 'a.tar')
  expect(await save(folder, file)).toMatchObject({ files: 4 })
  expect(readdirSync(folder).sort()).toEqual(before)
  const target = join(folder, '..', 'restored')
  await loadSnapshot({ from: file, to: target })
  expect(await expectWhole(target)).toEqual(['one', 'two'])
  expect(readFileSync(join(target, 'staging', 'half'), 'utf8')).toBe('unfinished')
  await ledger.close()
})

test('keys, locks and addresses are never in it', async () => {
  const { folder, ledger } = await furnished()
  const file = join(folder, '..', 'a.tar')
  await save(folder, file)
  const names: string[] = []
  for await (const entry of readTar(chunksOf(readFileSync(file)))) names.push(entry.name)
  expect(names).toEqual(['snapshot.json', 'ledger.sqlite', 'objects/01/one', 'objects/01/two', 'staging/half', 'SHA256SUMS'])
  expect(readFileSync(file).includes('private')).toBe(false)
  await ledger.close()
})

/** Like the house, traffic deletes rows at once and sweeps their files together, later. */
const SWEPT_TOGETHER = 150

test('a snapshot taken while objects come and go names no file that it lacks', async () => {
  const { folder, ledger } = await furnished()
  let busy = true
  let garbage: string[] = []
  const traffic = (async () => {
    for (let n = 0; busy; n++) {
      await put(folder, ledger, `n${n}`, String(n))
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (n % 4 === 0) continue
      await ledger.write(sql`delete from files where id = ${`n${n}`}`.compile(ledger.builder()))
      garbage.push(`n${n}`)
      if (garbage.length < SWEPT_TOGETHER) continue
      for (const id of garbage) rmSync(join(folder, 'objects', '01', id))
      garbage = []
    }
  })()
  for (let round = 0; round < 3; round++) {
    const file = join(folder, '..', `busy${round}.tar`)
    await save(folder, file)
    const target = join(folder, '..', `restored${round}`)
    await loadSnapshot({ from: file, to: target })
    expect((await expectWhole(target)).length).toBeGreaterThan(0)
  }
  busy = false
  await traffic
  await ledger.close()
})

test('a folder that already lacks a file is not saved as if it were whole', async () => {
  const { folder, ledger } = await furnished()
  rmSync(join(folder, 'objects', '01', 'one'))
  const file = join(folder, '..', 'a.tar')
  await expect(save(folder, file)).rejects.toMatchObject({ reason: 'incomplete', message: expect.stringContaining('one') })
  expect(existsSync(file)).toBe(false)
  await ledger.close()
})

test('nothing is replaced: neither a file when saving nor data when loading', async () => {
  const { folder, ledger } = await furnished()
  const file = join(folder, '..', 'a.tar')
  await save(folder, file)
  const bytes = readFileSync(file)
  await expect(save(folder, file)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  expect(readFileSync(file).equals(bytes)).toBe(true)
  await expect(loadSnapshot({ from: file, to: folder })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  await ledger.close()
})

test('a damaged snapshot loads nothing: any one byte, any cut', async () => {
  const { folder, ledger } = await furnished()
  const file = join(folder, '..', 'a.tar')
  await save(folder, file)
  await ledger.close()
  const bytes = readFileSync(file)
  const damaged = join(folder, '..', 'b.tar')
  const target = join(folder, '..', 'restored')
  const header = 1024 + 512 // In the ledger's bytes, its header's, an object's, the checksums'.
  const places = [header + 5, bytes.indexOf('first'), bytes.indexOf('objects/01/one'), bytes.lastIndexOf('objects/01/two') - 3]
  for (const place of places) {
    const copy = Buffer.from(bytes)
    copy[place]! ^= 1
    writeFileSync(damaged, copy)
    await expect(loadSnapshot({ from: damaged, to: target })).rejects.toMatchObject({ code: 'DATA_LOSS' })
  }
  for (const length of [0, 100, 600, 5000, bytes.length - 2000]) {
    writeFileSync(damaged, bytes.subarray(0, length))
    await expect(loadSnapshot({ from: damaged, to: target })).rejects.toMatchObject({ code: 'DATA_LOSS' })
  }
  expect(existsSync(target)).toBe(false)
  expect(readdirSync(join(folder, '..')).filter((name) => name.includes('loading'))).toEqual([])
})

test('an entry that is nothing of ours is refused, wherever it wants to go', async () => {
  const { folder, ledger } = await furnished()
  const file = join(folder, '..', 'a.tar')
  await save(folder, file)
  await ledger.close()
  const bytes = readFileSync(file)
  for (const name of ['../../../evil', '/etc/evil/one', 'objects/../..', 'vault.keys', 'run.json']) {
    const copy = Buffer.from(bytes)
    renameEntry(copy, 'objects/01/one', name)
    writeFileSync(join(folder, '..', 'evil.tar'), copy)
    await expect(loadSnapshot({ from: join(folder, '..', 'evil.tar'), to: join(folder, '..', 'restored') })).rejects.toMatchObject({ code: 'DATA_LOSS' })
  }
  expect(existsSync(join(folder, '..', 'restored'))).toBe(false)
})

async function* chunksOf(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}

/** With its header's checksum made right again. */
function renameEntry(tar: Buffer, from: string, to: string): void {
  const at = tar.indexOf(`${from}\0`)
  tar.fill(0, at, at + 100)
  tar.write(to, at)
  const sum = tar.subarray(at, at + 512).reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148)
}
