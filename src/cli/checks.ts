/** What the doctor looks at. Only reads; a house may be running on the folder meanwhile. */
import { existsSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { readSqliteLedger } from '#ground/ledger.ts'
import { readOwner } from '#ground/folder-lock.ts'
import { missingFiles } from '../inspect.ts'
import { readRunFile } from './find-house.ts'
import { HouseClient } from './house-client.ts'
import { bytesText } from './terminal.ts'

export interface Finding {
  what: string
  state: 'good' | 'odd' | 'bad'
  found: string
  /** What to do about it. */
  remedy?: string
}

const NODE_MAJOR_MIN = 24
/** Below this an upload of ordinary size may fail. */
const FREE_BYTES_MIN = 1_000_000_000
const OTHERS = 0o077
/** Problems of one kind that are written out. */
const LINES_MAX = 5

export async function examine(folder: string): Promise<Finding[]> {
  const findings = [nodeVersion(), await dataFolderState(folder)]
  if (!existsSync(folder)) return findings
  findings.push(await freeDisk(folder), await runningHouse(folder))
  if (existsSync(join(folder, 'ledger.sqlite'))) findings.push(await ledgerState(join(folder, 'ledger.sqlite')), await objectFiles(folder))
  if (existsSync(join(folder, 'vault.keys'))) findings.push(await vaultKey(join(folder, 'vault.keys')))
  return findings
}

function nodeVersion(): Finding {
  const good = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN
  const finding: Finding = { what: 'Node', state: good ? 'good' : 'bad', found: `${process.versions.node} at ${process.execPath}` }
  return good ? finding : { ...finding, remedy: `Run it through bin/potoroo, which finds Node ${NODE_MAJOR_MIN}.` }
}

async function dataFolderState(folder: string): Promise<Finding> {
  const figures = await stat(folder).catch(() => undefined)
  if (figures === undefined) return { what: 'data folder', state: 'odd', found: `${folder} is not there yet`, remedy: '`potoroo up` makes it.' }
  if (!figures.isDirectory()) return { what: 'data folder', state: 'bad', found: `${folder} is not a folder`, remedy: 'Name another one with --data.' }
  if (process.getuid && figures.uid !== process.getuid()) {
    return { what: 'data folder', state: 'bad', found: `${folder} belongs to user ${figures.uid}, this is user ${process.getuid()}`, remedy: `Run the house as its owner, or: chown -R ${process.getuid()} ${folder}` }
  }
  if ((figures.mode & OTHERS) !== 0 && process.platform !== 'win32') {
    return { what: 'data folder', state: 'odd', found: `${folder} is open to other users`, remedy: `chmod 700 ${folder}` }
  }
  return { what: 'data folder', state: 'good', found: folder }
}

async function freeDisk(folder: string): Promise<Finding> {
  const { bavail, bsize, blocks } = await statfs(folder)
  const free = bavail * bsize
  const found = `${bytesText(free)} free of ${bytesText(blocks * bsize)}`
  return free >= FREE_BYTES_MIN ? { what: 'disk', state: 'good', found } : { what: 'disk', state: 'bad', found, remedy: 'Free some space before uploads fail.' }
}

async function runningHouse(folder: string): Promise<Finding> {
  const run = readRunFile(folder)
  if (run === undefined) {
    const owner = readOwner(folder)
    return { what: 'house', state: 'good', found: owner === undefined ? 'not running' : `not running; the last one (process ${owner.pid}) was killed, its data is as it acknowledged it` }
  }
  const ready = await new HouseClient(run.url).exchange('GET', '/readyz').catch(() => undefined)
  if (ready?.ok) return { what: 'house', state: 'good', found: `runs at ${run.url}, process ${run.pid}, ready` }
  const found = `process ${run.pid} runs at ${run.url} but is not ready${ready === undefined ? ': it does not answer' : ` (${ready.status})`}`
  return { what: 'house', state: 'bad', found, remedy: 'Look at its log; `potoroo status` says which room is not well.' }
}

const LOAD_SNAPSHOT = 'Stop the house, keep a copy of the folder, and load the last snapshot into a new one.'

async function ledgerState(path: string): Promise<Finding> {
  try {
    const ledger = readSqliteLedger(path)
    const problems = await ledger.check()
    await ledger.close()
    if (problems.length === 0) return { what: 'ledger', state: 'good', found: 'sound' }
    return { what: 'ledger', state: 'bad', found: some(problems), remedy: LOAD_SNAPSHOT }
  } catch (thrown) {
    return { what: 'ledger', state: 'bad', found: `cannot be read: ${(thrown as Error).message}`, remedy: LOAD_SNAPSHOT }
  }
}

async function objectFiles(folder: string): Promise<Finding> {
  try {
    const missing = await missingFiles(folder)
    if (missing.length === 0) return { what: 'objects', state: 'good', found: 'every file that the ledger names is there, with its size' }
    return { what: 'objects', state: 'bad', found: `${missing.length} files are not as the ledger says: ${some(missing)}`, remedy: 'Restore them from a snapshot.' }
  } catch (thrown) {
    return { what: 'objects', state: 'bad', found: `cannot be compared with the ledger: ${(thrown as Error).message}`, remedy: 'Start the house once, which brings its tables up to date; then run this again.' }
  }
}

function some(lines: string[]): string {
  const shown = lines.slice(0, LINES_MAX).join('; ').replaceAll('\n', ' ')
  return lines.length > LINES_MAX ? `${shown}; and ${lines.length - LINES_MAX} more` : shown
}

async function vaultKey(path: string): Promise<Finding> {
  const { mode } = await stat(path)
  if ((mode & OTHERS) === 0 || process.platform === 'win32') return { what: 'vault key', state: 'good', found: 'readable by its owner only' }
  return { what: 'vault key', state: 'bad', found: `${path} can be read by other users`, remedy: `chmod 600 ${path}, and rotate the key.` }
}
