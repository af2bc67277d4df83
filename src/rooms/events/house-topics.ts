/** Facts of the house as topics: whoever subscribes to `projects/P/topics/potoroo.storage.object.finalized` is told of each, and may hang code on it. */
import type { Fact } from '#ground/facts.ts'
import type { EventMessage, Reaction, TopicPort } from './reaction.ts'

const HOUSE_TOPIC = /^potoroo(\.[a-z][A-Za-z]{0,40}){2,4}$/

/** Whether a topic of this id is there for the asking. */
export const isHouseTopic = (id: string): boolean => HOUSE_TOPIC.test(id)

export class HouseTopics implements Reaction {
  private readonly topics: TopicPort

  constructor(topics: TopicPort) {
    this.topics = topics
  }

  async react(fact: Fact): Promise<void> {
    const project = projectOf(fact.data)
    for (const topic of this.topics.withId(`potoroo.${fact.type}`)) {
      // What belongs to a project is told in that project only.
      if (project === undefined || topic.startsWith(`projects/${project}/`)) await this.topics.publish(topic, [messageOf(fact)])
    }
  }
}

function messageOf({ id, type, subject, trace, time_ms, data }: Fact): EventMessage {
  const time = new Date(time_ms).toISOString()
  return {
    data: Buffer.from(JSON.stringify({ id, type, subject, time, data })),
    attributes: { factId: id, type, subject: clipped(subject), time, ...(trace !== null && { trace }) },
    orderingKey: '',
  }
}

function projectOf(data: unknown): string | undefined {
  const { project, bucket } = (data ?? {}) as { project?: unknown; bucket?: { project?: unknown } }
  const found = project ?? (typeof bucket === 'object' && bucket !== null ? bucket.project : undefined)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** Attributes are bounded; the whole subject is in the data. */
const clipped = (subject: string): string => (Buffer.byteLength(subject) <= ATTRIBUTE_BYTES_MAX ? subject : Buffer.from(subject).subarray(0, ATTRIBUTE_BYTES_MAX).toString().replace(/\ufffd+$/, ''))

const ATTRIBUTE_BYTES_MAX = 1024
