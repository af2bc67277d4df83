/**
 * RE2's pattern language as a tree: no look-around and no back-references, so that matching is always linear.
 * Matching itself is machine.ts.
 */
import { REGEX_CHARS_MAX } from './limits.ts'
import { shorthand, posixClass, unicodeClass, type CharTest } from './classes.ts'

export type Pattern =
  | { kind: 'empty' }
  | { kind: 'char'; test: CharTest }
  | { kind: 'assert'; what: 'start' | 'end' | 'lineStart' | 'lineEnd' | 'word' | 'notWord' }
  | { kind: 'sequence'; of: Pattern[] }
  | { kind: 'either'; of: Pattern[] }
  | { kind: 'repeat'; of: Pattern; min: number; max: number; greedy: boolean }
  | { kind: 'group'; of: Pattern; index: number }

export class BadPattern extends Error {}

const REPEAT_MAX = 1_000
const GROUP_DEPTH_MAX = 100

interface Flags {
  i: boolean
  m: boolean
  s: boolean
  U: boolean
}

export function parsePattern(source: string): { pattern: Pattern; groups: number } {
  if (source.length > REGEX_CHARS_MAX) throw new BadPattern(`a pattern of more than ${REGEX_CHARS_MAX} characters`)
  const reader = new Reader(source)
  const pattern = reader.either({ i: false, m: false, s: false, U: false }, 0)
  if (!reader.ended) throw new BadPattern('unexpected )')
  return { pattern, groups: reader.groups }
}

class Reader {
  groups = 0
  private readonly chars: string[]
  private at = 0

  constructor(source: string) {
    this.chars = [...source]
  }

  get ended(): boolean {
    return this.at >= this.chars.length
  }

  private peek(text: string): boolean {
    return [...text].every((char, i) => this.chars[this.at + i] === char)
  }

  private take(text: string): boolean {
    if (!this.peek(text)) return false
    this.at += text.length
    return true
  }

  either(flags: Flags, depth: number): Pattern {
    if (depth > GROUP_DEPTH_MAX) throw new BadPattern('groups nested too deeply')
    const scoped = { ...flags }
    const options = [this.sequence(scoped, depth)]
    while (this.take('|')) options.push(this.sequence(scoped, depth))
    return options.length === 1 ? options[0]! : { kind: 'either', of: options }
  }

  private sequence(flags: Flags, depth: number): Pattern {
    const parts: Pattern[] = []
    while (!this.ended && !this.peek('|') && !this.peek(')')) {
      const part = this.atom(flags, depth)
      if (part) parts.push(this.repeated(part, flags))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', of: parts }
  }

  private repeated(of: Pattern, flags: Flags): Pattern {
    const range = this.range()
    if (!range) return of
    const lazy = this.take('?')
    if (this.range()) throw new BadPattern('two repetitions in a row')
    return { kind: 'repeat', of, ...range, greedy: lazy === flags.U }
  }

  private range(): { min: number; max: number } | undefined {
    if (this.take('*')) return { min: 0, max: Infinity }
    if (this.take('+')) return { min: 1, max: Infinity }
    if (this.take('?')) return { min: 0, max: 1 }
    const spelled = /^\{(\d+)(,(\d*))?\}/.exec(this.chars.slice(this.at, this.at + 20).join(''))
    if (!spelled) return undefined
    const min = Number(spelled[1])
    const max = spelled[2] === undefined ? min : spelled[3] ? Number(spelled[3]) : Infinity
    if (min > REPEAT_MAX || (max !== Infinity && max > REPEAT_MAX) || max < min) throw new BadPattern(`bad repetition ${spelled[0]}`)
    this.at += spelled[0].length
    return { min, max }
  }

  private atom(flags: Flags, depth: number): Pattern | undefined {
    const char = this.chars[this.at]!
    if ('*+?'.includes(char)) throw new BadPattern(`missing argument to repetition operator ${char}`)
    this.at++
    switch (char) {
      case '(':
        return this.group(flags, depth)
      case '[':
        return this.charClass(flags)
      case '.':
        return { kind: 'char', test: flags.s ? () => true : (c) => c !== 10 }
      case '^':
        return { kind: 'assert', what: flags.m ? 'lineStart' : 'start' }
      case '$':
        return { kind: 'assert', what: flags.m ? 'lineEnd' : 'end' }
      case '\\':
        return this.escape(flags)
      default:
        return literal(char.codePointAt(0)!, flags)
    }
  }

  private group(flags: Flags, depth: number): Pattern | undefined {
    let inner = flags
    let index = 0
    if (this.take('?P<') || this.take('?<')) {
      if (this.peek('=') || this.peek('!')) throw new BadPattern('look-behind is not supported')
      const end = this.chars.indexOf('>', this.at)
      if (end < 0 || !/^[A-Za-z_]\w*$/.test(this.chars.slice(this.at, end).join(''))) throw new BadPattern('bad group name')
      this.at = end + 1
      index = ++this.groups
    } else if (this.take('?')) {
      const spelled = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.chars.slice(this.at, this.at + 12).join(''))
      if (!spelled) throw new BadPattern('unsupported group: RE2 has no look-around')
      this.at += spelled[0].length
      const changed = { ...flags }
      for (const letter of spelled[1]!) changed[letter as keyof Flags] = true
      for (const letter of spelled[2] ?? '') changed[letter as keyof Flags] = false
      if (spelled[3] === ')') {
        Object.assign(flags, changed)
        return undefined
      }
      inner = changed
    } else index = ++this.groups
    const of = this.either(inner, depth + 1)
    if (!this.take(')')) throw new BadPattern('missing )')
    return index === 0 ? of : { kind: 'group', of, index }
  }

