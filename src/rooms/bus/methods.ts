/**
 * Every method of the three services with its id, its place in REST and what it does, once for both protocols: requests and answers are
 * the JSON API's. The gRPC door has faster ways of its own for publish, pull and streams.
 */
import type { Verb } from '#ground/door.ts'
import { googleRpcError } from './wire/status.ts'
import { timeOf } from './durations.ts'
import { invalid } from './faults.ts'
import { camelKeys, flagOf, isObject, objectOf, textMap, textOf, textsOf, wholeOf } from './json.ts'
import type { Json } from './json.ts'
import { ACK_IDS_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PUBLISH_BODY_BYTES_MAX } from './limits.ts'
import { checkProject } from './names.ts'
import type { BusService } from './service.ts'
import type { Subscription } from './types.ts'
import { decodeMessage, encodeMessage } from './wire/message.ts'
import type { Delivered } from './delivery/delivered.ts'
import { timeText } from './durations.ts'
import { schemaResource, snapshotResource, subscriptionResource, topicResource } from './wire/resources.ts'

export interface Method {
  service: 'Publisher' | 'Subscriber' | 'SchemaService'
  /** As gRPC calls it; its id is `pubsub.` and the REST collection's verb. */
  rpc: string
  id: string
  verb: Verb
  path: string
  /** The request's field that the path names: `topic`, `subscription.name`. */
  field: string
  permission: string
  bodyBytesMax?: number
  run(request: Json, signal?: AbortSignal): Promise<Json>
}

const TOPIC = '/v1/projects/{project}/topics/{topic}'
const SUBSCRIPTION = '/v1/projects/{project}/subscriptions/{subscription}'
const SNAPSHOT = '/v1/projects/{project}/snapshots/{snapshot}'
const SCHEMA = '/v1/projects/{project}/schemas/{schema}'
const PROJECT = '/v1/projects/{project}'

export function busMethods(bus: BusService): Method[] {
  return [...publisherMethods(bus), ...subscriberMethods(bus), ...snapshotMethods(bus), ...schemaMethods(bus)]
}

function publisherMethods({ topics, registry, seek, subscriptions }: BusService): Method[] {
  const of = { service: 'Publisher' as const }
  return [
    {
      ...of, rpc: 'CreateTopic', id: 'pubsub.projects.topics.create', verb: 'PUT', path: TOPIC, field: 'name', permission: 'pubsub.topics.create',
      run: async (request) => topicResource(await topics.create(nameIn(request), request)),
    },
    {
      ...of, rpc: 'UpdateTopic', id: 'pubsub.projects.topics.patch', verb: 'PATCH', path: TOPIC, field: 'topic.name', permission: 'pubsub.topics.update',
      async run({ topic, updateMask }) {
        const given = objectOf(topic, 'topic')
        return topicResource(await topics.change(nameIn(given), given, updateMask))
      },
    },
    {
      ...of, rpc: 'Publish', id: 'pubsub.projects.topics.publish', verb: 'POST', path: `${TOPIC}:publish`, field: 'topic', permission: 'pubsub.topics.publish', bodyBytesMax: PUBLISH_BODY_BYTES_MAX,
      async run({ topic, messages }) {
        if (!Array.isArray(messages)) throw invalid('The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.')
        return { messageIds: await topics.publish(textOf(topic, 'topic'), messages.map(messageOf)) }
      },
    },
    {
      ...of, rpc: 'GetTopic', id: 'pubsub.projects.topics.get', verb: 'GET', path: TOPIC, field: 'topic', permission: 'pubsub.topics.get',
      run: async ({ topic }) => topicResource(topics.get(textOf(topic, 'topic'))),
    },
    {
      ...of, rpc: 'ListTopics', id: 'pubsub.projects.topics.list', verb: 'GET', path: `${PROJECT}/topics`, field: 'project', permission: 'pubsub.topics.list',
      run: async (request) => page(topics.list(checkProject(request['project'])), request, 'topics', topicResource),
    },
    {
      ...of, rpc: 'ListTopicSubscriptions', id: 'pubsub.projects.topics.subscriptions.list', verb: 'GET', path: `${TOPIC}/subscriptions`, field: 'topic', permission: 'pubsub.topics.attachSubscription',
      async run(request) {
        const { name } = topics.get(textOf(request['topic'], 'topic'))
        const attached = registry.subscriptionsOf(name).filter(({ config }) => !config.detached)
        return page(attached.sort(byName), request, 'subscriptions', ({ name: subscription }) => subscription)
      },
    },
    {
      ...of, rpc: 'ListTopicSnapshots', id: 'pubsub.projects.topics.snapshots.list', verb: 'GET', path: `${TOPIC}/snapshots`, field: 'topic', permission: 'pubsub.topics.attachSubscription',
      run: async (request) => page(seek.ofTopic(topics.get(textOf(request['topic'], 'topic')).name).sort(byName), request, 'snapshots', ({ name }) => name),
    },
    {
      ...of, rpc: 'DeleteTopic', id: 'pubsub.projects.topics.delete', verb: 'DELETE', path: TOPIC, field: 'topic', permission: 'pubsub.topics.delete',
      run: async ({ topic }) => nothing(await topics.remove(textOf(topic, 'topic'))),
    },
    {
      ...of, rpc: 'DetachSubscription', id: 'pubsub.projects.subscriptions.detach', verb: 'POST', path: `${SUBSCRIPTION}:detach`, field: 'subscription', permission: 'pubsub.topics.detachSubscription',
      run: async ({ subscription }) => nothing(await subscriptions.detach(textOf(subscription, 'subscription'))),
    },
  ]
}

