/** What the house and one of its own processes say to each other. The bytes are `frames.ts`; the two sides are `children.ts` and `child-side.ts`. */
import { Fault, type FaultCode } from './fault.ts'

/** House to child. */
export type Ask =
  | { kind: 'call'; id: number; method: string; body: unknown }
  | { kind: 'cancel'; id: number }
  /** The house has taken this many items of a stream: so many more may be sent. */
  | { kind: 'more'; id: number; items: number }
  | { kind: 'ping'; id: number }
  | { kind: 'stop' }

/** Child to house. */
export type Tell =
  | { kind: 'ready' }
  | { kind: 'answer'; id: number; value: unknown }
  | { kind: 'item'; id: number; value: unknown }
  | { kind: 'end'; id: number }
  | { kind: 'fault'; id: number; fault: FaultOnWire }

/** Items of one stream that may be under way unread: the reader grants more as it takes them. */
export const STREAM_WINDOW_ITEMS = 16

export const CONTROL_IN_FD = 3
export const CONTROL_OUT_FD = 4

/** Set for the child where the system cannot end it with its parent: it then watches by itself. */
export const WATCH_PARENT_VARIABLE = 'POTOROO_CHILD_WATCHES_PARENT'

/** What a child process offers: each method takes one plain value and answers with one, or with a stream of them. */
export type Calls<C> = { [M in keyof C]: (body: never) => unknown }

export interface FaultOnWire {
  code: FaultCode
  reason: string
  message: string
  hint?: string | undefined
  httpStatus: number
  details: Readonly<Record<string, unknown>>
}

export function faultToWire({ code, reason, message, hint, httpStatus, details }: Fault): FaultOnWire {
  return { code, reason, message, hint, httpStatus, details }
}

export function faultFromWire({ code, reason, message, hint, httpStatus, details }: FaultOnWire): Fault {
  return new Fault(code, reason, message, { httpStatus, details, ...(hint === undefined ? {} : { hint }) })
}
