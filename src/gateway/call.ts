/** One request at a door: its parameters, its body within bounds, its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '#ground/fault.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Trace } from '#ground/trace.ts'
import type { Identity } from './identity.ts'
import { parseJsonObject } from './json.ts'
import { BODY_BYTES_MAX } from './limits.ts'
import type { Call, Caller, InnerRequest, Params, Resource, Route } from '#ground/door.ts'

export interface CallParts {
  request: IncomingMessage
  response: ServerResponse
  route: Route
  params: Params
  query: URLSearchParams
  host: string
  caller: Caller
  requestId: string
  trace: Trace
  log: Log
  /** Raised when the house stops. */
  stopping: AbortSignal
  identity: Identity
  inner(request: InnerRequest, outer: IncomingMessage): Promise<Buffer>
}

export class HttpCall implements Call {
  readonly request
  readonly response
  readonly route
  readonly params
  readonly query
  readonly host
  readonly requestId
  readonly trace
  readonly log
  caller: Caller
  private readonly identity: Identity
  private readonly answerInner: CallParts['inner']
  private readonly stopping: AbortSignal
  private raised: AbortSignal | undefined

  constructor(parts: CallParts) {
    this.request = parts.request
    this.response = parts.response
    this.route = parts.route
    this.params = parts.params
    this.query = parts.query
    this.host = parts.host
    this.caller = parts.caller
    this.requestId = parts.requestId
    this.trace = parts.trace
    this.log = parts.log
    this.stopping = parts.stopping
    this.identity = parts.identity
    this.answerInner = parts.inner
  }

  get origin(): string {
    const secure = 'encrypted' in this.request.socket && this.request.socket.encrypted
    return `${secure ? 'https' : 'http'}://${this.request.headers.host}`
  }

  /** Made when someone asks for it: most requests are answered before anyone would. */
  get signal(): AbortSignal {
    if (this.raised) return this.raised
    const gone = new AbortController()
    if (this.response.destroyed) gone.abort()
    else this.response.once('close', () => gone.abort())
    return (this.raised = AbortSignal.any([gone.signal, this.stopping]))
  }

  may(permission: string, resource: Resource): Promise<boolean> {
    return this.identity.may(this.caller, permission, resource)
  }

  async require(permission: string, resource: Resource): Promise<void> {
    if (await this.may(permission, resource)) return
    this.identity.denied?.(this.caller, permission, resource)
    throw denied(this.caller, permission, resource)
  }

  inner(request: InnerRequest): Promise<Buffer> {
    return this.answerInner(request, this.request)
  }

  async readBody(): Promise<Buffer> {
    const bytesMax = this.route.bodyBytesMax ?? BODY_BYTES_MAX
    const declared = Number(this.request.headers['content-length'] ?? 0)
    if (declared > bytesMax) throw tooLarge(bytesMax)
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > bytesMax) throw tooLarge(bytesMax)
      chunks.push(chunk)
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  async readJson(): Promise<Record<string, unknown>> {
    return parseJsonObject(await this.readBody())
  }

  sendJson(status: number, body: unknown, headers: Record<string, string> = {}): void {
    const bytes = Buffer.from(JSON.stringify(body))
    this.response.writeHead(status, { ...headers, 'content-type': 'application/json; charset=UTF-8', 'content-length': bytes.length })
    this.response.end(bytes)
  }

  send(status: number, body: string | Uint8Array = '', headers: Record<string, string> = {}): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.response.writeHead(status, { ...headers, 'content-length': bytes.length })
    this.response.end(bytes)
  }
}

export function denied(caller: Caller, permission: string, resource: Resource | undefined): Fault {
  if (caller.kind === 'anonymous') {
    return new Fault('UNAUTHENTICATED', 'required', 'This call needs credentials, and it carries none.', {
      hint: 'Run the program under `potoroo exec`, or give it a token.',
    })
  }
  const where = resource ? ` on ${resource.type} ${resource.name}` : ''
  return new Fault('PERMISSION_DENIED', 'forbidden', `${caller.principal} does not have ${permission} access${where}.`, {
    hint: '`potoroo iam show` lists who may do what; `potoroo iam grant` changes it.',
    details: { permission },
  })
}

function tooLarge(bytesMax: number): Fault {
  return new Fault('INVALID_ARGUMENT', 'uploadTooLarge', `The request body is larger than ${bytesMax} bytes.`, { httpStatus: 413 })
}