function subscriberMethods(bus: BusService): Method[] {
  const of = { service: 'Subscriber' as const }
  const { subscriptions, registry } = bus
  const shown = (subscription: Subscription) => subscriptionResource(subscription, registry.topics.get(subscription.topic)?.config.messageRetentionDuration)
  return [
    {
      ...of, rpc: 'CreateSubscription', id: 'pubsub.projects.subscriptions.create', verb: 'PUT', path: SUBSCRIPTION, field: 'name', permission: 'pubsub.subscriptions.create',
      run: async (request) => shown(await subscriptions.create(nameIn(request), request)),
    },
    {
      ...of, rpc: 'GetSubscription', id: 'pubsub.projects.subscriptions.get', verb: 'GET', path: SUBSCRIPTION, field: 'subscription', permission: 'pubsub.subscriptions.get',
      run: async ({ subscription }) => shown(subscriptions.get(textOf(subscription, 'subscription'))),
    },
    {
      ...of, rpc: 'UpdateSubscription', id: 'pubsub.projects.subscriptions.patch', verb: 'PATCH', path: SUBSCRIPTION, field: 'subscription.name', permission: 'pubsub.subscriptions.update',
      async run({ subscription, updateMask }) {
        const given = objectOf(subscription, 'subscription')
        return shown(await subscriptions.change(nameIn(given), given, updateMask))
      },
    },
    {
      ...of, rpc: 'ListSubscriptions', id: 'pubsub.projects.subscriptions.list', verb: 'GET', path: `${PROJECT}/subscriptions`, field: 'project', permission: 'pubsub.subscriptions.list',
      run: async (request) => page(subscriptions.list(checkProject(request['project'])), request, 'subscriptions', shown),
    },
    {
      ...of, rpc: 'DeleteSubscription', id: 'pubsub.projects.subscriptions.delete', verb: 'DELETE', path: SUBSCRIPTION, field: 'subscription', permission: 'pubsub.subscriptions.delete',
      run: async ({ subscription }) => nothing(await subscriptions.remove(textOf(subscription, 'subscription'))),
    },
    {
      ...of, rpc: 'ModifyAckDeadline', id: 'pubsub.projects.subscriptions.modifyAckDeadline', verb: 'POST', path: `${SUBSCRIPTION}:modifyAckDeadline`, field: 'subscription', permission: 'pubsub.subscriptions.consume',
      async run({ subscription, ackIds, ackDeadlineSeconds }) {
        const { invalid: late } = await bus.modifyDeadline(textOf(subscription, 'subscription'), textsOf(ackIds ?? [], 'ackIds', ACK_IDS_MAX), wholeOf(ackDeadlineSeconds ?? 0, 'ackDeadlineSeconds'))
        return settled(late)
      },
    },
    {
      ...of, rpc: 'Acknowledge', id: 'pubsub.projects.subscriptions.acknowledge', verb: 'POST', path: `${SUBSCRIPTION}:acknowledge`, field: 'subscription', permission: 'pubsub.subscriptions.consume',
      run: async ({ subscription, ackIds }) => settled((await bus.acknowledge(textOf(subscription, 'subscription'), textsOf(ackIds ?? [], 'ackIds', ACK_IDS_MAX))).invalid),
    },
    {
      ...of, rpc: 'Pull', id: 'pubsub.projects.subscriptions.pull', verb: 'POST', path: `${SUBSCRIPTION}:pull`, field: 'subscription', permission: 'pubsub.subscriptions.consume',
      async run({ subscription, maxMessages, returnImmediately }, signal) {
        const batch = await bus.pull(textOf(subscription, 'subscription'), {
          messages_max: wholeOf(maxMessages ?? 0, 'maxMessages'), immediately: returnImmediately !== undefined && flagOf(returnImmediately, 'returnImmediately'), ...(signal && { signal }),
        })
        return batch.length > 0 ? { receivedMessages: batch.map(received) } : {}
      },
    },
    {
      ...of, rpc: 'ModifyPushConfig', id: 'pubsub.projects.subscriptions.modifyPushConfig', verb: 'POST', path: `${SUBSCRIPTION}:modifyPushConfig`, field: 'subscription', permission: 'pubsub.subscriptions.update',
      run: async ({ subscription, pushConfig }) => nothing(await subscriptions.changePush(textOf(subscription, 'subscription'), objectOf(pushConfig ?? {}, 'pushConfig'))),
    },
  ]
}

