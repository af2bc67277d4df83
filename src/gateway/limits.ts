/** Every bound of the gateway, with its unit. */

/** A JSON body; uploads stream and have bounds of their own. */
export const BODY_BYTES_MAX = 10 * 1024 * 1024
/** Nested deeper than this, a JSON body is refused. */
export const JSON_DEPTH_MAX = 100
/** A client that sends nothing for this long in the middle of a request is cut off. */
export const BODY_IDLE_MS_MAX = 30_000
/** All request headers must have arrived within this. */
export const HEADERS_MS_MAX = 20_000
/** A kept-alive connection without a request is closed after this. */
export const IDLE_MS_MAX = 75_000
export const HEADER_BYTES_MAX = 64 * 1024
/** A new connection must show its protocol within this. */
export const FIRST_BYTES_MS_MAX = 10_000
/** How long requests in flight may go on once the house stops. */
export const DRAIN_MS_MAX = 10_000
export const CONNECTIONS_MAX = 4000
/** Pub/Sub's messages of 10 MB with their envelope. */
export const GRPC_MESSAGE_BYTES_MAX = 12 * 1024 * 1024
