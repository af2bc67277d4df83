/** `potoroo exec -- CMD`: runs a program written for the cloud, as it is, in a world where the cloud's hosts are this house. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Option } from 'commander'
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { readConfig } from '../config.ts'
import type { House } from '../house.ts'
import { verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { tokenFor } from './credentials.ts'
import { EXIT } from './exit.ts'
import { findHouse } from './find-house.ts'
import { holdWorld } from './world-client.ts'

const NOT_FOUND = 127
const NOT_RUNNABLE = 126
const SIGNAL_BASE = 128
/** Ctrl-C and its kin reach the command from the terminal itself; the others come to us alone. */
const FROM_TERMINAL: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const FORWARDED: NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']

interface ExecOptions extends CommonOptions {
  as?: string
  project?: string
  ephemeral?: boolean
  host?: string
}

export function execCommand(): Command {
  return withHouse(verb('exec', 'Run a command with the cloud’s hosts led into the house', ['exec -- pytest', 'exec --as loader@my-project.iam.gserviceaccount.com -- python load.py', 'exec --ephemeral -- npm test']))
    .option('--as <account>', 'act as this service account (the developer’s otherwise)')
    .option('--project <project>', 'default project of the command')
    .option('--ephemeral', 'start a throw-away house for this command, also where one runs')
    .addOption(new Option('--host <address>', 'the same as --url').hideHelp())
    .argument('<command...>', 'the command, after --')
    .passThroughOptions()
    .action(async (words: string[], options: ExecOptions) => {
      process.exitCode = await exec(words, options)
    })
}

async function exec([program, ...args]: string[], options: ExecOptions): Promise<number> {
  const { url, own } = await houseFor(options)
  try {
    const world = await holdWorld({ url, token: tokenFor(url) }, { as: options.as, project: options.project, via: `exec ${program}`.slice(0, 100) }, process.env)
    try {
      return await run(program!, args, withShims({ ...process.env, ...world.variables }))
    } finally {
      world.release()
    }
  } finally {
    await own?.stop()
  }
}

/** At the end of the path: a real gcloud that is there comes first. */
function withShims(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const shims = fileURLToPath(new URL('../../bin/shims', import.meta.url))
  return { ...env, PATH: env['PATH'] === undefined || env['PATH'] === '' ? shims : `${env['PATH']}${delimiter}${shims}` }
}

/** The house that runs; or one of our own for as long as the command takes. */
async function houseFor(options: ExecOptions): Promise<{ url: string; own?: House }> {
  if (!options.ephemeral) {
    try {
      return { url: findHouse({ ...options, ...(options.host !== undefined && { url: options.host }) }) }
    } catch (thrown) {
      const named = options.url ?? options.host ?? process.env['POTOROO_URL']
      if (!(thrown instanceof Fault) || thrown.reason !== 'notRunning' || (named !== undefined && named !== '')) throw thrown
    }
  }
  const { openHouse } = await import('../house.ts')
  const flags = { port: 0, 'log-level': process.env['POTOROO_LOG_LEVEL'] ?? 'warn', ...(options.ephemeral ? { ephemeral: true } : { data: options.data }) }
  const own = await openHouse(readConfig(flags, process.env, process.cwd()).config)
  return { url: own.url, own }
}

function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: 'inherit' })
    const hear = (signal: NodeJS.Signals) => void child.kill(signal)
    const leave = () => undefined
    for (const signal of FORWARDED) process.on(signal, hear)
    for (const signal of FROM_TERMINAL) process.on(signal, leave)
    const end = () => {
      for (const signal of FORWARDED) process.off(signal, hear)
      for (const signal of FROM_TERMINAL) process.off(signal, leave)
    }
    child.once('error', (cause: NodeJS.ErrnoException) => {
      end()
      if (cause.code !== 'ENOENT' && cause.code !== 'EACCES') return reject(cause)
      process.stderr.write(`potoroo exec: ${program}: ${cause.code === 'ENOENT' ? 'command not found' : 'permission denied'}\n`)
      resolve(cause.code === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE)
    })
    child.once('exit', (code, signal) => {
      end()
      resolve(code ?? (signal === null ? EXIT.failedWork : SIGNAL_BASE + constants.signals[signal]))
    })
  })
}
