/** What the house is told: flag, then POTOROO_* variable, then potoroo.toml, then default; and for each value where it came from. */
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { Fault } from '#ground/fault.ts'

export type Source = 'flag' | 'variable' | 'file' | 'default'

export interface Setting<T> {
  value: T
  source: Source
}

/** Every setting with its kind, default and sentence. The flag, the variable and the key in the file are made from the name. */
export const SETTINGS = {
  port: { kind: 'number', fallback: 4280, about: 'port to listen on; 0 takes a free one' },
  listen: { kind: 'text', fallback: '127.0.0.1', about: 'address to listen on' },
  data: { kind: 'text', fallback: './.potoroo', about: 'data folder' },
  ephemeral: { kind: 'switch', fallback: false, about: 'a throw-away house: nothing is synced, the folder is removed at the end' },
  durability: { kind: 'text', fallback: 'full', about: '`full` syncs before it answers; `relaxed` does not, for tests' },
  project: { kind: 'text', fallback: 'potoroo-dev', about: 'default project' },
  mode: { kind: 'text', fallback: 'open', about: '`open` trusts this machine’s user; `closed` wants a token for every call' },
  iam: { kind: 'text', fallback: 'open', about: '`enforce` holds service accounts and users to their roles in open mode too' },
  offline: { kind: 'switch', fallback: false, about: 'programs of the house reach only the house' },
  passthrough: { kind: 'list', fallback: [] as string[], about: 'hosts, projects or key ids whose calls leave for the real cloud' },
  map: { kind: 'list', fallback: [] as string[], about: 'URL=gs://BUCKET/PREFIX: what is asked for below the URL comes from the bucket' },
  'allow-host': { kind: 'list', fallback: [] as string[], about: 'further host names the house answers for' },
  'log-level': { kind: 'text', fallback: 'info', about: 'debug, info, warn, error or silent' },
} as const satisfies Record<string, { kind: 'number' | 'text' | 'switch' | 'list'; fallback: unknown; about: string }>

export type SettingName = keyof typeof SETTINGS

export interface Config {
  port: number
  listen: string
  data: string
  ephemeral: boolean
  durability: 'full' | 'relaxed'
  project: string
  mode: 'open' | 'closed'
  iam: 'open' | 'enforce'
  offline: boolean
  passthrough: string[]
  map: string[]
  allowHost: string[]
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

export type Flags = Partial<Record<SettingName, unknown>>

export interface Explained {
  config: Config
  sources: Record<SettingName, Setting<unknown>>
}

export function readConfig(flags: Flags, env: NodeJS.ProcessEnv, folder: string): Explained {
  const file = readFile(resolve(folder, 'potoroo.toml'))
  const sources = {} as Record<SettingName, Setting<unknown>>
  for (const name of Object.keys(SETTINGS) as SettingName[]) sources[name] = pick(name, flags, env, file)
  const value = <T>(name: SettingName) => sources[name].value as T
  const durability = value<string>('durability')
  if (durability !== 'full' && durability !== 'relaxed') throw usage('durability', durability, 'full or relaxed')
  const logLevel = value<string>('log-level')
  if (!['debug', 'info', 'warn', 'error', 'silent'].includes(logLevel)) throw usage('log-level', logLevel, 'debug, info, warn, error or silent')
  const mode = value<string>('mode')
  if (mode !== 'open' && mode !== 'closed') throw usage('mode', mode, 'open or closed')
  const iam = value<string>('iam')
  if (iam !== 'open' && iam !== 'enforce') throw usage('iam', iam, 'open or enforce')
  if (mode === 'open' && !isLoopback(value('listen'))) throw openToOthers(value('listen'))
  return {
    sources,
    config: {
      port: value('port'),
      listen: value('listen'),
      // A throw-away house never stands where somebody keeps data.
      data: value('ephemeral') && sources.data.source === 'default' ? resolve(tmpdir(), `potoroo-${process.pid}`) : resolve(folder, value('data')),
      ephemeral: value('ephemeral'),
      durability,
      project: value('project'),
      mode,
      iam,
      offline: value('offline'),
      passthrough: value('passthrough'),
      map: value('map'),
      allowHost: value('allow-host'),
      logLevel: logLevel as Config['logLevel'],
    },
  }
}

export const variableOf = (name: SettingName): string => `POTOROO_${name.replaceAll('-', '_').toUpperCase()}`

function pick(name: SettingName, flags: Flags, env: NodeJS.ProcessEnv, file: Record<string, unknown>): Setting<unknown> {
  const variable = env[variableOf(name)]
  if (flags[name] !== undefined) return { value: typed(name, flags[name]), source: 'flag' }
  if (variable !== undefined && variable !== '') return { value: typed(name, variable), source: 'variable' }
  if (file[name] !== undefined) return { value: typed(name, file[name]), source: 'file' }
  return { value: SETTINGS[name].fallback, source: 'default' }
}

function typed(name: SettingName, given: unknown): unknown {
  const { kind } = SETTINGS[name]
  switch (kind) {
    case 'number': {
      const value = Number(given)
      if (!Number.isInteger(value) || value < 0 || value > 65_535) throw usage(name, given, 'a whole number from 0 to 65535')
      return value
    }
    case 'switch':
      if (given === true || given === false) return given
      if (/^(1|true|yes|on)$/i.test(String(given))) return true
      if (/^(0|false|no|off)$/i.test(String(given))) return false
      throw usage(name, given, 'true or false')
    case 'list':
      return Array.isArray(given) ? given.map(String) : String(given).split(',').filter(Boolean)
    case 'text':
      return String(given)
  }
}

/** The part of TOML that a flat settings file needs: `key = value` with strings, whole numbers, booleans and lists of strings. */
function readFile(path: string): Record<string, unknown> {
  if (!existsSync(path)) return {}
  const values: Record<string, unknown> = {}
  for (const [index, raw] of readFileSync(path, 'utf8').split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const found = /^([a-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|\d+|true|false|\[[^\]]*\])\s*(?:#.*)?$/.exec(line)
    if (!found || !(found[1]! in SETTINGS)) {
      throw new Fault('INVALID_ARGUMENT', 'usage', `potoroo.toml, line ${index + 1}: ${JSON.stringify(line)} is not a setting.`, {
        hint: `The settings are ${Object.keys(SETTINGS).join(', ')}.`,
      })
    }
    values[found[1]!] = JSON.parse(found[2]!)
  }
  return values
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address === '[::1]' || /^127(\.\d{1,3}){3}$/.test(address)
}

function openToOthers(address: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'usage', `An open house does not listen on ${address}: everyone who reaches it could do everything.`, {
    hint: 'Add --mode closed, so that every call needs a token, or leave --listen out.',
  })
}

function usage(name: string, given: unknown, wanted: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'usage', `--${name} is ${wanted}, not ${JSON.stringify(given)}.`)
}
