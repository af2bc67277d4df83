/** Pub/Sub over REST: the methods where the API puts them, and IAM. */
import type { Call, Params, Resource, Route } from '#ground/door.ts'
import { decodeMessage } from './wire/message.ts'
import { timeText } from './durations.ts'
import { iamRoutes } from './door.iam.ts'
import { camelKeys, wholeOf } from './json.ts'
import type { Json } from './json.ts'
import { PEEK_MESSAGES_MAX } from './limits.ts'
import { busMethods } from './methods.ts'
import type { Method } from './methods.ts'
import type { PolicyPort } from './room.ts'
import type { BusService } from './service.ts'
import { messageIdOf } from './topics.ts'

export function busRoutes(bus: BusService, policies: PolicyPort): Route[] {
  return [...busMethods(bus).map(routeOf), ...iamRoutes(bus, policies), peekRoute(bus)]
}

function routeOf(method: Method): Route {
  return {
    id: method.id,
    verb: method.verb,
    path: method.path,
    permission: method.permission,
    resource: (params) => resourceOf(method, params),
    ...(method.bodyBytesMax !== undefined && { bodyBytesMax: method.bodyBytesMax }),
    async handle(call) {
      call.sendJson(200, await method.run(await requestOf(call, method), call.signal))
    },
  }
}

function resourceOf({ permission }: Method, params: Params): Resource {
  const project = params['project']!
  const name = resourceName(params)
  if (name.split('/').length === 2) return { type: 'project', name: project, project }
  return { type: permission.split('.')[1]!.replace(/s$/, ''), name, project }
}

/** What every Google API takes beside a method's own fields; the answer is plain JSON whatever they say. */
const STANDARD_QUERIES = new Set(['alt', 'key', 'prettyPrint', 'fields', 'quotaUser', 'access_token', 'oauth_token', 'callback', 'uploadType', 'upload_protocol'])

/** What the path names goes over what the body says. Queries count where there is no body. */
async function requestOf(call: Call, { field }: Method): Promise<Json> {
  const body = camelKeys(await call.readJson()) as Json
  const query = camelKeys(Object.fromEntries([...call.query].filter(([key]) => !key.startsWith('$') && !STANDARD_QUERIES.has(key)))) as Json
  const request: Json = { ...query, ...body }
  const name = resourceName(call.params)
  const [head, inner] = field.split('.')
  // A schema's create and the like carry the resource itself as their body.
  if (field === 'parent' && call.route.id.endsWith('.create')) return { ...query, schema: body, parent: name }
  request[head!] = inner === undefined ? name : { ...(request[head!] as Json | undefined), [inner]: name }
  return request
}

function resourceName({ project, topic, subscription, snapshot, schema }: Readonly<Record<string, string>>): string {
  const below = topic !== undefined ? `/topics/${topic}` : subscription !== undefined ? `/subscriptions/${subscription}` : snapshot !== undefined ? `/snapshots/${snapshot}` : schema !== undefined ? `/schemas/${schema}` : ''
  return `projects/${project}${below}`
}

/** A method of our own: the messages that wait, without taking them. */
function peekRoute(bus: BusService): Route {
  return {
    id: 'potoroo.pubsub.subscriptions.peek',
    verb: 'GET',
    path: '/v1/projects/{project}/subscriptions/{subscription}:peek',
    permission: 'pubsub.subscriptions.consume',
    resource: (params) => ({ type: 'subscription', name: resourceName(params), project: params['project']! }),
    async handle(call) {
      const name = resourceName(call.params)
      const limit = Math.min(wholeOf(call.query.get('maxMessages') ?? '10', 'maxMessages'), PEEK_MESSAGES_MAX)
      const { topicSerial } = bus.subscriptions.get(name)
      const records = await (await bus.subscriptions.delivery(name)).peek(limit)
      const messages = records.map(({ seq, time_us, payload }) => {
        const { data, attributes, orderingKey } = decodeMessage(payload)
        return { data: data.toString('base64'), attributes, messageId: messageIdOf(topicSerial, seq), publishTime: timeText(time_us), ...(orderingKey !== '' && { orderingKey }) }
      })
      call.sendJson(200, { messages })
    },
  }
}
