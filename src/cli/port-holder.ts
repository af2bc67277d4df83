/** Who listens on a port. Linux tells, for processes of the same user; elsewhere nobody is named. */
import { readFile, readdir, readlink } from 'node:fs/promises'

export interface PortHolder {
  pid: number
  command: string
}

const COMMAND_CHARS_MAX = 80
/** The kernel's number for a socket that listens. */
const LISTENING = '0A'

export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set([...(await listening('/proc/net/tcp', port)), ...(await listening('/proc/net/tcp6', port))])
  if (inodes.size === 0) return undefined
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry) || !(await holds(entry, inodes))) continue
    const command = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
    return { pid: Number(entry), command: command.length > COMMAND_CHARS_MAX ? `${command.slice(0, COMMAND_CHARS_MAX)} …` : command }
  }
  return undefined
}

async function listening(path: string, port: number): Promise<string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = (await readFile(path, 'latin1').catch(() => '')).split('\n').slice(1)
  return lines.map((line) => line.trim().split(/\s+/)).flatMap((fields) => (fields[1]?.endsWith(suffix) && fields[3] === LISTENING ? [fields[9]!] : []))
}

async function holds(pid: string, inodes: Set<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  // Another user's process does not show its files, and one that has just ended has none.
  for (const fd of await readdir(folder).catch(() => [])) {
    const target = await readlink(`${folder}/${fd}`).catch(() => '')
    if (target.startsWith('socket:[') && inodes.has(target.slice('socket:['.length, -1))) return true
  }
  return false
}
