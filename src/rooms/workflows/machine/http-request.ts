/** The arguments of an `http.*` call as a request to send: query, headers, body in its documented encodings. */
import { writeJson } from '../language/json.ts'
import { raised } from '../language/raised.ts'
import { Bytes, isList, isMap, isNumber, numberText, toNumber, typeWord, type Value, type ValueMap } from '../language/values.ts'
import { HTTP_TIMEOUT_S_MAX } from '../limits.ts'
import { percentEncoded } from '../stdlib/text.ts'
import type { HttpAuth, HttpRequest } from './state.ts'

export const USER_AGENT = 'GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)'
const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
const DEFAULT_SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

export type Arguments = Readonly<Record<string, Value>>

/** `name` is the function called, such as `http.get`. */
export function httpRequest(name: string, args: Arguments): HttpRequest {
  const method = name === 'http.request' ? methodOf(args['method'] ?? null) : name.slice('http.'.length).toUpperCase()
  const headers = headersOf(args['headers'] ?? null)
  const body = bodyOf(args['body'] ?? null, headers)
  const url = withQuery(urlOf(args['url'] ?? null), args['query'] ?? null)
  return { method, url, headers: withUserAgent(headers), body, timeout_s: timeoutOf(args['timeout'] ?? null), auth: authOf(args['auth'] ?? null, url) }
}

function methodOf(value: Value): string {
  if (typeof value !== 'string') throw raised('TypeError', `http.request: method must be a string, not '${typeWord(value)}'`)
  const method = value.toUpperCase()
  if (!METHODS.has(method)) throw raised('ValueError', `http.request: unsupported method ${JSON.stringify(value)}`)
  return method
}

function urlOf(value: Value): string {
  if (typeof value !== 'string') throw raised('TypeError', `url must be a string, not '${typeWord(value)}'`)
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw raised('ValueError', `${JSON.stringify(value)} is not an http or https URL`)
  return value
}

function withQuery(url: string, query: Value): string {
  if (query === null) return url
  if (!isMap(query)) throw raised('TypeError', `query must be a map, not '${typeWord(query)}'`)
  const pairs = formPairs(query, 'query')
  if (pairs === '') return url
  const [head, ...fragment] = url.split('#')
  return `${head}${head!.includes('?') ? '&' : '?'}${pairs}${fragment.length > 0 ? `#${fragment.join('#')}` : ''}`
}

/** `a=1&b=x&b=y`: numbers and booleans become text, a list repeats its key, null is left out. */
export function formPairs(map: ValueMap, where: string): string {
  const pairs: string[] = []
  for (const key in map) {
    for (const item of isList(map[key]!) ? map[key] : [map[key]!]) {
      if (item !== null) pairs.push(`${percentEncoded(key)}=${percentEncoded(scalarText(item, `${where}.${key}`))}`)
    }
  }
  return pairs.join('&')
}

export function scalarText(value: Value, where: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (isNumber(value)) return numberText(value)
  throw raised('TypeError', `${where} must be a string, number or boolean, not '${typeWord(value)}'`)
}

function headersOf(value: Value): Record<string, string> {
  if (value === null) return {}
  if (!isMap(value)) throw raised('TypeError', `headers must be a map, not '${typeWord(value)}'`)
  const headers: Record<string, string> = {}
  for (const name in value) {
    const text = value[name] === null ? '' : scalarText(value[name]!, `headers.${name}`)
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[\r\n\0]/.test(text)) throw raised('ValueError', `header ${JSON.stringify(name)} cannot be sent`)
    headers[name] = text
  }
  return headers
}

export const headerName = (headers: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.keys(headers).find((known) => known.toLowerCase() === name.toLowerCase())

function withUserAgent(headers: Record<string, string>): Record<string, string> {
  const own = headerName(headers, 'user-agent')
  if (own === undefined) return { ...headers, 'User-Agent': USER_AGENT }
  return headers[own]!.includes('GoogleCloudWorkflows') ? headers : { ...headers, [own]: `${headers[own]} ${USER_AGENT}` }
}

function bodyOf(body: Value, headers: Record<string, string>): string | Bytes | null {
  if (body === null || typeof body === 'string' || body instanceof Bytes) return body
  const typeName = headerName(headers, 'content-type')
  const type = typeName === undefined ? undefined : headers[typeName]
  if (type?.startsWith('application/x-www-form-urlencoded') && isMap(body)) return formPairs(body, 'body')
  if (type === undefined) headers['Content-Type'] = 'application/json; charset=utf-8'
  return writeJson(body)
}

function timeoutOf(value: Value): number {
  if (value === null) return HTTP_TIMEOUT_S_MAX
  if (!isNumber(value)) throw raised('TypeError', `timeout must be a number, not '${typeWord(value)}'`)
  const timeout_s = toNumber(value)
  if (timeout_s <= 0 || timeout_s > HTTP_TIMEOUT_S_MAX) throw raised('ValueError', `timeout must be over 0 and at most ${HTTP_TIMEOUT_S_MAX} seconds`)
  return timeout_s
}

export function authOf(value: Value, url: string): HttpAuth | null {
  if (value === null) return null
  if (!isMap(value)) throw raised('TypeError', `auth must be a map, not '${typeWord(value)}'`)
  const type = value['type'] ?? null
  if (type !== 'OAuth2' && type !== 'OIDC') throw raised('ValueError', "auth.type must be 'OAuth2' or 'OIDC'")
  const audience = value['audience'] ?? null
  if (audience !== null && typeof audience !== 'string') throw raised('TypeError', 'auth.audience must be a string')
  return { type, scopes: scopesOf(value['scopes'] ?? value['scope'] ?? null), audience: audience ?? url.split('?')[0]! }
}

export function scopesOf(value: Value): string[] {
  if (value === null) return [DEFAULT_SCOPE]
  const scopes = typeof value === 'string' ? value.split(/[\s,]+/) : isList(value) ? value : null
  if (!scopes || !scopes.every((scope) => typeof scope === 'string')) throw raised('TypeError', 'scopes must be a string or a list of strings')
  return scopes.filter((scope) => scope !== '')
}
