/**
 * The body of a ledger thread: a writer that gathers what has arrived into one commit, or a reader beside it, so that
 * nobody who only looks waits for a sync.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { SqliteEngine, describe } from './sqlite-engine.ts'
import type { SqliteOptions } from './sqlite-engine.ts'
import type { PlainStatement } from './store.ts'

export type ThreadRequest =
  | { id: number; kind: 'read'; statement: PlainStatement }
  | { id: number; kind: 'write'; statements: PlainStatement[] }
  | { id: number; kind: 'copy'; path: string }
  | { id: number; kind: 'check' }
  | { id: number; kind: 'close' }

export interface ThreadAnswer {
  id: number
  value?: unknown
  error?: { message: string; code: string }
}

/** One commit takes at most this many writes, so that the first of them does not wait for all of a flood. */
const BATCH_WRITES_MAX = 1000

if (parentPort && workerData?.ledger) serve(parentPort, new SqliteEngine(workerData.ledger as SqliteOptions))

function serve(port: NonNullable<typeof parentPort>, engine: SqliteEngine): void {
  port.on('message', (first: ThreadRequest[]) => {
    const waiting = [...first]
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) waiting.push(...(next.message as ThreadRequest[]))
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH_WRITES_MAX)
      const answers = work(engine, batch)
      port.postMessage(answers)
      if (batch.some((request) => request.kind === 'close')) port.close()
    }
  })
}

function work(engine: SqliteEngine, requests: ThreadRequest[]): ThreadAnswer[] {
  const writes = requests.filter((request) => request.kind === 'write')
  const answers = commit(engine, writes)
  for (const request of requests) {
    if (request.kind === 'write') continue
    try {
      answers.push({ id: request.id, value: single(engine, request) })
    } catch (thrown) {
      answers.push({ id: request.id, error: describe(thrown) })
    }
  }
  return answers
}

function commit(engine: SqliteEngine, writes: Extract<ThreadRequest, { kind: 'write' }>[]): ThreadAnswer[] {
  if (writes.length === 0) return []
  try {
    const entries = engine.writeBatch(writes.map((request) => request.statements))
    return entries.map((entry, index) => {
      const id = writes[index]!.id
      return 'error' in entry ? { id, error: entry.error } : { id, value: entry }
    })
  } catch (thrown) {
    const error = describe(thrown)
    return writes.map(({ id }) => ({ id, error }))
  }
}

function single(engine: SqliteEngine, request: Exclude<ThreadRequest, { kind: 'write' }>): unknown {
  switch (request.kind) {
    case 'read':
      return engine.read(request.statement)
    case 'copy':
      return engine.copyTo(request.path)
    case 'check':
      return engine.check()
    case 'close':
      return engine.close()
  }
}
