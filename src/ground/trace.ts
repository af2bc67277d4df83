/** W3C trace context: who caused this. Everything that one thing causes carries one trace id, in answers, facts and jobs. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { draw } from './chance.ts'

export interface Trace {
  /** 32 hexadecimal digits. */
  traceId: string
  /** 16 hexadecimal digits: this step of it. */
  spanId: string
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/

export function newTrace(): Trace {
  return { traceId: hex(16), spanId: hex(8) }
}

/** Continues the caller's trace where the header holds one. */
export function traceFrom(traceparent: string | undefined): Trace {
  const found = traceparent === undefined ? null : TRACEPARENT.exec(traceparent)
  if (!found) return newTrace()
  return { traceId: found[1]!, spanId: hex(8) }
}

const hex = (bytes: number): string => draw(bytes).toString('hex')

export function traceparent(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-01`
}

const current = new AsyncLocalStorage<Trace>()

/** Everything awaited inside `work` belongs to this trace. */
export function withTrace<T>(trace: Trace, work: () => T): T {
  return current.run(trace, work)
}

export function currentTrace(): Trace | undefined {
  return current.getStore()
}
