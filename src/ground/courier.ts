/**
 * The only outbound HTTP client of the house. A name is resolved once, its addresses are checked, and exactly those are
 * connected to; each redirect starts over. The house's own hosts are answered inside. It adds no credentials.
 */
import { lookup } from 'node:dns/promises'
import { Readable } from 'node:stream'
import { forbiddenAddress, isLoopback } from './addresses.ts'
import type { Clock } from './clock.ts'
import { type Hop, type HopAnswer, type HopLimits, HopMaker, type ResolvedAddress } from './courier-hop.ts'
import { Egress, EGRESS_ALLOW_VARIABLE, type EgressSettings, portOf } from './egress.ts'
import { Fault } from './fault.ts'

export interface CourierRequest {
  url: string | URL
  method?: string
  headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  /** A stream is sent as it comes, and therefore cannot follow a redirect that asks for it again. */
  body?: Uint8Array | string | Readable
  signal?: AbortSignal
  /** From the call to the last byte of the answer. */
  timeout_ms?: number
  connect_ms?: number
  idle_ms?: number
  response_bytes_max?: number
  /** 0 gives a redirect back as the answer. */
  redirects_max?: number
}

export interface CourierAnswer extends HopAnswer {
  /** After redirects. */
  url: string
  redirects: number
  /** The whole body; bounded by `response_bytes_max`. */
  bytes(): Promise<Buffer>
  text(): Promise<string>
}

/** Where the house itself answers for a host, and headers that tell its gateway who brings the request. */
export interface InsideHost {
  address: string
  port: number
  headers?: Readonly<Record<string, string>>
}

export interface CourierOptions {
  clock: Clock
  egress?: EgressSettings
  /** The house's own listener for one of its own hosts, else undefined. */
  localHosts?: (host: string, port: number) => InsideHost | undefined
  /** Programs on this machine may be reached too: only for what nobody but the machine's own user can set up. */
  loopback?: boolean
  /** Both only for tests of the rule itself. */
  resolve?: (host: string) => Promise<ResolvedAddress[]>
  forbids?: (address: string) => string | undefined
}

const DEFAULTS = {
  timeout_ms: 300_000,
  connect_ms: 10_000,
  idle_ms: 60_000,
  response_bytes_max: 64 * 1024 * 1024,
  redirects_max: 10,
} satisfies HopLimits & { timeout_ms: number; redirects_max: number }

const URL_LENGTH_MAX = 16 * 1024
const METHOD = /^[A-Z][A-Z-]{0,31}$/
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK'])
/** These speak of one connection, which is the courier's; letting a caller set them is how requests are smuggled. */
const OWN_HEADERS = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'upgrade', 'te', 'trailer', 'expect', 'proxy-connection', 'proxy-authorization'])
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'x-goog-iam-authorization-token', 'x-serverless-authorization']
const REDIRECTS = new Set([301, 302, 303, 307, 308])

type Headers = Record<string, string | string[]>
type Body = CourierRequest['body']

export class Courier {
  readonly #options: CourierOptions
  readonly #egress: Egress
  readonly #hops: HopMaker

  constructor(options: CourierOptions) {
    this.#options = options
    this.#egress = new Egress(options.egress ?? {})
    this.#hops = new HopMaker(options.clock)
  }

