import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { SUBSCRIPTION, TOPIC, testBus, textsOf } from './bus.test-support.ts'
import { decodeMessage } from './wire/message.ts'

const DAY_MS = 86_400_000

/** An endpoint that answers with these, one after the other, the last one for good. */
function endpoint(...statuses: number[]) {
  const requests: { url: string; headers: Record<string, unknown>; body: string }[] = []
  return {
    requests,
    courier: {
      async send(request: { url: string | URL; headers?: object; body?: unknown }) {
        requests.push({ url: String(request.url), headers: { ...request.headers }, body: String(request.body) })
        return { status: statuses[Math.min(requests.length, statuses.length) - 1]!, body: Readable.from([]) as never }
      },
    },
  }
}

describe('delivery', () => {
  it('each subscription has all messages published since it was made, and only those', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.publish('before')
    await house.subscribe({}, 'projects/p/subscriptions/late')
    await house.publish('after')
    expect(textsOf(await house.pull())).toEqual(['before', 'after'])
    expect(textsOf(await house.pull(100, 'projects/p/subscriptions/late'))).toEqual(['after'])
  })

  it('a message that is given back takes the later ones of its key with it', async () => {
    const house = await testBus()
    await house.subscribe({ enableMessageOrdering: true })
    for (const text of ['1', '2', '3']) await house.publish(text, { orderingKey: 'k' })
    const batch = await house.pull()
    await house.nack([batch[0]!])
    expect(textsOf(await house.pull())).toEqual(['1', '2', '3'])
  })

  it('a filter passes over what nobody wants, and lets it be forgotten', async () => {
    const house = await testBus()
    await house.subscribe({ filter: 'attributes.kind = "a"' })
    for (const kind of ['a', 'b', 'a']) await house.publish(kind, { attributes: { kind } })
    const batch = await house.pull()
    expect(textsOf(batch)).toEqual(['a', 'a'])
    await house.ack(batch)
    expect((await house.bus.backlogs()).get(SUBSCRIPTION)).toEqual({ messages: 0, age_s: 0 })
  })

  it('the retry policy holds a refused message back for longer and longer', async () => {
    const house = await testBus()
    await house.subscribe({ retryPolicy: { minimumBackoff: '10s', maximumBackoff: '25s' } })
    await house.publish('x')
    for (const wait_s of [10, 20, 25, 25]) {
      const batch = await house.pull()
      expect(batch).toHaveLength(1)
      await house.nack(batch)
      await house.clock.advance(wait_s * 1000 - 50)
      expect(await house.pull()).toEqual([])
      await house.clock.advance(100)
    }
  })

  it('a message that was tried often enough goes to the dead letters and says where it comes from', async () => {
    const house = await testBus()
    const dead = 'projects/p/topics/dead'
    await house.subscribe({}, 'projects/p/subscriptions/undertaker', dead)
    await house.subscribe({ deadLetterPolicy: { deadLetterTopic: dead, maxDeliveryAttempts: 5 } })
    await house.publish('poison', { attributes: { a: 'b' } })
    const attempts: number[] = []
    for (let count = 0; count < 5; count++) {
      const batch = await house.pull()
      attempts.push(...batch.map(({ attempt }) => attempt))
      if (count === 2) await house.restart() // The count outlives a restart; the lease does not, and costs a try.
      else await house.nack(batch)
    }
    expect(attempts).toEqual([1, 2, 3, 4, 5])
    await expect.poll(async () => textsOf(await house.pull(1, 'projects/p/subscriptions/undertaker'))).toEqual(['poison'])
    const [letter] = await house.bus.subscriptions.delivery('projects/p/subscriptions/undertaker').then((delivery) => delivery.peek(1))
    expect(decodeMessage(letter!.payload).attributes).toMatchObject({
      a: 'b', CloudPubSubDeadLetterSourceDeliveryCount: '5', CloudPubSubDeadLetterSourceSubscription: 'reader', CloudPubSubDeadLetterSourceSubscriptionProject: 'p',
    })
    expect(await house.pull()).toEqual([])
  })

  it('exactly once: an ack id counts while its lease runs, and never again', async () => {
    const house = await testBus()
    await house.subscribe({ enableExactlyOnceDelivery: true })
    await house.publish('x')
    const first = await house.pull()
    await house.clock.advance(10_100)
    expect((await house.ack(first)).invalid).toEqual([first[0]!.ackId])
    const second = await house.pull()
    expect(textsOf(second)).toEqual(['x'])
    expect((await house.ack(second)).invalid).toEqual([])
    expect((await house.ack(second)).invalid).toEqual([second[0]!.ackId])
  })

  it('without exactly-once a late acknowledgement is taken all the same', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.publish('x')
    const batch = await house.pull()
    await house.clock.advance(60_000)
    await house.ack(batch)
    expect(await house.pull()).toEqual([])
  })

  it('an ack id of another subscription is refused', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.subscribe({}, 'projects/p/subscriptions/other')
    await house.publish('x')
    await expect(house.ack(await house.pull(), 'projects/p/subscriptions/other')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('invalid ack ID') })
  })

  it('what is older than the retention no longer comes', async () => {
    const house = await testBus()
    await house.subscribe({ messageRetentionDuration: '600s' })
    await house.publish('old')
    await house.clock.advance(601_000)
    await house.publish('new')
    expect(textsOf(await house.pull())).toEqual(['new'])
  })

  it('peek shows what waits and takes nothing', async () => {
    const house = await testBus()
    await house.subscribe({ filter: 'attributes:wanted' })
    await house.publish('a', { attributes: { wanted: '' } })
    await house.publish('b')
    await house.publish('c', { attributes: { wanted: '' } })
    const delivery = await house.bus.subscriptions.delivery(SUBSCRIPTION)
    const shown = (await delivery.peek(10)).map(({ payload }) => decodeMessage(payload).data.toString())
    expect(shown).toEqual(['a', 'c'])
    expect(textsOf(await house.pull())).toEqual(['a', 'c'])
  })
})

