/** Connector calls as a small state machine over http waits: send, send again after a failure that may pass, poll until done. */
import { Raised, raised } from '../language/raised.ts'
import { isMap, type Value } from '../language/values.ts'
import { CONNECTOR_RETRIES_MAX } from '../limits.ts'
import type { ConnectorEngine, ConnectorMove } from '../machine/host.ts'
import { responseValue, type HttpOutcome } from '../machine/http-response.ts'
import type { ConnectorState } from '../machine/state.ts'
import type { LibraryHost } from '../stdlib/library.ts'
import { delay_s, PREDICATES } from '../stdlib/retry.ts'
import { findMethod, HELPERS } from './catalogue.ts'
import type { ConnectorMethod, PollKind } from './description.ts'
import { progress } from './polling.ts'
import { connectorRequest, connectorState, helperArguments, isHelper } from './request.ts'

const RETRY = { initial_s: 1, max_s: 60, multiplier: 1.25 }

export const connectors: ConnectorEngine = {
  parameters: (name) => (isHelper(name) ? HELPERS[name]!.parameters : findMethod(name)?.parameters),
  callableInExpression: (name) => isHelper(name) && HELPERS[name]!.inExpression,

  begin(name, args, host) {
    const request = connectorRequest(methodOf(name), isHelper(name) ? helperArguments(name, args, host) : args)
    return { move: 'send', state: connectorState(name, request, args, host) }
  },

  resume(state, event, host) {
    if (event === 'woke') return { move: 'send', state }
    const answer = answerOrRetry(state, event)
    if ('move' in answer) return answer
    const value = finished(state.method, answer.body)
    const kind = pollKind(state.method)
    if (!kind || state.skip_polling) return { move: 'done', value }
    return polled(state, kind, answer.body, host)
  },
}

function methodOf(name: string): ConnectorMethod {
  const method = findMethod(isHelper(name) ? HELPERS[name]!.method : name)
  if (!method) throw raised('SystemError', `the connector ${name} is not available`)
  return method
}

const pollKind = (name: string): PollKind | undefined => (name.endsWith('.executions.run') ? 'execution' : methodOf(name).poll)

/** The decoded body of a good answer, or the wait before the next try, or the error. */
function answerOrRetry(state: ConnectorState, outcome: HttpOutcome): { body: Value } | ConnectorMove {
  try {
    const { body } = responseValue(outcome)
    return { body: body === '' || body === undefined ? null : body }
  } catch (error) {
    if (!(error instanceof Raised)) throw error
    const idempotent = state.request.method === 'GET' || state.phase === 'poll'
    const passes = PREDICATES[idempotent ? 'http.default_retry_predicate' : 'http.default_retry_predicate_non_idempotent'](error.value)
    if (!passes || state.retries >= CONNECTOR_RETRIES_MAX) throw error
    const retries = state.retries + 1
    return { move: 'sleep', state: { ...state, retries }, delay_ms: delay_s(retries, RETRY.initial_s, RETRY.max_s, RETRY.multiplier) * 1000 }
  }
}

function polled(state: ConnectorState, kind: PollKind, answer: Value, host: LibraryHost): ConnectorMove {
  const seen = progress(kind, answer, state.request)
  if (seen.done) return { move: 'done', value: seen.value }
  const polls = state.polls + 1
  const { initial_delay_s, max_delay_s, multiplier } = state.policy
  const delay_ms = delay_s(polls, initial_delay_s, max_delay_s, multiplier) * 1000
  if (host.now_ms() + delay_ms > state.deadline_ms) throw raised('TimeoutError', `${state.method} did not end within its timeout`, { operation: answer })
  const headers = { 'User-Agent': state.request.headers['User-Agent']! }
  const request = { ...state.request, method: 'GET', url: seen.next, headers, body: null }
  return { move: 'sleep', state: { ...state, phase: 'poll', request, retries: 0, polls, operation: null }, delay_ms }
}

/** What a helper makes of the answer. */
function finished(name: string, body: Value): Value {
  if (!name.endsWith('.versions.accessString')) return body
  const payload = isMap(body) ? body['payload'] : undefined
  const data = payload !== undefined && isMap(payload) ? payload['data'] : undefined
  if (typeof data !== 'string') throw raised('ResponseTypeError', 'the secret version has no payload')
  return Buffer.from(data, 'base64').toString()
}
