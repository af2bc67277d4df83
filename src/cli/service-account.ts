/** `potoroo service-account`: create, ls, rm, key. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { readStatus } from './status.ts'
import { table } from './terminal.ts'

interface Account {
  email: string
  displayName?: string
  disabled?: boolean
}

interface ProjectOptions extends CommonOptions {
  project?: string
}

export function serviceAccountCommand(): Command {
  return noun('service-account', 'Identities of programs').addCommand(createCommand()).addCommand(listCommand()).addCommand(keyCommand()).addCommand(removeCommand())
}

function createCommand(): Command {
  return withHouse(verb('create', 'Make a service account', ['service-account create loader', 'service-account create loader --project my-project']))
    .argument('<name>', '6 to 30 small letters, digits and hyphens')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('--display-name <text>', 'what people call it')
    .action(async (name: string, options: ProjectOptions & { displayName?: string }) => {
      const house = houseOf(options)
      const account = await house.json<Account>('POST', `/v1/projects/${await projectFor(options)}/serviceAccounts`, { json: { accountId: name, serviceAccount: { displayName: options.displayName ?? '' } } })
      terminalOf(options).show(account, () => account.email)
    })
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List the service accounts of a project', ['service-account ls']))
    .option('--project <project>', 'their project (GOOGLE_CLOUD_PROJECT)')
    .action(async (options: ProjectOptions) => {
      const { accounts } = await houseOf(options).json<{ accounts: Account[] }>('GET', `/v1/projects/${await projectFor(options)}/serviceAccounts`, { query: { pageSize: '1000' } })
      terminalOf(options).show(accounts, () => table(['E-MAIL', 'NAME'], accounts.map(({ email, displayName, disabled }) => [email, `${displayName ?? ''}${disabled ? ' (disabled)' : ''}`])))
    })
}

function keyCommand(): Command {
  return withHouse(verb('key', 'Make a key file for a service account', ['service-account key loader@my-project.iam.gserviceaccount.com --out key.json']))
    .argument('<email>')
    .option('--out <file>', 'write it there, readable by you only; stdout otherwise')
    .action(async (email: string, options: CommonOptions & { out?: string }) => {
      const { privateKeyData } = await houseOf(options).json<{ privateKeyData: string }>('POST', `/v1/projects/-/serviceAccounts/${encodeURIComponent(email)}/keys`, { json: {} })
      const text = Buffer.from(privateKeyData, 'base64').toString('utf8')
      if (options.out === undefined) return void process.stdout.write(`${text}\n`)
      // An existing file is never replaced: it may be somebody's only copy of another key.
      writeFileSync(options.out, `${text}\n`, { mode: 0o600, flag: 'wx' })
      terminalOf(options).say(`The key is in ${options.out}; the house keeps no copy of it.`)
    })
}

function removeCommand(): Command {
  return withHouse(verb('rm', 'Remove a service account and its keys', ['service-account rm loader@my-project.iam.gserviceaccount.com']))
    .argument('<email>')
    .action(async (email: string, options: CommonOptions) => {
      await houseOf(options).send('DELETE', `/v1/projects/-/serviceAccounts/${encodeURIComponent(email)}`)
      terminalOf(options).say(`${email} is removed.`)
    })
}

async function projectFor(options: ProjectOptions): Promise<string> {
  return options.project ?? (process.env['GOOGLE_CLOUD_PROJECT'] || (await readStatus(houseOf(options))).project)
}
