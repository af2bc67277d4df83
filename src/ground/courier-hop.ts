/** One HTTP exchange with an address that was already decided upon. Which address that may be is `courier.ts`'s to say. */
import http from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import { pipeline, Readable, Transform } from 'node:stream'
import type { Clock } from './clock.ts'
import { Fault } from './fault.ts'

export interface ResolvedAddress {
  address: string
  family: number
}

export interface Hop {
  /** Where the bytes go. */
  target: URL
  /** The only addresses that may be connected to; checked. Undefined where the operator or the house chose the target. */
  addresses?: readonly ResolvedAddress[] | undefined
  method: string
  headers: Record<string, string | string[]>
  body?: Uint8Array | string | Readable | undefined
}

export interface HopLimits {
  connect_ms: number
  /** Without a byte in either direction. */
  idle_ms: number
  response_bytes_max: number
}

export interface HopAnswer {
  status: number
  headers: http.IncomingHttpHeaders
  /** As they came, in their order: name, value, name, value. */
  rawHeaders: string[]
  body: Readable
}

/** An idle connection is given up before the usual server (5 s) closes it under our next request. */
const IDLE_CONNECTION_MS = 4_000
const CONNECTIONS_PER_HOST_MAX = 256
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

export class HopMaker {
  readonly #clock: Clock
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, maxSockets: CONNECTIONS_PER_HOST_MAX }),
    'https:': new https.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, maxSockets: CONNECTIONS_PER_HOST_MAX }),
  }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async make(hop: Hop, limits: HopLimits, signal: AbortSignal | undefined): Promise<HopAnswer> {
    try {
      return await this.#once(hop, limits, signal)
    } catch (thrown) {
      // A kept connection may be closed by the other side just as it is used again: that is nobody's failure.
      const stale = thrown instanceof StaleConnection
      if (!stale || hop.body instanceof Readable || !REPEATABLE.has(hop.method)) throw stale ? thrown.fault : thrown
      return this.#once(hop, limits, signal)
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy()
  }

  #once({ target, addresses, method, headers, body }: Hop, limits: HopLimits, signal: AbortSignal | undefined): Promise<HopAnswer> {
    const secure = target.protocol === 'https:'
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request({
        protocol: target.protocol,
        agent: this.#agents[secure ? 'https:' : 'http:'],
        host: target.hostname.replace(/^\[|\]$/g, ''),
        port: target.port || (secure ? 443 : 80),
        path: target.pathname + target.search,
        method,
        headers,
        signal,
        ...(addresses ? { lookup: fixedLookup(addresses) } : {}),
      })
      // After the head has come, Node reports any end as ECONNRESET: the reason is kept here.
      let why: Fault | undefined
      const fail = (fault: Fault) => request.destroy((why = fault))
      const cancelConnect = this.#clock.after(limits.connect_ms, () => {
        fail(new Fault('DEADLINE_EXCEEDED', 'connectTimeout', `${target.host} did not accept a connection within ${limits.connect_ms} ms.`))
      })
      request.setTimeout(limits.idle_ms, () => {
        fail(new Fault('DEADLINE_EXCEEDED', 'idleTimeout', `${target.host} sent nothing for ${limits.idle_ms} ms.`))
      })
      request.once('socket', (socket) => {
        if (!socket.connecting) return cancelConnect()
        socket.once(secure ? 'secureConnect' : 'connect', cancelConnect)
      })
      request.once('close', cancelConnect)
      request.once('error', (error: NodeJS.ErrnoException) => {
        const fault = asHopFault(error, target, signal)
        reject(request.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection(fault) : fault)
      })
      request.once('response', (response) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: capped(response, limits.response_bytes_max, target, (error) => why ?? asHopFault(error, target, signal)),
        })
      })
      // A server may answer before it has read everything, which is no error of the request's body.
      if (body instanceof Readable) pipeline(body, request, (error) => error && body.destroy())
      else request.end(body)
    })
  }
}

/** Answers Node's own look-up with what was checked, so that the name is never resolved a second time. */
function fixedLookup(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}

function capped(response: http.IncomingMessage, bytes_max: number, target: URL, asFault: (error: Error) => Fault): Readable {
  let bytes = 0
  const cap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes <= bytes_max) return done(null, chunk)
      done(new Fault('RESOURCE_EXHAUSTED', 'responseTooLarge', `The answer of ${target.host} is over the limit of ${bytes_max} bytes.`))
    },
  })
  // Not `pipeline`, which would end the body with Node's own error before it can be said what happened.
  response.once('error', (error) => cap.destroy(asFault(error)))
  cap.once('close', () => response.destroy())
  return response.pipe(cap)
}

class StaleConnection extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message)
    this.fault = fault
  }
}

function asHopFault(error: NodeJS.ErrnoException, target: URL, signal: AbortSignal | undefined): Fault {
  if (error instanceof Fault) return error
  if (signal?.aborted) return signal.reason instanceof Fault ? signal.reason : new Fault('CANCELLED', 'cancelled', 'The request was cancelled.', { cause: error })
  const causes = error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message
  return new Fault('UNAVAILABLE', 'connectionFailed', `No answer from ${target.host}: ${causes}`, {
    cause: error,
    details: { errno: error.code },
  })
}
