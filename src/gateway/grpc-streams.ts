/** The HTTP/2 streams of a gRPC server before the library sees them: for what it does not offer itself. */
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Server } from '@grpc/grpc-js'

export function beforeStreams(server: Server, look: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void): void {
  const inner = server as unknown as { createHttp2Server(credentials: unknown): Http2Server }
  const create = inner.createHttp2Server.bind(server)
  inner.createHttp2Server = (credentials) => {
    const http2 = create(credentials)
    http2.prependListener('stream', look)
    return http2
  }
}
