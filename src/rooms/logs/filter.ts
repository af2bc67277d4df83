/**
 * The Logging query language, the part that clients and people commonly write: comparisons, substrings, regular expressions, presence,
 * AND, OR, NOT and parentheses. OR binds tighter than AND, and what merely stands side by side is joined by AND.
 */
import { badFilter } from './faults.ts'
import { FILTER_CHARS_MAX, FILTER_DEPTH_MAX, REGEX_CHARS_MAX } from './limits.ts'
import { SEVERITIES } from './types.ts'
import type { LogEntry, Severity } from './types.ts'

export type Filter =
  | { kind: 'and' | 'or'; parts: Filter[] }
  | { kind: 'not'; part: Filter }
  | { kind: 'compare'; path: string[]; operator: Operator; value: string; regex?: RegExp }
  | { kind: 'anywhere'; text: string }
  | { kind: 'all' }

type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | ':' | '=~' | '!~'

interface Token {
  kind: 'word' | 'text' | 'operator' | 'open' | 'close' | 'and' | 'or' | 'not' | 'end'
  text: string
  at: number
}

export function parseFilter(source: string): Filter {
  if (source.length > FILTER_CHARS_MAX) throw badFilter(`it is longer than ${FILTER_CHARS_MAX} characters`, FILTER_CHARS_MAX)
  return new Parser(tokensOf(source)).parse()
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  const pattern = /\s+|--[^\n]*|(=~|!~|!=|>=|<=|[=<>:])|([()])|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|(-)(?=[\w"(])|([^\s()=<>:!"']+(?:"(?:\\.|[^"\\])*"[^\s()=<>:!"']*)*)/y
  while (pattern.lastIndex < source.length) {
    const at = pattern.lastIndex
    const found = pattern.exec(source)
    if (!found) throw badFilter(`${JSON.stringify(source.slice(at, at + 20))} is not understood`, at)
    const [whole, operator, bracket, double, single, minus, word] = found
    if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, at })
    else if (bracket !== undefined) tokens.push({ kind: bracket === '(' ? 'open' : 'close', text: bracket, at })
    else if (double !== undefined || single !== undefined) tokens.push({ kind: 'text', text: unescaped(double ?? single!), at })
    else if (minus !== undefined) tokens.push({ kind: 'not', text: '-', at })
    else if (word !== undefined) tokens.push({ kind: KEYWORDS[word] ?? 'word', text: word, at })
    else if (whole === '') throw badFilter('it is not understood', at)
  }
  tokens.push({ kind: 'end', text: '', at: source.length })
  return tokens
}

const KEYWORDS: Readonly<Record<string, 'and' | 'or' | 'not'>> = { AND: 'and', OR: 'or', NOT: 'not' }

const unescaped = (text: string): string => text.replaceAll(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? (`"'\\`.includes(char) ? char : `\\${char}`))

class Parser {
  private readonly tokens: Token[]
  private at = 0
  private depth = 0

  constructor(tokens: Token[]) {
    this.tokens = tokens
  }

  parse(): Filter {
    if (this.peek().kind === 'end') return { kind: 'all' }
    const filter = this.conjunction()
    const { kind, text, at } = this.peek()
    if (kind !== 'end') throw badFilter(`unexpected ${JSON.stringify(text)}`, at)
    return filter
  }

  private conjunction(): Filter {
    if (++this.depth > FILTER_DEPTH_MAX) throw badFilter('it is nested too deeply', this.peek().at)
    const parts = [this.disjunction()]
    for (let next = this.peek(); next.kind !== 'end' && next.kind !== 'close'; next = this.peek()) {
      if (next.kind === 'and') this.at++
      parts.push(this.disjunction())
    }
    this.depth--
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
  }

  private disjunction(): Filter {
    const parts = [this.negation()]
    while (this.peek().kind === 'or') {
      this.at++
      parts.push(this.negation())
    }
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
  }

  private negation(): Filter {
    let turned = false
    while (this.peek().kind === 'not') {
      this.at++
      turned = !turned
    }
    const part = this.term()
    return turned ? { kind: 'not', part } : part
  }

  private term(): Filter {
    const token = this.take()
    if (token.kind === 'open') {
      const inner = this.conjunction()
      this.close()
      return inner
    }
    if (token.kind !== 'word' && token.kind !== 'text') throw badFilter(token.kind === 'end' ? 'it ends too early' : `unexpected ${JSON.stringify(token.text)}`, token.at)
    if (this.peek().kind !== 'operator') return { kind: 'anywhere', text: token.text.toLowerCase() }
    const path = token.kind === 'text' ? [token.text] : pathOf(token)
    const operator = this.take().text as Operator
    return this.values(path, operator)
  }

  /** One value, or several in parentheses: `severity=(ERROR OR CRITICAL)`. */
  private values(path: string[], operator: Operator): Filter {
    const token = this.take()
    if (token.kind === 'word' || token.kind === 'text') return compare(path, operator, token)
    if (token.kind !== 'open') throw badFilter('a value is missing', token.at)
    const parts = [this.values(path, operator)]
    let kind: 'and' | 'or' = 'and'
    for (let next = this.peek(); next.kind !== 'close'; next = this.peek()) {
      if (next.kind === 'end') throw badFilter('a closing parenthesis is missing', next.at)
      if (next.kind === 'or' || next.kind === 'and') {
        kind = next.kind
        this.at++
      }
      parts.push(this.values(path, operator))
    }
    this.close()
    return { kind, parts }
  }

