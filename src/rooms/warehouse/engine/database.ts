/**
 * DuckDB opened the way the house wants it: two databases (tables, and results that nobody promised to keep), our functions, and then
 * locked: no files but the staging folder's, no extensions, no settings. Lives in the engine's process only.
 */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import type { Clock } from '#ground/clock.ts'
import type { Disk } from '#ground/disk.ts'
import { CHECKPOINT_WAIT_MS_MAX, CONNECTIONS_KEPT_MAX } from '../limits.ts'
import { escaped } from './text.ts'
import { CONNECTION_SETTINGS, registerFunctions } from '../sql/engine/register.ts'

export const TABLES_FILE = 'tables.duckdb'
const SCRATCH_FILE = 'scratch.duckdb'

/** What each engine transaction notes about itself, in the same commit as its rows. */
const NOTES = [
  `CREATE TABLE IF NOT EXISTS applied (job VARCHAR, physical VARCHAR, generation BIGINT, rows BIGINT, bytes BIGINT, detail VARCHAR, outcome VARCHAR, at_us BIGINT)`,
  `CREATE TABLE IF NOT EXISTS insert_ids (physical VARCHAR, insert_id VARCHAR, at_ms BIGINT)`,
]

export class Database {
  readonly disk: Disk
  readonly #instance: DuckDBInstance
  readonly #idle: DuckDBConnection[] = []
  readonly #sessions = new Map<string, DuckDBConnection>()
  readonly #results = new Map<string, string[]>()
  #lastSession = 0

  readonly #clock: Clock

  private constructor(instance: DuckDBInstance, disk: Disk, clock: Clock) {
    this.#instance = instance
    this.disk = disk
    this.#clock = clock
  }

  static async open(disk: Disk, clock: Clock, memory_bytes: number, threads: number): Promise<Database> {
    const folder = await disk.folder('warehouse')
    const staging = await disk.folder('warehouse', 'staging')
    const spill = await disk.folder('warehouse', 'spill')
    for (const file of [SCRATCH_FILE, `${SCRATCH_FILE}.wal`]) await disk.remove('warehouse', file)
    const instance = await DuckDBInstance.create(disk.path('warehouse', TABLES_FILE), {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      memory_limit: `${Math.floor(memory_bytes / 1024 / 1024)}MiB`,
      temp_directory: spill,
      threads: String(threads),
    })
    const connection = await instance.connect()
    registerFunctions(connection, clock)
    await connection.run(`ATTACH '${escaped(disk.path('warehouse', SCRATCH_FILE))}' AS scratch (RECOVERY_MODE NO_WAL_WRITES)`)
    for (const note of NOTES) await connection.run(note)
    await connection.run('CHECKPOINT')
    for (const setting of CONNECTION_SETTINGS) await connection.run(setting.replace(/^SET /, 'SET GLOBAL '))
    await connection.run(`SET allowed_directories = ['${escaped(staging)}', '${escaped(spill)}', '${escaped(folder)}/${SCRATCH_FILE}']`)
    await connection.run('SET enable_external_access = false')
    await connection.run('SET lock_configuration = true')
    const database = new Database(instance, disk, clock)
    database.#idle.push(connection)
    return database
  }

  /** Runs work on a connection of its own, or on that of an open transaction; interrupts it when the caller gives up. */
  async with<T>(session: string | undefined, signal: AbortSignal, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const connection = session === undefined ? (this.#idle.pop() ?? (await this.#instance.connect())) : this.#session(session)
    const interrupt = () => connection.interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      return await work(connection)
    } finally {
      signal.removeEventListener('abort', interrupt)
      if (session === undefined) this.#give(connection)
    }
  }

  async begin(): Promise<string> {
    const connection = this.#idle.pop() ?? (await this.#instance.connect())
    await connection.run('BEGIN TRANSACTION')
    const session = `s${++this.#lastSession}`
    this.#sessions.set(session, connection)
    return session
  }

  /** The name under which a transaction's result waits; it gets its own at the end. */
  resultOf(session: string, result: string): string {
    const temporary = result.split('.').at(-1)!
    this.#results.set(session, [...(this.#results.get(session) ?? []), result])
    return temporary
  }

  async end(session: string, how: 'commit' | 'rollback'): Promise<void> {
    const connection = this.#session(session)
    const results = this.#results.get(session) ?? []
    this.#sessions.delete(session)
    this.#results.delete(session)
    try {
      await connection.run(how === 'commit' ? 'COMMIT' : 'ROLLBACK')
      if (how === 'commit') for (const result of results) await publish(connection, result)
    } catch (thrown) {
      await connection.run('ROLLBACK').catch(() => undefined)
      throw thrown
    } finally {
      this.#give(connection)
    }
    if (how === 'commit') await this.checkpoint()
  }

  /** What is committed goes from the log, where damage may stay unseen, into the file, whose blocks carry checksums. One serves all who wait. */
  checkpoint(): Promise<void> {
    this.#nextCheckpoint ??= (async () => {
      await this.#checkpointing
      this.#checkpointing = this.#nextCheckpoint
      this.#nextCheckpoint = undefined
      await this.#checkpointOnce()
    })()
    return this.#nextCheckpoint
  }
  /**
   * Another writer's commit may stand in the way for a moment. What was committed is synced in the log already, so after a while the
   * answer no longer waits: the next checkpoint takes it along.
   */
  async #checkpointOnce(): Promise<void> {
    const until_ms = this.#clock.elapsed_ms() + CHECKPOINT_WAIT_MS_MAX
    for (let pause_ms = 1; ; pause_ms = Math.min(pause_ms * 2, 50)) {
      try {
        await this.with(undefined, new AbortController().signal, (connection) => connection.run('CHECKPOINT'))
        return
      } catch (thrown) {
        if (!/other write transactions active/.test(String(thrown)) || this.#clock.elapsed_ms() > until_ms) {
          console.error(`no checkpoint: ${String(thrown)}`)
          return
        }
        await this.#clock.sleep(pause_ms)
      }
    }
  }

  #checkpointing: Promise<void> | undefined
  #nextCheckpoint: Promise<void> | undefined

  close(): void {
    for (const connection of [...this.#idle, ...this.#sessions.values()]) connection.closeSync()
    this.#instance.closeSync()
  }

  #session(session: string): DuckDBConnection {
    const connection = this.#sessions.get(session)
    if (!connection) throw new Error(`no session ${session}`)
    return connection
  }

  #give(connection: DuckDBConnection): void {
    if (this.#idle.length < CONNECTIONS_KEPT_MAX) this.#idle.push(connection)
    else connection.closeSync()
  }
}

async function publish(connection: DuckDBConnection, result: string): Promise<void> {
  const temporary = `temp.main.${result.split('.').at(-1)!}`
  await connection.run(`CREATE TABLE ${result} AS FROM ${temporary}`)
  await connection.run(`DROP TABLE ${temporary}`)
}
