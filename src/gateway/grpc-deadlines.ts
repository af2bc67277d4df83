/**
 * Deadlines that clients mean as "never" (Pub/Sub's Python publisher sends 2^32 seconds with ordering keys). grpc-js reckons them in 32 bits
 * of milliseconds and ends such a call at once, after its work may have begun; so they are shortened before it reads them.
 */
import type { Http2Server, IncomingHttpHeaders } from 'node:http2'
import type { Server } from '@grpc/grpc-js'

/** 24 days: the longest that 32 bits of milliseconds hold, in whole seconds. */
const DEADLINE_S_MAX = 2_147_483

const UNIT_S: Readonly<Record<string, number>> = { H: 3600, M: 60, S: 1, m: 1e-3, u: 1e-6, n: 1e-9 }

export function boundDeadlines(server: Server): void {
  const inner = server as unknown as { createHttp2Server(credentials: unknown): Http2Server }
  const create = inner.createHttp2Server.bind(server)
  inner.createHttp2Server = (credentials) => {
    const http2 = create(credentials)
    http2.prependListener('stream', (_stream, headers) => shorten(headers))
    return http2
  }
}

export function shorten(headers: IncomingHttpHeaders): void {
  const found = /^(\d{1,8})\s*([HMSmun])$/.exec(String(headers['grpc-timeout'] ?? ''))
  if (found && Number(found[1]) * UNIT_S[found[2]!]! > DEADLINE_S_MAX) headers['grpc-timeout'] = `${DEADLINE_S_MAX}S`
}
