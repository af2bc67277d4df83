/** Archives that strangers made: what is plainly harmless is unpacked exactly, everything else is refused as a whole. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from '@node-rs/crc32'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { zipSync } from 'fflate'
import { unzip } from './unzip.ts'

let folder: string
let count = 0
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'potoroo-unzip-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Entry {
  name: string
  data?: string
  /** In the local header, where it differs. */
  localName?: string
  mode?: number
  flags?: number
  crc?: number
  size?: number
}

/** Written by hand, because no library writes what these archives hold. Stored, not compressed. */
function zipOf(entries: Entry[]): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const { name, data = '', localName = name, mode = 0o100644, flags = 0x800, crc = crc32(data), size = Buffer.byteLength(data) } of entries) {
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    local.writeUInt16LE(flags, 6)
    local.writeUInt32LE(crc, 14)
    local.writeUInt32LE(size, 18)
    local.writeUInt32LE(size, 22)
    local.writeUInt16LE(Buffer.byteLength(localName), 26)
    const whole = Buffer.concat([local, Buffer.from(localName), Buffer.from(data)])
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE((3 << 8) | 20, 4)
    central.writeUInt16LE(20, 6)
    central.writeUInt16LE(flags, 8)
    central.writeUInt32LE(crc, 16)
    central.writeUInt32LE(size, 20)
    central.writeUInt32LE(size, 24)
    central.writeUInt16LE(Buffer.byteLength(name), 28)
    central.writeUInt32LE(mode * 0x10000, 38)
    central.writeUInt32LE(offset, 42)
    centrals.push(Buffer.concat([central, Buffer.from(name)]))
    locals.push(whole)
    offset += whole.length
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

async function unpack(bytes: Uint8Array): Promise<{ files: string[]; target: string }> {
  const archive = join(folder, `${++count}.zip`)
  const target = join(folder, `out-${count}`)
  writeFileSync(archive, bytes)
  return { files: await unzip(archive, target), target }
}

test('files, folders and marks of execution arrive as they were packed', async () => {
  const { files, target } = await unpack(zipOf([{ name: 'main.py', data: 'print(1)' }, { name: 'lib/', mode: 0o040755 }, { name: 'lib/run.sh', data: '#!/bin/sh', mode: 0o100755 }]))
  expect(files).toEqual(['lib/run.sh', 'main.py'])
  expect(readFileSync(join(target, 'main.py'), 'utf8')).toBe('print(1)')
  expect(statSync(join(target, 'lib/run.sh')).mode & 0o777).toBe(0o755)
})

const HOSTILE: [string, Entry[]][] = [
  ['a way up', [{ name: '../outside.py' }]],
  ['a way up in the middle', [{ name: 'a/../../outside.py' }]],
  ['an absolute path', [{ name: '/etc/cron.d/x' }]],
  ['a drive', [{ name: 'C:/x.py' }]],
  ['a backslash', [{ name: 'a\\b.py' }]],
  ['a NUL', [{ name: 'a\0.py' }]],
  ['a control character', [{ name: 'a\n.py' }]],
  ['a dot', [{ name: 'a/./b.py' }]],
  ['an empty segment', [{ name: 'a//b.py' }]],
  ['a segment longer than a disk takes', [{ name: 'x'.repeat(256) }]],
  ['deep nesting', [{ name: `${'a/'.repeat(40)}b` }]],
  ['a symbolic link', [{ name: 'link', data: '/etc/passwd', mode: 0o120777 }]],
  ['a device', [{ name: 'null', mode: 0o020666 }]],
  ['the same name twice', [{ name: 'a.py', data: '1' }, { name: 'a.py', data: '2' }]],
  ['the same name in another case', [{ name: 'a.py' }, { name: 'A.PY' }]],
  ['a file below a file', [{ name: 'a', data: '1' }, { name: 'a/b', data: '2' }]],
  ['two different headers', [{ name: 'good.py', localName: 'evil.py' }]],
  ['an encrypted entry', [{ name: 'a.py', data: 'x', flags: 0x801 }]],
  ['a wrong checksum', [{ name: 'a.py', data: 'x', crc: 1 }]],
]

describe('refused as a whole', () => {
  test.each(HOSTILE)('%s', async (_what, entries) => {
    const before = readdirSync(folder).length
    await expect(unpack(zipOf(entries))).rejects.toMatchObject({ reason: 'badArchive' })
    expect(existsSync(join(folder, 'outside.py'))).toBe(false)
    // The archive itself, and at most its own folder.
    expect(readdirSync(folder).length - before).toBeLessThanOrEqual(2)
  })

  test('what unpacks to far more than its size', async () => {
    await expect(unpack(zipSync({ 'bomb.bin': new Uint8Array(64 * 1024 * 1024) }))).rejects.toMatchObject({ reason: 'badArchive', message: expect.stringMatching(/times its size/) })
  })

  test('what is no archive at all', async () => {
    await expect(unpack(Buffer.from('hello'))).rejects.toMatchObject({ reason: 'badArchive' })
    await expect(unpack(zipOf([{ name: 'a.py', data: 'x' }]).subarray(0, 40))).rejects.toMatchObject({ reason: 'badArchive' })
  })
})
