/** `potoroo login` and `potoroo logout`: a token for this house, kept in a private file; and letting a waiting device in. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { forgetToken, keepToken } from './credentials.ts'
import { readPassword } from './password.ts'
import type { WhoAmI } from './whoami.ts'

interface LoginOptions extends CommonOptions {
  user?: string
  token?: string | boolean
  device?: string
}

export function loginCommand(): Command {
  return withHouse(verb('login', 'Log in to a house', ['login --user ada@example.com', 'login --token < token.txt', 'login --device ABCD-EFGH']))
    .option('--user <email>', 'with this user’s password, asked for or read from stdin')
    .option('--token', 'with a token, asked for or read from stdin')
    .option('--device <code>', 'let in the program that shows this code')
    .action(login)
}

export function logoutCommand(): Command {
  return withHouse(verb('logout', 'Forget the token kept for a house', ['logout'])).action((options: CommonOptions) => {
    const { url } = houseOf(options)
    terminalOf(options).say(forgetToken(url) ? `The token for ${url} is forgotten.` : `No token was kept for ${url}.`)
  })
}

async function login(options: LoginOptions): Promise<void> {
  const house = houseOf(options)
  const terminal = terminalOf(options)
  if (options.device !== undefined) {
    await house.json('POST', '/potoroo/v1/devices:approve', { json: { userCode: options.device } })
    return terminal.say('The program is logged in.')
  }
  const { token, principal } = options.token ? await byToken(house) : await byPassword(house, options.user)
  const file = keepToken(house.url, token, principal)
  terminal.show({ principal, url: house.url }, () => `Logged in to ${house.url} as ${principal}.`)
  terminal.say(`The token is kept in ${file}.`)
}

async function byToken(house: ReturnType<typeof houseOf>): Promise<{ token: string; principal: string }> {
  const token = await readPassword('Token: ')
  const { principal } = await house.json<WhoAmI>('GET', '/potoroo/v1/whoami', { headers: { authorization: `Bearer ${token}` } })
  return { token, principal }
}

async function byPassword(house: ReturnType<typeof houseOf>, user: string | undefined): Promise<{ token: string; principal: string }> {
  if (user === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', 'Who logs in?', { hint: 'potoroo login --user EMAIL, or potoroo login --token' })
  return house.json('POST', '/potoroo/v1/login', { json: { email: user, password: await readPassword('Password: ') }, anonymous: true })
}
