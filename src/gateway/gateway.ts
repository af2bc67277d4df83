/** Takes each request to its door: who knocks, which method, who is calling, may they; then the door's own work, and its faults as its own answers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Ids } from '#ground/ids.ts'
import type { Clock } from '#ground/clock.ts'
import { Fault, asFault, unimplemented, noMethod } from '#ground/fault.ts'
import { diskFault } from '#ground/disk.ts'
import type { Log, Metrics } from '#ground/telemetry.ts'
import { traceFrom, traceparent, withTrace } from '#ground/trace.ts'
import { HttpCall, denied } from './call.ts'
import { GrpcFront } from './grpc.ts'
import { HostList, foreignOrigin, hostOf, originFault, refuseUnknownHost } from './guard.ts'
import type { Identity } from './identity.ts'
import { innerExchange } from './inner.ts'
import { CONNECTION_LIMITS } from './limits.ts'
import type { ConnectionLimits } from './limits.ts'
import { Listener } from './listener.ts'
import type { Listening } from './listener.ts'
import { peerUser } from './peer.ts'
import { Router } from './router.ts'
import type { Match } from './router.ts'
import type { Call, Door, GrpcDoor, InnerRequest, Verb } from '#ground/door.ts'

export interface GatewayParts {
  doors: Door[]
  grpcDoors: GrpcDoor[]
  identity: Identity
  allowedHosts: string[]
  /** Hosts of the cloud that lead here, whether or not a door answers for them. */
  standsInFor?(host: string): boolean
  /** Calls to those hosts that leave for the real cloud all the same. */
  away?: { takes(target: string, authorization: string | undefined): boolean; send(call: Call): Promise<void> }
  clock: Clock
  ids: Ids
  log: Log
  metrics: Metrics
  limits?: Partial<ConnectionLimits>
}

export class Gateway {
  private readonly parts: GatewayParts
  private readonly router = new Router()
  private readonly hosts = new HostList()
  private readonly owners: { host: string; door: Door }[] = []
  private readonly listener: Listener
  private readonly grpc: GrpcFront
  private readonly stopping = new AbortController()
  private readonly requests
  private readonly seconds

  constructor(parts: GatewayParts) {
    this.parts = parts
    for (const door of parts.doors) {
      this.router.add(door)
      for (const host of door.hosts) {
        this.hosts.allow(host)
        this.owners.push({ host, door })
      }
    }
    parts.allowedHosts.forEach((host) => this.hosts.allow(host))
    const { clock } = parts
    const limits = { ...CONNECTION_LIMITS, ...parts.limits }
    this.grpc = new GrpcFront(parts.grpcDoors, { drain_ms: limits.grpcDrain_ms, clock, identity: parts.identity })
    this.listener = new Listener(
      (request, response) => void this.answer(request, response),
      (socket) => this.grpc.accept(socket),
      { limits, clock },
    )
    this.requests = parts.metrics.counter('potoroo_http_requests_total', 'Requests answered', ['door', 'method', 'status'])
    this.seconds = parts.metrics.seconds('potoroo_http_request_seconds', 'Time from the request to the end of its answer', ['door', 'method'])
  }

  listen(host: string, port: number): Promise<Listening> {
    return this.listener.listen(host, port)
  }

  inject(socket: Socket, protocol: 'http1' | 'http2'): void {
    this.listener.inject(socket, protocol)
  }

  /** Whether the house answers for this host name. */
  answersFor(host: string): boolean {
    return this.owners.some(({ host: pattern }) => matches(pattern, host))
  }

  async stop(): Promise<void> {
    const drained = Promise.all([this.listener.drain(), this.grpc.stop()])
    this.stopping.abort(new Fault('UNAVAILABLE', 'backendError', 'The house is stopping.'))
    await drained
    this.listener.close()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started_ms = this.parts.clock.elapsed_ms()
    const requestId = this.parts.ids.next()
    const trace = traceFrom(header(request, 'traceparent'))
    response.setHeader('x-request-id', requestId)
    response.setHeader('traceparent', traceparent(trace))

    const call = new HttpCall({
      request,
      response,
      route: UNROUTED,
      params: {},
      query: new URLSearchParams(),
      host: hostOf(request),
      caller: { principal: 'allUsers', kind: 'anonymous' },
      requestId,
      trace,
      log: this.parts.log,
      stopping: this.stopping.signal,
      identity: this.parts.identity,
      inner: (inner, outer) => this.answerInner(inner, outer),
    })
    const seat: { door: Door; method: string } = { door: this.parts.doors[0]!, method: 'none' }
    response.once('close', () => {
      this.requests.inc({ door: seat.door.name, method: seat.method, status: String(response.statusCode) })
      this.seconds.observe({ door: seat.door.name, method: seat.method }, (this.parts.clock.elapsed_ms() - started_ms) / 1000)
    })
    try {
      await withTrace(trace, () => this.dispatch(call, seat))
    } catch (thrown) {
      this.fail(call, seat.door, thrown)
    }
  }

