/** The command line: which commands there are, and how each of them ends. One file per noun beside it. */
import { CommanderError } from 'commander'
import type { Command } from 'commander'
import { VERSION } from '../version.ts'
import { bucketCommand } from './bucket.ts'
import { noun } from './command.ts'
import { completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { doctorCommand } from './doctor.ts'
import { envCommand } from './env.ts'
import { execCommand } from './exec.ts'
import { EXIT, explain } from './exit.ts'
import { iamCommand } from './iam.ts'
import { loginCommand, logoutCommand } from './login.ts'
import { objectCommand } from './object.ts'
import { serviceAccountCommand } from './service-account.ts'
import { snapshotCommand } from './snapshot.ts'
import { statusCommand } from './status.ts'
import { paint } from './terminal.ts'
import { tokenCommand } from './token.ts'
import { upCommand } from './up.ts'
import { userCommand } from './user.ts'
import { waitCommand } from './wait.ts'
import { whoamiCommand } from './whoami.ts'
import { workflowCommand } from './workflow.ts'

const EXAMPLES = `Examples:
  potoroo up                               start the house in this folder
  eval "$(potoroo env)"                    point the cloud's clients to it
  potoroo exec -- python load.py           run a program written for the cloud, as it is
  potoroo bucket create gs://lake
  potoroo object cp day.csv gs://lake/
`

function program(): Command {
  const root = noun('potoroo', 'Data in, predictions out: one house that speaks your cloud clients’ protocols.').version(VERSION).enablePositionalOptions()
  const commands = [
    upCommand(),
    statusCommand(),
    waitCommand(),
    envCommand(),
    execCommand(),
    doctorCommand(),
    snapshotCommand(),
    configCommand(),
    bucketCommand(),
    objectCommand(),
    workflowCommand(),
    loginCommand(),
    logoutCommand(),
    whoamiCommand(),
    userCommand(),
    serviceAccountCommand(),
    iamCommand(),
    tokenCommand(),
    completionCommand(() => root),
  ]
  for (const command of commands) root.addCommand(command)
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
  const root = program()
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
