/** What a case expects of a run, and where the run differs. The same words serve the conformance cases and `potoroo workflow test`. */
import { writeJson } from '../language/json.ts'
import type { RunResult } from './run.ts'
import type { StubCall } from './stub.ts'

export interface Expectations {
  state?: string
  /** The whole result. */
  result?: unknown
  /** A part of the result; `{"$contains": x}` stands for a list that has x. */
  result_match?: unknown
  error_match?: unknown
  error_contains?: string
  calls?: ExpectedCall[]
  calls_order?: 'strict' | 'any'
  /** `"GET https://host/path": 2` */
  calls_min?: Record<string, number>
  virtual_seconds_min?: number
}

export interface ExpectedCall {
  method: string
  url: string
  query?: Record<string, string>
  json?: unknown
  body?: string
  /** Beginnings of header values. */
  headers?: Record<string, string>
  header_present?: string[]
}

export function differences(expected: Expectations, run: RunResult, calls: readonly StubCall[]): string[] {
  const { outcome } = run
  const found: string[] = []
  const result: unknown = outcome.state === 'SUCCEEDED' ? JSON.parse(writeJson(outcome.result)) : undefined
  const error: unknown = outcome.state === 'FAILED' ? JSON.parse(writeJson(outcome.error)) : undefined
  const shown = outcome.state === 'FAILED' ? `error ${writeJson(outcome.error)}` : `result ${JSON.stringify(result)}`
  if (expected.state !== undefined && expected.state !== outcome.state) found.push(`the state is ${outcome.state}, not ${expected.state}: ${shown}`)
  if ('result' in expected && !(matches(result ?? null, expected.result) && matches(expected.result, result ?? null))) {
    found.push(`${shown}, not ${JSON.stringify(expected.result)}`)
  }
  if ('result_match' in expected && !matches(result, expected.result_match)) found.push(`${shown} does not match ${JSON.stringify(expected.result_match)}`)
  if ('error_match' in expected && !matches(error, expected.error_match)) found.push(`${shown} does not match ${JSON.stringify(expected.error_match)}`)
  if (expected.error_contains !== undefined && !JSON.stringify(error ?? null).includes(expected.error_contains)) found.push(`${shown} does not contain ${expected.error_contains}`)
  found.push(...callDifferences(expected, calls))
  if (run.virtual_seconds < (expected.virtual_seconds_min ?? 0)) found.push(`it took ${run.virtual_seconds} seconds of its clock, under ${expected.virtual_seconds_min}`)
  return found
}

function callDifferences(expected: Expectations, calls: readonly StubCall[]): string[] {
  const found: string[] = []
  if (expected.calls) {
    const left = [...calls]
    if (left.length !== expected.calls.length) found.push(`${calls.length} calls, not ${expected.calls.length}: ${calls.map((call) => `${call.method} ${call.url}`).join(', ')}`)
    for (const want of expected.calls) {
      const at = expected.calls_order === 'any' ? left.findIndex((call) => isCall(call, want)) : 0
      const call = left[at]
      if (!call || !isCall(call, want)) found.push(`no call ${JSON.stringify(want)}${call ? `, but ${JSON.stringify(call)}` : ''}`)
      if (at >= 0) left.splice(at, 1)
    }
  }
  for (const [spec, least] of Object.entries(expected.calls_min ?? {})) {
    const [method, url] = spec.split(' ')
    const count = calls.filter((call) => call.method === method && call.url === hostPath(url!)).length
    if (count < least) found.push(`${spec}: ${count} calls, not ${least}`)
  }
  return found
}

const hostPath = (url: string) => `${new URL(url).host}${new URL(url).pathname}`

function isCall(call: StubCall, want: ExpectedCall): boolean {
  if (call.method !== want.method || call.url !== hostPath(want.url)) return false
  if (Object.entries(want.query ?? {}).some(([key, value]) => call.query[key] !== value)) return false
  if (Object.entries(want.headers ?? {}).some(([name, start]) => !(call.headers[name] ?? '').startsWith(start))) return false
  if ((want.header_present ?? []).some((name) => !(name in call.headers))) return false
  if ('json' in want) {
    try {
      if (!matches(JSON.parse(call.body), want.json) || !matches(want.json, JSON.parse(call.body))) return false
    } catch {
      return false
    }
  }
  return want.body === undefined || call.body === want.body
}

export function matches(got: unknown, want: unknown): boolean {
  if (Array.isArray(want)) return Array.isArray(got) && got.length === want.length && want.every((item, i) => matches(got[i], item))
  if (typeof want !== 'object' || want === null) return got === want
  if ('$contains' in want) return Array.isArray(got) && got.some((item) => matches(item, want.$contains) && matches(want.$contains, item))
  if (typeof got !== 'object' || got === null || Array.isArray(got)) return false
  return Object.entries(want).every(([key, value]) => key in got && matches((got as Record<string, unknown>)[key], value))
}

