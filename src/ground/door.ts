/**
 * What a door offers, as data: every method with its id, verb, path and the permission it needs. The gateway routes by it, the
 * OpenAPI document and the authorization tests are made from it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server as GrpcServer } from '@grpc/grpc-js'
import type { Fault } from './fault.ts'
import type { Log } from './telemetry.ts'
import type { Trace } from './trace.ts'

export type Verb = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

/** Who is calling. What they may do is the identity room's to say; a room only asks `may`. */
export interface Caller {
  /** `user:ada@example.com`, `serviceAccount:…`, `allUsers` for nobody. */
  readonly principal: string
  readonly kind: 'owner' | 'user' | 'serviceAccount' | 'unverified' | 'anonymous'
  /** The project that the caller's credentials belong to, where they name one. */
  readonly project?: string
  /** An instance credential for a child: what it acts for, in words, for logs. */
  readonly via?: string
  /** The account behind a user's or a service account's token. */
  readonly account?: { readonly id: string; readonly email: string }
  /** The program that logged in, such as `WallarooSDK/2024.2.0`. */
  readonly client?: string
}

/** What a permission is asked for. */
export interface Resource {
  /** `project`, `bucket`, `dataset`, `topic` … */
  type: string
  /** The name below its project, such as `lake` or `projects/p/topics/t`. */
  name: string
  project?: string
}

export interface Route {
  /** The cloud's own method id, such as `storage.objects.get`. */
  id: string
  verb: Verb
  /**
   * `/storage/v1/b/{bucket}/o/{object}`. `{x}` is one raw segment, decoded after matching; `{x}:publish` ends in a literal verb;
   * `{x=**}` takes the rest of the path.
   */
  path: string
  /** What the caller needs, or null where the method decides for itself (token endpoints, signed URLs, public pages). */
  permission: string | null
  resource?(params: Params): Resource
  /** Longest body in bytes; the gateway's default otherwise. `stream` methods read the socket themselves and bound it themselves. */
  bodyBytesMax?: number
  handle(call: Call): Promise<void> | void
}

export type Params = Readonly<Record<string, string>>

export interface Door {
  /** `storage`, `warehouse` … */
  name: string
  /** Hosts whose requests come to this door first: `storage.googleapis.com`, `*.storage.googleapis.com`. */
  hosts: string[]
  routes: Route[]
  /** Rewrites the path of a virtual host, such as a bucket's own, before routing. */
  rewrite?(host: string, path: string): string | undefined
  /** Writes a Fault as this API's own error body. */
  renderFault(fault: Fault, call: Call): void
  /**
   * Whether a web page of another origin may send this request, and what it may read: a bucket with CORS rules says so itself;
   * `own` leaves all of it to the answer (functions open to all). Undefined refuses.
   */
  cors?(call: Call, origin: string, verb: string): Promise<CorsRule | 'own' | undefined>
}

/** A door that speaks gRPC on the same port: adds its services to the server when it is first needed. */
export interface GrpcDoor {
  name: string
  register(server: GrpcServer, gate: GrpcGate): Promise<void>
  /** What each method needs, by its full name `/package.Service/Method`. One that is not named here is for the house's owners only. */
  access?: Readonly<Record<string, GrpcAccess>>
}

/** For methods that decide for themselves: who calls, by the metadata of the call. */
export interface GrpcGate {
  callerOf(metadata: object): Caller
  may(metadata: object, permission: string, resource: Resource): Promise<boolean>
}

export interface GrpcAccess {
  /** Null where the method decides for itself. */
  permission: string | null
  /** Out of the first message, as the door's own definitions decode it. */
  resource?(message: Readonly<Record<string, unknown>>): Resource
}

export interface CorsRule {
  methods: string[]
  headers: string[]
  maxAge_s: number
}

export interface InnerRequest {
  verb: string
  target: string
  headers: Record<string, string>
  body: Buffer
}

/** One request at a door. */
export interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly route: Route
  readonly params: Params
  readonly query: URLSearchParams
  /** The host as the client wrote it, without the port, in lower case. */
  readonly host: string
  /** `http://127.0.0.1:4280`, as the client reached us: for URLs in answers. */
  readonly origin: string
  readonly caller: Caller
  readonly requestId: string
  readonly trace: Trace
  readonly log: Log
  /** Raised when the client has gone or the house is stopping. */
  readonly signal: AbortSignal
  /** Whether the caller may do this; denied calls become audit facts. */
  may(permission: string, resource: Resource): Promise<boolean>
  /** The same, as a Fault where they may not. */
  require(permission: string, resource: Resource): Promise<void>
  /** Answers another request as the same caller, as a whole HTTP response: for batches. */
  inner(request: InnerRequest): Promise<Buffer>
  readBody(): Promise<Buffer>
  /** The body as a JSON object; an empty body is `{}`. Broken or duplicate-keyed JSON is a Fault. */
  readJson(): Promise<Record<string, unknown>>
  sendJson(status: number, body: unknown, headers?: Record<string, string>): void
  send(status: number, body?: string | Uint8Array, headers?: Record<string, string>): void
}
