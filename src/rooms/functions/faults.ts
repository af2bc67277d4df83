/** What can go wrong in the functions room, with the API's codes and a way out. */
import { Fault } from '#ground/fault.ts'

export const invalid = (message: string, hint?: string) => new Fault('INVALID_ARGUMENT', 'invalid', message, hint === undefined ? {} : { hint })

export const noFunction = (name: string) => new Fault('NOT_FOUND', 'notFound', `Function ${name} does not exist.`, { hint: 'Deploy it first, or check project, region and name.' })

export const functionExists = (name: string) => new Fault('ALREADY_EXISTS', 'alreadyExists', `Function ${name} already exists.`)

export const busy = (name: string) =>
  new Fault('ABORTED', 'aborted', `An operation on function ${name} is already in progress. Try again later.`, { hint: 'Wait for the deployment to end, then send the request again.' })

export const noOperation = (name: string) => new Fault('NOT_FOUND', 'notFound', `Operation ${name} does not exist.`)

export const noSource = (what: string) =>
  new Fault('INVALID_ARGUMENT', 'sourceMissing', `Failed to retrieve the function source code: ${what} does not exist.`, { hint: 'Upload the zip file first.' })

export const noUpload = () => new Fault('NOT_FOUND', 'notFound', 'This upload URL is not known, or was used up.', { hint: 'Ask for a new one with generateUploadUrl.' })

export const tooManyFunctions = (max: number) => new Fault('RESOURCE_EXHAUSTED', 'tooManyFunctions', `This house holds ${max} functions already.`, { hint: 'Delete some.' })

export const overloaded = (name: string) =>
  new Fault('RESOURCE_EXHAUSTED', 'noInstance', `The request was aborted because there was no available instance of ${name}.`, { hint: 'Raise --max-instances, or send fewer requests at a time.' })

export const notServing = (name: string) => new Fault('NOT_FOUND', 'notServing', `Function ${name} has no revision that serves.`, { hint: 'Look at its last deployment: `potoroo function describe`.' })

/** The cloud answers 408 in the first generation and 504 in the second. */
export const timedOut = (timeout_s: number, generation: 1 | 2) =>
  new Fault('DEADLINE_EXCEEDED', 'timeout', `Function execution took longer than ${timeout_s} seconds and was ended.`, { httpStatus: generation === 1 ? 408 : 504 })

export const instanceEnded = (message: string) => new Fault('UNAVAILABLE', 'instanceEnded', `The function's instance ${message}.`, { httpStatus: 500 })

export const loadFailed = (message: string) => new Fault('FAILED_PRECONDITION', 'loadFailed', message)

export const answerBroken = () => new Fault('INTERNAL', 'answerBroken', 'The function\'s instance sent what is no answer, and was ended.')
