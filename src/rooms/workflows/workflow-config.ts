/** A workflow as a client sends it, checked: what belongs to a revision and what does not. */
import { invalid } from './faults.ts'
import { LABELS_MAX, USER_ENV_VAR_BYTES_MAX, USER_ENV_VARS_MAX } from './limits.ts'
import type { CallLogLevel, HistoryLevel, RevisionConfig, WorkflowConfig } from './types.ts'

export const CALL_LOG_LEVELS: readonly CallLogLevel[] = ['CALL_LOG_LEVEL_UNSPECIFIED', 'LOG_ALL_CALLS', 'LOG_ERRORS_ONLY', 'LOG_NONE']
export const HISTORY_LEVELS: readonly HistoryLevel[] = ['EXECUTION_HISTORY_LEVEL_UNSPECIFIED', 'EXECUTION_HISTORY_BASIC', 'EXECUTION_HISTORY_DETAILED']

export type Body = Readonly<Record<string, unknown>>

export function readWorkflowConfig(body: Body): WorkflowConfig {
  return {
    description: text(body, 'description', ''),
    labels: texts(body, 'labels', LABELS_MAX),
    tags: texts(body, 'tags', LABELS_MAX),
    callLogLevel: oneOf(body, 'callLogLevel', CALL_LOG_LEVELS),
    executionHistoryLevel: oneOf(body, 'executionHistoryLevel', HISTORY_LEVELS),
  }
}

export function readRevisionConfig(body: Body, project: string, defaultAccount: string): RevisionConfig {
  const sourceContents = text(body, 'sourceContents', '')
  if (sourceContents === '') throw invalid('The workflow has no sourceContents.')
  const userEnvVars = texts(body, 'userEnvVars', USER_ENV_VARS_MAX)
  for (const [name, value] of Object.entries(userEnvVars)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /^(GOOGLE|WORKFLOWS)_/.test(name)) {
      throw invalid(`Not a name for an environment variable: ${name.slice(0, 80)}`, 'Names have letters, digits and underscores, and do not begin with GOOGLE or WORKFLOWS.')
    }
    if (Buffer.byteLength(value) > USER_ENV_VAR_BYTES_MAX) throw invalid(`The environment variable ${name} is longer than ${USER_ENV_VAR_BYTES_MAX} bytes.`)
  }
  const cryptoKeyName = text(body, 'cryptoKeyName', '')
  const account = text(body, 'serviceAccount', '')
  return {
    sourceContents, userEnvVars, serviceAccount: account === '' ? `projects/${project}/serviceAccounts/${defaultAccount}` : accountName(account, project),
    ...(cryptoKeyName !== '' && { cryptoKeyName }),
  }
}

/** An e-mail address alone, or with `projects/-/…` before it, as its full name. */
function accountName(given: string, project: string): string {
  const email = given.slice(given.lastIndexOf('/') + 1)
  const named = /^projects\/([^/]+)\/serviceAccounts\//.exec(given)?.[1]
  return `projects/${named === undefined || named === '-' ? project : named}/serviceAccounts/${email}`
}

function text(body: Body, name: string, fallback: string): string {
  const value = body[name] ?? fallback
  if (typeof value !== 'string') throw invalid(`${name} must be a string.`)
  return value
}

export function texts(body: Body, name: string, entries_max: number): Record<string, string> {
  const value = body[name] ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${name} must be a map of strings.`)
  const entries = Object.entries(value)
  if (entries.length > entries_max) throw invalid(`${name} has ${entries.length} entries; at most ${entries_max} are allowed.`)
  if (!entries.every(([, item]) => typeof item === 'string')) throw invalid(`${name} must be a map of strings.`)
  return Object.fromEntries(entries) as Record<string, string>
}

export function oneOf<T extends string>(body: Body, name: string, words: readonly T[]): T {
  const value = body[name] ?? words[0]!
  const found = typeof value === 'number' ? words[value] : words.find((word) => word === value)
  if (found === undefined) throw invalid(`${name} must be one of ${words.join(', ')}.`)
  return found
}
