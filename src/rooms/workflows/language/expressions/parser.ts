/** Expression text to a syntax tree. The grammar and its precedence are the documented ones; names mean nothing yet. */
import { EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX } from '../../limits.ts'
import { double, integer, type Value } from '../values.ts'
import { ExpressionProblem, tokenize, type Token } from './tokens.ts'

export type BinaryOperator = 'or' | 'and' | '<' | '<=' | '>' | '>=' | '==' | '!=' | 'in' | '+' | '-' | '*' | '/' | '//' | '%'

export type Syntax =
  | { kind: 'literal'; value: Value }
  | { kind: 'variable'; name: string; at: number }
  | { kind: 'member'; of: Syntax; key: string; at: number }
  | { kind: 'index'; of: Syntax; by: Syntax; at: number }
  | { kind: 'list'; items: Syntax[] }
  | { kind: 'map'; entries: { key: Syntax; value: Syntax }[] }
  | { kind: 'unary'; operator: '-' | 'not'; of: Syntax }
  | { kind: 'binary'; operator: BinaryOperator; left: Syntax; right: Syntax }
  | { kind: 'call'; name: string; args: Syntax[]; at: number }

const COMPARISONS = new Set(['<', '<=', '>', '>=', '==', '!='])
const LITERALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true], ['True', true], ['TRUE', true],
  ['false', false], ['False', false], ['FALSE', false],
  ['null', null], ['Null', null], ['NULL', null],
])
const WORDS = new Map([['and', 'and'], ['AND', 'and'], ['or', 'or'], ['OR', 'or'], ['not', 'not'], ['NOT', 'not'], ['in', 'in'], ['IN', 'in']])

export function parseExpression(text: string): Syntax {
  if (text.length > EXPRESSION_CHARS_MAX) {
    throw new ExpressionProblem(0, `an expression of ${text.length} characters; at most ${EXPRESSION_CHARS_MAX} are allowed`)
  }
  const parser = new Parser(tokenize(text))
  const syntax = parser.expression()
  parser.expectEnd()
  return syntax
}

/** The left side of an assignment: a name, then any chain of `.key` and `[expression]`. */
export function parseTarget(text: string): { name: string; path: Syntax[] } {
  let syntax = parseExpression(text)
  const path: Syntax[] = []
  while (syntax.kind === 'member' || syntax.kind === 'index') {
    path.unshift(syntax.kind === 'member' ? { kind: 'literal', value: syntax.key } : syntax.by)
    syntax = syntax.of
  }
  if (syntax.kind !== 'variable') throw new ExpressionProblem(0, `'${text}' is not a variable that can be assigned`)
  return { name: syntax.name, path }
}

class Parser {
  private readonly tokens: Token[]
  private at = 0
  private depth = 0

  constructor(tokens: Token[]) {
    this.tokens = tokens
  }

  expression(): Syntax {
    if (++this.depth > EXPRESSION_DEPTH_MAX) throw this.unexpected(`nested deeper than ${EXPRESSION_DEPTH_MAX} levels`)
    const syntax = this.or()
    this.depth--
    return syntax
  }

  expectEnd(): void {
    if (this.peek().kind !== 'end') throw this.unexpected()
  }

  private or(): Syntax {
    let left = this.and()
    while (this.takeWord('or')) left = { kind: 'binary', operator: 'or', left, right: this.and() }
    return left
  }

  private and(): Syntax {
    let left = this.comparison()
    while (this.takeWord('and')) left = { kind: 'binary', operator: 'and', left, right: this.comparison() }
    return left
  }

  private comparison(): Syntax {
    let left = this.sum()
    for (;;) {
      if (COMPARISONS.has(this.peek().text) && this.peek().kind === 'mark') {
        left = { kind: 'binary', operator: this.next().text as BinaryOperator, left, right: this.sum() }
      } else if (this.takeWord('in')) {
        left = { kind: 'binary', operator: 'in', left, right: this.sum() }
      } else if (this.isWord('not') && this.isWord('in', 1)) {
        this.at += 2
        left = { kind: 'unary', operator: 'not', of: { kind: 'binary', operator: 'in', left, right: this.sum() } }
      } else return left
    }
  }

  private sum(): Syntax {
    let left = this.product()
    while (this.isMark('+', '-')) left = { kind: 'binary', operator: this.next().text as BinaryOperator, left, right: this.product() }
    return left
  }

