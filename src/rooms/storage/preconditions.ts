/** `ifGenerationMatch` and its kin: read from a request, checked against what is there. */
import { invalid, notModified, preconditionFailed } from './faults.ts'
import type { Preconditions, StoredObject } from './types.ts'

/** With `Source` as infix for the source of a copy: `ifSourceGenerationMatch`. */
export function readPreconditions(query: URLSearchParams, infix: '' | 'Source' = ''): Preconditions {
  return {
    ...whole(query, `if${infix}GenerationMatch`, 'generation'),
    ...whole(query, `if${infix}GenerationNotMatch`, 'generationNot'),
    ...whole(query, `if${infix}MetagenerationMatch`, 'metageneration'),
    ...whole(query, `if${infix}MetagenerationNotMatch`, 'metagenerationNot'),
  }
}

function whole(query: URLSearchParams, name: string, key: keyof Preconditions): Preconditions {
  const text = query.get(name)
  if (text === null) return {}
  return { [key]: wholeNumber(text, name) }
}

export function wholeNumber(text: string, name: string): number {
  const value = Number(text)
  if (!/^\d{1,19}$/.test(text) || !Number.isSafeInteger(value)) throw invalid(`Invalid value for ${name}: ${JSON.stringify(text.slice(0, 40))}`)
  return value
}

/** For what changes something: any condition that does not hold refuses. Generation 0 stands for "not there". */
export function requireConditions(conditions: Preconditions, object: { generation: number; metageneration: number } | undefined): void {
  if (failing(conditions, object) !== undefined) throw preconditionFailed()
}

/** For what only reads: a `Not` condition that fails says that the caller has it already. */
export function requireForRead(conditions: Preconditions, object: StoredObject): void {
  const which = failing(conditions, object)
  if (which === 'not') throw notModified()
  if (which === 'match') throw preconditionFailed()
}

function failing(conditions: Preconditions, object: { generation: number; metageneration: number } | undefined): 'match' | 'not' | undefined {
  const generation = object?.generation ?? 0
  const metageneration = object?.metageneration ?? 0
  if (conditions.generation !== undefined && conditions.generation !== generation) return 'match'
  if (conditions.metageneration !== undefined && conditions.metageneration !== metageneration) return 'match'
  if (conditions.generationNot !== undefined && conditions.generationNot === generation) return 'not'
  if (conditions.metagenerationNot !== undefined && conditions.metagenerationNot === metageneration) return 'not'
  return undefined
}
