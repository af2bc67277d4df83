/** The error body that Google's JSON APIs share. */
import type { Fault } from './fault.ts'
import type { Call } from './door.ts'

export function sendGoogleFault(fault: Fault, call: Call): void {
  const headers: Record<string, string> = fault.httpStatus === 401 ? { 'www-authenticate': 'Bearer realm="potoroo"' } : {}
  call.sendJson(fault.httpStatus, googleErrorBody(fault), headers)
}

export function googleErrorBody(fault: Fault): Record<string, unknown> {
  const message = fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`
  const entry = { message, domain: 'global', reason: fault.reason, ...(fault.details['location'] !== undefined && { location: fault.details['location'] }) }
  return { error: { code: fault.httpStatus, message, errors: [entry], status: fault.code } }
}