function snapshotMethods({ seek }: BusService): Method[] {
  const of = { service: 'Subscriber' as const }
  return [
    {
      ...of, rpc: 'GetSnapshot', id: 'pubsub.projects.snapshots.get', verb: 'GET', path: SNAPSHOT, field: 'snapshot', permission: 'pubsub.snapshots.get',
      run: async ({ snapshot }) => snapshotResource(seek.get(textOf(snapshot, 'snapshot'))),
    },
    {
      ...of, rpc: 'ListSnapshots', id: 'pubsub.projects.snapshots.list', verb: 'GET', path: `${PROJECT}/snapshots`, field: 'project', permission: 'pubsub.snapshots.list',
      run: async (request) => page(seek.list(checkProject(request['project'])), request, 'snapshots', snapshotResource),
    },
    {
      ...of, rpc: 'CreateSnapshot', id: 'pubsub.projects.snapshots.create', verb: 'PUT', path: SNAPSHOT, field: 'name', permission: 'pubsub.snapshots.create',
      run: async (request) => snapshotResource(await seek.createSnapshot(nameIn(request), textOf(request['subscription'], 'subscription'), request['labels'])),
    },
    {
      ...of, rpc: 'UpdateSnapshot', id: 'pubsub.projects.snapshots.patch', verb: 'PATCH', path: SNAPSHOT, field: 'snapshot.name', permission: 'pubsub.snapshots.update',
      async run({ snapshot, updateMask }) {
        const given = objectOf(snapshot, 'snapshot')
        return snapshotResource(await seek.changeSnapshot(nameIn(given), given, updateMask))
      },
    },
    {
      ...of, rpc: 'DeleteSnapshot', id: 'pubsub.projects.snapshots.delete', verb: 'DELETE', path: SNAPSHOT, field: 'snapshot', permission: 'pubsub.snapshots.delete',
      run: async ({ snapshot }) => nothing(await seek.removeSnapshot(textOf(snapshot, 'snapshot'))),
    },
    {
      ...of, rpc: 'Seek', id: 'pubsub.projects.subscriptions.seek', verb: 'POST', path: `${SUBSCRIPTION}:seek`, field: 'subscription', permission: 'pubsub.subscriptions.consume',
      async run({ subscription, time, snapshot }) {
        const name = textOf(subscription, 'subscription')
        if ((time === undefined) === (snapshot === undefined)) throw invalid('A seek goes to a time or to a snapshot: one of the two is wanted.')
        if (time !== undefined) await seek.toTime(name, timeOf(time, 'time'))
        else await seek.toSnapshot(name, textOf(snapshot, 'snapshot'))
        return {}
      },
    },
  ]
}

