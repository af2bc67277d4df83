/** The text between `${` and `}` as tokens. Also finds where an expression ends, because strings may hold braces. */

export interface Token {
  kind: 'number' | 'string' | 'name' | 'mark' | 'end'
  text: string
  /** For a string, what its escapes spell. */
  value?: string
  at: number
}

export class ExpressionProblem extends Error {
  /** Character offset inside the expression's text. */
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const MARK = /\/\/|<=|>=|==|!=|[-+*/%<>()[\]{}.,:]/y
const SPACE = /\s+/y
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '/': '/', '\\': '\\', '"': '"', "'": "'" }

export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  while (at < text.length) {
    const space = take(SPACE)
    if (space) {
      at += space.length
      continue
    }
    const quote = text[at]!
    if (quote === '"' || quote === "'") {
      const end = stringEnd(text, at)
      tokens.push({ kind: 'string', text: text.slice(at, end), value: unescape(text, at + 1, end - 1), at })
      at = end
      continue
    }
    const number = take(NUMBER)
    const name = number === undefined ? take(NAME) : undefined
    const mark = number === undefined && name === undefined ? take(MARK) : undefined
    const found = number ?? name ?? mark
    if (found === undefined) throw new ExpressionProblem(at, `token recognition error at '${quote}'`)
    tokens.push({ kind: number ? 'number' : name ? 'name' : 'mark', text: found, at })
    at += found.length
  }
  tokens.push({ kind: 'end', text: 'end of expression', at })
  return tokens
}

/** One past the closing quote of the string that opens at `from`. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === text[from]) return at + 1
  }
  throw new ExpressionProblem(from, 'a string that is not closed')
}

function unescape(text: string, from: number, to: number): string {
  if (!text.slice(from, to).includes('\\')) return text.slice(from, to)
  let value = ''
  for (let at = from; at < to; at++) {
    if (text[at] !== '\\') {
      value += text[at]
      continue
    }
    const letter = text[++at]!
    if (letter === 'u' && /^[0-9a-fA-F]{4}/.test(text.slice(at + 1, to))) {
      value += String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 5), 16))
      at += 4
    } else value += ESCAPES[letter] ?? `\\${letter}`
  }
  return value
}

/**
 * What stands inside `${…}` when the whole text is one expression, and undefined when it is plain text
 * (`"a ${x} b"` and `"${a} and ${b}"` stay text).
 */
export function expressionIn(text: string): string | undefined {
  if (!text.startsWith('${') || !text.endsWith('}')) return undefined
  let depth = 0
  for (let at = 1; at < text.length; at++) {
    const char = text[at]!
    if (char === '"' || char === "'") {
      try {
        at = stringEnd(text, at) - 1
      } catch {
        // Broken inside its braces: still an expression, whose own parse names the fault.
        return text.slice(2, -1)
      }
    } else if (char === '{') depth++
    else if (char === '}' && --depth === 0) return at === text.length - 1 ? text.slice(2, -1) : undefined
  }
  return text.slice(2, -1)
}
