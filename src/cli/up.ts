/** `potoroo up`: runs the house in this process until it is told to stop. */
import { Option } from 'commander'
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { SETTINGS, variableOf } from '../config.ts'
import type { Flags, SettingName } from '../config.ts'
import type { House } from '../house.ts'
import { VERSION } from '../version.ts'
import { banner } from './banner.ts'
import { verb } from './command.ts'
import { portHolder } from './port-holder.ts'

export function upCommand(): Command {
  const command = verb('up', 'Start the house and keep it running', ['up', 'up --port 0 --data /tmp/house', 'up --ephemeral --port 0'])
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, (typeof SETTINGS)[SettingName]][]) {
    const flag = setting.kind === 'switch' ? `--${name}` : setting.kind === 'list' ? `--${name} <names...>` : `--${name} <${setting.kind}>`
    command.addOption(new Option(flag, `${setting.about} (${variableOf(name)}, ${shown(setting.fallback)})`))
  }
  command.option('--json', 'print one JSON line instead of the box')
  return command.action((options: Record<string, unknown>) => up(options))
}

const shown = (fallback: unknown): string => (Array.isArray(fallback) ? 'none' : String(fallback))

async function up({ json, ...options }: Record<string, unknown>): Promise<void> {
  // Loaded here: the other commands need nothing of the house's own code.
  const { runHouse } = await import('../main.ts')
  try {
    await runHouse(flagsFrom(options), json ? announceJson : announceBox)
  } catch (thrown) {
    throw await withHolder(thrown)
  }
}

/** Commander writes `allow-host` as `allowHost`. */
function flagsFrom(options: Record<string, unknown>): Flags {
  const flags: Flags = {}
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const value = options[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]
    if (value !== undefined) flags[name] = value
  }
  return flags
}

function announceJson({ url, config, rooms, firstToken }: House): void {
  const { data, ephemeral, durability, project } = config
  console.log(JSON.stringify({ url, pid: process.pid, version: VERSION, data, ephemeral, durability: ephemeral ? 'relaxed' : durability, project, rooms: rooms.map(({ name }) => name), ...(firstToken !== undefined && { adminToken: firstToken }) }))
}

function announceBox({ url, config, rooms, firstToken }: House): void {
  console.log(banner({ version: VERSION, url, config, rooms: rooms.map(({ name }) => name) }))
  if (firstToken !== undefined) console.log(`\nThe administrator’s token, shown this once. \`potoroo login --token\` takes it:\n  ${firstToken}`)
}

async function withHolder(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Fault) || thrown.reason !== 'portInUse') return thrown
  const port = thrown.details['port'] as number
  const holder = await portHolder(port)
  if (holder === undefined) return thrown
  const hint = `Stop it (kill ${holder.pid}), or start the house with --port ${port + 1}.`
  return new Fault(thrown.code, thrown.reason, `Port ${port} is taken by process ${holder.pid}: ${holder.command}`, { hint, cause: thrown })
}
