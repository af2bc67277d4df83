/** DuckDB's words about a file that cannot be read, as the mistakes of a load job: line, column, and a sentence. */
import { Fault } from '#ground/fault.ts'
import type { LoadMistake } from './messages.ts'

const TYPE_NAMES: Record<string, string> = {
  BIGINT: 'INT64', DOUBLE: 'FLOAT64', BOOLEAN: 'BOOL', VARCHAR: 'STRING', TIMESTAMP: 'DATETIME', 'TIMESTAMP WITH TIME ZONE': 'TIMESTAMP', DATE: 'DATE', TIME: 'TIME', BLOB: 'BYTES',
}

export function mistakeOf(message: string): LoadMistake | undefined {
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1]
  const file = /\bfile ?= ?(\S+)/.exec(message)?.[1]?.split('/').at(-1)
  const where = { ...(line !== undefined && { line: Number(line) }), ...(file !== undefined && { file }) }
  const cast = /Error when converting column "((?:[^"]|"")*)"\. Could not convert string "([\s\S]*?)" to '?([A-Z][A-Z ()\d,]*)'?/.exec(message)
  if (cast) return { ...where, column: cast[1]!, message: couldNotParse(cast[2]!, cast[3]!, cast[1]!, line) }
  const count = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message)
  if (count) {
    const [, wanted, found] = count
    const what = Number(found) > Number(wanted) ? `Too many values in row starting at line ${line}. Found ${found} column(s) while expected ${wanted}` : `CSV table references column position ${found}, but line ${line} contains only ${found} columns`
    return { ...where, message: `Error while reading data, error message: ${what}.` }
  }
  if (/unterminated quote|quote should be followed|Value with unterminated/i.test(message)) return { ...where, message: `Error while reading data, error message: CSV processing encountered too many errors: a quoted value is not closed, or something follows its closing quote (line ${line}).` }
  if (/Invalid unicode|not utf-8|Invalid UTF|unicode/i.test(message)) return { ...where, message: 'Error while reading data, error message: The file is not encoded as it was announced (invalid UTF-8).' }
  if (/Maximum line size/i.test(message)) return { ...where, message: 'Error while reading data, error message: A row is larger than the maximum size.' }
  const json = /Malformed JSON in file "[^"]*", at byte (\d+) in (?:record\/value|line) (\d+): ([\s\S]*?)(?:\. Try|$)/.exec(message) ?? /Malformed JSON[\s\S]*?at byte (\d+) in (?:record\/value|line) (\d+): ([^\n]*)/.exec(message)
  if (json) return { ...where, line: Number(json[2]), message: `Error while reading data, error message: JSON parsing error in row starting at position ${json[1]}: Parser terminated before end of string (${json[3]})` }
  const transform = /JSON transform error in file "[^"]*", in (?:record\/value|line) (\d+): ([\s\S]*)/.exec(message)
  if (transform) return { ...where, line: Number(transform[1]), message: `Error while reading data, error message: JSON table encountered too many errors, giving up. Row: ${transform[1]}; ${transform[2]!.split('\n')[0]}` }
  const missing = /NOT NULL constraint failed: (?:t[0-9a-z]+\.)?(.*)/.exec(message)
  if (missing) return { ...where, column: missing[1]!, message: `Error while reading data, error message: Missing required field: ${missing[1]}.` }
  if (/^(?:CSV|Invalid Input|Conversion|IO|Out of Range|Constraint|Serialization|INTERNAL)[\w ]* Error|parquet|Malformed|No magic bytes|Snappy|gzip|zstd/i.test(message)) {
    return { ...where, message: `Error while reading data, error message: ${plain(message)}` }
  }
  return undefined
}

function couldNotParse(value: string, type: string, column: string, line: string | undefined): string {
  const name = TYPE_NAMES[type.trim()] ?? type.trim()
  return `Error while reading data, error message: Could not parse '${value.slice(0, 100)}' as ${name} for field ${column} starting at line ${line ?? '?'}`
}

/** The first sentence, without paths of ours. */
function plain(message: string): string {
  return message.replace(/^[\w ]+ Error: /, '').replaceAll(/"?(?:\/[^\s"']+)+"?/g, 'the file').split('\n')[0]!.slice(0, 500)
}

export function badFile(mistakes: readonly LoadMistake[]): Fault {
  return new Fault('INVALID_ARGUMENT', 'invalid', mistakes[0]?.message ?? 'Error while reading data.', { details: { mistakes } })
}

export function tooManyMistakes(mistakes: readonly LoadMistake[], bad_max: number): Fault {
  const all = mistakes.slice(0, 10).map((mistake) => mistakeOf(`CSV Error on Line: ${mistake.line}\n${mistake.message}`) ?? mistake)
  const summary = { message: `Error while reading data, error message: CSV table encountered too many errors, giving up. Rows: ${mistakes.length}; errors: ${mistakes.length}; max bad: ${bad_max}. Please look into the errors[] collection for more details.` }
  return badFile([summary, ...all])
}
