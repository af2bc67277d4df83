/** Files that clients send for their load jobs, whole or in chunks. A session lives as long as the house: after a restart the client begins anew. */
import type { Clock } from '#ground/clock.ts'
import type { StagedFile } from '#ground/disk.ts'
import { Fault } from '#ground/fault.ts'
import type { ContentRange } from '#ground/http/content-range.ts'
import type { Ids } from '#ground/ids.ts'
import { Turns } from '#ground/turns.ts'
import { invalid } from './faults.ts'
import type { Files, SourceFile } from './files.ts'
import { UPLOAD_AGE_MS_MAX, UPLOADS_MAX } from './limits.ts'
import type { Job, Json } from './types.ts'

interface Session {
  id: string
  projectId: string
  job: Json
  user: string
  file: StagedFile
  started_ms: number
  finished: Job | undefined
}

export type Progress = { done: Job } | { stored: number }

export class Uploads {
  private readonly files: Files
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly sessions = new Map<string, Session>()
  private readonly turns = new Turns()

  constructor(parts: { files: Files; clock: Clock; ids: Ids }) {
    this.files = parts.files
    this.clock = parts.clock
    this.ids = parts.ids
  }

  async begin(projectId: string, job: Json, user: string): Promise<string> {
    await this.expire()
    if (this.sessions.size >= UPLOADS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'rateLimitExceeded', `Exceeded rate limits: ${UPLOADS_MAX} uploads are under way already.`, { httpStatus: 403 })
    const id = this.ids.secret()
    this.sessions.set(id, { id, projectId, job, user, file: await this.files.begin(), started_ms: this.clock.now_ms(), finished: undefined })
    return id
  }

  /** Takes a chunk; the last one begins the job. */
  advance(id: string, range: ContentRange, body: AsyncIterable<Buffer>, begin: (session: Pick<Session, 'projectId' | 'job' | 'user'>, file: SourceFile) => Promise<Job>): Promise<Progress> {
    return this.turns.take(id, async () => {
      const session = this.sessions.get(id)
      if (!session) throw new Fault('NOT_FOUND', 'notFound', 'No such upload session; it was finished or cancelled, or the house was started again.', { hint: 'Begin the upload anew.' })
      if (session.finished) return { done: session.finished }
      const { file } = session
      if (range.start !== undefined) await this.take(file, range.start, body)
      const complete = range.total !== undefined && file.size >= range.total
      if (range.total !== undefined && file.size > range.total) throw invalid(`The upload was announced with ${range.total} bytes and has ${file.size}.`)
      if (!complete) return { stored: file.size }
      session.finished = await begin(session, await this.files.finish(file))
      return { done: session.finished }
    })
  }

  async cancel(id: string): Promise<void> {
    const session = this.sessions.get(id)
    this.sessions.delete(id)
    if (session && !session.finished) await this.files.abandon(session.file)
  }

  async stop(): Promise<void> {
    for (const id of [...this.sessions.keys()]) await this.cancel(id)
  }

  /** What is there already is passed over: a client repeats what it did not hear of. */
  private async take(file: StagedFile, start: number, body: AsyncIterable<Buffer>): Promise<void> {
    if (start > file.size) throw new Fault('INVALID_ARGUMENT', 'badRequest', `The chunk begins at ${start}; the upload has ${file.size} bytes.`)
    let pass = file.size - start
    for await (const chunk of body) {
      if (pass >= chunk.length) {
        pass -= chunk.length
        continue
      }
      await this.files.append(file, pass > 0 ? chunk.subarray(pass) : chunk)
      pass = 0
    }
  }

  private async expire(): Promise<void> {
    for (const { id, started_ms } of this.sessions.values()) if (started_ms < this.clock.now_ms() - UPLOAD_AGE_MS_MAX) await this.cancel(id)
  }
}
