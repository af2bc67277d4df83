/** What `raise` raises, and what the engine raises itself: a value of the language on its way to the nearest `except`. */
import { mapOf, type Value } from './values.ts'

export type ErrorTag =
  | 'AuthError'
  | 'ConnectionError'
  | 'ConnectionFailedError'
  | 'HttpError'
  | 'IndexError'
  | 'KeyError'
  | 'OperationError'
  | 'ParallelNestingError'
  | 'RecursionError'
  | 'ResourceLimitError'
  | 'ResponseTypeError'
  | 'SystemError'
  | 'TimeoutError'
  | 'TypeError'
  | 'UnhandledBranchError'
  | 'ValueError'
  | 'ZeroDivisionError'

/** Not an `Error`: it carries no JS stack, because loops of a workflow raise many and the workflow's own stack is what counts. */
export class Raised {
  readonly value: Value
  /** No `except` and no `retry` may hold this one: the execution is over its limit and ends. */
  readonly fatal: boolean
  constructor(value: Value, fatal = false) {
    this.value = value
    this.fatal = fatal
  }
}

/** A map of `message`, `tags` and more. The first tag begins the message. */
export function raisedWithTags(tags: readonly [ErrorTag, ...string[]], text: string, more: Readonly<Record<string, Value>> = {}, message = `${tags[0]}: ${text}`): Raised {
  return new Raised(mapOf({ ...more, message, tags }))
}

export function raised(tag: ErrorTag, text: string, more: Readonly<Record<string, Value>> = {}): Raised {
  return raisedWithTags([tag], text, more)
}

export const overLimit = (text: string): Raised =>
  new Raised(mapOf({ message: `ResourceLimitError: ${text}`, tags: ['ResourceLimitError'] }), true)