  private async answerInner(inner: InnerRequest, outer: IncomingMessage): Promise<Buffer> {
    const { request, response, answer } = innerExchange(inner, outer)
    await this.answer(request, response)
    return answer
  }

  private async dispatch(call: HttpCall, seat: { door: Door; method: string }): Promise<void> {
    const { request, host } = call
    const [rawPath, rawQuery] = splitTarget(request.url ?? '/')
    const owner = this.ownerOf(host)
    if (owner) seat.door = owner
    refuseUnknownHost(host, this.hosts)
    if (this.parts.standsInFor?.(host)) {
      if (this.parts.away?.takes(request.url ?? '/', header(request, 'authorization'))) return this.parts.away.send(call)
      if (!owner) throw unimplemented(host)
    }
    const path = owner?.rewrite?.(host, rawPath) ?? rawPath
    const verb = request.method as Verb
    const preflight = verb === 'OPTIONS' ? header(request, 'access-control-request-method') : undefined
    const match = this.find((preflight ?? verb) as Verb, path, owner)
    seat.door = match.door
    seat.method = match.route.id
    const seated = Object.assign(call, { route: match.route, params: match.params, query: new URLSearchParams(rawQuery) })

    const origin = foreignOrigin(request)
    if (origin !== undefined) {
      const rule = await match.door.cors?.(seated, origin, preflight ?? verb)
      if (rule === undefined) throw originFault(origin)
      if (rule !== 'own') {
        call.response.setHeader('access-control-allow-origin', origin)
        call.response.setHeader('vary', 'Origin')
        call.response.setHeader('access-control-expose-headers', rule.headers.join(', '))
        if (preflight !== undefined) {
          return call.send(200, '', {
            'access-control-allow-methods': rule.methods.join(', '),
            'access-control-allow-headers': rule.headers.join(', '),
            'access-control-max-age': String(rule.maxAge_s),
          })
        }
      }
    }

    call.caller = await this.parts.identity.identify({
      bearer: /^bearer (.+)$/i.exec(header(request, 'authorization') ?? '')?.[1],
      peer: () => peerUser(request.socket),
      socket: request.socket,
      host,
    })
    const { permission } = match.route
    if (permission !== null) {
      const resource = match.route.resource?.(match.params)
      if (!(await this.parts.identity.may(call.caller, permission, resource))) {
        this.parts.identity.denied?.(call.caller, permission, resource)
        throw denied(call.caller, permission, resource)
      }
    }
    await match.route.handle(seated)
  }

  private find(verb: Verb, path: string, owner: Door | undefined): Match {
    const found = this.router.find(verb, path, owner)
    if (found && 'route' in found) return found
    if (verb === 'HEAD') return this.find('GET', path, owner)
    if (found) {
      throw new Fault('UNIMPLEMENTED', 'methodNotAllowed', `${path} does not take ${verb}; it takes ${found.verbs.join(', ')}.`, { httpStatus: 405 })
    }
    throw noMethod(verb, path)
  }

  private ownerOf(host: string): Door | undefined {
    return this.owners.find(({ host: pattern }) => matches(pattern, host))?.door
  }

  private fail(call: HttpCall, door: Door, thrown: unknown): void {
    // A client that hung up in the middle of its body hears no answer, and it is no error of ours.
    if (call.request.destroyed && (thrown as NodeJS.ErrnoException).code === 'ECONNRESET') return void call.response.destroy()
    const fault = diskFault(thrown) ?? asFault(thrown)
    if (fault.code === 'INTERNAL') {
      call.log.error({ requestId: call.requestId, method: call.route.id, err: fault.cause ?? fault }, 'a request met an error of ours')
    }
    const { response, request } = call
    if (response.headersSent) return void response.destroy()
    // What is left of a refused body is not read: the connection ends with the answer.
    if (!request.complete) {
      response.setHeader('connection', 'close')
      request.resume()
    }
    door.renderFault(fault, call)
  }
}

function splitTarget(target: string): [path: string, query: string] {
  // A proxy's request names the whole URL.
  const local = target.replace(/^https?:\/\/[^/]*/, '')
  const mark = local.indexOf('?')
  return mark < 0 ? [local || '/', ''] : [local.slice(0, mark) || '/', local.slice(mark + 1)]
}

function matches(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : pattern === host
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Stands in until the route is known, so that faults before that have something to name. */
const UNROUTED = { id: 'none', verb: 'GET', path: '', permission: null, handle() {} } as const
