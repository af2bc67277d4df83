/** The command line: which commands there are, and how each of them ends. One file per noun beside it. */
import { CommanderError } from 'commander'
import type { Command } from 'commander'
import { VERSION } from '../version.ts'
import { noun } from './command.ts'
import { EXIT, explain } from './exit.ts'
import { paint } from './terminal.ts'

const EXAMPLES = `Examples:
  potoroo up                               start the house in this folder
  eval "$(potoroo env)"                    point the cloud's clients to it
  potoroo exec -- python load.py           run a program written for the cloud, as it is
  potoroo bucket create gs://lake
  potoroo object cp day.csv gs://lake/
`

/** Each in a file that is loaded when it is asked for: a command that only runs another one should not wait for all of them. */
const COMMANDS: Readonly<Record<string, (root: Command) => Promise<Command>>> = {
  up: async () => (await import('./up.ts')).upCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  wait: async () => (await import('./wait.ts')).waitCommand(),
  env: async () => (await import('./env.ts')).envCommand(),
  exec: async () => (await import('./exec.ts')).execCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  snapshot: async () => (await import('./snapshot.ts')).snapshotCommand(),
  config: async () => (await import('./config.ts')).configCommand(),
  bucket: async () => (await import('./bucket.ts')).bucketCommand(),
  object: async () => (await import('./object.ts')).objectCommand(),
  dataset: async () => (await import('./dataset.ts')).datasetCommand(),
  table: async () => (await import('./table.ts')).tableCommand(),
  query: async () => (await import('./query.ts')).queryCommand(),
  load: async () => (await import('./load.ts')).loadCommand(),
  extract: async () => (await import('./extract.ts')).extractCommand(),
  topic: async () => (await import('./topic.ts')).topicCommand(),
  subscription: async () => (await import('./subscription.ts')).subscriptionCommand(),
  workflow: async () => (await import('./workflow.ts')).workflowCommand(),
  function: async () => (await import('./function.ts')).functionCommand(),
  schedule: async () => (await import('./schedule.ts')).scheduleCommand(),
  secret: async () => (await import('./secret.ts')).secretCommand(),
  gcloud: async () => (await import('./gcloud.ts')).gcloudCommand(),
  login: async () => (await import('./login.ts')).loginCommand(),
  logout: async () => (await import('./login.ts')).logoutCommand(),
  whoami: async () => (await import('./whoami.ts')).whoamiCommand(),
  user: async () => (await import('./user.ts')).userCommand(),
  'service-account': async () => (await import('./service-account.ts')).serviceAccountCommand(),
  iam: async () => (await import('./iam.ts')).iamCommand(),
  token: async () => (await import('./token.ts')).tokenCommand(),
  completion: async (root) => (await import('./completion.ts')).completionCommand(() => root),
}

/** With all commands, unless the first word names the one that is meant; completion is made from all. */
async function program(first: string | undefined): Promise<Command> {
  const root = noun('potoroo', 'Data in, predictions out: one house that speaks your cloud clients’ protocols.').version(VERSION).enablePositionalOptions()
  const one = first !== undefined && first !== 'completion' && Object.hasOwn(COMMANDS, first)
  for (const name of one ? [first] : Object.keys(COMMANDS)) root.addCommand(await COMMANDS[name]!(root))
  root.addHelpText('before', EXAMPLES)
  for (const command of everyCommand(root)) {
    command.exitOverride().showHelpAfterError('  Add --help for how it is used.')
    command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, `${paint('red', '✗')} `).replaceAll('\n(', '\n  (')) })
  }
  return root
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}

async function run(args: string[]): Promise<number> {
  const root = await program(args[0])
  if (args.length === 0) {
    root.outputHelp()
    return EXIT.usage
  }
  try {
    await root.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? EXIT.ok) // A command that found something wrong has said so.
  } catch (thrown) {
    // Commander has said what is wrong; help and version are no errors.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
    return explain(thrown, { json: args.includes('--json') })
  }
}

// `potoroo object ls … | head` closes our output early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failedWork))
process.exitCode = await run(process.argv.slice(2))
