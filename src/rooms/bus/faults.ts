/** What can go wrong in the bus room, with Pub/Sub's own codes and words. */
import { Fault } from '#ground/fault.ts'

const last = (name: string): string => name.slice(name.lastIndexOf('/') + 1).slice(0, 260)

export const notFound = (name: string) => new Fault('NOT_FOUND', 'notFound', `Resource not found (resource=${last(name)}).`)

export const alreadyExists = (name: string) => new Fault('ALREADY_EXISTS', 'alreadyExists', `Resource already exists in the project (resource=${last(name)}).`)

export const invalid = (message: string, hint?: string) => new Fault('INVALID_ARGUMENT', 'badRequest', message, hint === undefined ? {} : { hint })

export const badName = (kind: string, name: unknown) => invalid(`Invalid [${kind}] name: (name=${String(name).slice(0, 300)})`)

export const tooLarge = (what: string, given: number, max: number) =>
  invalid(`The value for ${what} is too large. You passed ${given} in the request, but the maximum value is ${max}.`)

export const tooSmall = (what: string, given: number, min: number) =>
  invalid(`The value for ${what} is too small. You passed ${given} in the request, but the minimum value is ${min}.`)

export const emptyMessage = () =>
  invalid('One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.')

export const badAckId = (ackId: string, subscription: string) =>
  invalid(`You have passed an invalid ack ID to the service (ack_id=${ackId.slice(0, 200)}) for subscription (resource=${last(subscription)}).`)

export const detached = (subscription: string) =>
  new Fault('FAILED_PRECONDITION', 'failedPrecondition', `Subscription is detached (resource=${last(subscription)}).`, { hint: 'A detached subscription cannot be attached again; create another one.' })

export const wrongType = (subscription: string, kind: string) =>
  new Fault('FAILED_PRECONDITION', 'failedPrecondition', `This method is not supported for this subscription type: ${last(subscription)} delivers by ${kind}.`, {
    hint: 'Take away its push, table or bucket settings to pull from it.',
  })

export const tooMany = (what: string, max: number) => new Fault('RESOURCE_EXHAUSTED', 'resourceExhausted', `The house keeps at most ${max} ${what}.`, { hint: 'Delete what nobody uses.' })

export const streamEnded = () => new Fault('UNAVAILABLE', 'unavailable', 'The stream has ended because the house is stopping; open it again.')
