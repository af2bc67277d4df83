/** Bad input at the bus' doors: bytes that are no messages, fields out of bounds, subscribers that do nothing. Always a refusal in the service's words, and the house goes on. */
import { connect } from 'node:net'
import grpc from '@grpc/grpc-js'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { loadProtos } from '#ground/protos.ts'
import { houseHere } from '../support/house.ts'

const house = await houseHere()
const address = house.url.replace('http://', '')
const protos = await loadProtos('google/pubsub/v1/pubsub.proto')
const raw = (bytes: Buffer) => bytes
const channel = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
const clients: grpc.Client[] = []
// Clients first: the house waits for its callers when it stops.
afterAll(() => clients.forEach((client) => client.close()))

function clientOf(service: string): any {
  const client = new (grpc.makeGenericClientConstructor(protos.service(`google.pubsub.v1.${service}`), service))(address, grpc.credentials.createInsecure(), channel)
  clients.push(client)
  return client
}
const publisher = clientOf('Publisher')
const subscriber = clientOf('Subscriber')
const call = (client: any, method: string, request: unknown): Promise<any> => new Promise((resolve, reject) => client[method](request, (error: Error | null, answer: unknown) => (error ? reject(error) : resolve(answer))))
const sendBytes = (method: string, bytes: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => publisher.makeUnaryRequest(`/google.pubsub.v1.Publisher/${method}`, raw, raw, bytes, (error: Error | null, answer: Buffer) => (error ? reject(error) : resolve(answer))))

async function rest(verb: string, path: string, body?: string): Promise<{ status: number; body: any }> {
  const response = await fetch(`${house.url}/v1/${path}`, { method: verb, ...(body !== undefined && { body }) })
  return { status: response.status, body: await response.json() }
}

const TOPIC = 'projects/p/topics/target'
const SUBSCRIPTION = 'projects/p/subscriptions/target'
await call(publisher, 'CreateTopic', { name: TOPIC })
await call(subscriber, 'CreateSubscription', { name: SUBSCRIPTION, topic: TOPIC })
const INVALID = { code: grpc.status.INVALID_ARGUMENT }

afterAll(async () => {
  // After all of it the house still does its work.
  await call(subscriber, 'Seek', { subscription: SUBSCRIPTION, time: { seconds: String(Math.ceil(Date.now() / 1000) + 60) } })
  const { messageIds } = await call(publisher, 'Publish', { topic: TOPIC, messages: [{ data: Buffer.from('last') }] })
  const { receivedMessages } = await call(subscriber, 'Pull', { subscription: SUBSCRIPTION, maxMessages: 1000 })
  expect(receivedMessages.map(({ message }: any) => message.messageId)).toContain(messageIds[0])
})

