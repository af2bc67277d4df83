/** How a command ends: the exit code that a script can rely on, and the words a person reads. */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '#ground/fault.ts'
import type { FaultCode } from '#ground/fault.ts'
import { VERSION } from '../version.ts'
import { paint } from './terminal.ts'

export const EXIT = {
  ok: 0,
  failedWork: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  conflict: 5,
  unavailable: 6,
  timeout: 7,
  unsupported: 8,
  ourBug: 70,
  interrupted: 130,
} as const

const EXIT_OF: Readonly<Record<FaultCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  OUT_OF_RANGE: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  UNAUTHENTICATED: EXIT.denied,
  PERMISSION_DENIED: EXIT.denied,
  ALREADY_EXISTS: EXIT.conflict,
  ABORTED: EXIT.conflict,
  FAILED_PRECONDITION: EXIT.conflict,
  RESOURCE_EXHAUSTED: EXIT.unavailable,
  UNAVAILABLE: EXIT.unavailable,
  DEADLINE_EXCEEDED: EXIT.timeout,
  UNIMPLEMENTED: EXIT.unsupported,
  CANCELLED: EXIT.interrupted,
  DATA_LOSS: EXIT.failedWork,
  INTERNAL: EXIT.ourBug,
}

/** Says what happened, why and what to do; returns the exit code. */
export function explain(thrown: unknown, options: { json: boolean }): number {
  if (!(thrown instanceof Fault)) return explainBug(thrown)
  if (options.json) {
    const { code, reason, message, hint, details } = thrown
    process.stderr.write(`${JSON.stringify({ error: { code, reason, message, hint, ...details } })}\n`)
    return EXIT_OF[thrown.code]
  }
  process.stderr.write(`${paint('red', '✗')} ${thrown.message}\n`)
  if (thrown.hint !== undefined) process.stderr.write(`  ${thrown.hint}\n`)
  const { requestId } = thrown.details
  if (thrown.code === 'INTERNAL' && requestId !== undefined) process.stderr.write(`  The log of the house tells more under the request id ${String(requestId)}.\n`)
  return EXIT_OF[thrown.code]
}

function explainBug(thrown: unknown): number {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const path = join(tmpdir(), `potoroo-report-${process.pid}.txt`)
  const report = [`potoroo ${VERSION}, Node ${process.versions.node}, ${process.platform}-${process.arch}`, `command: ${process.argv.slice(2).join(' ')}`, error.stack, ''].join('\n')
  writeFileSync(path, report, { mode: 0o600 })
  process.stderr.write(`${paint('red', '✗')} This is a mistake of ours: ${error.message}\n  A report is in ${path}; please send it along when you tell us.\n`)
  return EXIT.ourBug
}
