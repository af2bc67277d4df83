/** A request that never touched a socket: parts of a batch take the same way through the gateway as any other. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { InnerRequest } from '#ground/door.ts'

export interface InnerExchange {
  request: IncomingMessage
  response: ServerResponse
  /** The whole response as it would have gone over the wire, once it has ended. */
  answer: Promise<Buffer>
}

/** `outer` lends its peer and credentials to what it carries. */
export function innerExchange({ verb, target, headers, body }: InnerRequest, outer: IncomingMessage): InnerExchange {
  const request = new IncomingMessage(outer.socket ?? new Socket())
  request.method = verb
  request.url = target.replace(/^https?:\/\/[^/]*/, '')
  request.headers = { ...pick(outer, 'authorization'), ...headers, host: outer.headers.host, 'content-length': String(body.length) }
  request.push(body)
  request.push(null)
  request.complete = true

  const chunks: Buffer[] = []
  const wire = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  const response = new ServerResponse(request)
  response.assignSocket(wire as unknown as Socket)
  const answer = new Promise<Buffer>((resolve) => {
    response.once('finish', () => {
      wire.end(() => resolve(Buffer.concat(chunks)))
      response.emit('close')
    })
  })
  return { request, response, answer }
}

function pick(message: IncomingMessage, name: string): Record<string, string> {
  const value = message.headers[name]
  return typeof value === 'string' ? { [name]: value } : {}
}
