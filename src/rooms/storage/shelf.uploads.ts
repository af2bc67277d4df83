/** Unfinished uploads and notification settings in the ledger. */
import type { Ledger, Statement } from '#ground/ledger.ts'
import type { Notification, Upload } from './types.ts'

interface Tables {
  storage_uploads: { id: string; bucket: string; name: string; blob: string; detail: string; total: number | null; stored: number; started_ms: number; finished: number | null }
  storage_parts: { upload: string; number: number; blob: string; size: number; md5: string; updated_ms: number }
  storage_notifications: { bucket: string; id: string; detail: string }
}

export interface StoredPart {
  number: number
  blob: string
  size: number
  /** Hexadecimal, as the XML API's ETag. */
  md5: string
  updated_ms: number
}

export class UploadShelf {
  private readonly ledger: Ledger
  private readonly db

  constructor(ledger: Ledger) {
    this.ledger = ledger
    this.db = ledger.builder<Tables>()
  }

  async add(upload: Upload): Promise<void> {
    await this.ledger.write(this.db.insertInto('storage_uploads').values(uploadRow(upload)))
  }

  async upload(id: string): Promise<Upload | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('storage_uploads').selectAll().where('id', '=', id))
    return row && asUpload(row)
  }

  async advance(id: string, stored: number, total: number | null): Promise<void> {
    await this.ledger.write(this.db.updateTable('storage_uploads').set({ stored, total }).where('id', '=', id))
  }

  /** Part of the write that puts the object. */
  finished(id: string, generation: number): Statement {
    return { query: this.db.updateTable('storage_uploads').set({ finished: generation }).where('id', '=', id), rows: 1 }
  }

  /** The same for parts that were put together: nothing of them is kept. */
  completed(id: string): Statement[] {
    return [
      { query: this.db.deleteFrom('storage_uploads').where('id', '=', id), rows: 1 },
      { query: this.db.deleteFrom('storage_parts').where('upload', '=', id) },
    ]
  }

  async remove(id: string): Promise<void> {
    await this.ledger.write(...this.completed(id).map(({ query }) => ({ query })))
  }

  async startedBefore(time_ms: number): Promise<Upload[]> {
    return (await this.ledger.read(this.db.selectFrom('storage_uploads').selectAll().where('started_ms', '<', time_ms))).map(asUpload)
  }

  async ofBucket(bucket: string): Promise<Upload[]> {
    return (await this.ledger.read(this.db.selectFrom('storage_uploads').selectAll().where('bucket', '=', bucket).orderBy('name'))).map(asUpload)
  }

  /** The staging files that unfinished uploads still need. */
  async stagedBlobs(): Promise<Set<string>> {
    const whole = await this.ledger.read(this.db.selectFrom('storage_uploads').select('blob').where('finished', 'is', null))
    const parts = await this.ledger.read(this.db.selectFrom('storage_parts').select('blob'))
    return new Set([...whole, ...parts].map(({ blob }) => blob))
  }

  /** Puts a part, in place of an earlier one of the same number; the file of that one is returned to be discarded. */
  async putPart(upload: string, part: StoredPart): Promise<string | undefined> {
    const before = await this.ledger.first(this.db.selectFrom('storage_parts').select('blob').where('upload', '=', upload).where('number', '=', part.number))
    await this.ledger.write(
      this.db.deleteFrom('storage_parts').where('upload', '=', upload).where('number', '=', part.number),
      this.db.insertInto('storage_parts').values({ upload, ...part }),
    )
    return before?.blob
  }

  async parts(upload: string): Promise<StoredPart[]> {
    return this.ledger.read(this.db.selectFrom('storage_parts').select(['number', 'blob', 'size', 'md5', 'updated_ms']).where('upload', '=', upload).orderBy('number'))
  }

  async notifications(bucket: string): Promise<Notification[]> {
    const rows = await this.ledger.read(this.db.selectFrom('storage_notifications').selectAll().where('bucket', '=', bucket))
    return rows.map((row) => ({ ...JSON.parse(row.detail), bucket: row.bucket, id: row.id })).sort((a, b) => Number(a.id) - Number(b.id))
  }

  async addNotification({ bucket, id, ...detail }: Notification): Promise<void> {
    await this.ledger.write(this.db.insertInto('storage_notifications').values({ bucket, id, detail: JSON.stringify(detail) }))
  }

  async removeNotification(bucket: string, id: string): Promise<boolean> {
    const [result] = await this.ledger.write(this.db.deleteFrom('storage_notifications').where('bucket', '=', bucket).where('id', '=', id))
    return result?.changed === 1
  }

  async forgetBucket(bucket: string): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('storage_notifications').where('bucket', '=', bucket))
  }
}

function uploadRow({ meta, storageClass, conditions, digests, ...same }: Upload) {
  return { ...same, detail: JSON.stringify({ meta, storageClass, conditions, digests }) }
}

function asUpload({ detail, ...same }: Tables['storage_uploads']): Upload {
  return { ...same, ...(JSON.parse(detail) as Pick<Upload, 'meta' | 'storageClass' | 'conditions' | 'digests'>) }
}
