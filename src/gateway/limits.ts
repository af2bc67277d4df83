/** Every bound of the gateway, with its unit. */

/** A JSON body; uploads stream and have bounds of their own. */
export const BODY_BYTES_MAX = 10 * 1024 * 1024
/** Nested deeper than this, a JSON body is refused. */
export const JSON_DEPTH_MAX = 100
export const HEADER_BYTES_MAX = 64 * 1024
/** Pub/Sub's messages of 10 MB with their envelope. */
export const GRPC_MESSAGE_BYTES_MAX = 12 * 1024 * 1024

/** How long a connection may keep the house waiting, and how many there may be. Tests give shorter ones. */
export interface ConnectionLimits {
  /** A client that sends nothing for this long in the middle of a request is cut off. */
  bodyIdle_ms: number
  /** All request headers must have arrived within this. */
  headers_ms: number
  /** A kept-alive connection without a request is closed after this. */
  idle_ms: number
  /** A new connection must show its protocol within this. */
  firstBytes_ms: number
  /** How long requests in flight may go on once the house stops. */
  drain_ms: number
  /** The same for gRPC calls; streams that have no end of their own are cut then. */
  grpcDrain_ms: number
  connections_max: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  bodyIdle_ms: 30_000,
  headers_ms: 20_000,
  idle_ms: 75_000,
  firstBytes_ms: 10_000,
  drain_ms: 10_000,
  grpcDrain_ms: 1000,
  connections_max: 4000,
}

/** What a command says when it asks for a world. */
export const WORLD_BODY_BYTES_MAX = 16 * 1024