  private escape(flags: Flags): Pattern {
    const char = this.chars[this.at++]
    if (char === undefined) throw new BadPattern('trailing backslash')
    const assertion = ({ A: 'start', z: 'end', b: 'word', B: 'notWord' } as const)[char]
    if (assertion) return { kind: 'assert', what: assertion }
    if (char === 'Q') return this.quoted(flags)
    const test = this.classEscape(char)
    if (test) return { kind: 'char', test }
    return literal(this.charEscape(char), flags)
  }

  private quoted(flags: Flags): Pattern {
    const parts: Pattern[] = []
    while (!this.ended && !this.take('\\E')) parts.push(literal(this.chars[this.at++]!.codePointAt(0)!, flags))
    return { kind: 'sequence', of: parts }
  }

  private classEscape(char: string): CharTest | undefined {
    if (char !== 'p' && char !== 'P') return shorthand(char)
    let name = this.chars[this.at++] ?? ''
    if (name === '{') {
      const end = this.chars.indexOf('}', this.at)
      name = this.chars.slice(this.at, Math.max(this.at, end)).join('')
      this.at = end + 1
    }
    const test = unicodeClass(name.replace(/^\^/, ''))
    if (!test) throw new BadPattern(`unknown character class ${name}`)
    return (char === 'P') !== name.startsWith('^') ? (c) => !test(c) : test
  }

  private charEscape(char: string): number {
    const control = ({ n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 } as const)[char]
    if (control !== undefined) return control
    if (char === 'x') {
      const spelled = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(this.chars.slice(this.at, this.at + 8).join(''))
      if (!spelled) throw new BadPattern('bad \\x escape')
      this.at += spelled[0].length
      return Number.parseInt(spelled[1] ?? spelled[2]!, 16)
    }
    if (/[0-9A-Za-z]/.test(char)) throw new BadPattern(`unknown escape \\${char}`)
    return char.codePointAt(0)!
  }

  private charClass(flags: Flags): Pattern {
    const negated = this.take('^')
    const tests: CharTest[] = []
    for (let first = true; first || !this.take(']'); first = false) {
      if (this.ended) throw new BadPattern('missing ]')
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.chars.slice(this.at, this.at + 14).join(''))
      if (posix) {
        const test = posixClass(posix[2]!)
        if (!test) throw new BadPattern(`unknown character class ${posix[0]}`)
        tests.push(posix[1] ? (c) => !test(c) : test)
        this.at += posix[0].length
        continue
      }
      const low = this.classMember()
      if (typeof low === 'function') {
        tests.push(low)
        continue
      }
      let high = low
      if (this.peek('-') && this.chars[this.at + 1] !== ']' && this.at + 1 < this.chars.length) {
        this.at++
        const member = this.classMember()
        if (typeof member === 'function' || member < low) throw new BadPattern('bad range in a character class')
        high = member
      }
      tests.push((c) => c >= low && c <= high)
    }
    const any: CharTest = (c) => tests.some((test) => test(c))
    const folded = flags.i ? foldingTest(any) : any
    return { kind: 'char', test: negated ? (c) => !folded(c) : folded }
  }

  private classMember(): number | CharTest {
    const char = this.chars[this.at++]!
    if (char !== '\\') return char.codePointAt(0)!
    const escaped = this.chars[this.at++]
    if (escaped === undefined) throw new BadPattern('trailing backslash')
    return this.classEscape(escaped) ?? this.charEscape(escaped)
  }
}

function literal(code: number, flags: Flags): Pattern {
  return { kind: 'char', test: flags.i ? foldingTest((c) => c === code) : (c) => c === code }
}

function foldingTest(test: CharTest): CharTest {
  return (c) => {
    if (test(c)) return true
    const char = String.fromCodePoint(c)
    return test(char.toLowerCase().codePointAt(0)!) || test(char.toUpperCase().codePointAt(0)!)
  }
}
