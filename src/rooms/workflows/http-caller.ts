/** Requests of workflows on their way out: credentials of the workflow's service account, then the courier. */
import { Fault } from '#ground/fault.ts'
import { currentTrace, traceparent } from '#ground/trace.ts'
import { Bytes } from './language/values.ts'
import { RESPONSE_BYTES_MAX } from './limits.ts'
import { headerName } from './machine/http-request.ts'
import type { HttpFailure, HttpOutcome } from './machine/http-response.ts'
import type { HttpCaller } from './machine/ports.ts'
import type { HttpAuth, HttpRequest } from './machine/state.ts'
import type { CourierPort, TokenPort } from './room.ts'

/** Sent with every request; the same for the same step of the same execution, also when the house was killed in between. */
export const IDEMPOTENCY_HEADER = 'Idempotency-Key'

export class CourierCaller implements HttpCaller {
  private readonly courier: CourierPort
  private readonly tokens: TokenPort
  private readonly serviceAccount: string

  constructor(courier: CourierPort, tokens: TokenPort, serviceAccount: string) {
    this.courier = courier
    this.tokens = tokens
    this.serviceAccount = serviceAccount
  }

  async send(request: HttpRequest, key: string, signal: AbortSignal): Promise<HttpOutcome> {
    let authorization: string | undefined
    try {
      authorization = request.auth ? await this.authorization(request.auth) : undefined
    } catch (error) {
      return { tag: 'AuthError', message: `no credentials for ${this.serviceAccount}: ${messageOf(error)}` }
    }
    try {
      const answer = await this.courier.send({
        url: request.url, method: request.method, headers: withOwn(request.headers, key, authorization),
        ...(request.body === null ? {} : { body: request.body instanceof Bytes ? request.body.bytes : request.body }),
        timeout_ms: request.timeout_s * 1000, idle_ms: request.timeout_s * 1000, response_bytes_max: RESPONSE_BYTES_MAX, signal,
      })
      const headers: Record<string, string> = {}
      for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : String(value)
      return { status: answer.status, headers, body: new Uint8Array(await answer.bytes()) }
    } catch (error) {
      return failureOf(error)
    }
  }

  private async authorization(auth: HttpAuth): Promise<string> {
    const token = auth.type === 'OIDC' ? await this.tokens.identity(this.serviceAccount, auth.audience) : await this.tokens.access(this.serviceAccount, auth.scopes)
    return `Bearer ${token}`
  }
}

function withOwn(headers: Readonly<Record<string, string>>, key: string, authorization: string | undefined): Record<string, string> {
  const trace = currentTrace()
  const own: Record<string, string> = { [IDEMPOTENCY_HEADER]: key, ...(authorization && { Authorization: authorization }), ...(trace && { traceparent: traceparent(trace) }) }
  // What the workflow itself says of a header stands.
  for (const name of Object.keys(own)) if (headerName(headers, name) !== undefined) delete own[name]
  return { ...headers, ...own }
}

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'ETIMEDOUT'])

function failureOf(error: unknown): HttpFailure {
  if (!(error instanceof Fault)) return { tag: 'SystemError', message: messageOf(error) }
  const { message, reason, code } = error
  if (code === 'DEADLINE_EXCEEDED') return { tag: reason === 'connectTimeout' || reason === 'resolveTimeout' ? 'ConnectionFailedError' : 'TimeoutError', message }
  if (code === 'RESOURCE_EXHAUSTED') return { tag: 'ResourceLimitError', message }
  const refused = reason === 'hostNotFound' || reason === 'egressForbidden' || NEVER_CONNECTED.has(String(error.details['errno']))
  return { tag: refused ? 'ConnectionFailedError' : 'ConnectionError', message: error.hint === undefined ? message : `${message} ${error.hint}` }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
