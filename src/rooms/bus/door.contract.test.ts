/** The doors as the public Node client uses them, and as plain HTTP shows them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PubSub, v1 } from '@google-cloud/pubsub'
import type { Message, Subscription } from '@google-cloud/pubsub'
import { Storage } from '@google-cloud/storage'
import { afterAll, describe, expect, test } from 'vitest'
import { houseHere } from '../../../tests/support/house.ts'

process.env['POTOROO_EGRESS_ALLOW'] = '127.0.0.1'
const house = await houseHere()
const project = 'contract'
const endpoint = house.url.replace('http://', '')
const pubsub = new PubSub({ apiEndpoint: endpoint, projectId: project, emulatorMode: true })
// Clients first: the house waits for its callers when it stops.
afterAll(() => pubsub.close())

let count = 0
async function newTopic(options = {}) {
  const [topic] = await pubsub.createTopic({ name: `topic-${++count}`, ...options })
  return topic
}

/** The first messages, acknowledged as they come. */
async function take(subscription: Subscription, wanted: number): Promise<Message[]> {
  const got: Message[] = []
  const done = new Promise<void>((resolve, reject) => {
    subscription.on('error', reject)
    subscription.on('message', (message: Message) => {
      message.ack()
      got.push(message)
      if (got.length >= wanted) resolve()
    })
  })
  await done
  await subscription.close()
  return got
}

async function rest(verb: string, path: string, body?: unknown): Promise<{ status: number; body: any }> {
  const response = await fetch(`${house.url}/v1/projects/${project}/${path}`, { method: verb, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  return { status: response.status, body: await response.json() }
}

describe('the Node client', () => {
  test('publishes in batches and receives by streaming pull', async () => {
    const topic = await newTopic()
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`)
    const ids = await Promise.all(Array.from({ length: 250 }, (_, index) => topic.publishMessage({ data: Buffer.from(String(index)), attributes: { index: String(index) } })))
    expect(new Set(ids).size).toBe(250)
    const got = await take(subscription, 250)
    expect(got.map(({ data }) => Number(data)).sort((a, b) => a - b)).toEqual(Array.from({ length: 250 }, (_, index) => index))
    expect(got[0]!.attributes['index']).toBe(String(got[0]!.data))
    expect(Math.abs(got[0]!.publishTime.getTime() - Date.now())).toBeLessThan(60_000)
  })

  test('keeps the order of a key', async () => {
    const topic = await newTopic()
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`, { enableMessageOrdering: true })
    const ordered = pubsub.topic(topic.name, { messageOrdering: true })
    await Promise.all(Array.from({ length: 60 }, (_, index) => ordered.publishMessage({ data: Buffer.from(String(index)), orderingKey: `key-${index % 3}` })))
    const got = await take(subscription, 60)
    for (const key of [0, 1, 2]) {
      expect(got.filter(({ orderingKey }) => orderingKey === `key-${key}`).map(({ data }) => Number(data))).toEqual(Array.from({ length: 20 }, (_, index) => index * 3 + key))
    }
  })

  test('confirms acknowledgements where delivery is exactly once', async () => {
    const topic = await newTopic()
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`, { enableExactlyOnceDelivery: true })
    await topic.publishMessage({ data: Buffer.from('once') })
    const response = await new Promise((resolve, reject) => {
      subscription.on('error', reject)
      subscription.on('message', (message: Message) => message.ackWithResponse().then(resolve, reject))
    })
    expect(response).toBe('SUCCESS')
    await subscription.close()
  })

  test('tells of missing and existing resources by their codes', async () => {
    const topic = await newTopic()
    await expect(pubsub.createTopic(topic.name)).rejects.toMatchObject({ code: 6 })
    await expect(pubsub.topic('not-there').publishMessage({ data: Buffer.from('x') })).rejects.toMatchObject({ code: 5 })
    await expect(pubsub.topic('not-there').createSubscription('nobody')).rejects.toMatchObject({ code: 5 })
    await expect(topic.publishMessage({ data: Buffer.alloc(0) })).rejects.toMatchObject({ code: 3 })
  })

  test('changes settings, makes snapshots, seeks, and reads policies', async () => {
    const topic = await newTopic()
    await topic.setMetadata({ labels: { team: 'data' } })
    expect((await topic.getMetadata())[0].labels).toEqual({ team: 'data' })
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`, {
      retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 5 } },
      messageRetentionDuration: { seconds: 3600 },
      retainAckedMessages: true,
      filter: 'attributes:wanted',
    })
    await subscription.setMetadata({ ackDeadlineSeconds: 42 })
    const [metadata] = await subscription.getMetadata()
    expect(metadata).toMatchObject({ ackDeadlineSeconds: 42, filter: 'attributes:wanted', retainAckedMessages: true, expirationPolicy: { ttl: { seconds: '2678400' } } })
    const [snapshot] = await subscription.createSnapshot(`snap-${count}`)
    await topic.publishMessage({ data: Buffer.from('no'), attributes: {} })
    await topic.publishMessage({ data: Buffer.from('yes'), attributes: { wanted: '1' } })
    expect((await take(subscription, 1)).map(({ data }) => data.toString())).toEqual(['yes'])
    await snapshot.seek()
    expect((await take(pubsub.subscription(subscription.name), 1)).map(({ data }) => data.toString())).toEqual(['yes'])
    const [policy] = await topic.iam.getPolicy()
    await topic.iam.setPolicy({ ...policy, bindings: [{ role: 'roles/pubsub.publisher', members: ['user:ada@example.com'] }] })
    expect((await topic.iam.getPolicy())[0].bindings).toEqual([expect.objectContaining({ role: 'roles/pubsub.publisher', members: ['user:ada@example.com'] })])
  })

  test('a message of 9 MB goes through', async () => {
    const topic = await newTopic()
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`)
    await topic.publishMessage({ data: Buffer.alloc(9_000_000, 'x') })
    expect((await take(subscription, 1))[0]!.data.length).toBe(9_000_000)
  })

  test('schemas are kept by revision and hold back what does not fit', async () => {
    const client = new v1.SchemaServiceClient({ servicePath: endpoint.split(':')[0]!, port: Number(endpoint.split(':')[1]), sslCreds: (await import('@grpc/grpc-js')).credentials.createInsecure(), projectId: project } as never)
    const definition = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'string' }] })
    const [schema] = await client.createSchema({ parent: `projects/${project}`, schemaId: 'people', schema: { type: 'AVRO', definition } })
    expect(schema).toMatchObject({ name: `projects/${project}/schemas/people`, definition })
    const topic = await newTopic({ schemaSettings: { schema: schema.name!, encoding: 'JSON' } })
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`)
    await expect(topic.publishMessage({ data: Buffer.from('{"a": 1}') })).rejects.toMatchObject({ code: 3 })
    await topic.publishMessage({ data: Buffer.from('{"a": "fits"}') })
    const [message] = await take(subscription, 1)
    expect(message!.attributes).toMatchObject({ googclient_schemaencoding: 'JSON', googclient_schemaname: schema.name, googclient_schemarevisionid: schema.revisionId })
    await client.close()
  })
})

