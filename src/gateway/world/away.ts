/**
 * Calls that are meant for the real cloud although they were made to a host that the house stands in for: those of a project or of a key
 * that the `passthrough` setting names. They leave as they came, with their own credentials; everything else stays. HTTP only: gRPC
 * leaves by the name of its host.
 */
import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { Courier } from '#ground/courier.ts'
import type { Call } from '#ground/door.ts'

/** Tokens of the real cloud that were got by a named key. */
const TOKENS_MAX = 1000
const ANSWER_BYTES_MAX = 5 * 1024 ** 4
const TIMEOUT_MS = 24 * 3600_000
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
/** They speak of one connection. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

export class Away {
  private readonly names: ReadonlySet<string>
  private readonly courier: Pick<Courier, 'send'>
  private readonly tokens = new Set<string>()

  constructor(parts: { names: readonly string[]; courier: Pick<Courier, 'send'> }) {
    this.names = new Set(parts.names)
    this.courier = parts.courier
  }

  /** Of a call to a host of the cloud: whether it leaves. */
  takes(target: string, authorization: string | undefined): boolean {
    if (this.names.size === 0) return false
    if (authorization !== undefined && this.tokens.has(hashOf(authorization.replace(/^bearer /i, '')))) return true
    const found = /(?:\/projects\/|[?&]project=)([^/:?&#]+)/.exec(target)
    return found !== null && this.names.has(decoded(found[1]!))
  }

  async send(call: Call): Promise<void> {
    const { request, response, host, signal } = call
    const answer = await this.courier.send({
      url: `https://${host}${request.url}`,
      method: request.method ?? 'GET',
      headers: request.headers,
      ...(request.method !== 'GET' && request.method !== 'HEAD' && { body: request }),
      signal,
      redirects_max: 0,
      response_bytes_max: ANSWER_BYTES_MAX,
      timeout_ms: TIMEOUT_MS,
    })
    response.writeHead(answer.status, Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !HOP_HEADERS.has(name))))
    await pipeline(answer.body, response)
  }

  /** Whether an assertion signed by this key is the real token endpoint's to answer. */
  takesKey(keyId: string | undefined): boolean {
    return keyId !== undefined && this.names.has(keyId)
  }

  async exchange(assertion: string): Promise<{ status: number; body: unknown }> {
    const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    const answer = await this.courier.send({ url: TOKEN_URL, method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() })
    const body = JSON.parse(await answer.text()) as { access_token?: unknown }
    if (typeof body.access_token === 'string') this.note(body.access_token)
    return { status: answer.status, body }
  }

  private note(token: string): void {
    if (this.tokens.size >= TOKENS_MAX) this.tokens.delete(this.tokens.values().next().value!)
    this.tokens.add(hashOf(token))
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