  private product(): Syntax {
    let left = this.unary()
    while (this.isMark('*', '/', '//', '%')) left = { kind: 'binary', operator: this.next().text as BinaryOperator, left, right: this.unary() }
    return left
  }

  private unary(): Syntax {
    if (++this.depth > EXPRESSION_DEPTH_MAX) throw this.unexpected(`nested deeper than ${EXPRESSION_DEPTH_MAX} levels`)
    let syntax: Syntax
    if (this.isMark('-')) {
      this.next()
      syntax = negated(this.unary())
    } else if (this.takeWord('not')) syntax = { kind: 'unary', operator: 'not', of: this.unary() }
    else syntax = this.postfix()
    this.depth--
    return syntax
  }

  private postfix(): Syntax {
    let syntax = this.atom()
    for (;;) {
      const token = this.peek()
      if (this.isMark('.')) {
        this.next()
        const name = this.next()
        if (name.kind !== 'name') throw this.unexpected(undefined, name)
        syntax = { kind: 'member', of: syntax, key: name.text, at: name.at }
      } else if (this.isMark('[')) {
        this.next()
        const by = this.expression()
        this.expect(']')
        syntax = { kind: 'index', of: syntax, by, at: token.at }
      } else if (this.isMark('(')) {
        const name = dottedName(syntax)
        if (name === undefined) throw this.unexpected('only a function can be called')
        this.next()
        syntax = { kind: 'call', name, args: this.list(')'), at: token.at }
      } else return syntax
    }
  }

  private atom(): Syntax {
    const token = this.next()
    if (token.kind === 'string') return { kind: 'literal', value: token.value! }
    if (token.kind === 'number') return { kind: 'literal', value: numberIn(token) }
    if (token.kind === 'name') {
      const literal = LITERALS.get(token.text)
      if (literal !== undefined && !this.isMark('(')) return { kind: 'literal', value: literal }
      if (WORDS.has(token.text)) throw this.unexpected(undefined, token)
      return { kind: 'variable', name: token.text, at: token.at }
    }
    if (token.text === '(') {
      const syntax = this.expression()
      this.expect(')')
      return syntax
    }
    if (token.text === '[') return { kind: 'list', items: this.list(']') }
    if (token.text === '{') return this.map()
    throw this.unexpected(undefined, token)
  }

  private list(close: ')' | ']'): Syntax[] {
    const items: Syntax[] = []
    if (this.isMark(close)) {
      this.next()
      return items
    }
    for (;;) {
      items.push(this.expression())
      if (this.isMark(close)) {
        this.next()
        return items
      }
      this.expect(',')
    }
  }

  private map(): Syntax {
    const entries: { key: Syntax; value: Syntax }[] = []
    while (!this.isMark('}')) {
      const key = this.expression()
      this.expect(':')
      entries.push({ key, value: this.expression() })
      if (!this.isMark('}')) this.expect(',')
    }
    this.next()
    return { kind: 'map', entries }
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)]!
  }

  private next(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.at++
    return token
  }

  private isMark(...marks: string[]): boolean {
    const token = this.peek()
    return token.kind === 'mark' && marks.includes(token.text)
  }

  private isWord(word: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'name' && WORDS.get(token.text) === word
  }

  private takeWord(word: string): boolean {
    if (!this.isWord(word)) return false
    this.at++
    return true
  }

  private expect(mark: string): void {
    const token = this.next()
    if (token.kind !== 'mark' || token.text !== mark) throw this.unexpected(`expected '${mark}' but found '${token.text}'`, token)
  }

  private unexpected(message?: string, token = this.peek()): ExpressionProblem {
    return new ExpressionProblem(token.at, message ?? `unexpected '${token.text}'`)
  }
}

function negated(of: Syntax): Syntax {
  if (of.kind === 'literal' && typeof of.value === 'number' && of.value !== 0) return { kind: 'literal', value: -of.value }
  return { kind: 'unary', operator: '-', of }
}

function numberIn(token: Token): Value {
  if (/[.eE]/.test(token.text)) return double(Number(token.text))
  const whole = integer(BigInt(token.text))
  if (whole === undefined) throw new ExpressionProblem(token.at, `${token.text} does not fit 64 bits`)
  return whole
}

/** `a.b.c` as text, when the syntax is nothing but names and dots. */
export function dottedName(syntax: Syntax): string | undefined {
  if (syntax.kind === 'variable') return syntax.name
  if (syntax.kind !== 'member') return undefined
  const head = dottedName(syntax.of)
  return head === undefined ? undefined : `${head}.${syntax.key}`
}