  private close(): void {
    const token = this.take()
    if (token.kind !== 'close') throw badFilter('a closing parenthesis is missing', token.at)
  }

  private peek(): Token {
    return this.tokens[this.at]!
  }

  private take(): Token {
    return this.tokens[Math.min(this.at++, this.tokens.length - 1)]!
  }
}

/** `labels."goog-managed-by"` has quotes around one of its parts. */
function pathOf({ text, at }: Token): string[] {
  const parts = [...text.matchAll(/"((?:\\.|[^"\\])*)"|([^."]+)/g)].map(([, quoted, plain]) => (quoted === undefined ? plain! : unescaped(quoted)))
  if (parts.length === 0) throw badFilter(`${JSON.stringify(text)} is no field`, at)
  return parts
}

function compare(path: string[], operator: Operator, { text: value, at }: Token): Filter {
  if (operator !== '=~' && operator !== '!~') return { kind: 'compare', path, operator, value }
  // RE2 has no back-references; without them a short pattern on a bounded text ends soon.
  if (value.length > REGEX_CHARS_MAX || /\\[1-9]|\(\?<?[=!]|\([^)]*[+*][^)]*\)[+*{]/.test(value)) throw badFilter('this regular expression is not one that is run here', at)
  try {
    return { kind: 'compare', path, operator, value, regex: new RegExp(value) }
  } catch {
    throw badFilter('the regular expression is malformed', at)
  }
}

export function accepts(filter: Filter, entry: LogEntry): boolean {
  switch (filter.kind) {
    case 'all':
      return true
    case 'and':
      return filter.parts.every((part) => accepts(part, entry))
    case 'or':
      return filter.parts.some((part) => accepts(part, entry))
    case 'not':
      return !accepts(filter.part, entry)
    case 'anywhere':
      return JSON.stringify(entry).toLowerCase().includes(filter.text)
    case 'compare':
      return valuesAt(entry, filter.path).some((found) => holds(filter, found)) || (filter.operator.startsWith('!') && valuesAt(entry, filter.path).length === 0)
  }
}

function holds({ path, operator, value, regex }: Extract<Filter, { kind: 'compare' }>, found: unknown): boolean {
  const text = typeof found === 'object' ? JSON.stringify(found) : String(found)
  switch (operator) {
    case ':':
      return value === '*' || text.toLowerCase().includes(value.toLowerCase())
    case '=~':
      return regex!.test(text)
    case '!~':
      return !regex!.test(text)
    default: {
      const order = orderOf(path, found, text, value)
      if (operator === '=') return order === 0
      if (operator === '!=') return order !== 0
      if (operator === '>') return order > 0
      if (operator === '>=') return order >= 0
      return operator === '<' ? order < 0 : order <= 0
    }
  }
}

/** Severities by their rank, times as times, numbers as numbers, all else as text in any case. */
function orderOf(path: string[], found: unknown, text: string, value: string): number {
  const field = path.at(-1)
  if (path.length === 1 && field === 'severity') return rank(text) - rank(value)
  if (path.length === 1 && (field === 'timestamp' || field === 'receiveTimestamp')) return Date.parse(text) - Date.parse(value)
  if (typeof found === 'number' && value.trim() !== '' && !Number.isNaN(Number(value))) return found - Number(value)
  const [a, b] = [text.toLowerCase(), value.toLowerCase()]
  return a < b ? -1 : a > b ? 1 : 0
}

const rank = (text: string): number => SEVERITIES.indexOf(text.toUpperCase() as Severity)

/** What lies at a path; a list gives each of its values. Snake case of the message's fields is understood. */
function valuesAt(entry: LogEntry, path: string[]): unknown[] {
  let found: unknown[] = [entry]
  for (const [depth, name] of path.entries()) {
    const known = depth === 0 ? camel(name) : name
    found = found.flatMap((at) => {
      const next = typeof at === 'object' && at !== null && Object.hasOwn(at, known) ? (at as Record<string, unknown>)[known] : undefined
      return Array.isArray(next) ? next : next === undefined ? [] : [next]
    })
  }
  return found
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The bounds on time that every accepted entry keeps: what is outside is not even read. */
export function timeBounds(filter: Filter): { from_ms?: number; to_ms?: number } {
  if (filter.kind === 'and') return filter.parts.map(timeBounds).reduce((a, b) => ({ ...a, ...b }), {})
  if (filter.kind !== 'compare' || filter.path.join('.') !== 'timestamp') return {}
  const at_ms = Date.parse(filter.value)
  if (Number.isNaN(at_ms)) return {}
  if (filter.operator === '>' || filter.operator === '>=') return { from_ms: at_ms }
  return filter.operator === '<' || filter.operator === '<=' ? { to_ms: at_ms } : {}
}
