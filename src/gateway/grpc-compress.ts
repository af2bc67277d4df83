/**
 * Large answers travel compressed where the client takes that. Clients that an emulator variable points here keep gRPC's own bound of 4 MB on what
 * they receive, though the service sends 10 MB; the bound is on the bytes of the wire. grpc-js has no compression of answers.
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { gzipSync } from 'node:zlib'
import type { Server } from '@grpc/grpc-js'
import { beforeStreams } from './grpc-streams.ts'

/** A little under what clients receive by default. */
const PLAIN_BYTES_MAX = 4_000_000
/** One byte tells whether a message is compressed, four tell its length. */
const FRAME_HEAD_BYTES = 5
/** Quick: what matters is to get below the bound, and the main loop waits. */
const LEVEL = 1

export function compressLarge(server: Server): void {
  beforeStreams(server, (stream, headers) => {
    if (/\bgzip\b/.test(String(headers['grpc-accept-encoding'] ?? ''))) compressOn(stream)
  })
}

function compressOn(stream: ServerHttp2Stream): void {
  const respond = stream.respond.bind(stream)
  // Naming the encoding costs nothing: each message says for itself whether it is compressed.
  stream.respond = (headers: OutgoingHttpHeaders = {}, options) => respond({ ...headers, 'grpc-encoding': 'gzip' }, options)
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean
  stream.write = ((chunk: unknown, ...rest: unknown[]) => write(compressed(chunk), ...rest)) as typeof stream.write
}

export function compressed(frame: unknown): unknown {
  if (!Buffer.isBuffer(frame) || frame.length <= PLAIN_BYTES_MAX || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - FRAME_HEAD_BYTES) return frame
  const body = gzipSync(frame.subarray(FRAME_HEAD_BYTES), { level: LEVEL })
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head[0] = 1
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}
