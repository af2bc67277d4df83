/** Which house a command speaks to: --url, then POTOROO_URL, then the run.json of the data folder. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fault } from '#ground/fault.ts'
import { readConfig } from '../config.ts'

export interface HouseOptions {
  url?: string
  data?: string
}

/** What a running house leaves in its data folder. */
export interface RunFile {
  url: string
  port: number
  pid: number
  version: string
}

export function findHouse(options: HouseOptions): string {
  const given = options.url ?? (process.env['POTOROO_URL'] || undefined)
  if (given !== undefined) return checkedUrl(given)
  const folder = dataFolder(options)
  const run = readRunFile(folder)
  if (run === undefined) throw notRunning(`No house runs on the data folder ${folder}.`)
  return run.url
}

export function dataFolder(options: HouseOptions): string {
  return readConfig({ data: options.data }, process.env, process.cwd()).config.data
}

/** Undefined where no house runs on this folder; a file left by one that was killed does not count. */
export function readRunFile(folder: string): RunFile | undefined {
  let run: RunFile
  try {
    run = JSON.parse(readFileSync(join(resolve(folder), 'run.json'), 'utf8'))
  } catch {
    return undefined // Not there, or just being replaced.
  }
  return isAlive(run.pid) ? run : undefined
}

export function notRunning(message: string): Fault {
  return new Fault('UNAVAILABLE', 'notRunning', message, {
    hint: 'Start one with `potoroo up` (in a checkout: `npm start`), or name another with --url or --data.',
  })
}

function checkedUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.origin
  throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(text)} is not the address of a house.`, { hint: 'An address looks like http://127.0.0.1:4280.' })
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
