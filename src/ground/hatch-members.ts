/** Which processes of the machine belong to a run, double-forked ones included, and how all of them are ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { Clock } from './clock.ts'
import { KILL_ROUND_MS, KILL_ROUNDS_MAX } from './hatch-limits.ts'
import { signalGroup, startTicks, type StatFields, statFields } from './process-group.ts'

/** Set in the environment of user code: it marks what descends from a run, however it detached itself. */
export const RUN_VARIABLE = 'POTOROO_RUN'

export interface Membership {
  token: string
  /** The process that was started; its session and group count as the run's. */
  pid?: number | undefined
  /** Where the run has a user to itself, every process of that user is the run's. */
  uid?: number | undefined
}

export interface Member extends StatFields {
  pid: number
}

interface Known {
  start_ticks: number
  uid: number
  token: string | undefined
  looks: number
}

const YOUNG_LOOKS = 5

interface Seen extends Member {
  uid: number
  token: string | undefined
}

const HAS_PROC = process.platform === 'linux'
const MARK = Buffer.from(`\0${RUN_VARIABLE}=`)

/** One look at the process table, shared by all runs of a watch round. */
export class ProcessTable {
  readonly #known = new Map<number, Known>()
  #seen: Seen[] = []

  look(): void {
    if (!HAS_PROC) return
    const seen: Seen[] = []
    for (const entry of readdirSync('/proc')) {
      const pid = Number(entry)
      const fields = Number.isInteger(pid) && pid !== process.pid ? statFields(pid) : undefined
      // A zombie has ended already; its parent only has not asked yet.
      if (!fields || fields.state === 'Z' || fields.state === 'X') continue
      const known = this.#knownOf(pid, fields.start_ticks)
      if (known) seen.push({ ...fields, pid, uid: known.uid, token: known.token })
    }
    this.#seen = seen
    const alive = new Set(seen.map(({ pid }) => pid))
    for (const pid of this.#known.keys()) if (!alive.has(pid)) this.#known.delete(pid)
  }

  members({ token, pid, uid }: Membership): Member[] {
    return this.#seen.filter((one) => {
      if (one.token === token || one.pid === pid) return true
      if (uid !== undefined && one.uid === uid) return true
      return pid !== undefined && (one.session === pid || one.group === pid)
    })
  }

  /** A young process may still change its user and its environment; an older one is not asked again, which is most of the cost. */
  #knownOf(pid: number, start_ticks: number): Known | undefined {
    const known = this.#known.get(pid)
    if (known?.start_ticks === start_ticks && known.looks >= YOUNG_LOOKS) return known
    const uid = uidOf(pid)
    if (uid === undefined) return undefined
    const looks = known?.start_ticks === start_ticks ? known.looks + 1 : 1
    const fresh = { start_ticks, uid, token: tokenInEnvironment(pid), looks }
    this.#known.set(pid, fresh)
    return fresh
  }
}

/** Ends every member, also while they fork. Resolves true when none is left. */
export async function endMembers(membership: Membership, clock: Clock, setpriv: string | undefined): Promise<boolean> {
  const { pid, uid } = membership
  const table = new ProcessTable()
  for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
    if (pid !== undefined) signalGroup(pid, 'SIGKILL')
    table.look()
    const members = table.members(membership)
    if (members.length === 0) return true
    // First all are stopped, so that no member can fork away from under the killing.
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const member of members) signalOne(member, signal)
    if (uid !== undefined && setpriv) await killUser(uid, setpriv)
    await clock.sleep(KILL_ROUND_MS)
  }
  return false
}

/** What a user's processes use together. Shared pages are counted once where the system tells. */
export function memoryOf(members: readonly Member[], limit_bytes: number): number {
  const rss_bytes = members.reduce((sum, { rss_pages }) => sum + rss_pages * PAGE_BYTES, 0)
  // The precise figure is dear, so it is asked for only where it decides.
  return rss_bytes > limit_bytes && members.length > 1 ? proportional_bytes(members) ?? rss_bytes : rss_bytes
}

const PAGE_BYTES = 4096
/** USER_HZ, which Linux fixes at 100 for everyone who reads /proc. */
const TICK_MS = 10

export function cpuOf_ms(members: readonly Member[]): number {
  return members.reduce((sum, { cpu_ticks }) => sum + cpu_ticks * TICK_MS, 0)
}

function proportional_bytes(members: readonly Member[]): number | undefined {
  let sum = 0
  for (const { pid, rss_pages } of members) {
    try {
      const kib = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
      sum += kib === undefined ? rss_pages * PAGE_BYTES : Number(kib) * 1024
    } catch {
      continue // it ended between the two looks
    }
  }
  return sum
}

function signalOne({ pid, start_ticks }: Member, signal: NodeJS.Signals): void {
  if (startTicks(pid) !== start_ticks) return // the number may be another's by now
  try {
    process.kill(pid, signal)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

/** The one kill that a fork bomb cannot outrun: all processes of the user, in one system call. */
async function killUser(uid: number, setpriv: string): Promise<void> {
  const killer = spawn(setpriv, ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '/bin/sh', '-c', 'kill -KILL -1'], { stdio: 'ignore', env: {} })
  await once(killer, 'close')
}

function uidOf(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}`).uid
  } catch {
    return undefined // it ended between the two looks
  }
}

function tokenInEnvironment(pid: number): string | undefined {
  let environment: Buffer
  try {
    environment = Buffer.concat([Buffer.from('\0'), readFileSync(`/proc/${pid}/environ`)])
  } catch {
    return undefined // ended, or another user's and not ours to read
  }
  const at = environment.indexOf(MARK)
  if (at < 0) return undefined
  const from = at + MARK.length
  const to = environment.indexOf(0, from)
  return environment.toString('latin1', from, to < 0 ? undefined : to)
}
