/** The box that a started house shows: what runs where, how safe the data is, what to do next. */
import type { Config } from '../config.ts'
import { mainVariable } from './environment.ts'
import { paint } from './terminal.ts'

export interface BannerParts {
  version: string
  url: string
  config: Pick<Config, 'data' | 'ephemeral' | 'durability' | 'port'>
  rooms: string[]
}

export function banner({ version, url, config, rooms }: BannerParts): string {
  const bold = (text: string) => paint('bold', text, process.stdout)
  const services = rooms.map((room) => {
    const variable = mainVariable(room, url)
    return [room, variable === undefined ? url : `${variable.name}=${variable.value}`]
  })
  const rows = [
    ['Address', url],
    ...services,
    ['Data', config.ephemeral ? `${config.data} (removed at the end)` : config.data],
    ['Durability', durabilityText(config)],
    ['Clients', `eval "$(${programName()} env${config.data === defaultData() ? '' : ` --data ${quoted(config.data)}`})"`],
  ]
  const width = Math.max(...rows.map(([label]) => label!.length))
  return box(bold(`Potoroo ${version}`), rows.map(([label, value]) => `${paint('dim', label!.padEnd(width), process.stdout)}   ${value}`), 'Ctrl-C stops it.')
}

function durabilityText({ ephemeral, durability }: BannerParts['config']): string {
  if (ephemeral) return 'relaxed: a throw-away house, nothing is synced'
  if (durability === 'relaxed') return 'relaxed: answers do not wait for the disk; a power cut may lose some'
  return 'full: on disk before it is acknowledged'
}

/** As the person can type it here: from a checkout, or installed. */
function programName(): string {
  return process.argv[1]?.endsWith('.ts') ? './bin/potoroo' : 'potoroo'
}

const defaultData = () => `${process.cwd()}/.potoroo`
const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`)

function box(title: string, lines: string[], last: string): string {
  const all = [title, '', ...lines, '', paint('dim', last, process.stdout)]
  const width = Math.max(...all.map(visible))
  const edge = '─'.repeat(width + 4)
  return [`╭${edge}╮`, ...all.map((line) => `│  ${line}${' '.repeat(width - visible(line))}  │`), `╰${edge}╯`].join('\n')
}

/** Without the colour codes. */
const visible = (text: string) => text.replaceAll(/\x1b\[\d+m/g, '').length
