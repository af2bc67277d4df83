/** `potoroo doctor`: looks at a data folder and the machine below it, and says for each thing whether it is well and what to do. */
import type { Command } from 'commander'
import { terminalOf, verb, withOutput } from './command.ts'
import { EXIT } from './exit.ts'
import { dataFolder } from './find-house.ts'
import type { Finding } from './checks.ts'
import { paint } from './terminal.ts'
import type { TerminalOptions } from './terminal.ts'

export function doctorCommand(): Command {
  return withOutput(verb('doctor', 'Check the data folder and the machine', ['doctor', 'doctor --data /srv/potoroo --json']))
    .option('--data <folder>', 'data folder (POTOROO_DATA, ./.potoroo)')
    .action(async (options: TerminalOptions & { data?: string }) => {
      // Loaded here: no other command needs the rooms.
      const { examine } = await import('./checks.ts')
      const findings = await examine(dataFolder(options))
      terminalOf(options).show(findings, () => findings.map(lines).join('\n'))
      if (findings.some(({ state }) => state === 'bad')) process.exitCode = EXIT.failedWork
    })
}

const MARK = { good: ['green', '✓'], odd: ['yellow', '!'], bad: ['red', '✗'] } as const

function lines({ what, state, found, remedy }: Finding): string {
  const [colour, sign] = MARK[state]
  const first = `${paint(colour, sign, process.stdout)} ${what.padEnd(12)} ${found}`
  return remedy === undefined ? first : `${first}\n  ${''.padEnd(12)} → ${remedy}`
}
