/** Finds the highest rung of the sandbox ladder that holds on this machine, by running a program there that tries to leave. */
import type { Disk } from './disk.ts'
import type { RungLevel, Tools } from './hatch-launch.ts'
import type { Order, Run } from './hatch.ts'

export interface Ladder {
  level_max: RungLevel
  tools: Tools
  ownUsers: boolean
  /** A file that the house can read and the code must not be able to. */
  secret: { disk: Disk; place: string[] }
  start: (level: RungLevel, order: Order) => Promise<Run>
}

interface Found {
  level: RungLevel
  reason: string
  ownUsers: boolean
}

const GIVES: Record<RungLevel, string> = {
  0: 'limits and clean-up only, no boundary',
  1: 'a user of its own for each run, no new privileges',
  2: 'namespaces, a read-only root, private /tmp and /proc, no new privileges',
}

const PROBE_MS = 10_000
const REASON_CHARS_MAX = 400

export async function climb(ladder: Ladder): Promise<Found> {
  const refusals: string[] = []
  for (const level of [2, 1] as const) {
    const refusal = level > ladder.level_max ? 'not wanted' : missing(level, ladder) ?? (await tryRung(level, ladder))
    if (refusal === undefined) return { level, reason: [GIVES[level], ...refusals].join('; '), ownUsers: ladder.ownUsers }
    refusals.push(`rung ${level}: ${refusal}`)
  }
  return { level: 0, reason: [GIVES[0], ...refusals].join('; '), ownUsers: false }
}

function missing(level: 1 | 2, { tools, ownUsers }: Ladder): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (!tools.setpriv) return 'needs setpriv'
  if (level === 1) return ownUsers ? undefined : 'needs a house that runs as root'
  if (!tools.unshare) return 'needs unshare'
  return undefined
}

/** Undefined when the rung holds, else what was seen. */
async function tryRung(level: 1 | 2, { secret, start }: Ladder): Promise<string | undefined> {
  const { disk, place } = secret
  await disk.writeWhole('secret', 0o600, ...place)
  const lines: string[] = []
  try {
    const run = await start(level, {
      name: 'sandbox probe',
      command: ['/bin/sh', '-c', PROBE, 'probe', disk.path(...place)],
      limits: { wall_ms: PROBE_MS },
      onLine: (line) => lines.push(line),
    })
    const { code, message } = await run.ended
    if (code === 0 && lines.includes('inside')) return undefined
    return [...lines, message].join(' ').replaceAll(/\s+/g, ' ').slice(0, REASON_CHARS_MAX)
  } finally {
    await disk.remove(...place)
  }
}

/** Says `inside` when it can work in its scratch folder and reach nothing of the house. */
const PROBE = `
cd "$HOME" && (: > mark) || { echo "cannot use its scratch folder"; exit 1; }
if cat "$1" 2>/dev/null; then echo "can read the house's files"; exit 1; fi
if (: > /etc/potoroo-probe) 2>/dev/null; then rm -f /etc/potoroo-probe; echo "can write outside"; exit 1; fi
echo inside
`
