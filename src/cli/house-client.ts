/** A house as its command line sees it: requests to its doors, its error bodies as Faults again. */
import { Fault, HTTP_STATUS } from '#ground/fault.ts'
import type { FaultCode } from '#ground/fault.ts'
import { tokenFor } from './credentials.ts'
import { notRunning } from './find-house.ts'

export interface RequestOptions {
  query?: Record<string, string | undefined>
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is; a stream is sent as it comes. */
  body?: RequestInit['body']
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Without the token that is kept for the house: to get another. */
  anonymous?: boolean
}

export class HouseClient {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return answerOf<T>(await this.exchange(method, path, options))
  }

  /** The answer, whose body is still to be read. Anything but success is thrown as a Fault. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const response = await this.exchange(method, path, options)
    if (response.ok) return response
    throw await faultOf(response)
  }

  /** The answer whatever its status. */
  async exchange(method: string, path: string, { query = {}, json, body, headers = {}, signal, anonymous }: RequestOptions = {}): Promise<Response> {
    const target = new URL(path, this.url)
    // `.` and `..` as whole segments would lead to another resource.
    if (target.pathname !== path.split('?')[0]) {
      throw new Fault('INVALID_ARGUMENT', 'usage', `${path} cannot be written as a URL: a name of dots would be taken for a folder.`)
    }
    for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value)
    const token = anonymous ? undefined : tokenFor(this.url)
    if (token !== undefined) headers = { authorization: `Bearer ${token}`, ...headers }
    const init: RequestInit & { duplex?: 'half' } = { method, headers, redirect: 'manual' }
    if (signal) init.signal = signal
    if (json !== undefined) {
      init.body = JSON.stringify(json)
      init.headers = { ...headers, 'content-type': 'application/json' }
    } else if (body !== undefined) {
      init.body = body
      init.duplex = 'half'
    }
    try {
      return await fetch(target, init)
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      throw unreachable(this.url, cause)
    }
  }
}

/** What the house answered, or its refusal as a Fault. */
export async function answerOf<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T
  throw await faultOf(response)
}

export function unreachable(url: string, cause: unknown): Fault {
  const code = (cause as { cause?: { code?: string } }).cause?.code
  if (code === 'ECONNREFUSED') return notRunning(`No house answers at ${url}.`)
  return new Fault('UNAVAILABLE', 'backendError', `The connection to ${url} broke${code === undefined ? '' : ` (${code})`}.`, {
    hint: 'Look at the log of the house, then run the command again.',
    cause,
  })
}

async function faultOf(response: Response): Promise<Fault> {
  return errorOf(response.status, response.statusText, await response.text(), response.headers.get('x-request-id') ?? undefined)
}

export function errorOf(status: number, words: string, text: string, requestId: string | undefined): Fault {
  const { message, reason, code } = errorIn(text)
  return new Fault(code ?? codeOfStatus(status), reason ?? 'unknown', message ?? `The house answered ${status} ${words}.`, { httpStatus: status, details: { requestId } })
}

function errorIn(text: string): { message?: string; reason?: string; code?: FaultCode } {
  try {
    const { error } = JSON.parse(text)
    return { message: error.message, reason: error.errors?.[0]?.reason, ...(error.status in HTTP_STATUS && { code: error.status }) }
  } catch {
    return {} // Not one of our error bodies; its status has to do.
  }
}

function codeOfStatus(status: number): FaultCode {
  const known = (Object.entries(HTTP_STATUS) as [FaultCode, number][]).find(([, its]) => its === status)
  if (known) return known[0]
  if (status === 412) return 'FAILED_PRECONDITION'
  return status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'
}
