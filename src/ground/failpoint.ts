/**
 * Named points in the commit paths where a test may throw, wait or kill. Off unless armed: by `arm()` in a test's own
 * process, or by POTOROO_FAILPOINTS="name=action[@skip],…" in a house that a test started.
 * Actions: `throw`, `kill` (SIGKILL to this process), `skip` (the caller leaves the step out: the canary's planted bugs),
 * `wait:MS`, `enospc`, `eio`. `@2` lets the first two passes through.
 */
import { Fault } from './fault.ts'

export type FailAction = 'throw' | 'kill' | 'skip' | 'enospc' | 'eio' | `wait:${number}`

interface Armed {
  action: FailAction
  passes: number
}

const armed = new Map<string, Armed>()

for (const entry of (process.env['POTOROO_FAILPOINTS'] ?? '').split(',').filter(Boolean)) {
  const [name, spec] = entry.split('=')
  const [action, passes] = (spec ?? 'throw').split('@')
  if (name) armed.set(name, { action: action as FailAction, passes: Number(passes ?? 0) })
}

export function arm(name: string, action: FailAction, passes = 0): void {
  armed.set(name, { action, passes })
}

export function disarm(name?: string): void {
  if (name === undefined) armed.clear()
  else armed.delete(name)
}

/** Returns true where the armed action is `skip`: the caller then leaves out the step that follows. */
export async function failpoint(name: string): Promise<boolean> {
  const point = armed.get(name)
  if (!point) return false
  if (point.passes-- > 0) return false
  const { action } = point
  switch (action) {
    case 'skip':
      return true
    case 'kill':
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => {})
    case 'throw':
      throw new Fault('INTERNAL', 'failpoint', `The failpoint ${name} was armed to throw.`)
    case 'enospc':
      throw Object.assign(new Error(`ENOSPC: no space left on device (failpoint ${name})`), { code: 'ENOSPC' })
    case 'eio':
      throw Object.assign(new Error(`EIO: i/o error (failpoint ${name})`), { code: 'EIO' })
    default:
      await new Promise((resolve) => setTimeout(resolve, Number(action.slice('wait:'.length))))
      return false
  }
}
