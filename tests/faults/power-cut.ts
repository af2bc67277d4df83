/**
 * Takes from a killed house's folder what a power cut would have taken at worst: contents after a file's last sync, and names that no
 * folder sync has made last. The ledger is SQLite's own affair (WAL, synchronous=FULL) and is left as it is.
 */
import { existsSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DiskEvent } from '../../src/ground/disk-trace.ts'

export function powerCut(trace: string): void {
  const events = readFileSync(trace, 'utf8').trim().split('\n').map((line): DiskEvent => JSON.parse(line))
  /** Bytes that a file is sure to hold, by its present name. */
  const synced = new Map<string, number>()
  /** Names that their folder does not hold for sure yet. */
  const loose = new Set<string>()
  for (const event of events) {
    switch (event.op) {
      case 'make-folder':
        loose.add(event.path)
        break
      case 'sync-file':
        synced.set(event.path, event.size)
        break
      case 'rename':
        synced.set(event.to, synced.get(event.path) ?? 0)
        synced.delete(event.path)
        loose.add(event.to)
        break
      case 'sync-folder':
        for (const path of loose) if (dirname(path) === event.path) loose.delete(path)
    }
  }
  for (const path of loose) rmSync(path, { recursive: true, force: true })
  for (const [path, size] of synced) if (existsSync(path)) truncateSync(path, size)
}
