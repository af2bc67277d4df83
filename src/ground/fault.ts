/**
 * The one error type of the house. A service throws a `Fault`; each door renders it in its own API's error body;
 * the CLI prints what happened, why, and what to do. Anything else that is thrown is a bug and is answered as INTERNAL.
 */

/** The canonical codes that every protocol of the house can express. */
export type FaultCode =
  | 'INVALID_ARGUMENT'
  | 'FAILED_PRECONDITION'
  | 'OUT_OF_RANGE'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'ABORTED'
  | 'RESOURCE_EXHAUSTED'
  | 'CANCELLED'
  | 'DEADLINE_EXCEEDED'
  | 'UNIMPLEMENTED'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'INTERNAL'

export interface FaultOptions {
  /** What the user can do about it, as a sentence. */
  hint?: string
  /** Where the code's usual HTTP status is not the one this API answers with. */
  httpStatus?: number
  /** Facts a door may put into its error body (field, location, line …). Never secrets. */
  details?: Readonly<Record<string, unknown>>
  cause?: unknown
}

export class Fault extends Error {
  readonly code: FaultCode
  /** The API's own word, such as `notFound` or `conditionNotMet`; stable, for programs. */
  readonly reason: string
  readonly hint: string | undefined
  readonly httpStatus: number
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: FaultCode, reason: string, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.reason = reason
    this.hint = options.hint
    this.httpStatus = options.httpStatus ?? HTTP_STATUS[code]
    this.details = options.details ?? {}
  }
}

export const HTTP_STATUS: Readonly<Record<FaultCode, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  DEADLINE_EXCEEDED: 504,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  INTERNAL: 500,
}

/** gRPC's status numbers. */
export const GRPC_STATUS: Readonly<Record<FaultCode, number>> = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
}

/** Any thrown value as a Fault. What is not one is a bug of ours: its text stays in the log, not in the answer. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  return new Fault('INTERNAL', 'internalError', 'The house met an error of its own; its log has the details under this request id.', {
    cause: thrown,
  })
}

/** A path that none of the house's APIs has. */
export function noMethod(verb: string | undefined, path: string): Fault {
  return new Fault('NOT_FOUND', 'notFound', `No method of this house answers ${verb} ${path.slice(0, 500)}.`, { hint: 'COMPAT.md and /openapi.json list what it answers.' })
}

export function unimplemented(method: string): Fault {
  return new Fault('UNIMPLEMENTED', 'notImplemented', `${method} is not implemented.`, {
    hint: 'COMPAT.md lists what each service answers.',
  })
}