describe('going back', () => {
  it('a snapshot brings back what was waiting when it was made, and what came after', async () => {
    const house = await testBus()
    await house.subscribe()
    for (const text of ['done', 'waiting']) await house.publish(text)
    await house.ack(await house.pull(1))
    await house.bus.seek.createSnapshot('projects/p/snapshots/here', SUBSCRIPTION, undefined)
    await house.publish('after')
    await house.ack(await house.pull())
    await house.bus.upkeep.round()
    await house.restart()
    await house.bus.seek.toSnapshot(SUBSCRIPTION, 'projects/p/snapshots/here')
    expect(textsOf(await house.pull())).toEqual(['waiting', 'after'])
  })

  it('a topic that retains its messages lets a new subscription seek to before it was made', async () => {
    const house = await testBus()
    await house.bus.topics.create(TOPIC, { messageRetentionDuration: '3600s' })
    const start_us = house.clock.now_ms() * 1000
    await house.publish('history')
    await house.clock.advance(1000)
    await house.subscribe()
    expect(await house.pull()).toEqual([])
    await house.bus.seek.toTime(SUBSCRIPTION, start_us)
    expect(textsOf(await house.pull())).toEqual(['history'])
  })

  it('a snapshot expires a week after its oldest message', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.bus.seek.createSnapshot('projects/p/snapshots/here', SUBSCRIPTION, undefined)
    await house.clock.advance(7 * DAY_MS + 1)
    await house.bus.upkeep.round()
    expect(() => house.bus.seek.get('projects/p/snapshots/here')).toThrow('Resource not found')
  })
})

