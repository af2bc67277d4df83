/**
 * What the disk was asked to make last, told to a file that a test names in POTOROO_DISK_TRACE. A killed process leaves the page
 * cache behind; from this record a test can take away what a power cut would have taken.
 */
import { appendFileSync } from 'node:fs'

export type DiskEvent =
  | { op: 'make-folder'; path: string }
  | { op: 'sync-file'; path: string; size: number }
  | { op: 'rename'; path: string; to: string }
  | { op: 'sync-folder'; path: string }

const file = process.env['POTOROO_DISK_TRACE']

export const traceDisk: (event: DiskEvent) => void = file === undefined || file === '' ? () => {} : (event) => appendFileSync(file, `${JSON.stringify(event)}\n`)
