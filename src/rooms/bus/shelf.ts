/** Topics, subscriptions, snapshots and schemas in the ledger, each change in one write with its fact. */
import type { Facts } from '#ground/facts.ts'
import type { Ledger } from '#ground/ledger.ts'
import { decodeRuns, encodeRuns } from './cursor.ts'
import { busFact } from './facts.ts'
import type { BusEvent } from './facts.ts'
import { alreadyExists } from './faults.ts'
import type { Cursor, SchemaRevision, Snapshot, Subscription, Topic } from './types.ts'

interface Tables {
  bus_topics: { name: string; log: string; serial: number; created_ms: number; config: string }
  bus_subscriptions: {
    name: string; topic: string; log: string; topic_serial: number; serial: number; created_ms: number; active_ms: number; config: string; next: number; unacked: string
  }
  bus_snapshots: { name: string; topic: string; log: string; created_ms: number; expire_ms: number; labels: string; filter: string; next: number; unacked: string }
  bus_schemas: { name: string; revision: string; number: number; type: string; definition: string; created_ms: number }
  bus_serials: { kind: string; last: number }
}

/** A subscription as it lies in the ledger: its settings and its place. */
export interface StoredSubscription {
  subscription: Subscription
  cursor: Cursor
  active_ms: number
}

export class BusShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  async topics(): Promise<Topic[]> {
    const rows = await this.ledger.read(this.db.selectFrom('bus_topics').selectAll())
    return rows.map(({ config, ...same }) => ({ ...same, config: JSON.parse(config) }))
  }

  async subscriptions(): Promise<StoredSubscription[]> {
    const rows = await this.ledger.read(this.db.selectFrom('bus_subscriptions').selectAll())
    return rows.map(({ config, next, unacked, active_ms, topic_serial, ...same }) => ({
      subscription: { ...same, topicSerial: topic_serial, config: JSON.parse(config) },
      cursor: { next, unacked: decodeRuns(unacked) },
      active_ms,
    }))
  }

  async snapshots(): Promise<Snapshot[]> {
    const rows = await this.ledger.read(this.db.selectFrom('bus_snapshots').selectAll())
    return rows.map(({ labels, next, unacked, ...same }) => ({ ...same, labels: JSON.parse(labels), cursor: { next, unacked: decodeRuns(unacked) } }))
  }

  async serials(): Promise<{ topic: number; subscription: number }> {
    const rows = await this.ledger.read(this.db.selectFrom('bus_serials').selectAll())
    const last = (kind: string) => rows.find((row) => row.kind === kind)?.last ?? 0
    return { topic: last('topic'), subscription: last('subscription') }
  }

  async addTopic(topic: Topic): Promise<void> {
    const { config, ...same } = topic
    await this.ledger.write(
      { query: this.db.insertInto('bus_topics').values({ ...same, config: JSON.stringify(config) }).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: alreadyExists(topic.name) },
      this.db.updateTable('bus_serials').set({ last: topic.serial }).where('kind', '=', 'topic').where('last', '<', topic.serial),
      this.facts.append(busFact('topic', 'created', topic.name)),
    )
  }

  async changeTopic({ name, config }: Topic): Promise<void> {
    await this.ledger.write(
      this.db.updateTable('bus_topics').set({ config: JSON.stringify(config) }).where('name', '=', name),
      this.facts.append(busFact('topic', 'updated', name)),
    )
  }

  /** Its subscriptions stay, and keep what they have. */
  async removeTopic(name: string, left: string): Promise<void> {
    await this.ledger.write(
      this.db.deleteFrom('bus_topics').where('name', '=', name),
      this.db.updateTable('bus_subscriptions').set({ topic: left }).where('topic', '=', name),
      this.db.updateTable('bus_snapshots').set({ topic: left }).where('topic', '=', name),
      this.facts.append(busFact('topic', 'deleted', name)),
    )
  }

  async addSubscription({ subscription, cursor, active_ms }: StoredSubscription): Promise<void> {
    const { config, topicSerial, ...same } = subscription
    const row = { ...same, topic_serial: topicSerial, config: JSON.stringify(config), active_ms, next: cursor.next, unacked: encodeRuns(cursor.unacked) }
    await this.ledger.write(
      { query: this.db.insertInto('bus_subscriptions').values(row).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: alreadyExists(subscription.name) },
      this.db.updateTable('bus_serials').set({ last: subscription.serial }).where('kind', '=', 'subscription').where('last', '<', subscription.serial),
      this.facts.append(busFact('subscription', 'created', subscription.name)),
    )
  }

  async changeSubscription({ name, config }: Subscription): Promise<void> {
    await this.ledger.write(
      this.db.updateTable('bus_subscriptions').set({ config: JSON.stringify(config) }).where('name', '=', name),
      this.facts.append(busFact('subscription', 'updated', name)),
    )
  }

  /** Keeps how far it has come. */
  async saveCursor({ name, serial }: Subscription, { next, unacked }: Cursor, active_ms: number): Promise<void> {
    await this.ledger.write(
      this.db.updateTable('bus_subscriptions').set({ next, unacked: encodeRuns(unacked), active_ms }).where('name', '=', name).where('serial', '=', serial),
    )
  }

  async removeSubscription(name: string, event: BusEvent = 'deleted'): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('bus_subscriptions').where('name', '=', name), this.facts.append(busFact('subscription', event, name)))
  }

  async addSnapshot(snapshot: Snapshot): Promise<void> {
    const { cursor, labels, ...same } = snapshot
    const row = { ...same, labels: JSON.stringify(labels), next: cursor.next, unacked: encodeRuns(cursor.unacked) }
    await this.ledger.write(
      { query: this.db.insertInto('bus_snapshots').values(row).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: alreadyExists(snapshot.name) },
      this.facts.append(busFact('snapshot', 'created', snapshot.name)),
    )
  }

  async changeSnapshot({ name, labels, expire_ms }: Snapshot): Promise<void> {
    await this.ledger.write(
      this.db.updateTable('bus_snapshots').set({ labels: JSON.stringify(labels), expire_ms }).where('name', '=', name),
      this.facts.append(busFact('snapshot', 'updated', name)),
    )
  }

  async removeSnapshot(name: string, event: BusEvent = 'deleted'): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('bus_snapshots').where('name', '=', name), this.facts.append(busFact('snapshot', event, name)))
  }

  /** Every revision of every schema of a project, oldest first; of one schema where it is named. */
  async schemas(where: { project?: string; name?: string }): Promise<SchemaRevision[]> {
    let query = this.db.selectFrom('bus_schemas').select(['name', 'revision', 'type', 'definition', 'created_ms']).orderBy('name').orderBy('number')
    if (where.name !== undefined) query = query.where('name', '=', where.name)
    if (where.project !== undefined) query = query.where('name', '>=', `projects/${where.project}/`).where('name', '<', `projects/${where.project}0`)
    return (await this.ledger.read(query)) as SchemaRevision[]
  }

  async addSchemaRevision(schema: SchemaRevision, number: number): Promise<void> {
    await this.ledger.write(
      { query: this.db.insertInto('bus_schemas').values({ ...schema, number }).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: alreadyExists(schema.name) },
      this.facts.append(busFact('schema', number === 1 ? 'created' : 'updated', schema.name)),
    )
  }

  async removeSchema(name: string, revision?: string): Promise<void> {
    let query = this.db.deleteFrom('bus_schemas').where('name', '=', name)
    if (revision !== undefined) query = query.where('revision', '=', revision)
    await this.ledger.write(query, this.facts.append(busFact('schema', revision === undefined ? 'deleted' : 'updated', name)))
  }
}
