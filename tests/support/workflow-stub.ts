/** An HTTP server for workflows to call, on a free loopback port: it counts, answers as told, and remembers idempotency keys. */
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Seen {
  method: string
  /** `/host/path?query`, as the host map writes it. */
  target: string
  headers: IncomingHttpHeaders
  body: string
}

export interface StubServer {
  port: number
  seen: Seen[]
  stop(): Promise<void>
}

export type StubAnswer = (seen: Seen, count: number) => { status?: number; headers?: Record<string, string>; body?: unknown; delay_ms?: number }

export async function startStub(answer: StubAnswer): Promise<StubServer> {
  const seen: Seen[] = []
  const counts = new Map<string, number>()
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const call = { method: request.method!, target: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() }
      seen.push(call)
      const count = (counts.get(call.target) ?? 0) + 1
      counts.set(call.target, count)
      const { status = 200, headers = { 'content-type': 'application/json' }, body = null, delay_ms = 0 } = answer(call, count)
      setTimeout(() => response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body)), delay_ms)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    stop: () => new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    }),
  }
}
