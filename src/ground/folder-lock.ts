/**
 * One house per data folder. The lock is an exclusive SQLite transaction on `DIR/lock`: the operating system drops it
 * when its process ends, however it ends, so there is no stale lock to judge. `DIR/owner.json` only says who holds it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from './fault.ts'

export interface FolderLock {
  release(): void
}

export interface FolderOwner {
  pid: number
  since: string
}

/** A database that nobody refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>()

export function lockFolder(folder: string, now_ms: number): FolderLock {
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw heldBy(folder, readOwner(folder), cause)
  }
  held.add(database)
  const owner: FolderOwner = { pid: process.pid, since: new Date(now_ms).toISOString() }
  writeFileSync(join(folder, 'owner.json'), JSON.stringify(owner))
  return {
    release() {
      rmSync(join(folder, 'owner.json'), { force: true })
      held.delete(database)
      database.close()
    },
  }
}

export function readOwner(folder: string): FolderOwner | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8'))
  } catch {
    return undefined // No house has held this folder, or the last one was killed while writing.
  }
}

function heldBy(folder: string, owner: FolderOwner | undefined, cause: unknown): Fault {
  const who = owner ? `process ${owner.pid} has held it since ${owner.since}` : 'another process holds it'
  return new Fault('FAILED_PRECONDITION', 'folderInUse', `The data folder ${folder} is in use: ${who}.`, {
    hint: owner ? `Stop that house (kill ${owner.pid}), or start this one with another --data folder.` : 'Start this one with another --data folder.',
    cause,
  })
}
