/** Facts about processes of the system, and how a whole group of them is ended. Starting them is `children.ts`'s and `hatch.ts`'s. */
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** SIGKILL or another signal to every process of a group; false when none is left. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    // EPERM: members exist that are not ours to signal (macOS says so for zombies too).
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return true
    throw error
  }
}

/** Clock ticks after boot at which a process started: with its pid it names one process for ever. Undefined when it is gone or /proc is absent. */
export function startTicks(pid: number): number | undefined {
  return statFields(pid)?.start_ticks
}

/** Names this start of the machine; empty where the system does not tell. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return '' // a system without /proc
  }
}

export interface StatFields {
  state: string
  parent: number
  group: number
  session: number
  start_ticks: number
  rss_pages: number
  cpu_ticks: number
}

export function statFields(pid: number): StatFields | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined // gone, or a system without /proc
  }
  // The second field is the program's name in parentheses and may hold anything, parentheses included.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (index: number) => Number(fields[index])
  return {
    state: fields[0] ?? '?',
    parent: number(1),
    group: number(2),
    session: number(3),
    cpu_ticks: number(11) + number(12),
    start_ticks: number(19),
    rss_pages: number(21),
  }
}

/** Where a program of the system lies, looked up on the house's own path. */
export function whichProgram(name: string): string | undefined {
  return whichPrograms(name)[0]
}

/** All of that name, in the path's order. */
export function whichPrograms(name: string): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return folders.map((folder) => join(folder, name)).filter((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false // not in this folder
    }
  })
}
