import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { lockFolder, readOwner } from './folder-lock.ts'

const HOLD = `import { lockFolder } from ${JSON.stringify(new URL('./folder-lock.ts', import.meta.url).href)}
lockFolder(process.argv[1], Date.now())
gc() // Nobody keeps what it returned.
console.log('held')
setInterval(() => {}, 1000)`

async function holdElsewhere(folder: string) {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', HOLD, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout!, 'data')
  return child
}

test('a second house on the same folder is told who holds it, and since when', async () => {
  const folder = testFolder()
  const holder = await holdElsewhere(folder)
  try {
    expect(() => lockFolder(folder, 0)).toThrow(expect.objectContaining({ reason: 'folderInUse', message: expect.stringMatching(new RegExp(`process ${holder.pid} has held it since 2`)) }))
  } finally {
    holder.kill('SIGKILL')
  }
})

test('the lock of a killed house is free at once', async () => {
  const folder = testFolder()
  const holder = await holdElsewhere(folder)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  expect(readOwner(folder)?.pid).toBe(holder.pid)
  lockFolder(folder, 0).release()
})

test('a second lock within one process is refused as well', () => {
  const folder = testFolder()
  const lock = lockFolder(folder, 0)
  expect(() => lockFolder(folder, 0)).toThrow(expect.objectContaining({ reason: 'folderInUse' }))
  lock.release()
  lockFolder(folder, 0).release()
})

test('a released folder names no owner', () => {
  const folder = testFolder()
  const lock = lockFolder(folder, Date.UTC(2026, 0, 1))
  expect(readOwner(folder)).toEqual({ pid: process.pid, since: '2026-01-01T00:00:00.000Z' })
  lock.release()
  expect(readOwner(folder)).toBeUndefined()
  expect(existsSync(join(folder, 'owner.json'))).toBe(false)
})

