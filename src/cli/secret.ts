/** `potoroo secret`: create, add, get, list, delete. A value comes from a file or from standard input, never from the command line. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import type { HouseClient } from './house-client.ts'
import { readStatus } from './status.ts'
import { table } from './terminal.ts'

interface PlaceOptions extends CommonOptions {
  project?: string
}

interface VersionResource {
  name: string
  state: string
  createTime: string
}

export function secretCommand(): Command {
  const commands = [createCommand(), addCommand(), getCommand(), listCommand(), deleteCommand()]
  return commands.reduce((command, child) => command.addCommand(child), noun('secret', 'Values that only those get who name them'))
}

function placed(command: Command): Command {
  return withHouse(command).option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
}

function createCommand(): Command {
  return placed(verb('create', 'Make a secret, with its first value', ['secret create db-password --from password.txt', 'pass show db | potoroo secret create db-password --from -']))
    .argument('<secret>', 'its name')
    .option('--from <file>', 'holds the value; - for standard input')
    .action(async (id: string, options: PlaceOptions & { from?: string }) => {
      const house = houseOf(options)
      const parent = await parentOf(house, options)
      // Read first: a missing file leaves no empty secret.
      const value = options.from === undefined ? undefined : valueIn(options.from)
      const made = await house.json('POST', `/v1/${parent}/secrets`, { query: { secretId: id }, json: { replication: { automatic: {} } } })
      if (value) await addValue(house, `${parent}/secrets/${id}`, value)
      terminalOf(options).show(made, () => `${id} created${value ? ', version 1' : ''}`)
    })
}

function addCommand(): Command {
  return placed(verb('add', 'Give a secret its next value', ['secret add db-password --from password.txt']))
    .argument('<secret>', 'its name')
    .requiredOption('--from <file>', 'holds the value; - for standard input')
    .action(async (id: string, options: PlaceOptions & { from: string }) => {
      const house = houseOf(options)
      const added = await addValue(house, `${await parentOf(house, options)}/secrets/${id}`, valueIn(options.from))
      terminalOf(options).show(added, () => `${id} version ${added.name.split('/').at(-1)}`)
    })
}

function getCommand(): Command {
  return placed(verb('get', 'Print a value', ['secret get db-password', 'secret get db-password --version 2']))
    .argument('<secret>', 'its name')
    .option('--version <number>', 'which', 'latest')
    .action(async (id: string, options: PlaceOptions & { version: string }) => {
      const house = houseOf(options)
      const { payload } = await house.json<{ payload: { data: string } }>('GET', `/v1/${await parentOf(house, options)}/secrets/${id}/versions/${options.version}:access`)
      process.stdout.write(Buffer.from(payload.data, 'base64'))
    })
}

function listCommand(): Command {
  return placed(verb('list', 'List secrets, or the versions of one', ['secret list', 'secret list db-password']))
    .argument('[secret]', 'its name')
    .action(async (id: string | undefined, options: PlaceOptions) => {
      const house = houseOf(options)
      const parent = await parentOf(house, options)
      if (id !== undefined) {
        const { versions } = await house.json<{ versions: VersionResource[] }>('GET', `/v1/${parent}/secrets/${id}/versions`)
        return terminalOf(options).show(versions, () => table(['version', 'state', 'made'], versions.map(({ name, state, createTime }) => [name.split('/').at(-1)!, state, createTime.slice(0, 19)])))
      }
      const { secrets } = await house.json<{ secrets: { name: string; createTime: string }[] }>('GET', `/v1/${parent}/secrets`)
      terminalOf(options).show(secrets, () => table(['secret', 'made'], secrets.map(({ name, createTime }) => [name.split('/').at(-1)!, createTime.slice(0, 19)])))
    })
}

function deleteCommand(): Command {
  return placed(verb('delete', 'Delete a secret and all its values', ['secret delete db-password']))
    .argument('<secret>', 'its name')
    .action(async (id: string, options: PlaceOptions) => {
      const house = houseOf(options)
      await house.send('DELETE', `/v1/${await parentOf(house, options)}/secrets/${id}`)
      terminalOf(options).show({ name: id }, () => `${id} deleted`)
    })
}

function addValue(house: HouseClient, secret: string, value: Buffer): Promise<VersionResource> {
  return house.json<VersionResource>('POST', `/v1/${secret}:addVersion`, { json: { payload: { data: value.toString('base64') } } })
}

function valueIn(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (cause) {
    throw new Fault('NOT_FOUND', 'notFound', `The file ${file} cannot be read.`, { cause })
  }
}

async function parentOf(house: HouseClient, { project }: PlaceOptions): Promise<string> {
  const chosen = project ?? process.env['GOOGLE_CLOUD_PROJECT'] ?? (await readStatus(house)).project
  if (!chosen) throw new Fault('INVALID_ARGUMENT', 'usage', 'Which project?', { hint: 'Give --project.' })
  return `projects/${chosen}`
}