  /** Resolves with the head of the answer; its body is a stream that must be read or destroyed. */
  async send(request: CourierRequest): Promise<CourierAnswer> {
    const limits = { ...DEFAULTS, ...withoutUndefined(request) }
    let url = parseUrl(String(request.url))
    let method = parseMethod(request.method ?? 'GET')
    let headers = parseHeaders(request.headers ?? {})
    let body = request.body
    const deadline = this.#deadline(url, limits.timeout_ms, request.signal)

    for (let redirects = 0; ; redirects++) {
      const answer = await this.#hop(url, method, headers, body, limits, deadline.signal).catch((thrown) => {
        deadline.cancel()
        throw thrown
      })
      const next = limits.redirects_max > 0 ? redirectOf(answer, url) : undefined
      if (!next || (next.keepsBody && body instanceof Readable)) {
        answer.body.once('close', deadline.cancel)
        return { ...answer, url: url.href, redirects, ...readers(answer.body) }
      }
      answer.body.destroy()
      if (redirects >= limits.redirects_max) {
        deadline.cancel()
        throw new Fault('FAILED_PRECONDITION', 'tooManyRedirects', `${request.url} redirected more than ${limits.redirects_max} times.`)
      }
      if (!next.keepsBody) {
        body = undefined
        headers = omit(headers, ['content-type', 'content-encoding', 'content-language'])
        if (method !== 'HEAD') method = 'GET'
      }
      if (next.url.origin !== url.origin) headers = omit(headers, CREDENTIAL_HEADERS)
      url = next.url
    }
  }

  close(): void {
    this.#hops.close()
  }

  async #hop(url: URL, method: string, headers: Headers, body: Body, limits: HopLimits, signal: AbortSignal): Promise<HopAnswer> {
    const { target, addresses, extra } = await this.#route(url, limits, signal)
    const hop: Hop = { target, addresses, method, headers: { ...headers, host: url.host, ...credentialsOf(url, headers), ...extra }, body }
    // Where the base of a mapping is a virtual host itself, it must see its own name.
    if (target.host !== url.host && !extra) hop.headers['host'] = target.host
    return this.#hops.make(hop, limits, signal)
  }

  /** Who is connected to for this URL: the operator's mapping, the house, or a checked address outside. */
  async #route(url: URL, limits: HopLimits, signal: AbortSignal): Promise<{ target: URL; addresses?: ResolvedAddress[]; extra?: Readonly<Record<string, string>> }> {
    const mapped = this.#egress.mapped(url)
    if (mapped) return { target: mapped }
    const inside = this.#options.localHosts?.(url.hostname, portOf(url))
    if (inside) {
      const host = inside.address.includes(':') ? `[${inside.address}]` : inside.address
      return { target: new URL(`http://${host}:${inside.port}${url.pathname}${url.search}`), extra: inside.headers ?? {} }
    }
    return { target: url, addresses: await this.#checkedAddresses(url, limits, signal) }
  }

  async #checkedAddresses(url: URL, { connect_ms }: HopLimits, signal: AbortSignal): Promise<ResolvedAddress[]> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const found = await within(this.#resolve(host), connect_ms, this.#options.clock, signal, () => {
      return new Fault('DEADLINE_EXCEEDED', 'resolveTimeout', `The name ${host} was not resolved within ${connect_ms} ms.`)
    })
    if (found.length === 0) throw notFound(host)
    if (this.#egress.allows(url)) return found
    const forbids = this.#options.forbids ?? forbiddenAddress
    for (const { address } of found) {
      const what = forbids(address)
      if (what === undefined || (this.#options.loopback && isLoopback(address))) continue
      // One bad address among good ones is refused as a whole: which one is connected to would be up to chance.
      throw new Fault('PERMISSION_DENIED', 'egressForbidden', `${url.host} leads to ${address} (${what}), where requests may not go.`, {
        hint: `If this is meant, start the house with ${EGRESS_ALLOW_VARIABLE}=${url.host}.`,
        details: { host: url.host, address },
      })
    }
    return found
  }

  async #resolve(host: string): Promise<ResolvedAddress[]> {
    try {
      return await (this.#options.resolve ?? systemResolve)(host)
    } catch (cause) {
      throw notFound(host, cause)
    }
  }

  #deadline(url: URL, timeout_ms: number, signal: AbortSignal | undefined): { signal: AbortSignal; cancel: () => void } {
    const late = new AbortController()
    const cancel = this.#options.clock.after(timeout_ms, () => {
      late.abort(new Fault('DEADLINE_EXCEEDED', 'timeout', `${url.host} took longer than ${timeout_ms} ms.`))
    })
    return { signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal, cancel }
  }
}

async function systemResolve(host: string): Promise<ResolvedAddress[]> {
  return lookup(host, { all: true })
}

function parseUrl(text: string): URL {
  const url = text.length <= URL_LENGTH_MAX ? URL.parse(text) : null
  if (!url || !url.hostname) throw new Fault('INVALID_ARGUMENT', 'badUrl', `Not a URL: ${text.slice(0, 200)}`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Fault('INVALID_ARGUMENT', 'badUrl', `Only http and https can be requested, not ${url.protocol}`)
  }
  // A name with its root dot is the same name, and must not be another one to a list.
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.replace(/\.+$/, '')
  if (!url.hostname) throw new Fault('INVALID_ARGUMENT', 'badUrl', `Not a URL: ${text.slice(0, 200)}`)
  return url
}

function parseMethod(given: string): string {
  const method = given.toUpperCase()
  if (METHOD.test(method) && !REFUSED_METHODS.has(method)) return method
  throw new Fault('INVALID_ARGUMENT', 'badMethod', `The method ${given.slice(0, 40)} cannot be sent.`)
}

function parseHeaders(given: NonNullable<CourierRequest['headers']>): Headers {
  const headers: Headers = {}
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase()
    if (value === undefined || OWN_HEADERS.has(lower)) continue
    const values = typeof value === 'string' ? [value] : value
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(lower) || values.some((one) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(one))) {
      throw new Fault('INVALID_ARGUMENT', 'badHeader', `The header ${JSON.stringify(name.slice(0, 80))} has a character that no header may have.`)
    }
    headers[lower] = typeof value === 'string' ? value : [...value]
  }
  return headers
}

function redirectOf({ status, headers }: HopAnswer, from: URL): { url: URL; keepsBody: boolean } | undefined {
  if (!REDIRECTS.has(status) || headers.location === undefined) return undefined
  const url = parseUrl(URL.parse(headers.location, from.href)?.href ?? headers.location)
  return { url, keepsBody: status === 307 || status === 308 }
}

function credentialsOf(url: URL, headers: Headers): Headers {
  if (!url.username || headers['authorization']) return {}
  const pair = [url.username, url.password].map((part) => decodeURIComponent(part)).join(':')
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

function readers(body: Readable): Pick<CourierAnswer, 'bytes' | 'text'> {
  const bytes = async () => Buffer.concat(await body.toArray())
  return { bytes, text: async () => (await bytes()).toString('utf8') }
}

function omit(headers: Headers, names: readonly string[]): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
}

function withoutUndefined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>
}

function notFound(host: string, cause?: unknown): Fault {
  return new Fault('UNAVAILABLE', 'hostNotFound', `The name ${host} could not be resolved.`, { cause })
}

async function within<T>(work: Promise<T>, limit_ms: number, clock: Clock, signal: AbortSignal, late: () => Fault): Promise<T> {
  const turn = Promise.withResolvers<never>()
  const cancel = clock.after(limit_ms, () => turn.reject(late()))
  const onAbort = () => turn.reject(signal.reason instanceof Fault ? signal.reason : new Fault('CANCELLED', 'cancelled', 'The request was cancelled.'))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([work, turn.promise])
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
    work.catch(() => {}) // its failure after the deadline is no news
  }
}