describe('publish', () => {
  const words = (text: string) => expect.objectContaining({ ...INVALID, details: expect.stringContaining(text) })
  const many = (count: number) => Object.fromEntries([...Array(count)].map((_, index) => [`k${index}`, 'v']))
  test.each([
    ['nothing at all', [], 'message_count'],
    ['an empty message', [{}], 'is empty'],
    ['1001 messages', Array(1001).fill({ data: Buffer.from('x') }), 'message_count is too large'],
    ['11 MB', [{ data: Buffer.alloc(11_000_000) }], 'message_size is too large'],
    ['11 MB in all', Array(11).fill({ data: Buffer.alloc(1_000_000) }), 'request_size is too large'],
    ['10,000 attributes', [{ attributes: many(10_000) }], 'attribute_count is too large'],
    ['a long attribute key', [{ attributes: { ['k'.repeat(257)]: 'v' } }], 'attribute_key is too large'],
    ['a long attribute value', [{ attributes: { k: 'v'.repeat(1025) } }], 'attribute_value is too large'],
    ['an empty attribute key', [{ attributes: { '': 'v' } }], 'not empty'],
    ['a reserved attribute key', [{ attributes: { googfoo: 'v' } }], 'goog'],
    ['a long ordering key', [{ data: Buffer.from('x'), orderingKey: 'k'.repeat(1025) }], 'ordering_key is too large'],
  ])('%s is refused', async (_, messages, text) => {
    await expect(call(publisher, 'Publish', { topic: TOPIC, messages })).rejects.toEqual(words(text))
  })

  test('the largest messages and most attributes that are allowed go through', async () => {
    await call(publisher, 'Publish', { topic: TOPIC, messages: [{ data: Buffer.alloc(9_990_000) }] })
    await call(publisher, 'Publish', { topic: TOPIC, messages: [{ attributes: many(100) }] })
  })

  test('bytes that are no message are refused, or hold nothing to publish', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        await expect(sendBytes('Publish', Buffer.from(bytes))).rejects.toMatchObject({ code: expect.toSatisfy((code) => [grpc.status.INVALID_ARGUMENT, grpc.status.NOT_FOUND].includes(code)) })
      }),
      { numRuns: 200 },
    )
  })

  test('fields that the service does not know are passed over', async () => {
    const message = Buffer.from([0x0a, 1, 0x78, 0xfa, 0x01, 3, 1, 2, 3]) // data "x" and field 31
    const request = Buffer.concat([Buffer.from([0x0a, TOPIC.length]), Buffer.from(TOPIC), Buffer.from([0x12, message.length]), message, Buffer.from([0xf8, 0x06, 1])])
    expect((await sendBytes('Publish', request)).length).toBeGreaterThan(2)
  })

  test.each([
    ['broken base64', '{"messages":[{"data":"***"}]}', 'Base64'],
    ['a key twice', '{"messages":[],"messages":[]}', 'twice'],
    ['no list', '{"messages":{}}', 'message_count'],
    ['an unknown field', '{"messages":[{"data":"eA==","nonsense":1}]}', 'Unknown name'],
    ['attributes of numbers', '{"messages":[{"attributes":{"a":1}}]}', 'a text is wanted'],
    ['no JSON', '{', 'not valid JSON'],
  ])('over REST: %s is refused', async (_, body, text) => {
    expect(await rest('POST', `${TOPIC}:publish`, body)).toMatchObject({ status: 400, body: { error: { status: 'INVALID_ARGUMENT', message: expect.stringContaining(text) } } })
  })
})

describe('names and numbers', () => {
  test.each(['projects/p/topics/ab', 'projects/p/topics/1abc', 'projects/p/topics/goog-x', 'projects/p/topics/a b c', `projects/p/topics/${'a'.repeat(256)}`, 'topics/abc', 'projects//topics/abc', 'projects/p/subscriptions/abc', '', '../../etc/passwd'])(
    'the topic name %j is refused',
    async (name) => void (await expect(call(publisher, 'CreateTopic', { name })).rejects.toMatchObject(INVALID)),
  )

  test('numbers out of bounds are refused', async () => {
    await expect(call(subscriber, 'Pull', { subscription: SUBSCRIPTION, maxMessages: -1 })).rejects.toMatchObject(INVALID)
    await expect(call(subscriber, 'ModifyAckDeadline', { subscription: SUBSCRIPTION, ackIds: ['x'], ackDeadlineSeconds: 601 })).rejects.toMatchObject(INVALID)
    await expect(call(subscriber, 'Acknowledge', { subscription: SUBSCRIPTION, ackIds: [] })).rejects.toMatchObject(INVALID)
    await expect(call(subscriber, 'Acknowledge', { subscription: SUBSCRIPTION, ackIds: ['nonsense'] })).rejects.toMatchObject(INVALID)
    await expect(call(subscriber, 'Seek', { subscription: SUBSCRIPTION })).rejects.toMatchObject(INVALID)
  })
})

