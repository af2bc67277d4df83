/** The ledger on SQLite: a writing and a reading thread on one file, or one connection in memory for tests. */
import { Worker } from 'node:worker_threads'
import { failpoint } from '../failpoint.ts'
import { Fault } from '../fault.ts'
import type { Ledger } from '../ledger.ts'
import { SqliteEngine } from './sqlite-engine.ts'
import type { SqliteOptions } from './sqlite-engine.ts'
import type { ThreadAnswer, ThreadRequest } from './sqlite-thread.ts'
import { StoredLedger } from './store.ts'
import type { Store, WriteOutcome } from './store.ts'

export async function openSqliteLedger(path: string, options: { durable: boolean }): Promise<Ledger> {
  const writer = new Thread({ path, durable: options.durable, readOnly: false })
  await writer.ask({ kind: 'check' }) // The file and its WAL exist before a reader opens them.
  const reader = new Thread({ path, durable: options.durable, readOnly: true })
  const here = new SqliteEngine({ path, durable: options.durable, readOnly: true })
  return new StoredLedger('sqlite', {
    read: (statement) => reader.ask({ kind: 'read', statement }) as Promise<Record<string, unknown>[]>,
    point: async (statement) => here.read(statement),
    async write(statements) {
      await failpoint('ledger.before-commit')
      const outcome = (await writer.ask({ kind: 'write', statements })) as WriteOutcome
      await failpoint('ledger.after-commit')
      return outcome
    },
    copyTo: (target) => writer.ask({ kind: 'copy', path: target }) as Promise<void>,
    check: () => reader.ask({ kind: 'check' }) as Promise<string[]>,
    async close() {
      here.close()
      await reader.close()
      await writer.close()
    },
  })
}

/** For tests and throw-away tools: the same statements, no thread, no file. */
export function memoryLedger(): Ledger {
  const engine = new SqliteEngine({ path: ':memory:', durable: false, readOnly: false })
  const store: Store = {
    read: async (statement) => engine.read(statement),
    point: async (statement) => engine.read(statement),
    async write(statements) {
      const [entry] = engine.writeBatch([statements])
      if (!entry) throw new Error('a batch of one gave no outcome')
      if ('error' in entry) throw refusal(entry.error)
      return entry
    },
    copyTo: async (path) => engine.copyTo(path),
    check: async () => engine.check(),
    close: async () => engine.close(),
  }
  return new StoredLedger('sqlite', store)
}

/** Looks into a ledger that may be another process's: reads, checks and copies, and never writes. */
export function readSqliteLedger(path: string): Ledger {
  const engine = new SqliteEngine({ path, durable: true, readOnly: true })
  return new StoredLedger('sqlite', {
    read: async (statement) => engine.read(statement),
    point: async (statement) => engine.read(statement),
    write: async () => {
      throw new Fault('FAILED_PRECONDITION', 'readOnly', 'This ledger is only looked into; nothing is written.')
    },
    copyTo: async (target) => engine.copyTo(target),
    check: async () => engine.check(),
    close: async () => engine.close(),
  })
}

type Unnumbered<T> = T extends { id: number } ? Omit<T, 'id'> : never

/** A ledger thread seen from outside. What is asked within one turn of the event loop travels as one message. */
class Thread {
  private readonly worker: Worker
  private readonly pending = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  private outgoing: ThreadRequest[] = []
  private lastId = 0
  private gone: Fault | undefined

  constructor(options: SqliteOptions) {
    const body = import.meta.url.endsWith('.ts') ? './sqlite-thread.ts' : './sqlite-thread.js'
    this.worker = new Worker(new URL(body, import.meta.url), {
      workerData: { ledger: options },
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    })
    this.worker.on('message', (answers: ThreadAnswer[]) => answers.forEach((answer) => this.settle(answer)))
    this.worker.on('error', (cause) => this.fail(cause))
    this.worker.on('exit', () => this.fail(undefined))
  }

  ask(request: Unnumbered<ThreadRequest>): Promise<unknown> {
    if (this.gone) return Promise.reject(this.gone)
    const id = ++this.lastId
    if (this.outgoing.length === 0) queueMicrotask(() => this.flush())
    this.outgoing.push({ ...request, id } as ThreadRequest)
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }))
  }

  async close(): Promise<void> {
    if (this.gone) return
    await this.ask({ kind: 'close' })
    await this.worker.terminate()
  }

  private flush(): void {
    this.worker.postMessage(this.outgoing)
    this.outgoing = []
  }

  private settle({ id, value, error }: ThreadAnswer): void {
    const waiting = this.pending.get(id)
    this.pending.delete(id)
    if (error) waiting?.reject(refusal(error))
    else waiting?.resolve(value)
  }

  private fail(cause: unknown): void {
    this.gone ??= new Fault('UNAVAILABLE', 'ledgerGone', 'The ledger thread has ended; the house has to be restarted.', { cause })
    for (const { reject } of this.pending.values()) reject(this.gone)
    this.pending.clear()
  }
}

/** SQLite's primary result codes that speak of the disk rather than of the statement. */
const SQLITE_FULL = 13
const SQLITE_IOERR = 10

function refusal(error: { message: string; code: string }): Error {
  const primary = Number(error.code) & 0xff
  if (primary === SQLITE_FULL) {
    return new Fault('RESOURCE_EXHAUSTED', 'diskFull', 'The disk that holds the data folder is full; nothing was stored.', {
      hint: 'Free some space and send the request again; reading goes on meanwhile.',
      httpStatus: 507,
    })
  }
  if (primary === SQLITE_IOERR) {
    return new Fault('UNAVAILABLE', 'ledgerSync', `The ledger could not be written to disk (${error.message}); nothing more is acknowledged.`, {
      hint: 'Look at the disk, then restart the house: it recovers from what is on the disk. Reading goes on meanwhile.',
    })
  }
  return Object.assign(new Error(`the ledger refused a statement: ${error.message}`), { code: error.code })
}