describe('room', () => {
  it('what every subscription has passed is freed, and nothing before', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.subscribe({}, 'projects/p/subscriptions/slow')
    for (let count = 0; count < 3; count++) await house.publish('x'.repeat(1_000_000))
    const log = await house.bus.logs.open(house.bus.topics.get(TOPIC).log)
    await house.ack(await house.pull())
    await house.bus.upkeep.round()
    expect(log.bytes).toBeGreaterThan(3_000_000)
    for (let batch = await house.pull(100, 'projects/p/subscriptions/slow'); batch.length > 0; batch = await house.pull(100, 'projects/p/subscriptions/slow')) await house.ack(batch, 'projects/p/subscriptions/slow')
    await house.ack(await house.pull())
    await house.bus.upkeep.round()
    expect((await house.bus.backlogs()).get(SUBSCRIPTION)).toEqual({ messages: 0, age_s: 0 })
    expect(log.bytes).toBe(0)
  })

  it('a topic’s files go with its last reader', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.publish('kept')
    await house.bus.topics.remove(TOPIC)
    await house.bus.upkeep.round()
    expect(house.bus.subscriptions.get(SUBSCRIPTION).topic).toBe('_deleted-topic_')
    expect(textsOf(await house.pull())).toEqual(['kept'])
    await house.bus.subscriptions.remove(SUBSCRIPTION)
    await house.bus.upkeep.round()
    expect(await house.bus.logs.onDisk()).toEqual([])
  })

  it('a subscription that nobody uses expires; one without a ttl never does', async () => {
    const house = await testBus()
    await house.subscribe({ expirationPolicy: { ttl: '86400s' } })
    await house.subscribe({ expirationPolicy: {} }, 'projects/p/subscriptions/forever')
    await house.clock.advance(2 * DAY_MS)
    await house.bus.upkeep.round()
    expect(house.bus.subscriptions.list('p').map(({ name }) => name)).toEqual(['projects/p/subscriptions/forever'])
    expect((await house.facts.since(0)).map(({ type }) => type)).toContain('bus.subscription.expired')
  })
})

