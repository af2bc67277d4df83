/** Google's partial responses: `fields=items(name,generation),nextPageToken` leaves only what was asked for. */
import { Fault } from '../fault.ts'

const FIELDS_CHARS_MAX = 8192
const FIELDS_DEPTH_MAX = 20

/** What is kept: of each key everything (`true`) or again a selection. `*` stands for every key. */
interface Selection {
  [key: string]: Selection | true
}

/** The value with only the selected fields; unchanged where nothing was selected. */
export function selectFields(value: unknown, fields: string | null): unknown {
  if (fields === null || fields === '' || fields === '*') return value
  return keep(value, parse(fields))
}

function keep(value: unknown, selection: Selection | true): unknown {
  if (selection === true || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => keep(item, selection))
  const kept: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    const wanted = selection[key] ?? selection['*']
    if (wanted !== undefined) kept[key] = keep(inner, wanted)
  }
  return kept
}

function parse(text: string): Selection {
  if (text.length > FIELDS_CHARS_MAX) throw invalid(text)
  const tokens = text.match(/[^,()/\s]+|[,()/]/g) ?? []
  let at = 0

  const list = (depth: number): Selection => {
    if (depth > FIELDS_DEPTH_MAX) throw invalid(text)
    const selection: Selection = Object.create(null)
    do {
      const [key, inner] = path(depth)
      const known = selection[key]
      selection[key] = known && known !== true && inner !== true ? Object.assign(known, inner) : inner
    } while (tokens[at] === ',' && ++at)
    return selection
  }
  const path = (depth: number): [string, Selection | true] => {
    if (depth > FIELDS_DEPTH_MAX) throw invalid(text)
    const key = tokens[at++]
    if (key === undefined || /^[,()/]$/.test(key)) throw invalid(text)
    if (tokens[at] === '/') {
      at++
      const [innerKey, inner] = path(depth + 1)
      return [key, { [innerKey]: inner }]
    }
    if (tokens[at] !== '(') return [key, true]
    at++
    const inner = list(depth + 1)
    if (tokens[at++] !== ')') throw invalid(text)
    return [key, inner]
  }

  const selection = list(0)
  if (at !== tokens.length) throw invalid(text)
  return selection
}

function invalid(text: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'invalidParameter', `Invalid field selection ${text.slice(0, 200)}`)
}
