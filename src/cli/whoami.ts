/** `potoroo whoami`: as whom this command line acts, and how the house takes callers. */
import type { Command } from 'commander'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'

export interface WhoAmI {
  principal: string
  kind: string
  mode: 'open' | 'closed'
  project?: string
}

export function whoamiCommand(): Command {
  return withHouse(verb('whoami', 'Say as whom the house takes you', ['whoami', 'whoami --json'])).action(async (options: CommonOptions) => {
    const house = houseOf(options)
    const who = await house.json<WhoAmI>('GET', '/potoroo/v1/whoami')
    terminalOf(options).show({ url: house.url, ...who }, () => `${sentence(who)} at ${house.url}, which is ${who.mode}.`)
  })
}

function sentence({ principal, kind }: WhoAmI): string {
  if (kind === 'owner') return 'The owner, as this machine’s user,'
  return kind === 'anonymous' ? 'Nobody: no token is shown' : principal
}
