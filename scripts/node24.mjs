/**
 * Finds the Node 24 that npm brought, and runs a program of the house with it. Plain JavaScript for Node 18 and newer, without
 * dependencies: it runs before anything is installed. It installs nothing; that is set-up.mjs.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const MAJOR_MIN = 24
/** V8's young generation: 4 MB instead of 16 keeps a house that does nothing some 15 MB smaller, at no cost that a bench could see. */
export const NODE_FLAGS = ['--max-semi-space-size=4']

/** The bare platform package of the checkout, or of the project that installed the release; else this Node, if it is new enough. */
export function findNode24(root) {
  const program = process.platform === 'win32' ? 'node.exe' : 'bin/node'
  for (let folder = root; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`, program)
    if (existsSync(path)) return path
    if (folder === dirname(folder)) break
  }
  if (Number(process.versions.node.split('.')[0]) >= MAJOR_MIN) return process.execPath
  return undefined
}

/** Compiled code of earlier starts: without it a start takes twice as long and the house some 40 MB more. */
export const compileCache = (root) => join(root, '.cache', 'compile')

/** Runs `program` with Node 24 in place of this process, where the system allows it; otherwise as its child, whose end becomes ours. */
export async function runWithNode24(root, program, args) {
  const node = findNode24(root)
  if (node === undefined) {
    console.error(
      `Potoroo needs Node ${MAJOR_MIN}. There is no npm package of it for ${process.platform}-${process.arch}, and this is Node ${process.versions.node}.\n` +
        `Install Node ${MAJOR_MIN} from https://nodejs.org and run this again.`,
    )
    process.exit(2)
  }
  process.env['NODE_COMPILE_CACHE'] ??= compileCache(root)
  if (process.execPath === node) {
    module.enableCompileCache(process.env['NODE_COMPILE_CACHE'])
    process.argv = [node, program, ...args]
    await import(pathToFileURL(program).href)
    return
  }
  if (process.execve) process.execve(node, [node, ...NODE_FLAGS, program, ...args], process.env)
  const child = spawn(node, [...NODE_FLAGS, program, ...args], { stdio: 'inherit' })
  // A terminal sends its interrupt to the child as well; what was sent to us alone is passed on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (status, signal) => resolve(status ?? 128 + (constants.signals[signal] ?? 0)))
  })
  process.exit(code)
}
