/** Pub/Sub's filter language: which messages of its topic a subscription wants, by their attributes. */
import { invalid } from './faults.ts'
import { FILTER_BYTES_MAX, FILTER_DEPTH_MAX } from './limits.ts'

export type Filter = (attributes: Record<string, string>) => boolean

interface Token {
  kind: 'word' | 'text' | 'sign'
  value: string
  at: number
}

const TOKEN = /\s*(?:([A-Za-z_][A-Za-z0-9_-]*)|("(?:[^"\\]|\\.)*")|(!=|[=:.,()-]))/y

/** Throws a Fault that says where the text is wrong. An empty filter is none. */
export function parseFilter(text: string): Filter | undefined {
  if (text.trim() === '') return undefined
  if (Buffer.byteLength(text) > FILTER_BYTES_MAX) throw invalid(`The filter is longer than ${FILTER_BYTES_MAX} bytes.`)
  const parser = new Parser(text, tokens(text))
  return parser.whole()
}

function tokens(text: string): Token[] {
  const found: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (!match) throw bad(text, from, 'this is not part of the filter language')
    const [, word, quoted, sign] = match
    const value = word ?? sign ?? unquote(quoted!)
    found.push({ kind: word !== undefined ? 'word' : quoted !== undefined ? 'text' : 'sign', value, at: TOKEN.lastIndex - (word ?? quoted ?? sign)!.length })
  }
  return found
}

const unquote = (quoted: string): string => quoted.slice(1, -1).replace(/\\(.)/g, '$1')

function bad(text: string, at: number, why: string) {
  return invalid(`The filter expression could not be parsed: ${why} (at character ${at + 1} of ${JSON.stringify(text)}).`, 'For example: attributes.kind = "a" AND NOT hasPrefix(attributes.name, "z").')
}

class Parser {
  private readonly text: string
  private readonly tokens: Token[]
  private index = 0
  private depth = 0

  constructor(text: string, tokens: Token[]) {
    this.text = text
    this.tokens = tokens
  }

  whole(): Filter {
    const filter = this.expression()
    if (this.index < this.tokens.length) throw this.fail('an operator AND or OR is wanted here')
    return filter
  }

  /** AND and OR are not mixed without parentheses. */
  private expression(): Filter {
    if (++this.depth > FILTER_DEPTH_MAX) throw this.fail('this is nested too deep')
    const terms = [this.term()]
    const operator = this.word('AND') ? 'AND' : this.word('OR') ? 'OR' : undefined
    if (operator !== undefined) {
      do terms.push(this.term())
      while (this.word(operator))
      if (this.peek()?.kind === 'word') throw this.fail('AND and OR together need parentheses')
    }
    this.depth--
    if (terms.length === 1) return terms[0]!
    return operator === 'OR' ? (attributes) => terms.some((term) => term(attributes)) : (attributes) => terms.every((term) => term(attributes))
  }

  private term(): Filter {
    if (this.word('NOT') || this.sign('-')) {
      const negated = this.factor()
      return (attributes) => !negated(attributes)
    }
    return this.factor()
  }

  private factor(): Filter {
    if (this.sign('(')) {
      const inner = this.expression()
      this.want(')')
      return inner
    }
    if (this.word('hasPrefix')) return this.prefix()
    if (!this.word('attributes')) throw this.fail('attributes, hasPrefix, NOT or a parenthesis is wanted here')
    if (this.sign(':')) {
      const key = this.key()
      return (attributes) => Object.hasOwn(attributes, key)
    }
    this.want('.')
    const key = this.key()
    if (this.sign('=')) {
      const value = this.value()
      return (attributes) => own(attributes, key) === value
    }
    if (this.sign('!=')) {
      const value = this.value()
      return (attributes) => own(attributes, key) !== value
    }
    throw this.fail('= or != is wanted here')
  }

  private prefix(): Filter {
    this.want('(')
    if (!this.word('attributes')) throw this.fail('hasPrefix looks at an attribute')
    this.want('.')
    const key = this.key()
    this.want(',')
    const value = this.value()
    this.want(')')
    return (attributes) => own(attributes, key)?.startsWith(value) ?? false
  }

  private key(): string {
    const token = this.peek()
    if (!token || token.kind === 'sign') throw this.fail('an attribute key is wanted here')
    this.index++
    return token.value
  }

  private value(): string {
    const token = this.peek()
    if (token?.kind !== 'text') throw this.fail('a text in double quotes is wanted here')
    this.index++
    return token.value
  }

  private word(value: string): boolean {
    return this.take('word', value)
  }

  private sign(value: string): boolean {
    return this.take('sign', value)
  }

  private take(kind: Token['kind'], value: string): boolean {
    const token = this.peek()
    if (token?.kind !== kind || token.value !== value) return false
    this.index++
    return true
  }

  private want(sign: string): void {
    if (!this.sign(sign)) throw this.fail(`${sign} is wanted here`)
  }

  private peek(): Token | undefined {
    return this.tokens[this.index]
  }

  private fail(why: string) {
    return bad(this.text, this.peek()?.at ?? this.text.length, why)
  }
}

const own = (attributes: Record<string, string>, key: string): string | undefined => (Object.hasOwn(attributes, key) ? attributes[key] : undefined)
