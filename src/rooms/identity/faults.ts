/** What can go wrong in the identity room, in Google's words where Google has them. */
import { Fault } from '#ground/fault.ts'

/** OAuth's own errors: a code word and a sentence, answered with 400 unless said otherwise. */
export function oauthFault(error: string, description: string, httpStatus = 400, hint?: string): Fault {
  const code = httpStatus === 401 ? 'UNAUTHENTICATED' : httpStatus === 429 ? 'RESOURCE_EXHAUSTED' : 'INVALID_ARGUMENT'
  return new Fault(code, error, description, { httpStatus, ...(hint !== undefined && { hint }) })
}

export const invalidGrant = (description: string, hint?: string) => oauthFault('invalid_grant', description, 400, hint)

export const badToken = (why: string, hint?: string) =>
  new Fault('UNAUTHENTICATED', 'authError', `Request had invalid authentication credentials: ${why}`, {
    hint: hint ?? 'Log in again, or ask the house for a new token.',
    details: { location: 'Authorization' },
  })

export const invalid = (message: string, hint?: string) => new Fault('INVALID_ARGUMENT', 'badRequest', message, hint === undefined ? {} : { hint })

export const notFound = (what: string) => new Fault('NOT_FOUND', 'notFound', `${what} does not exist.`)

export const taken = (what: string) => new Fault('ALREADY_EXISTS', 'alreadyExists', `${what} already exists.`)

export const tooMany = (what: string, max: number) => new Fault('RESOURCE_EXHAUSTED', 'quotaExceeded', `There can be at most ${max} ${what}.`)
