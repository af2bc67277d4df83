/** Buckets and objects in the ledger: rows to plain data and back. Each write carries the facts that announce it. */
import type { Facts, NewFact } from '#ground/facts.ts'
import type { Ledger, Statement } from '#ground/ledger.ts'
import { WriteConflict } from '#ground/ledger.ts'
import { bucketNotEmpty, bucketTaken, noBucket } from './faults.ts'
import type { Bucket, StoredObject } from './types.ts'

interface BucketRow {
  name: string
  project: string
  metageneration: number
  created_ms: number
  updated_ms: number
  location: string
  storage_class: string
  config: string
}

interface ObjectRow {
  bucket: string
  name: string
  generation: number
  metageneration: number
  live: number
  blob: string
  size: number
  crc32c: string
  md5: string | null
  component_count: number | null
  storage_class: string
  created_ms: number
  updated_ms: number
  class_updated_ms: number
  noncurrent_ms: number | null
  meta: string
}

interface Tables {
  storage_buckets: BucketRow
  storage_objects: ObjectRow
  storage_garbage: { blob: string; since_ms: number }
}

/** What happens to the object that a new one replaces. */
export type Fate = 'archive' | 'delete'

export interface PutObject {
  object: StoredObject
  bucket: Bucket
  replaced: StoredObject | undefined
  fate: Fate
  facts: NewFact[]
  /** Whose bytes it shares. */
  copiedFrom: StoredObject | undefined
  /** A move: the object it is copied from goes in the same write, this way. */
  moved?: Fate | undefined
  also: Statement[]
}

export interface Scan {
  /** Names at or after each of these … */
  from: string[]
  /** … or strictly after this one, or after this generation of it. */
  after?: { name: string; generation?: number }
  /** … and before this one. */
  before?: string
  versions: boolean
  limit: number
}

