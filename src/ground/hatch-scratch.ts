/** The folders that runs may write into, one each, and how they are removed although their owner locked them. */
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, statSync } from 'node:fs'
import { chmod, chown, lchown, lstat, mkdir, opendir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Fault } from './fault.ts'

/** For a folder below the data folder to be reached by another user, all above it must let others through. */
export function reachableByOthers(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** Where scratch folders lie when the data folder is closed to other users: the same place at each start. */
export function outsideRoot(dataFolder: string): string {
  const root = join(tmpdir(), `potoroo-hatch-${createHash('sha256').update(dataFolder).digest('hex').slice(0, 16)}`)
  mkdirSync(root, { recursive: true, mode: 0o711 })
  const found = lstatSync(root)
  // The temporary folder is everyone's: somebody may have been there first.
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Fault('FAILED_PRECONDITION', 'scratchNotOurs', `${root} is not a folder of this house's user.`, { hint: `Remove ${root}.` })
  }
  chmodSync(root, 0o711)
  return root
}

export async function makeScratch(root: string, id: string): Promise<string> {
  const scratch = join(root, id)
  await mkdir(join(scratch, 'tmp'), { recursive: true, mode: 0o700 })
  // The jail's own root is mounted here; on the other rungs it stays empty.
  await mkdir(`${scratch}.root`, { mode: 0o700 })
  return scratch
}

/** Gives everything in it to the run's user. Links are not followed: what is put there may be user's content. */
export async function giveTo(uid: number, scratch: string): Promise<void> {
  const folder = await opendir(scratch, { recursive: true })
  for await (const entry of folder) await lchown(join(entry.parentPath, entry.name), uid, uid)
  await chown(scratch, uid, uid)
}

/** What it takes on the disk; Infinity past the bound of entries. What vanishes while it is counted does not count. */
export async function bytesIn(folder: string, entries_max: number): Promise<number> {
  const open = [folder]
  let bytes = 0
  let entries = 0
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true }).catch(() => [])) {
      if (++entries > entries_max) return Infinity
      const path = join(at, entry.name)
      if (entry.isDirectory()) open.push(path)
      else bytes += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * 512
    }
  }
  return bytes
}

export async function removeScratch(scratch: string): Promise<void> {
  await rm(`${scratch}.root`, { recursive: true, force: true })
  try {
    await rm(scratch, { recursive: true, force: true })
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await unlock(scratch)
    await rm(scratch, { recursive: true, force: true })
  }
}

/** A run of our own user may have closed folders even to itself. */
async function unlock(folder: string): Promise<void> {
  if (!(await lstat(folder)).isDirectory()) return
  await chmod(folder, 0o700)
  for await (const entry of await opendir(folder)) if (entry.isDirectory()) await unlock(join(folder, entry.name))
}
