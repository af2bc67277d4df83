/** Answers to a workflow's requests from a list of routes: the k-th request to a route gets its k-th response, the last one repeats. */
import type { HttpOutcome } from '../machine/http-response.ts'
import type { HttpCaller } from '../machine/ports.ts'
import type { HttpRequest } from '../machine/state.ts'
import { Bytes } from '../language/values.ts'

export interface StubResponse {
  status?: number
  headers?: Record<string, string>
  body?: unknown
}

export interface StubRoute {
  method: string
  url: string
  query?: Record<string, string>
  responses: StubResponse[]
}

export interface StubHosts {
  routes?: StubRoute[]
  /** Hosts whose connection breaks. */
  refuse_hosts?: string[]
}

export interface StubCall {
  method: string
  url: string
  query: Record<string, string>
  headers: Record<string, string>
  body: string
}

export class Stub implements HttpCaller {
  readonly calls: StubCall[] = []
  private readonly hosts: StubHosts
  private readonly used = new Map<StubRoute, number>()

  constructor(hosts: StubHosts) {
    this.hosts = hosts
  }

  async send(request: HttpRequest, key: string): Promise<HttpOutcome> {
    const url = new URL(request.url)
    if (this.hosts.refuse_hosts?.includes(url.host)) return { tag: 'ConnectionError', message: `the connection to ${url.host} broke before an answer came` }
    const call = recorded(request, key, url)
    this.calls.push(call)
    const route = this.hosts.routes?.find((known) => matches(known, call))
    if (!route) return answer({ status: 599, headers: { 'Content-Type': 'text/plain' }, body: `no route for ${call.method} ${request.url}` })
    const count = this.used.get(route) ?? 0
    this.used.set(route, count + 1)
    return answer(route.responses[Math.min(count, route.responses.length - 1)] ?? {})
  }
}

function recorded(request: HttpRequest, key: string, url: URL): StubCall {
  const headers: Record<string, string> = { 'idempotency-key': key }
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value
  if (request.auth) headers['authorization'] ??= 'Bearer test'
  const body = request.body === null ? '' : request.body instanceof Bytes ? Buffer.from(request.body.bytes).toString() : request.body
  return { method: request.method, url: `${url.host}${url.pathname}`, query: Object.fromEntries(url.searchParams), headers, body }
}

function matches(route: StubRoute, call: StubCall): boolean {
  const url = new URL(route.url)
  const query = { ...Object.fromEntries(url.searchParams), ...route.query }
  return route.method === call.method && `${url.host}${url.pathname}` === call.url && Object.entries(query).every(([key, value]) => call.query[key] === value)
}

function answer({ status = 200, headers = { 'Content-Type': 'application/json' }, body = null }: StubResponse): HttpOutcome {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
  const text = typeof body === 'string' && !type.includes('json') ? body : JSON.stringify(body)
  return { status, headers, body: new Uint8Array(Buffer.from(text)) }
}