export class StorageShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  // Buckets

  async bucket(name: string): Promise<Bucket | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('storage_buckets').selectAll().where('name', '=', name))
    return row && asBucket(row)
  }

  async buckets(project: string, options: { prefix: string; after: string; limit: number }): Promise<Bucket[]> {
    const rows = await this.ledger.read(
      this.db
        .selectFrom('storage_buckets')
        .selectAll()
        .where('project', '=', project)
        .where('name', '>=', options.prefix)
        .where('name', '>', options.after)
        .orderBy('name')
        .limit(options.limit),
    )
    return rows.map(asBucket).filter(({ name }) => name.startsWith(options.prefix))
  }

  async everyBucket(): Promise<Bucket[]> {
    return (await this.ledger.read(this.db.selectFrom('storage_buckets').selectAll().orderBy('name'))).map(asBucket)
  }

  async addBucket(bucket: Bucket, fact: NewFact): Promise<void> {
    const query = this.db.insertInto('storage_buckets').values(bucketRow(bucket)).onConflict((conflict) => conflict.column('name').doNothing())
    await this.ledger.write({ query, rows: 1, otherwise: () => bucketTaken(bucket.name) }, this.facts.append(fact))
  }

  async changeBucket(before: Bucket, after: Bucket, fact: NewFact): Promise<void> {
    const query = this.db
      .updateTable('storage_buckets')
      .set(bucketRow(after))
      .where('name', '=', before.name)
      .where('metageneration', '=', before.metageneration)
    await this.ledger.write({ query, rows: 1 }, this.facts.append(fact))
  }

  async removeBucket(bucket: Bucket, fact: NewFact): Promise<void> {
    const inside = this.db.selectFrom('storage_objects').select('name').where('bucket', '=', bucket.name).limit(1)
    await this.ledger.write(
      { query: inside, rows: 0, otherwise: bucketNotEmpty },
      { query: this.db.deleteFrom('storage_buckets').where('name', '=', bucket.name).where('created_ms', '=', bucket.created_ms), rows: 1, otherwise: () => noBucket(bucket.name) },
      this.facts.append(fact),
    )
  }

  // Objects

  async object(bucket: string, name: string, generation?: number): Promise<StoredObject | undefined> {
    let query = this.db.selectFrom('storage_objects').selectAll().where('bucket', '=', bucket).where('name', '=', name)
    query = generation === undefined ? query.where('live', '=', 1) : query.where('generation', '=', generation)
    const row = await this.ledger.first(query)
    return row && asObject(row)
  }

  /** Rows in the order of their names and generations. */
  async scan(bucket: string, scan: Scan): Promise<StoredObject[]> {
    let query = this.db.selectFrom('storage_objects').selectAll().where('bucket', '=', bucket).orderBy('name').orderBy('generation').limit(scan.limit)
    if (!scan.versions) query = query.where('live', '=', 1)
    for (const bound of scan.from) query = query.where('name', '>=', bound)
    if (scan.before !== undefined) query = query.where('name', '<', scan.before)
    const { after } = scan
    if (after?.generation !== undefined) {
      const { name, generation } = after
      query = query.where('name', '>=', name).where((where) => where.or([where('name', '>', name), where('generation', '>', generation!)]))
    } else if (after) query = query.where('name', '>', after.name)
    return (await this.ledger.read(query)).map(asObject)
  }

  /** Makes it the live object under its name, in place of `replaced` as it was when it was read. */
  async putObject({ object, bucket, replaced, fate, facts, copiedFrom, moved, also }: PutObject): Promise<void> {
    const there = this.db.selectFrom('storage_buckets').select('name').where('name', '=', bucket.name).where('created_ms', '=', bucket.created_ms)
    // The source of shared bytes has to be there still, or they may be on their way out.
    const still = copiedFrom && { query: this.same(this.db.selectFrom('storage_objects').select('name'), copiedFrom), rows: 1 }
    const source = copiedFrom && moved ? this.retire(copiedFrom, moved, object.updated_ms) : still ? [still] : []
    await this.ledger.write(
      { query: there, rows: 1, otherwise: () => noBucket(bucket.name) },
      ...source,
      ...(replaced ? this.retire(replaced, fate, object.updated_ms) : [this.mustBeFree(object)]),
      this.db.insertInto('storage_objects').values(objectRow(object)),
      ...also,
      ...facts.map((fact) => this.facts.append(fact)),
    )
  }

  async changeObject(before: StoredObject, after: StoredObject, fact: NewFact): Promise<void> {
    const query = this.same(this.db.updateTable('storage_objects').set(objectRow(after)), before).where('metageneration', '=', before.metageneration)
    await this.ledger.write({ query, rows: 1 }, this.facts.append(fact))
  }

  async removeObject(object: StoredObject, fate: Fate, now_ms: number, fact: NewFact): Promise<void> {
    await this.ledger.write(...this.retire(object, fate, now_ms), this.facts.append(fact))
  }

  // Files

  /** Of these files, those that some object still names. */
  async named(blobs: string[]): Promise<Set<string>> {
    if (blobs.length === 0) return new Set()
    const rows = await this.ledger.read(this.db.selectFrom('storage_objects').select('blob').where('blob', 'in', blobs))
    return new Set(rows.map(({ blob }) => blob))
  }

  /** Files whose bytes should be on disk, in order, for the doctor. */
  async files(after: string, limit: number): Promise<{ blob: string; size: number }[]> {
    return this.ledger.read(this.db.selectFrom('storage_objects').select(['blob', 'size']).where('blob', '>', after).groupBy(['blob', 'size']).orderBy('blob').limit(limit))
  }

  async garbage(limit: number): Promise<string[]> {
    const rows = await this.ledger.read(this.db.selectFrom('storage_garbage').select('blob').orderBy('since_ms').limit(limit))
    return rows.map(({ blob }) => blob)
  }

  /** Gives up a file unless an object names it; true where the file may now be removed. */
  async giveUp(blob: string): Promise<boolean> {
    const named = this.db.selectFrom('storage_objects').select('name').where('blob', '=', blob).limit(1)
    try {
      await this.ledger.write({ query: named, rows: 0 }, this.db.deleteFrom('storage_garbage').where('blob', '=', blob))
      return true
    } catch (thrown) {
      if (!(thrown instanceof WriteConflict)) throw thrown
      await this.ledger.write(this.db.deleteFrom('storage_garbage').where('blob', '=', blob))
      return false
    }
  }

  private retire(object: StoredObject, fate: Fate, now_ms: number): Statement[] {
    const unchanged = { rows: 1 }
    if (fate === 'archive') {
      const query = this.same(this.db.updateTable('storage_objects').set({ live: 0, noncurrent_ms: now_ms }), object).where('live', '=', 1)
      return [{ query: query.where('metageneration', '=', object.metageneration), ...unchanged }]
    }
    return [
      { query: this.same(this.db.deleteFrom('storage_objects'), object).where('metageneration', '=', object.metageneration), ...unchanged },
      { query: this.db.insertInto('storage_garbage').values({ blob: object.blob, since_ms: now_ms }).onConflict((conflict) => conflict.doNothing()) },
    ]
  }

  private mustBeFree(object: StoredObject): Statement {
    const live = this.db.selectFrom('storage_objects').select('name').where('bucket', '=', object.bucket).where('name', '=', object.name).where('live', '=', 1)
    return { query: live, rows: 0 }
  }

  private same<Query extends { where(column: any, operator: '=', value: any): Query }>(query: Query, object: StoredObject): Query {
    return query.where('bucket', '=', object.bucket).where('name', '=', object.name).where('generation', '=', object.generation)
  }
}

function asBucket(row: BucketRow): Bucket {
  const { storage_class, config, ...same } = row
  return { ...same, storageClass: storage_class, config: JSON.parse(config) }
}

function bucketRow(bucket: Bucket): BucketRow {
  const { storageClass, config, ...same } = bucket
  return { ...same, storage_class: storageClass, config: JSON.stringify(config) }
}

function asObject(row: ObjectRow): StoredObject {
  const { live, component_count, storage_class, class_updated_ms, meta, ...same } = row
  return { ...same, live: live === 1, componentCount: component_count, storageClass: storage_class, classUpdated_ms: class_updated_ms, meta: JSON.parse(meta) }
}

function objectRow(object: StoredObject): ObjectRow {
  const { live, componentCount, storageClass, classUpdated_ms, meta, ...same } = object
  return { ...same, live: live ? 1 : 0, component_count: componentCount, storage_class: storageClass, class_updated_ms: classUpdated_ms, meta: JSON.stringify(meta) }
}