describe('REST', () => {
  test('the way of a message, and the names of things on it', async () => {
    expect((await rest('PUT', 'topics/by-rest', { labels: { a: 'b' } })).body).toMatchObject({ name: `projects/${project}/topics/by-rest`, labels: { a: 'b' } })
    expect((await rest('PUT', 'subscriptions/by-rest', { topic: `projects/${project}/topics/by-rest`, ack_deadline_seconds: 20 })).body).toMatchObject({
      topic: `projects/${project}/topics/by-rest`, ackDeadlineSeconds: 20, messageRetentionDuration: '604800s', expirationPolicy: { ttl: '2678400s' }, pushConfig: {}, state: 'ACTIVE',
    })
    const { messageIds } = (await rest('POST', 'topics/by-rest:publish', { messages: [{ data: Buffer.from('hi').toString('base64'), attributes: { snake_case: 'kept' } }] })).body
    const peeked = (await rest('GET', 'subscriptions/by-rest:peek')).body.messages
    expect(peeked).toMatchObject([{ messageId: messageIds[0], data: 'aGk=' }])
    const { receivedMessages } = (await rest('POST', 'subscriptions/by-rest:pull', { maxMessages: 5 })).body
    expect(receivedMessages).toMatchObject([{ message: { data: 'aGk=', attributes: { snake_case: 'kept' }, messageId: messageIds[0] } }])
    expect((await rest('POST', 'subscriptions/by-rest:acknowledge', { ackIds: [receivedMessages[0].ackId] })).body).toEqual({})
    expect((await rest('POST', 'subscriptions/by-rest:pull', { maxMessages: 5, returnImmediately: true })).body).toEqual({})
    expect((await rest('PATCH', 'topics/by-rest', { topic: { labels: { c: 'd' } }, updateMask: 'labels' })).body.labels).toEqual({ c: 'd' })
    expect((await rest('GET', 'topics/by-rest/subscriptions')).body.subscriptions).toEqual([`projects/${project}/subscriptions/by-rest`])
    expect((await rest('DELETE', 'topics/by-rest')).status).toBe(200)
    expect((await rest('GET', 'subscriptions/by-rest')).body.topic).toBe('_deleted-topic_')
    expect((await rest('GET', 'topics/by-rest')).body.error).toMatchObject({ code: 404, status: 'NOT_FOUND', message: expect.stringContaining('resource=by-rest') })
  })

  test('lists page by page', async () => {
    for (const id of ['list-a', 'list-b', 'list-c']) await rest('PUT', `schemas/${id}`.replace('schemas', 'topics'), {})
    const names: string[] = []
    let token = ''
    do {
      const { topics, nextPageToken = '' } = (await rest('GET', `topics?pageSize=2&pageToken=${token}`)).body
      expect(topics.length).toBeLessThanOrEqual(2)
      names.push(...topics.map(({ name }: { name: string }) => name))
      token = nextPageToken
    } while (token !== '')
    expect(names).toEqual([...new Set(names)].sort())
    expect(names.filter((name) => name.includes('/list-'))).toHaveLength(3)
  })
})

