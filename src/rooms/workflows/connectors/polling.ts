/** Long-running work: whether an answer says it is done, what to ask next, and what comes out in the end. */
import { NotJson, parseJson } from '../language/json.ts'
import { raised, raisedWithTags } from '../language/raised.ts'
import { isMap, type Value, type ValueMap } from '../language/values.ts'
import type { HttpRequest } from '../machine/state.ts'
import type { PollKind } from './description.ts'

export type Progress = { done: true; value: Value } | { done: false; next: string }

/** `url` is where the work was started; where to ask about it is made from that and from the answer. */
export function progress(kind: PollKind, answer: Value, started: HttpRequest): Progress {
  if (!isMap(answer)) throw raised('ResponseTypeError', 'the answer about an operation is not a map')
  switch (kind) {
    case 'operation':
      return operation(answer, started.url)
    case 'bigquery':
      return bigqueryJob(answer, started.url)
    case 'compute':
      return computeOperation(answer, started.url)
    case 'execution':
      return execution(answer, started.url)
  }
}

function operation(answer: ValueMap, url: string): Progress {
  const error = answer['error'] ?? null
  if (answer['done'] === true) {
    if (error !== null) throw failed(messageOf(error) ?? 'the operation failed', answer)
    return { done: true, value: answer['response'] ?? null }
  }
  return { done: false, next: `${versionBase(url)}/${nameOf(answer)}` }
}

function bigqueryJob(answer: ValueMap, url: string): Progress {
  const status = answer['status'] ?? null
  if (!isMap(status)) throw raised('ResponseTypeError', 'the job has no status')
  if (status['state'] === 'DONE') {
    const error = status['errorResult'] ?? null
    if (error !== null) throw failed(messageOf(error) ?? 'the job failed', answer)
    return { done: true, value: answer }
  }
  const reference = answer['jobReference'] ?? null
  const id = isMap(reference) ? reference['jobId'] : undefined
  if (typeof id !== 'string') throw raised('ResponseTypeError', 'the job has no id')
  const location = isMap(reference) && typeof reference['location'] === 'string' ? `?location=${encodeURIComponent(reference['location'])}` : ''
  return { done: false, next: `${url.split('?')[0]!.replace(/\/jobs(\/.*)?$/, '/jobs')}/${encodeURIComponent(id)}${location}` }
}

function computeOperation(answer: ValueMap, url: string): Progress {
  if (answer['status'] === 'DONE') {
    const error = answer['error'] ?? null
    if (error !== null) throw failed(messageOf(error) ?? 'the operation failed', answer)
    return { done: true, value: answer }
  }
  return { done: false, next: `${url.split('?')[0]!.replace(/\/(instances|clusters|operations)(\/.*)?$/, '')}/operations/${nameOf(answer)}` }
}

function execution(answer: ValueMap, url: string): Progress {
  const state = answer['state'] ?? null
  if (state === 'SUCCEEDED') return { done: true, value: decodedResult(answer['result'] ?? null) }
  if (state === 'FAILED' || state === 'CANCELLED' || state === 'UNAVAILABLE') throw failed('Execution failed or cancelled.', answer)
  return { done: false, next: `${versionBase(url)}/${nameOf(answer)}` }
}

function decodedResult(result: Value): Value {
  if (typeof result !== 'string') return result
  try {
    return parseJson(result)
  } catch (error) {
    if (error instanceof NotJson) return result
    throw error
  }
}

/** `https://host/v1` of any URL below it. */
const versionBase = (url: string): string => /^https?:\/\/[^/]+\/v\d+\w*/.exec(url)?.[0] ?? url

function nameOf(answer: ValueMap): string {
  const { name } = answer
  if (typeof name !== 'string' || name === '') throw raised('ResponseTypeError', 'the operation has no name')
  return name
}

function messageOf(error: Value): string | undefined {
  if (!isMap(error)) return undefined
  return typeof error['message'] === 'string' ? error['message'] : undefined
}

function failed(message: string, operation: ValueMap) {
  return raisedWithTags(['OperationError'], message, { operation }, message)
}
