/** What every command shares: its options, its terminal, its house, and the way its end becomes an exit code. */
import { Command } from 'commander'
import { findHouse } from './find-house.ts'
import type { HouseOptions } from './find-house.ts'
import { HouseClient } from './house-client.ts'
import { Terminal } from './terminal.ts'
import type { TerminalOptions } from './terminal.ts'

export type CommonOptions = HouseOptions & TerminalOptions

/** A noun: a command that only groups others. */
export function noun(name: string, about: string): Command {
  return new Command(name).description(about).helpCommand(false)
}

/** `examples` open the help; each is a command line without the program's name. */
export function verb(name: string, about: string, examples: string[]): Command {
  const text = examples.map((example) => `  potoroo ${example}`).join('\n')
  return new Command(name).description(about).addHelpText('before', `Examples:\n${text}\n`)
}

export function withOutput(command: Command): Command {
  return command.option('--json', 'answer as JSON, for programs').option('-q, --quiet', 'say nothing but the answer')
}

export function withHouse(command: Command): Command {
  return withOutput(command)
    .option('--url <address>', 'address of the house (POTOROO_URL)')
    .option('--data <folder>', 'data folder whose house is meant (POTOROO_DATA, ./.potoroo)')
}

export function terminalOf(options: TerminalOptions): Terminal {
  return new Terminal(options)
}

export function houseOf(options: HouseOptions): HouseClient {
  return new HouseClient(findHouse(options))
}