function schemaMethods({ schemas }: BusService): Method[] {
  const of = { service: 'SchemaService' as const }
  const view = (request: Json, fallback: 'BASIC' | 'FULL') => {
    const given = request['view'] ?? fallback
    return given === 'FULL' ? 'FULL' : given === 'BASIC' ? 'BASIC' : fallback
  }
  return [
    {
      ...of, rpc: 'CreateSchema', id: 'pubsub.projects.schemas.create', verb: 'POST', path: `${PROJECT}/schemas`, field: 'parent', permission: 'pubsub.schemas.create',
      async run({ parent, schemaId, schema }) {
        const given = objectOf(schema ?? {}, 'schema')
        const fromName = typeof given['name'] === 'string' ? given['name'].split('/').at(-1) : undefined
        return schemaResource(await schemas.create(`projects/${checkProject(parent)}`, textOf(schemaId ?? fromName ?? '', 'schemaId'), given))
      },
    },
    {
      ...of, rpc: 'GetSchema', id: 'pubsub.projects.schemas.get', verb: 'GET', path: SCHEMA, field: 'name', permission: 'pubsub.schemas.get',
      run: async (request) => schemaResource(await schemas.get(nameIn(request)), view(request, 'FULL')),
    },
    {
      ...of, rpc: 'ListSchemas', id: 'pubsub.projects.schemas.list', verb: 'GET', path: `${PROJECT}/schemas`, field: 'parent', permission: 'pubsub.schemas.list',
      run: async (request) => page(await schemas.list(checkProject(request['parent'])), request, 'schemas', (schema) => schemaResource(schema, view(request, 'BASIC'))),
    },
    {
      ...of, rpc: 'ListSchemaRevisions', id: 'pubsub.projects.schemas.listRevisions', verb: 'GET', path: `${SCHEMA}:listRevisions`, field: 'name', permission: 'pubsub.schemas.listRevisions',
      run: async (request) => page(await schemas.listRevisions(nameIn(request)), request, 'schemas', (schema) => schemaResource(schema, view(request, 'BASIC')), ({ revision }) => revision),
    },
    {
      ...of, rpc: 'CommitSchema', id: 'pubsub.projects.schemas.commit', verb: 'POST', path: `${SCHEMA}:commit`, field: 'name', permission: 'pubsub.schemas.commit',
      run: async (request) => schemaResource(await schemas.commit(nameIn(request), objectOf(request['schema'] ?? {}, 'schema'))),
    },
    {
      ...of, rpc: 'RollbackSchema', id: 'pubsub.projects.schemas.rollback', verb: 'POST', path: `${SCHEMA}:rollback`, field: 'name', permission: 'pubsub.schemas.rollback',
      run: async (request) => schemaResource(await schemas.rollback(nameIn(request), textOf(request['revisionId'] ?? '', 'revisionId'))),
    },
    {
      ...of, rpc: 'DeleteSchemaRevision', id: 'pubsub.projects.schemas.deleteRevision', verb: 'DELETE', path: `${SCHEMA}:deleteRevision`, field: 'name', permission: 'pubsub.schemas.delete',
      run: async (request) => schemaResource(await schemas.removeRevision(nameIn(request), request['revisionId'] as string | undefined)),
    },
    {
      ...of, rpc: 'DeleteSchema', id: 'pubsub.projects.schemas.delete', verb: 'DELETE', path: SCHEMA, field: 'name', permission: 'pubsub.schemas.delete',
      run: async (request) => nothing(await schemas.remove(nameIn(request))),
    },
    {
      ...of, rpc: 'ValidateSchema', id: 'pubsub.projects.schemas.validate', verb: 'POST', path: `${PROJECT}/schemas:validate`, field: 'parent', permission: 'pubsub.schemas.validate',
      run: async ({ schema }) => nothing(schemas.validate(objectOf(schema ?? {}, 'schema'))),
    },
    {
      ...of, rpc: 'ValidateMessage', id: 'pubsub.projects.schemas.validateMessage', verb: 'POST', path: `${PROJECT}/schemas:validateMessage`, field: 'parent', permission: 'pubsub.schemas.validate',
      run: async (request) => nothing(await schemas.validateMessage(request)),
    },
  ]
}

