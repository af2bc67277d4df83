/** The filter of `executions.list`: comparisons joined by AND and OR, such as `state = "FAILED" AND createTime > "2026-01-01T00:00:00Z"`. */
import { invalid } from './faults.ts'
import { lastSegment } from './names.ts'
import type { Execution } from './types.ts'

export type ExecutionTest = (execution: Execution) => boolean

const FIELDS: Readonly<Record<string, (execution: Execution) => string | number | null>> = {
  state: ({ state }) => state,
  executionId: ({ name }) => lastSegment(name),
  workflowRevisionId: ({ revision }) => revision,
  createTime: ({ created_ms }) => created_ms,
  startTime: ({ created_ms }) => created_ms,
  endTime: ({ ended_ms }) => ended_ms,
  updateTime: ({ ended_ms, created_ms }) => ended_ms ?? created_ms,
  duration: ({ ended_ms, created_ms }) => (ended_ms === null ? null : (ended_ms - created_ms) / 1000),
  'error.payload': ({ error }) => error?.payload ?? null,
  'error.context': ({ error }) => error?.context ?? null,
}

const COMPARISON = /^\s*(NOT\s+|-)?([\w.]+)\s*(<=|>=|!=|=|<|>|:)\s*("(?:[^"\\]|\\.)*"|[^\s()"=]+)\s*/
const TERMS_MAX = 50

export function readFilter(text: string): ExecutionTest {
  if (text.trim() === '') return () => true
  const all: ExecutionTest[] = []
  let any: ExecutionTest[] = []
  let rest = text
  for (let terms = 0; rest.trim() !== ''; terms++) {
    if (terms >= TERMS_MAX) throw invalid(`The filter has more than ${TERMS_MAX} comparisons.`)
    const found = COMPARISON.exec(rest)
    if (!found) throw invalid(`The filter cannot be read at ${JSON.stringify(rest.slice(0, 60))}.`, 'It is made of comparisons such as state="FAILED", joined by AND or OR.')
    any.push(comparison(found[2]!, found[3]!, found[4]!, found[1] !== undefined))
    rest = rest.slice(found[0].length)
    const joint = /^(AND|OR)\s+/.exec(rest)
    if (joint) rest = rest.slice(joint[0].length)
    // As in all of Google's filters, OR binds tighter than AND.
    if (joint?.[1] !== 'OR') {
      const options = any
      all.push((execution) => options.some((option) => option(execution)))
      any = []
    }
  }
  return (execution) => all.every((test) => test(execution)) && (any.length === 0 || any.some((test) => test(execution)))
}

function comparison(field: string, operator: string, quoted: string, negated: boolean): ExecutionTest {
  const wanted = quoted.startsWith('"') ? quoted.slice(1, -1).replace(/\\(.)/g, '$1') : quoted
  const label = /^labels\.(.+)$/.exec(field)?.[1]
  const key = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const read = label === undefined ? (Object.hasOwn(FIELDS, key) ? FIELDS[key] : undefined) : ({ labels }: Execution) => labels[label] ?? null
  if (!read) throw invalid(`The filter names the unknown field ${field}.`, `Known are ${Object.keys(FIELDS).join(', ')} and labels.KEY.`)
  const test: ExecutionTest = (execution) => holds(read(execution), operator, wanted)
  return negated ? (execution) => !test(execution) : test
}

function holds(found: string | number | null, operator: string, wanted: string): boolean {
  if (found === null) return operator === '!='
  const value = typeof found === 'number' ? numberOf(wanted) : wanted
  switch (operator) {
    case '=':
      return typeof found === 'string' && wanted.endsWith('*') ? found.startsWith(wanted.slice(0, -1)) : found === value
    case '!=':
      return found !== value
    case ':':
      return String(found).includes(wanted)
    case '<':
      return found < value
    case '<=':
      return found <= value
    case '>':
      return found > value
    default:
      return found >= value
  }
}

/** A time, or a duration such as `5s`. */
function numberOf(text: string): number {
  const duration = /^([\d.]+)s?$/.exec(text)
  const value = duration ? Number(duration[1]) : Date.parse(text)
  if (Number.isNaN(value)) throw invalid(`The filter compares a time with ${JSON.stringify(text.slice(0, 60))}.`)
  return value
}
