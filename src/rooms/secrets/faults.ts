/** What can go wrong in the secrets room, in the cloud's words. */
import { Fault } from '#ground/fault.ts'

export const invalid = (message: string, hint?: string) => new Fault('INVALID_ARGUMENT', 'invalid', message, hint === undefined ? {} : { hint })
export const noSecret = (name: string) => new Fault('NOT_FOUND', 'notFound', `Secret [${name}] not found or has no versions.`)
export const noVersion = (name: string) => new Fault('NOT_FOUND', 'notFound', `Secret Version [${name}] not found.`)
export const secretExists = (name: string) => new Fault('ALREADY_EXISTS', 'alreadyExists', `Secret [${name}] already exists.`)
export const notEnabled = (name: string, state: string) => new Fault('FAILED_PRECONDITION', 'failedPrecondition', `Secret Version [${name}] is in ${state} state.`)
export const changed = () => new Fault('ABORTED', 'aborted', 'The etag is not the present one.', { hint: 'Read it again, and send the request with the new etag.' })
export const tooMany = (max: number) => new Fault('RESOURCE_EXHAUSTED', 'tooManySecrets', `A project has at most ${max} secrets here.`)
