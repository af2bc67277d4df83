/** `potoroo token`: long-lived tokens for machines such as CI. */
import type { Command } from 'commander'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { table } from './terminal.ts'

interface Token {
  id: string
  name: string
  principal: string
  expires: string
  token?: string
}

export function tokenCommand(): Command {
  return noun('token', 'Long-lived tokens for machines').addCommand(createCommand()).addCommand(listCommand()).addCommand(revokeCommand())
}

function createCommand(): Command {
  return withHouse(verb('create', 'Make a token; it is shown once', ['token create ci --as serviceAccount:loader@my-project.iam.gserviceaccount.com', 'token create laptop --as user:ada@example.com --days 30']))
    .argument('<name>', 'what it is for')
    .requiredOption('--as <principal>', 'user:EMAIL or serviceAccount:EMAIL')
    .option('--days <days>', 'how long it lives', '90')
    .action(async (name: string, options: CommonOptions & { as: string; days: string }) => {
      const token = await houseOf(options).json<Token>('POST', '/potoroo/v1/tokens', { json: { name, principal: options.as, days: Number(options.days) } })
      const terminal = terminalOf(options)
      terminal.show(token, () => token.token ?? '')
      terminal.say(`It acts as ${token.principal} until ${token.expires}; \`potoroo token revoke ${token.id}\` ends it.`)
    })
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List the tokens', ['token ls'])).action(async (options: CommonOptions) => {
    const { tokens } = await houseOf(options).json<{ tokens: Token[] }>('GET', '/potoroo/v1/tokens')
    terminalOf(options).show(tokens, () => table(['ID', 'NAME', 'PRINCIPAL', 'EXPIRES'], tokens.map(({ id, name, principal, expires }) => [id, name, principal, expires])))
  })
}

function revokeCommand(): Command {
  return withHouse(verb('revoke', 'End a token', ['token revoke 01m7wmrke10000py806dd4bmrb']))
    .argument('<id>')
    .action(async (id: string, options: CommonOptions) => {
      await houseOf(options).send('DELETE', `/potoroo/v1/tokens/${encodeURIComponent(id)}`)
      terminalOf(options).say('The token is revoked.')
    })
}
