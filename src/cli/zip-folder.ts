/** A folder's source as a zip archive in memory, without what is made again anyway. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { zipSync } from 'fflate'
import { Fault } from '#ground/fault.ts'

const LEFT_OUT = new Set(['.git', '.gcloudignore', '.potoroo', '.venv', 'venv', '__pycache__', 'node_modules', '.DS_Store', '.idea', '.vscode'])
const FILES_MAX = 20_000
const BYTES_MAX = 512 * 1024 * 1024

export function zipFolder(folder: string): Uint8Array {
  const files: Record<string, Uint8Array> = {}
  let bytes = 0
  for (const path of filesBelow(folder)) {
    bytes += statSync(path).size
    if (Object.keys(files).length >= FILES_MAX || bytes > BYTES_MAX) throw new Fault('INVALID_ARGUMENT', 'usage', `${folder} holds more than a source may: ${FILES_MAX} files, ${BYTES_MAX} bytes.`)
    files[relative(folder, path).split(sep).join('/')] = readFileSync(path)
  }
  return zipSync(files, { level: 6 })
}

export function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name) || entry.name.endsWith('.pyc')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else if (entry.isFile()) yield path
  }
}
