/** A connector call's arguments as one HTTP request. */
import { writeJson } from '../language/json.ts'
import { raised } from '../language/raised.ts'
import { Bytes, isList, isMap, isNumber, mapOf, newMap, toNumber, typeWord, type Value, type ValueMap } from '../language/values.ts'
import { CONNECTOR_TIMEOUT_S_DEFAULT, CONNECTOR_TIMEOUT_S_MAX, HTTP_TIMEOUT_S_MAX } from '../limits.ts'
import { scalarText, scopesOf, USER_AGENT, type Arguments } from '../machine/http-request.ts'
import type { ConnectorState, HttpRequest } from '../machine/state.ts'
import type { LibraryHost } from '../stdlib/library.ts'
import { percentEncoded } from '../stdlib/text.ts'
import { HELPERS } from './catalogue.ts'
import type { ConnectorMethod } from './description.ts'

const RESERVED = new Set(['body', 'connector_params'])

export function connectorRequest(method: ConnectorMethod, args: Arguments): HttpRequest {
  const used = new Set<string>()
  const url = method.url.replace(/\{(\+?)(\w+)\}/g, (_, many: string, name: string) => {
    used.add(name)
    const value = args[name] ?? null
    if (value === null) throw raised('ValueError', `${method.name} needs its argument '${name}'`)
    const text = scalarText(value, name)
    if (method.encoded && /%[0-9A-Fa-f]{2}/.test(text)) return text.replaceAll('/', '%2F')
    return many ? text.split('/').map(segment).join('/') : percentEncoded(text)
  })
  const rest = Object.keys(args).filter((name) => !used.has(name) && !RESERVED.has(name) && args[name] !== null)
  const inline = method.inline && (args['body'] ?? null) === null
  const query = inline ? [] : rest.map((name) => queryPairs(method, name, args[name]!))
  const body = inline ? mapOf(Object.fromEntries(rest.map((name) => [name, args[name]!]))) : (args['body'] ?? null)
  const settings = settingsOf(args)
  return {
    method: method.verb,
    url: query.length > 0 ? `${url}?${query.join('&')}` : url,
    ...encoded(method, body),
    timeout_s: HTTP_TIMEOUT_S_MAX,
    auth: { type: 'OAuth2', scopes: scopesOf(settings['scopes'] ?? null), audience: '' },
  }
}

/** `(default)` and `:method` are written as they are; Google's paths use both. */
const segment = (text: string): string => percentEncoded(text).replace(/%(28|29|3A|40|24|2C)/gi, (code) => decodeURIComponent(code))

function queryPairs(method: ConnectorMethod, name: string, value: Value): string {
  const one = (item: Value) => {
    const text = scalarText(item, name)
    return `${percentEncoded(name)}=${method.encoded && /%[0-9A-Fa-f]{2}/.test(text) ? text.replaceAll('/', '%2F') : percentEncoded(text)}`
  }
  return isList(value) ? value.map(one).join('&') : one(value)
}

function encoded(method: ConnectorMethod, body: Value): Pick<HttpRequest, 'headers' | 'body'> {
  const headers = { 'User-Agent': USER_AGENT }
  if (body === null) return { headers, body: null }
  if (method.media && (typeof body === 'string' || body instanceof Bytes)) {
    const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream'
    return { headers: { ...headers, 'Content-Type': type }, body }
  }
  return { headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' }, body: writeJson(body) }
}

function settingsOf(args: Arguments): ValueMap {
  const settings = args['connector_params'] ?? null
  if (settings === null) return newMap()
  if (!isMap(settings)) throw raised('TypeError', `connector_params must be a map, not '${typeWord(settings)}'`)
  return settings
}

export function connectorState(name: string, request: HttpRequest, args: Arguments, host: LibraryHost): ConnectorState {
  const settings = settingsOf(args)
  const policy = settings['polling_policy'] ?? null
  if (policy !== null && !isMap(policy)) throw raised('TypeError', `polling_policy must be a map, not '${typeWord(policy)}'`)
  const number = (from: ValueMap | null, key: string, fallback: number): number => {
    const value = from?.[key] ?? null
    if (value === null) return fallback
    if (!isNumber(value)) throw raised('TypeError', `${key} must be a number, not '${typeWord(value)}'`)
    return toNumber(value)
  }
  const timeout_s = number(settings, 'timeout', CONNECTOR_TIMEOUT_S_DEFAULT)
  if (timeout_s <= 0 || timeout_s > CONNECTOR_TIMEOUT_S_MAX) throw raised('ValueError', `timeout must be over 0 and at most ${CONNECTOR_TIMEOUT_S_MAX} seconds`)
  return {
    method: name, phase: 'send', request, retries: 0, polls: 0, deadline_ms: host.now_ms() + timeout_s * 1000,
    policy: { initial_delay_s: number(policy, 'initial_delay', 1), multiplier: number(policy, 'multiplier', 1.25), max_delay_s: number(policy, 'max_delay', 60) },
    skip_polling: settings['skip_polling'] === true,
    operation: null,
  }
}

/** The arguments of the described method that a helper stands for. */
export function helperArguments(name: string, args: Arguments, host: LibraryHost): Arguments {
  const project = text(args['project_id'] ?? host.env('GOOGLE_CLOUD_PROJECT_ID') ?? null, 'project_id')
  const kept: Arguments = { connector_params: args['connector_params'] ?? null }
  if (name.endsWith('.executions.run')) {
    const location = text(args['location'] ?? host.env('GOOGLE_CLOUD_LOCATION') ?? null, 'location')
    const parent = `projects/${project}/locations/${location}/workflows/${text(args['workflow_id'] ?? null, 'workflow_id')}`
    const argument = args['argument'] ?? null
    return { ...kept, parent, body: argument === null ? newMap() : mapOf({ argument: writeJson(argument) }) }
  }
  const secret = `projects/${project}/secrets/${text(args['secret_id'] ?? null, 'secret_id')}`
  if (name.endsWith('.addVersionString')) {
    const data = Buffer.from(text(args['data'] ?? null, 'data')).toString('base64')
    return { ...kept, parent: secret, body: mapOf({ payload: mapOf({ data }) }) }
  }
  return { ...kept, name: `${secret}/versions/${scalarText(args['version'] ?? 'latest', 'version')}` }
}

function text(value: Value, name: string): string {
  if (value === null) throw raised('ValueError', `the argument '${name}' is missing`)
  return scalarText(value, name)
}

export const isHelper = (name: string): boolean => Object.hasOwn(HELPERS, name)
