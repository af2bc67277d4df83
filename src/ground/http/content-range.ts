/** The headers of ranges: what a resumable upload sends, what a download asks for. */
import { Fault } from '../fault.ts'

export interface ContentRange {
  /** Undefined for a status query (`bytes *\/N`). */
  start: number | undefined
  /** Inclusive; undefined while open (`bytes 0-*\/*`). */
  end: number | undefined
  /** Undefined while the size is unknown (`*`). */
  total: number | undefined
}

/** `bytes 0-99/200`, `bytes 0-99/*`, `bytes *\/200`, `bytes *\/*`, `bytes 0-*\/*`. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  if (header === undefined) return undefined
  const found = /^bytes\s+(?:(\d{1,15})-(\d{1,15}|\*)|\*)\/(\d{1,15}|\*)$/.exec(header.trim())
  if (!found) throw badRange(header)
  const number = (text: string | undefined) => (text === undefined || text === '*' ? undefined : Number(text))
  const range = { start: number(found[1]), end: number(found[2]), total: number(found[3]) }
  if (range.start !== undefined && range.end !== undefined && range.end < range.start) throw badRange(header)
  if (range.end !== undefined && range.total !== undefined && range.end >= range.total) throw badRange(header)
  return range
}

function badRange(header: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'badRequest', `Failed to parse Content-Range header ${JSON.stringify(header.slice(0, 100))}.`)
}

export interface ByteRange {
  start: number
  /** Inclusive. */
  end: number
}

/**
 * The one range a download asks for. `whole` where the header is absent or not of this form (it is then ignored, as HTTP says),
 * `unsatisfiable` where it begins behind the end.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!found || (found[1] === '' && found[2] === '')) return 'whole'
  if (found[1] === '') {
    const length = Math.min(Number(found[2]), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(found[1])
  const end = found[2] === '' ? size - 1 : Math.min(Number(found[2]), size - 1)
  if (start >= size) return 'unsatisfiable'
  return end < start ? 'whole' : { start, end }
}