describe('push', () => {
  test('posts the message, with a token that names the account, and tries again after a refusal', async () => {
    const heard: { headers: Record<string, unknown>; body: any }[] = []
    const server = createServer(async (request, response) => {
      const chunks = await request.toArray()
      heard.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) })
      response.writeHead(heard.length === 1 ? 500 : 204).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const pushEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push`
    const topic = await newTopic()
    const name = `${topic.name.split('/').at(-1)}-push`
    await topic.createSubscription(name, { pushConfig: { pushEndpoint, oidcToken: { serviceAccountEmail: 'pusher@contract.iam.gserviceaccount.com', audience: 'them' } } })
    await topic.publishMessage({ data: Buffer.from('hi'), attributes: { a: 'b' } })
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    expect(heard[1]!.body).toMatchObject({ message: { data: 'aGk=', attributes: { a: 'b' }, messageId: expect.any(String), publishTime: expect.any(String) }, subscription: `projects/${project}/subscriptions/${name}` })
    const claims = JSON.parse(Buffer.from(String(heard[1]!.headers['authorization']).split('.')[1]!, 'base64url').toString())
    expect(claims).toMatchObject({ aud: 'them', email: 'pusher@contract.iam.gserviceaccount.com' })
    server.close()
  })
})

describe('events', () => {
  test('an upload arrives at the topic that its bucket names, with the cloud’s attributes', async () => {
    const topic = await newTopic()
    const [subscription] = await topic.createSubscription(`${topic.name.split('/').at(-1)}-sub`)
    const storage = new Storage({ apiEndpoint: house.url, projectId: project })
    const [bucket] = await storage.createBucket('notifying')
    await bucket.createNotification(topic.name, { eventTypes: ['OBJECT_FINALIZE'], objectNamePrefix: 'in/', customAttributes: { mine: 'yes' } } as never)
    await bucket.file('elsewhere').save('x', { resumable: false })
    await bucket.file('in/day.csv').save('a,b', { resumable: false })
    await bucket.file('in/day.csv').delete()
    const [message] = await take(subscription, 1)
    expect(message!.attributes).toMatchObject({ eventType: 'OBJECT_FINALIZE', bucketId: 'notifying', objectId: 'in/day.csv', payloadFormat: 'JSON_API_V1', mine: 'yes', notificationConfig: 'projects/_/buckets/notifying/notificationConfigs/1' })
    const payload = JSON.parse(message!.data.toString())
    expect(payload).toMatchObject({ kind: 'storage#object', name: 'in/day.csv', bucket: 'notifying', size: '3', generation: message!.attributes['objectGeneration'] })
  })

  test('facts of the house can be subscribed to as topics', async () => {
    const [subscription] = await pubsub.topic('potoroo.storage.bucket.created').createSubscription('bucket-watch')
    await new Storage({ apiEndpoint: house.url, projectId: project }).createBucket('watched')
    const [message] = await take(subscription, 1)
    expect(message!.attributes).toMatchObject({ type: 'storage.bucket.created', subject: 'buckets/watched' })
    await expect(pubsub.topic('potoroo.storage.bucket.created').publishMessage({ data: Buffer.from('forged') })).rejects.toMatchObject({ code: 3 })
  })
})
