/** Pub/Sub over gRPC: the three services and IAM on them. Publish, pull and streams pass messages through as bytes. */
import type { handleUnaryCall, sendUnaryData, Server, ServerUnaryCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { GrpcAccess, GrpcDoor, GrpcGate, Resource } from '#ground/door.ts'
import { loadProtos } from '#ground/protos.ts'
import type { Log } from '#ground/telemetry.ts'
import { traceFrom, withTrace } from '#ground/trace.ts'
import { PERMISSIONS_MAX, policyResource } from './door.iam.ts'
import { streamingPull } from './door.streams.ts'
import { flagOf, isObject, textOf, textsOf, wholeOf } from './json.ts'
import type { Json } from './json.ts'
import { PULL_MARGIN_MS } from './limits.ts'
import { busMethods } from './methods.ts'
import type { PolicyPort } from './room.ts'
import type { BusService } from './service.ts'
import { readPublish, topicIn, writePublished, writeReceived } from './wire/batches.ts'
import { fromMessage, toMessage } from './wire/grpc-json.ts'
import { GrpcErrors } from './wire/grpc-errors.ts'

type Unary<Request, Answer> = (request: Request, call: ServerUnaryCall<Request, Answer>) => Promise<Answer>

const PROTOS = ['google/pubsub/v1/pubsub.proto', 'google/pubsub/v1/schema.proto', 'google/iam/v1/iam_policy.proto']

export function busGrpcDoor(bus: BusService, policies: PolicyPort, ground: { log: Log; now_ms(): number }): GrpcDoor {
  return {
    name: 'bus',
    access: accessOf(bus),
    async register(server: Server, gate: GrpcGate) {
      const { Metadata } = await import('@grpc/grpc-js')
      const errors = new GrpcErrors(ground.log, () => new Metadata())
      const protos = await loadProtos(...PROTOS)
      for (const name of ['Publisher', 'Subscriber', 'SchemaService'] as const) {
        const definition = fastDefinition(protos.service(`google.pubsub.v1.${name}`))
        const handlers: UntypedServiceImplementation = {}
        for (const method of busMethods(bus)) {
          if (method.service === name) handlers[method.rpc] = unary<object, object>(async (request) => toMessage(await method.run(fromMessage(request))), errors)
        }
        if (name === 'Publisher') handlers['Publish'] = unary<Buffer, Buffer>((request) => publish(bus, request), errors)
        if (name === 'Subscriber') {
          handlers['Pull'] = unary<object, Buffer>((request, call) => pull(bus, fromMessage(request), call, ground.now_ms), errors)
          handlers['StreamingPull'] = streamingPull(bus, errors)
        }
        server.addService(definition, handlers)
      }
      server.addService(protos.service('google.iam.v1.IAMPolicy'), iamHandlers(bus, policies, gate, errors))
    },
  }
}

function unary<Request, Answer>(handle: Unary<Request, Answer>, errors: GrpcErrors): handleUnaryCall<Request, Answer> {
  return (call: ServerUnaryCall<Request, Answer>, done: sendUnaryData<Answer>) => {
    const trace = traceFrom(call.metadata.get('traceparent')[0]?.toString())
    withTrace(trace, () => handle(call.request, call)).then(
      (answer) => done(null, answer),
      (thrown) => done(errors.of(thrown)),
    )
  }
}

/** What each method needs, on what its first message names. */
function accessOf(bus: BusService): Record<string, GrpcAccess> {
  const subscription = { permission: 'pubsub.subscriptions.consume', resource: (message: Json) => named('subscription', message['subscription']) }
  const access: Record<string, GrpcAccess> = { '/google.pubsub.v1.Subscriber/StreamingPull': subscription }
  for (const { service, rpc, permission, field } of busMethods(bus)) {
    const [head, inner] = field.split('.') as [string, string | undefined]
    const nameOf = (message: Json) => (inner === undefined ? message[head] : (message[head] as Json | undefined)?.[inner])
    access[`/google.pubsub.v1.${service}/${rpc}`] = { permission, resource: (message) => named(kindOf(permission), nameOf(message)) }
  }
  access['/google.pubsub.v1.Publisher/Publish'] = { permission: 'pubsub.topics.publish', resource: (message) => named('topic', topicIn(message as unknown as Buffer)) }
  for (const [rpc, permission] of [['GetIamPolicy', 'pubsub.topics.getIamPolicy'], ['SetIamPolicy', 'pubsub.topics.setIamPolicy'], ['TestIamPermissions', null]] as const) {
    access[`/google.iam.v1.IAMPolicy/${rpc}`] = { permission, resource: (message) => named('topic', message['resource']) }
  }
  return access
}

/** `pubsub.topics.publish` is asked on a topic. */
const kindOf = (permission: string): string => permission.split('.')[1]!.replace(/s$/, '')

function named(type: string, name: unknown): Resource {
  const text = typeof name === 'string' ? name : ''
  const parts = text.split('/')
  return { type: parts.length > 2 ? type : 'project', name: parts.length > 2 ? text : (parts[1] ?? ''), ...(parts[1] !== undefined && { project: parts[1] }) }
}

/** The messages of these are read and written by hand, as the bytes that lie in the log. */
function fastDefinition(definition: ServiceDefinition): ServiceDefinition {
  const asBytes = (bytes: Buffer) => bytes
  const changed: Record<string, unknown> = { ...definition }
  const publishMethod = definition['Publish']
  if (publishMethod) changed['Publish'] = { ...publishMethod, requestDeserialize: asBytes, responseSerialize: asBytes }
  for (const name of ['Pull', 'StreamingPull']) {
    const method = definition[name]
    if (method) changed[name] = { ...method, responseSerialize: (answer: object) => (Buffer.isBuffer(answer) ? answer : method.responseSerialize(answer)) }
  }
  return changed as ServiceDefinition
}

async function publish({ topics }: BusService, request: Buffer): Promise<Buffer> {
  const { topic, messages } = readPublish(request)
  return writePublished(await topics.publish(topic, messages))
}

async function pull(bus: BusService, request: Json, call: ServerUnaryCall<object, Buffer>, now_ms: () => number): Promise<Buffer> {
  const gone = new AbortController()
  call.on('cancelled', () => gone.abort())
  const batch = await bus.pull(textOf(request['subscription'] ?? '', 'subscription'), {
    messages_max: wholeOf(request['maxMessages'] ?? 0, 'maxMessages'),
    immediately: request['returnImmediately'] !== undefined && flagOf(request['returnImmediately'], 'returnImmediately'),
    wait_ms: Number(call.getDeadline()) - now_ms() - PULL_MARGIN_MS,
    signal: gone.signal,
  })
  return writeReceived(batch)
}

function iamHandlers(bus: BusService, policies: PolicyPort, gate: GrpcGate, errors: GrpcErrors): UntypedServiceImplementation {
  const named = (request: Json) => policyResource(bus, textOf(request['resource'] ?? '', 'resource'))
  return {
    GetIamPolicy: unary<object, object>(async (request) => policyMessage(await policies.read(await named(fromMessage(request)))), errors),
    SetIamPolicy: unary<object, object>(async (request) => {
      const { policy, ...rest } = request as { policy?: Json }
      const given = { ...policy, ...(Buffer.isBuffer(policy?.['etag']) && { etag: policy['etag'].toString() }) }
      return policyMessage(await policies.write(await named(fromMessage(rest)), given))
    }, errors),
    TestIamPermissions: unary<object, object>(async (request, call) => {
      const given = fromMessage(request)
      const on = await named(given)
      const permissions: string[] = []
      for (const permission of textsOf(given['permissions'] ?? [], 'permissions', PERMISSIONS_MAX)) if (await gate.may(call.metadata, permission, on)) permissions.push(permission)
      return { permissions }
    }, errors),
  }
}

function policyMessage(policy: Json): object {
  return { ...policy, etag: Buffer.from(String(policy['etag'] ?? '')), bindings: Array.isArray(policy['bindings']) ? policy['bindings'].filter(isObject) : [] }
}
