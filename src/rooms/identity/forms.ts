/** Bodies and errors in OAuth's own form. */
import type { Call } from '#ground/door.ts'
import type { Fault } from '#ground/fault.ts'
import { oauthFault } from './faults.ts'

/** Form fields; JSON is taken as well, as Google's endpoint does. A field given twice is refused: readers would differ on which one counts. */
export async function readForm(call: Call): Promise<ReadonlyMap<string, string>> {
  if (/^application\/json\b/.test(call.request.headers['content-type'] ?? '')) {
    return new Map(Object.entries(await call.readJson()).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : [])))
  }
  const fields = new Map<string, string>()
  for (const [key, value] of new URLSearchParams((await call.readBody()).toString('utf8'))) {
    if (fields.has(key)) throw oauthFault('invalid_request', `The parameter ${key.slice(0, 60)} is given twice.`)
    fields.set(key, value)
  }
  return fields
}

export function field(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name)
  if (value === undefined || value === '') throw oauthFault('invalid_request', `Missing required parameter: ${name}`)
  return value
}

export function sendOAuthFault(fault: Fault, call: Call): void {
  const description = fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`
  call.sendJson(fault.httpStatus, { error: fault.reason, error_description: description }, NO_STORE)
}

/** Tokens are not for caches. */
export const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' }
