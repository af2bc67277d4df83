/** Names of topics, subscriptions, snapshots and schemas: `projects/P/topics/T`. They never become paths. */
import { badName, invalid } from './faults.ts'

export type Kind = 'topics' | 'subscriptions' | 'snapshots' | 'schemas'

/** What a subscription says of a topic that is gone. */
export const DELETED_TOPIC = '_deleted-topic_'
/** Topics of the house's own facts: `projects/P/topics/potoroo.storage.object.finalized`. */
export const HOUSE_PREFIX = 'potoroo.'

const PROJECT = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/
const ID = /^[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/

export function checkName(kind: Kind, name: unknown): string {
  const parts = typeof name === 'string' ? name.split('/') : []
  const wellFormed = parts.length === 4 && parts[0] === 'projects' && parts[2] === kind && PROJECT.test(parts[1]!) && ID.test(parts[3]!)
  if (!wellFormed || /^goog/i.test(parts[3]!)) throw badName(kind, name)
  return name as string
}

export function checkProject(name: unknown): string {
  const found = typeof name === 'string' ? /^projects\/([^/]+)$/.exec(name)?.[1] : undefined
  if (found === undefined || !PROJECT.test(found)) throw invalid(`Invalid project name: ${String(name).slice(0, 200)}`, 'It has the form projects/P.')
  return found
}

export const projectOf = (name: string): string => name.split('/')[1] ?? ''
export const idOf = (name: string): string => name.split('/')[3] ?? ''