const nothing = (_: void): Json => ({})

const nameIn = (request: Json): string => textOf(request['name'] ?? '', 'name')

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)

/** Exactly-once subscriptions are told which of their ack ids came too late. */
function settled(late: string[]): Json {
  if (late.length > 0) throw googleRpcError('Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.', late)
  return {}
}

/** Pages by the last key that was shown; the token is opaque. */
function page<T extends { name: string }>(all: T[], request: Json, field: string, show: (item: T) => unknown, keyOf: (item: T) => string = ({ name }) => name): Json {
  const wanted = wholeOf(request['pageSize'] ?? 0, 'pageSize')
  if (wanted < 0) throw invalid(`Invalid page size given (page_size=${wanted}).`)
  const size = wanted === 0 ? PAGE_SIZE_DEFAULT : Math.min(wanted, PAGE_SIZE_MAX)
  const token = textOf(request['pageToken'] ?? '', 'pageToken')
  const after = token === '' ? -1 : all.findIndex((item) => tokenFor(keyOf(item)) === token)
  if (token !== '' && after < 0) throw invalid('Invalid page token given.', 'List again from the start; what it pointed to may be gone.')
  const shown = all.slice(after + 1, after + 1 + size)
  const more = after + 1 + size < all.length
  return { [field]: shown.map(show), ...(more && { nextPageToken: tokenFor(keyOf(shown.at(-1)!)) }) }
}

const tokenFor = (key: string): string => Buffer.from(key).toString('base64url')

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** A message of a JSON publish. */
function messageOf(given: unknown): Buffer {
  const message = camelKeys(objectOf(given, 'messages')) as Json
  const unknown = Object.keys(message).find((key) => !MESSAGE_KEYS.includes(key))
  if (unknown !== undefined) throw invalid(`Invalid JSON payload received. Unknown name "${unknown.slice(0, 100)}" at 'messages': Cannot find field.`)
  const data = textOf(message['data'] ?? '', 'data')
  if (!BASE64.test(data) || data.replace(/=+$/, '').length % 4 === 1) throw invalid('Invalid value at \'messages.data\' (TYPE_BYTES), Base64 decoding failed.')
  return encodeMessage({
    data: Buffer.from(data, 'base64'),
    attributes: isObject(message['attributes']) ? textMap(message['attributes'], 'attributes') : {},
    orderingKey: textOf(message['orderingKey'] ?? '', 'orderingKey'),
  })
}

const MESSAGE_KEYS = ['data', 'attributes', 'orderingKey', 'messageId', 'publishTime']

export function received({ ackId, attempt, record, messageId }: Delivered): Json {
  const { data, attributes, orderingKey } = decodeMessage(record.payload)
  return {
    ackId,
    message: {
      ...(data.length > 0 && { data: data.toString('base64') }),
      ...(Object.keys(attributes).length > 0 && { attributes }),
      messageId,
      publishTime: timeText(record.time_us),
      ...(orderingKey !== '' && { orderingKey }),
    },
    ...(attempt > 0 && { deliveryAttempt: attempt }),
  }
}