describe('streams', () => {
  const openStream = (request: object): Promise<{ code: number }> =>
    new Promise((resolve) => {
      const stream = subscriber.StreamingPull()
      stream.on('data', () => {})
      stream.on('error', resolve)
      stream.write(request)
    })

  test('a stream to nothing, or with a broken deadline, ends with its code', async () => {
    expect(await openStream({ subscription: 'projects/p/subscriptions/nobody', streamAckDeadlineSeconds: 10 })).toMatchObject({ code: grpc.status.NOT_FOUND })
    expect(await openStream({ subscription: SUBSCRIPTION, streamAckDeadlineSeconds: 5 })).toMatchObject(INVALID)
    expect(await openStream({ subscription: SUBSCRIPTION, modifyDeadlineAckIds: ['a'] })).toMatchObject(INVALID)
    expect(await openStream({})).toMatchObject(INVALID)
  })

  test('a subscription that is deleted ends its streams', async () => {
    const name = 'projects/p/subscriptions/doomed'
    await call(subscriber, 'CreateSubscription', { name, topic: TOPIC })
    const ended = openStream({ subscription: name, streamAckDeadlineSeconds: 10 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await call(subscriber, 'DeleteSubscription', { subscription: name })
    expect(await ended).toMatchObject({ code: grpc.status.NOT_FOUND })
  })

  test('a subscriber that never reads holds up nobody else', async () => {
    const [topic, name] = ['projects/p/topics/busy', 'projects/p/subscriptions/busy']
    await call(publisher, 'CreateTopic', { name: topic })
    await call(subscriber, 'CreateSubscription', { name, topic, ackDeadlineSeconds: 10 })
    const stuck = clientOf('Subscriber').StreamingPull()
    stuck.on('error', () => {})
    stuck.write({ subscription: name, streamAckDeadlineSeconds: 10, maxOutstandingMessages: '5' })
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (let count = 0; count < 40; count++) await call(publisher, 'Publish', { topic, messages: [{ data: Buffer.alloc(500_000) }] })
    let received = 0
    while (received < 35) {
      const { receivedMessages = [] } = await call(subscriber, 'Pull', { subscription: name, maxMessages: 10 })
      received += receivedMessages.length
      await call(subscriber, 'Acknowledge', { subscription: name, ackIds: receivedMessages.map(({ ackId }: any) => ackId) })
    }
    stuck.cancel()
  })

  test('a thousand streams, each served', { timeout: 60_000 }, async () => {
    const [topic, name] = ['projects/p/topics/crowd', 'projects/p/subscriptions/crowd']
    await call(publisher, 'CreateTopic', { name: topic })
    await call(subscriber, 'CreateSubscription', { name, topic, ackDeadlineSeconds: 60 })
    const served = new Set<number>()
    const streams = Array.from({ length: 1000 }, (_, index) => {
      const stream = subscriber.StreamingPull()
      stream.on('error', () => {})
      stream.on('data', ({ receivedMessages = [] }: any) => {
        served.add(index)
        stream.write({ ackIds: receivedMessages.map(({ ackId }: any) => ackId) })
      })
      stream.write({ subscription: name, streamAckDeadlineSeconds: 60, maxOutstandingMessages: '1' })
      return stream
    })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    while (served.size < 1000) await call(publisher, 'Publish', { topic, messages: Array(100).fill({ data: Buffer.from('x') }) })
    for (const stream of streams) stream.cancel()
  })

  test('sockets that fall silent in the middle of a frame, or speak nonsense, cost nobody anything', async () => {
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    const sockets = [preface, Buffer.concat([preface, Buffer.from([0, 0, 50, 1])]), Buffer.concat([preface, Buffer.alloc(200, 0xff)])].map((bytes) => {
      const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
      socket.on('error', () => {})
      socket.write(bytes)
      return socket
    })
    await call(publisher, 'Publish', { topic: TOPIC, messages: [{ data: Buffer.from('meanwhile') }] })
    for (const socket of sockets) socket.destroy()
  })
})
