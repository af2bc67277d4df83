/** What came back for a request, as the documented response map or the documented error. */
import { NotJson, parseJson } from '../language/json.ts'
import { Raised, raised, type ErrorTag } from '../language/raised.ts'
import { Bytes, mapOf, newMap, type Value, type ValueMap } from '../language/values.ts'
import { RESPONSE_BYTES_MAX } from '../limits.ts'

export type HttpOutcome = HttpAnswer | HttpFailure

export interface HttpAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: Uint8Array
}

/** The request got no answer: the tag says how far it came. */
export interface HttpFailure {
  tag: Extract<ErrorTag, 'ConnectionError' | 'ConnectionFailedError' | 'TimeoutError' | 'AuthError' | 'ResourceLimitError' | 'SystemError'>
  message: string
}

/** `{code, headers, body}`, or what an answer of 400 and above, or none at all, raises. */
export function responseValue(outcome: HttpOutcome): ValueMap {
  if ('tag' in outcome) throw raised(outcome.tag, outcome.message)
  if (outcome.body.length > RESPONSE_BYTES_MAX) throw raised('ResourceLimitError', `an HTTP response of more than ${RESPONSE_BYTES_MAX} bytes`)
  const headers = canonicalHeaders(outcome.headers)
  const response = { code: outcome.status, headers, body: responseBody(outcome.body, headers['Content-Type'] as string | undefined) }
  if (outcome.status < 400) return mapOf(response)
  throw new Raised(mapOf({ ...response, message: `HTTP server responded with error code ${outcome.status}`, tags: ['HttpError'] }))
}

function canonicalHeaders(headers: Readonly<Record<string, string>>): ValueMap {
  const canonical = newMap()
  for (const [name, value] of Object.entries(headers)) canonical[canonicalName(name)] = value
  return canonical
}

/** `content-type` as `Content-Type`. */
const canonicalName = (name: string): string => name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())

const TEXT_TYPES = /^(text\/|application\/(xml|xhtml\+xml|javascript|x-www-form-urlencoded|x-ndjson|yaml)|[^;]*\+xml)/

export function responseBody(body: Uint8Array, type = ''): Value {
  const kind = type.trim().toLowerCase()
  if (/^application\/(json|[\w.-]+\+json)\b/.test(kind)) return jsonBody(body)
  if (TEXT_TYPES.test(kind)) return Buffer.from(body).toString(/charset="?(iso-8859-1|latin1)/.test(kind) ? 'latin1' : 'utf8')
  // Without a type there is only the content to go by.
  if (kind === '') return body.length === 0 ? '' : isUtf8(body) ? Buffer.from(body).toString() : new Bytes(body)
  return new Bytes(body)
}

function jsonBody(body: Uint8Array): Value {
  const text = Buffer.from(body).toString()
  if (text.trim() === '') return null
  try {
    return parseJson(text)
  } catch (error) {
    // The server says JSON and sends something else: the text is more use than an error.
    if (error instanceof NotJson) return text
    throw error
  }
}

const isUtf8 = (body: Uint8Array): boolean => Buffer.from(body).toString().length > 0 && !Buffer.from(body).toString().includes('�')
