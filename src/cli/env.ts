/** `potoroo env`: the variables that point the public clients to the house, in the words of each shell. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { houseOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { variablesOf, wallarooVariables } from './environment.ts'
import type { Variable } from './environment.ts'
import { readStatus } from './status.ts'

const FORMATS = {
  sh: (variables) => variables.map(({ name, value }) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`).join('\n'),
  dotenv: (variables) => variables.map(({ name, value }) => `${name}=${value}`).join('\n'),
  json: (variables) => JSON.stringify(Object.fromEntries(variables.map(({ name, value }) => [name, value]))),
  fish: (variables) => variables.map(({ name, value }) => `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`).join('\n'),
  pwsh: (variables) => variables.map(({ name, value }) => `$env:${name} = '${value.replaceAll("'", "''")}'`).join('\n'),
} satisfies Record<string, (variables: Variable[]) => string>

/** gcloud then asks for no login and no yes. A folder of its own would lose a person's settings; projects and addresses are given by variables. */
const GCLOUD: Variable[] = [
  { name: 'CLOUDSDK_AUTH_DISABLE_CREDENTIALS', value: 'true' },
  { name: 'CLOUDSDK_CORE_DISABLE_PROMPTS', value: '1' },
]

interface EnvOptions extends CommonOptions {
  format: keyof typeof FORMATS
}

export function envCommand(): Command {
  return withHouse(verb('env', 'Print the variables by which clients find the house', ['env', 'env --format dotenv > .env']))
    .addOption(new Option('--format <format>', 'for which reader').choices(Object.keys(FORMATS)).default('sh'))
    .addHelpText('after', '\nIn a POSIX shell: eval "$(potoroo env)"')
    .action(async (options: EnvOptions) => {
      const house = houseOf(options)
      const { project, rooms, data } = await readStatus(house)
      const format = options.json ? 'json' : options.format
      console.log(FORMATS[format]([...variablesOf({ url: house.url, project, rooms: Object.keys(rooms) }), ...credentialsIn(data, house.url), ...GCLOUD]))
    })
}

/** The developer's login and key file, where the house is open and its folder is ours to read. */
function credentialsIn(data: string, url: string): Variable[] {
  const key = join(data, 'service-account.json')
  const login = developerIn(data)
  return [...wallarooVariables(url, login), ...(login && existsSync(key) ? [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: key }] : [])]
}

function developerIn(data: string): { user: string; password: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(data, 'developer.json'), 'utf8'))
  } catch {
    return undefined // A closed house has none, and another person's is not ours to read.
  }
}
