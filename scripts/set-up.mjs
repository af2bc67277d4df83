/**
 * Installs what a checkout lacks, and says so while it does. Nothing to do costs a few milliseconds. Plain JavaScript for Node 18 and
 * newer, without dependencies; it runs before every command of a checkout. A released package never needs it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

const PROGRESS_MS = 5000
/** Two commands started together on a fresh clone: the second waits for the first to install, at most this long. */
const WAIT_MS_MAX = 15 * 60_000

export async function setUp() {
  if (needed() === undefined) return
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const installed = await alone(join(ROOT, '.cache', 'set-up.pid'), async () => {
    const why = needed()
    return why === undefined || (await install(why))
  })
  if (!installed) process.exit(1)
}

/** Why an install is needed, or undefined. npm leaves its own record of what it installed; it is compared with the lock. */
function needed() {
  const wanted = packagesIn(join(ROOT, 'package-lock.json'))
  const present = packagesIn(join(ROOT, 'node_modules', '.package-lock.json'))
  if (present === undefined) return 'the dependencies are not installed yet'
  for (const [path, { version, optional, devOptional }] of Object.entries(wanted)) {
    if (path === '') continue
    const have = present[path]
    // What is optional is left out where the platform is another one.
    if (have === undefined && (optional || devOptional)) continue
    if (have?.version !== version) return `the lock asks for ${path.replace('node_modules/', '')} ${version}`
  }
  return undefined
}

function packagesIn(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined
}

async function install(why) {
  say(`Setting up: ${why}.`)
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  say(`  npm ${args.join(' ')}   (about 500 MB with Node 24 itself; once)`)
  const started = Date.now()
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`
  const progress = setInterval(() => say(`  … installing, ${seconds()}`), PROGRESS_MS)
  const status = await run(args)
  clearInterval(progress)
  if (status !== 0) {
    say(`npm could not install the dependencies (exit ${status}). Its own words are above.`)
    say('Check the network and `npm config get registry`, then run the same command again.')
    return false
  }
  say(`Dependencies installed in ${seconds()}.`)
  return true
}

function run(args) {
  // Under `npm start` npm names itself; its settings for that run (such as a prefix) do not concern this install.
  const own = process.env['npm_execpath']
  const [command, first] = own !== undefined && /npm-cli\.c?js$/.test(own) ? [process.execPath, [own]] : ['npm', []]
  const child = spawn(command, [...first, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' && command === 'npm' })
  return new Promise((resolve) => {
    child.once('error', (error) => {
      say(`npm could not be started: ${error.message}. Install Node.js with npm from https://nodejs.org.`)
      resolve(1)
    })
    child.once('exit', (status) => resolve(status ?? 1))
  })
}

/** Runs `work` while no other process does; `path` names the one that does. */
async function alone(path, work) {
  const until = Date.now() + WAIT_MS_MAX
  for (let told = false; !claim(path); told = true) {
    if (!told) say('Another command is installing the dependencies; waiting for it.')
    if (Date.now() > until) {
      say(`It has taken too long. If nothing is installing, delete ${path} and run the same command again.`)
      process.exit(1)
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function claim(path) {
  try {
    writeFileSync(openSync(path, 'wx'), String(process.pid))
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (holderLives(path)) return false
    rmSync(path, { force: true })
    return claim(path)
  }
}

function holderLives(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    // Empty for the moment between its making and its writing.
    if (pid === 0) return Date.now() - statSync(path).mtimeMs < PROGRESS_MS
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * The GoogleSQL analyzer, once. It is waited for: a house whose first query comes sooner would find none. False where it could not be had;
 * then everything but SQL works, and SQL says what is missing.
 */
export function fetchAnalyzer() {
  const script = join(ROOT, 'scripts', 'fetch-analyzer.mjs')
  if (!existsSync(script) || existsSync(join(ROOT, '.cache', 'googlesql', 'layout'))) return true
  say('Fetching the GoogleSQL analyzer (once, 20 MB, into .cache/googlesql) …')
  return spawnSync(process.execPath, [script], { cwd: ROOT, stdio: ['ignore', 2, 2] }).status === 0
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
