/** `potoroo config`: each setting as a house started here would have it, and where it comes from. */
import type { Command } from 'commander'
import { readConfig, variableOf } from '../config.ts'
import type { SettingName, Source } from '../config.ts'
import { terminalOf, verb, withOutput } from './command.ts'
import { table } from './terminal.ts'
import type { TerminalOptions } from './terminal.ts'

export function configCommand(): Command {
  return withOutput(verb('config', 'Show each setting and where it comes from', ['config', 'POTOROO_PORT=5000 potoroo config'])).action((options: TerminalOptions) => {
    const { sources } = readConfig({}, process.env, process.cwd())
    terminalOf(options).show(sources, () => {
      const rows = (Object.keys(sources) as SettingName[]).map((name) => [name, valueText(sources[name].value), originText(name, sources[name].source)])
      return table(['setting', 'value', 'from'], rows)
    })
  })
}

function valueText(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') || '-' : String(value)
}

function originText(name: SettingName, source: Source): string {
  if (source === 'variable') return variableOf(name)
  return source === 'file' ? 'potoroo.toml' : source
}
