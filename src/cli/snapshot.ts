/** `potoroo snapshot`: the whole house as one file, and back. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { loadSnapshot, saveSnapshot } from '#ground/snapshot.ts'
import { DATA_FOLDERS } from '../data-folder.ts'
import { VERSION } from '../version.ts'
import { noun, terminalOf, verb, withOutput } from './command.ts'
import { dataFolder, readRunFile } from './find-house.ts'
import { bytesText } from './terminal.ts'
import type { TerminalOptions } from './terminal.ts'

interface SnapshotOptions extends TerminalOptions {
  data?: string
}

export function snapshotCommand(): Command {
  return noun('snapshot', 'Save everything to one file, and load it').addCommand(saveCommand()).addCommand(loadCommand())
}

const withData = (command: Command) => withOutput(command).option('--data <folder>', 'data folder (POTOROO_DATA, ./.potoroo)')

function saveCommand(): Command {
  return withData(verb('save', 'Save the data folder to one file; the house may go on serving', ['snapshot save lake.tar']))
    .argument('<file>', 'file to make')
    .action(async (file: string, options: SnapshotOptions) => {
      const terminal = terminalOf(options)
      const { missingFiles } = await import('../inspect.ts')
      const figures = await saveSnapshot({
        missing: missingFiles,
        from: dataFolder(options),
        to: resolve(file),
        folders: DATA_FOLDERS,
        version: VERSION,
        now_ms: systemClock().now_ms(),
        onBytes: (bytes) => terminal.rewrite(`saving   ${bytesText(bytes)}`),
      })
      terminal.settle(`saved ${figures.files} files, ${bytesText(figures.bytes)}. The vault's key is not among them: keep vault.keys elsewhere.`)
      terminal.show({ file: resolve(file), ...figures }, () => file)
    })
}

function loadCommand(): Command {
  return withData(verb('load', 'Load a snapshot into a data folder that is empty or not there', ['snapshot load lake.tar --data ./restored']))
    .argument('<file>', 'a file that `snapshot save` made')
    .action(async (file: string, options: SnapshotOptions) => {
      const terminal = terminalOf(options)
      const folder = dataFolder(options)
      const running = readRunFile(folder)
      if (running) throw new Fault('FAILED_PRECONDITION', 'folderInUse', `A house runs on ${folder} (process ${running.pid}).`, { hint: 'Name another folder with --data.' })
      const figures = await loadSnapshot({ from: resolve(file), to: folder, onBytes: (bytes) => terminal.rewrite(`loading   ${bytesText(bytes)}`) })
      terminal.settle(`loaded ${figures.files} files, ${bytesText(figures.bytes)}, every checksum right.`)
      terminal.show({ data: folder, ...figures }, () => folder)
    })
}
