import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { Disk, diskFault } from './disk.ts'
import { arm, disarm } from './failpoint.ts'

afterEach(() => disarm())

const openDisk = (durable = true) => new Disk(testFolder(), { durable })

async function publish(disk: Disk, id: string, text: string): Promise<void> {
  const file = await disk.stage(id)
  await file.write(Buffer.from(text))
  await file.sync()
  await file.close()
  await disk.publish(id, 'objects', id)
}

describe('paths', () => {
  test('nothing but identifiers of ours becomes a path', () => {
    const disk = openDisk()
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('..', '.', '', 'a/b', '../a', '/etc', 'a\0', 'C:\\x', '.hidden', 'ä', 'A')), (part) => {
        const harmless = /^[a-z0-9][a-z0-9._-]*$/.test(part)
        if (harmless) expect(disk.path('objects', part)).toBe(join(disk.root, 'objects', part))
        else expect(() => disk.path('objects', part)).toThrow('not an identifier of ours')
      }),
    )
  })
})

describe('a file becomes visible whole or not at all', () => {
  test('a staged file is not where it will be until it is published, and then no longer in staging', async () => {
    const disk = openDisk()
    const file = await disk.stage('one')
    await file.write(Buffer.from('half'))
    expect(existsSync(disk.path('objects', 'one'))).toBe(false)
    await file.write(Buffer.from(' whole'))
    await file.sync()
    await file.close()
    await disk.publish('one', 'objects', 'one')
    expect(readFileSync(disk.path('objects', 'one'), 'utf8')).toBe('half whole')
    expect(await disk.list('staging')).toEqual([])
  })

  test('a staged file goes on from what was synced; what came after is cut off', async () => {
    const disk = openDisk()
    const file = await disk.stage('one')
    await file.write(Buffer.from('0123456789'))
    await file.close()
    const again = await disk.stage('one', 4)
    expect(again.size).toBe(4)
    await again.write(Buffer.from('xy'))
    await again.close()
    expect(readFileSync(disk.path('staging', 'one'), 'utf8')).toBe('0123xy')
  })

  test('replacing a small file leaves the old one where the write fails', async () => {
    const disk = openDisk()
    await disk.writeWhole('old', 0o600, 'run.json')
    await mkdir(join(disk.root, 'run.json.new')) // The temporary file cannot be opened.
    await expect(disk.writeWhole('new', 0o600, 'run.json')).rejects.toThrow()
    expect((await disk.readWhole('run.json'))?.toString()).toBe('old')
  })

  test('files and folders are the owner’s alone', async () => {
    const disk = openDisk()
    await publish(disk, 'one', 'x')
    expect(statSync(disk.path('objects')).mode & 0o777).toBe(0o700)
    expect(statSync(disk.path('objects', 'one')).mode & 0o777).toBe(0o600)
  })

  test('many publish into one folder at once and each is there when it is told so', async () => {
    const disk = openDisk()
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        await publish(disk, `f${index}`, String(index))
        expect(readFileSync(disk.path('objects', `f${index}`), 'utf8')).toBe(String(index))
      }),
    )
    expect(readdirSync(disk.path('objects')).length).toBe(40)
  })
})

describe('a disk that refuses', () => {
  test.each(['disk.write', 'disk.syncFile', 'disk.rename', 'disk.syncFolder'])('an error at %s is not swallowed', async (point) => {
    const disk = openDisk()
    arm(point, 'eio')
    await expect(publish(disk, 'one', 'text')).rejects.toMatchObject({ code: 'EIO' })
  })

  test('a file whose rename failed is not visible', async () => {
    const disk = openDisk()
    arm('disk.rename', 'enospc')
    await expect(publish(disk, 'one', 'text')).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(existsSync(disk.path('objects', 'one'))).toBe(false)
    expect(await disk.list('staging')).toEqual(['one'])
  })

  test('one failed folder sync does not fail those that come after it', async () => {
    const disk = openDisk()
    await publish(disk, 'one', 'x')
    arm('disk.syncFolder', 'eio')
    await expect(publish(disk, 'two', 'x')).rejects.toThrow()
    disarm()
    await publish(disk, 'three', 'x')
  })

  test.each([
    ['ENOSPC', 'diskFull', 507],
    ['EDQUOT', 'diskFull', 507],
    ['EIO', 'backendError', 503],
    ['EROFS', 'backendError', 503],
  ])('%s is told as %s with a remedy', (code, reason, httpStatus) => {
    expect(diskFault(Object.assign(new Error(code), { code }))).toMatchObject({ reason, httpStatus, hint: expect.any(String) })
  })

  test('what is not the disk’s is left alone', () => {
    expect(diskFault(new Error('ENOSPC'))).toBeUndefined()
    expect(diskFault('ENOSPC')).toBeUndefined()
  })
})

describe('what is missing', () => {
  test('reading, measuring, listing and removing say so without an error', async () => {
    const disk = openDisk()
    expect(await disk.readWhole('objects', 'none')).toBeUndefined()
    expect(await disk.size('objects', 'none')).toBeUndefined()
    expect(await disk.list('objects')).toEqual([])
    await disk.remove('objects', 'none')
    await disk.discard('none')
  })

  test('opening a file that the ledger names and the disk lacks is a loss, not a not-found', async () => {
    await expect(openDisk().open('objects', 'none')).rejects.toMatchObject({ code: 'DATA_LOSS' })
  })
})

test('quarantine sets aside and deletes nothing', async () => {
  const disk = openDisk()
  await disk.folder('staging')
  await writeFile(disk.path('staging', 'odd'), 'unexplained')
  const kept = await disk.quarantine('t1', 'staging', 'odd')
  expect(readFileSync(kept, 'utf8')).toBe('unexplained')
  expect(await disk.list('staging')).toEqual([])
})
