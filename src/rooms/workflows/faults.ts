/** What can go wrong in the workflows room, with the API's codes and a way out. Faults of a source are language/problems.ts. */
import { Fault } from '#ground/fault.ts'

export const noWorkflow = (name: string) => new Fault('NOT_FOUND', 'notFound', `Workflow ${name} does not exist.`, { hint: 'Deploy it first, or check project, location and name.' })

export const noRevision = (name: string, revision: string) => new Fault('NOT_FOUND', 'notFound', `Workflow ${name} has no revision ${revision}.`)

export const noExecution = (name: string) => new Fault('NOT_FOUND', 'notFound', `Execution ${name} does not exist.`)

export const noCallback = (name: string) => new Fault('NOT_FOUND', 'notFound', `Callback ${name} does not exist, or its execution has ended.`)

export const noStepEntry = (name: string) => new Fault('NOT_FOUND', 'notFound', `Step entry ${name} does not exist.`)

export const noOperation = (name: string) => new Fault('NOT_FOUND', 'notFound', `Operation ${name} does not exist.`)

export const workflowExists = (name: string) =>
  new Fault('ALREADY_EXISTS', 'alreadyExists', `Workflow ${name} already exists.`, { hint: 'Patch it to deploy a new revision.' })

export const callbackPending = () =>
  new Fault('RESOURCE_EXHAUSTED', 'resourceExhausted', 'An earlier request to this callback has not been consumed yet.', { hint: 'Send it again once the workflow awaits the callback.' })

export const callbackMethod = (wanted: string) => new Fault('NOT_FOUND', 'notFound', `This callback takes ${wanted} requests only.`)

export const invalid = (message: string, hint?: string) => new Fault('INVALID_ARGUMENT', 'invalid', message, hint === undefined ? {} : { hint })

export const notActive = (name: string, state: string) =>
  new Fault('FAILED_PRECONDITION', 'failedPrecondition', `Execution ${name} is ${state}, not active.`)

export const stillActive = (name: string) => new Fault('FAILED_PRECONDITION', 'failedPrecondition', `Execution ${name} is still active.`, { hint: 'Wait for its end, or cancel it.' })

export const notFailed = (name: string, state: string) =>
  new Fault('FAILED_PRECONDITION', 'failedPrecondition', `Execution ${name} is ${state}; only a failed one can be resumed.`)

export const unfitState = (name: string) =>
  new Fault('DATA_LOSS', 'dataLoss', `The journal of ${name} cannot be read, so the execution cannot go on.`, { hint: 'Run `potoroo doctor`; restore the ledger from a snapshot.' })
