/** `potoroo user`: add, ls, rm, password. */
import type { Command } from 'commander'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { readPassword } from './password.ts'
import { table } from './terminal.ts'

interface User {
  id: string
  email: string
  enabled: boolean
  created: string
  password?: string
}

export function userCommand(): Command {
  return noun('user', 'People who may log in').addCommand(addCommand()).addCommand(listCommand()).addCommand(passwordCommand()).addCommand(removeCommand())
}

function addCommand(): Command {
  return withHouse(verb('add', 'Add a person; the house makes up a password unless one is given', ['user add ada@example.com', 'user add ada@example.com --password-stdin < password.txt']))
    .argument('<email>')
    .option('--password-stdin', 'read the password from stdin')
    .action(async (email: string, options: CommonOptions & { passwordStdin?: boolean }) => {
      const password = options.passwordStdin ? await readPassword('Password: ') : undefined
      const user = await houseOf(options).json<User>('POST', '/potoroo/v1/users', { json: { email, password } })
      const terminal = terminalOf(options)
      terminal.show(user, () => user.password ?? user.email)
      if (user.password !== undefined) terminal.say(`That is the password of ${user.email}, shown this once. They may do nothing yet: \`potoroo iam grant\`.`)
    })
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List the people', ['user ls'])).action(async (options: CommonOptions) => {
    const { users } = await houseOf(options).json<{ users: User[] }>('GET', '/potoroo/v1/users')
    terminalOf(options).show(users, () => table(['E-MAIL', 'MAY LOG IN', 'SINCE'], users.map(({ email, enabled, created }) => [email, enabled ? 'yes' : 'no', created])))
  })
}

function passwordCommand(): Command {
  return withHouse(verb('password', 'Give a person a new password, asked for or read from stdin', ['user password ada@example.com']))
    .argument('<email>')
    .action(async (email: string, options: CommonOptions) => {
      await houseOf(options).json('POST', `/potoroo/v1/users/${encodeURIComponent(email)}:setPassword`, { json: { password: await readPassword('New password: ') } })
      terminalOf(options).say(`${email} has a new password; older logins have ended.`)
    })
}

function removeCommand(): Command {
  return withHouse(verb('rm', 'Remove a person', ['user rm ada@example.com']))
    .argument('<email>')
    .action(async (email: string, options: CommonOptions) => {
      await houseOf(options).send('DELETE', `/potoroo/v1/users/${encodeURIComponent(email)}`)
      terminalOf(options).say(`${email} is removed.`)
    })
}