describe('settings', () => {
  it.each([
    [{ ackDeadlineSeconds: 9 }, 'ack_deadline_seconds is too small'],
    [{ ackDeadlineSeconds: 601 }, 'ack_deadline_seconds is too large'],
    [{ messageRetentionDuration: '5s' }, 'message_retention_duration'],
    [{ filter: 'attributes.a = ' }, 'filter expression could not be parsed'],
    [{ deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/dead', maxDeliveryAttempts: 4 } }, 'max_delivery_attempts is too small'],
    [{ retryPolicy: { minimumBackoff: '20s', maximumBackoff: '10s' } }, 'minimum_backoff'],
    [{ pushConfig: { pushEndpoint: 'ftp://x' } }, 'Invalid push endpoint'],
    [{ labels: { Upper: 'x' } }, 'Invalid label'],
    [{ nonsense: 1 }, 'Unknown name "nonsense"'],
  ])('%j is refused with the service’s words', async (config, words) => {
    const house = await testBus()
    await expect(house.subscribe(config)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(words) })
  })

  it('an update touches what its mask names and nothing else; filter and ordering stay for good', async () => {
    const house = await testBus()
    await house.subscribe({ ackDeadlineSeconds: 20, labels: { a: 'b' }, filter: 'attributes:x' })
    const changed = await house.bus.subscriptions.change(SUBSCRIPTION, { ackDeadlineSeconds: 30, labels: { c: 'd' } }, ['ack_deadline_seconds'])
    expect(changed.config).toMatchObject({ ackDeadlineSeconds: 30, labels: { a: 'b' }, filter: 'attributes:x' })
    expect((await house.bus.subscriptions.change(SUBSCRIPTION, {}, ['ack_deadline_seconds'])).config.ackDeadlineSeconds).toBe(10)
    await expect(house.bus.subscriptions.change(SUBSCRIPTION, { filter: '' }, ['filter'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(house.bus.subscriptions.change(SUBSCRIPTION, {}, [])).rejects.toMatchObject({ message: expect.stringContaining('update_mask') })
  })

  it('a detached subscription keeps its settings and delivers nothing', async () => {
    const house = await testBus()
    await house.subscribe()
    await house.publish('x')
    await house.bus.subscriptions.detach(SUBSCRIPTION)
    expect(house.bus.subscriptions.get(SUBSCRIPTION).config.detached).toBe(true)
    await expect(house.pull()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await house.restart()
    await expect(house.pull()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  })

  it('one push configuration at a time, and pull is refused meanwhile', async () => {
    const { courier } = endpoint(204)
    const house = await testBus({ courier })
    await house.subscribe()
    await house.bus.subscriptions.changePush(SUBSCRIPTION, { pushEndpoint: 'https://example.com/hook' })
    await expect(house.pull()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await house.bus.subscriptions.changePush(SUBSCRIPTION, {})
    await house.publish('x')
    expect(textsOf(await house.pull())).toEqual(['x'])
  })
})

describe('push', () => {
  it('an accepted message is acknowledged, a refused one comes again, its key in order behind it', async () => {
    const { requests, courier } = endpoint(204, 500, 204)
    const house = await testBus({ courier })
    await house.subscribe({ enableMessageOrdering: true, pushConfig: { pushEndpoint: 'https://example.com/hook' } })
    for (const text of ['1', '2', '3']) await house.publish(text, { orderingKey: 'k' })
    await expect.poll(async () => (await house.clock.advance(1000), requests.length)).toBe(4)
    const pushed = requests.map(({ body }) => Buffer.from(JSON.parse(body).message.data, 'base64').toString())
    expect(pushed).toEqual(['1', '2', '2', '3'])
    await expect.poll(async () => (await house.bus.backlogs()).get(SUBSCRIPTION)!.messages).toBe(0)
  })

  it('an endpoint that always refuses is asked ever more seldom, and its messages become dead letters', async () => {
    const { requests, courier } = endpoint(500)
    const house = await testBus({ courier })
    await house.subscribe({}, 'projects/p/subscriptions/undertaker', 'projects/p/topics/dead')
    await house.subscribe({ pushConfig: { pushEndpoint: 'https://example.com/hook' }, deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/dead', maxDeliveryAttempts: 5 } })
    await house.publish('x')
    await expect.poll(async () => (await house.clock.advance(5000), requests.length), { timeout: 5000 }).toBe(5)
    await expect.poll(async () => textsOf(await house.pull(1, 'projects/p/subscriptions/undertaker'))).toEqual(['x'])
    expect(JSON.parse(requests[4]!.body).deliveryAttempt).toBe(5)
  })

  it('without a wrapper the data is the body, and attributes are headers', async () => {
    const { requests, courier } = endpoint(200)
    const house = await testBus({ courier })
    await house.subscribe({ pushConfig: { pushEndpoint: 'https://example.com/hook', noWrapper: { writeMetadata: true }, oidcToken: { serviceAccountEmail: 'a@b.c' } } })
    await house.publish('plain', { attributes: { colour: 'red', 'not a header': 'x' } })
    await expect.poll(() => requests.length).toBe(1)
    expect(requests[0]).toMatchObject({ body: 'plain', headers: { colour: 'red', 'x-goog-pubsub-subscription-name': SUBSCRIPTION, authorization: 'Bearer token-of-a@b.c-for-https://example.com/hook' } })
    expect(requests[0]!.headers).not.toHaveProperty('not a header')
  })
})

describe('tables and buckets', () => {
  it('messages become rows; one that does not fit becomes a dead letter', async () => {
    const rows: Record<string, unknown>[] = []
    const tables = {
      exists: async () => true,
      insert: async (_: string, given: { id: string; row: Record<string, unknown> }[]) => {
        rows.push(...given.map(({ row }) => row))
        return { refused: [] }
      },
    }
    const house = await testBus({ tables })
    await house.subscribe({ bigqueryConfig: { table: 'p.lake.events', useTableSchema: true, writeMetadata: true } })
    await house.publish('{"a": 1}', { attributes: { k: 'v' } })
    await house.publish('no object')
    await expect.poll(async () => (await house.clock.advance(1000), rows.length)).toBe(1)
    expect(rows[0]).toMatchObject({ a: 1, subscription_name: SUBSCRIPTION, attributes: '{"k":"v"}', message_id: expect.any(String) })
    expect((await house.bus.backlogs()).get(SUBSCRIPTION)!.messages).toBe(1)
  })

  it('messages become lines of an object', async () => {
    const written: { bucket: string; name: string; text: string }[] = []
    const buckets = { exists: async () => true, write: async (bucket: string, name: string, bytes: Buffer) => void written.push({ bucket, name, text: bytes.toString() }) }
    const house = await testBus({ buckets })
    await house.subscribe({ cloudStorageConfig: { bucket: 'lake', filenamePrefix: 'in/', filenameSuffix: '.txt', maxDuration: '60s' } })
    await house.publish('a')
    await house.publish('b')
    await expect.poll(async () => (await house.clock.advance(61_000), written.length)).toBe(1)
    expect(written[0]).toMatchObject({ bucket: 'lake', text: 'a\nb\n', name: expect.stringMatching(/^in\/2026-01-01\/.*\.txt$/) })
  })

  it('a house without the room says so', async () => {
    const house = await testBus()
    await expect(house.subscribe({ bigqueryConfig: { table: 'p.lake.events' } })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
  })
})
