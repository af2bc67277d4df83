/** The named sets of characters of RE2: `\d`, `[[:alpha:]]`, `\p{Greek}`. Each is a test of one code point. */

export type CharTest = (code: number) => boolean

const between = (low: number, high: number): CharTest => (c) => c >= low && c <= high
const digit = between(48, 57)
const lower = between(97, 122)
const upper = between(65, 90)
const letter: CharTest = (c) => lower(c) || upper(c)
export const isWord: CharTest = (c) => letter(c) || digit(c) || c === 95
const blankish: CharTest = (c) => c === 32 || c === 9 || c === 10 || c === 12 || c === 13

const SHORTHANDS: Readonly<Record<string, CharTest>> = {
  d: digit,
  D: (c) => !digit(c),
  w: isWord,
  W: (c) => !isWord(c),
  s: blankish,
  S: (c) => !blankish(c),
}

const POSIX: Readonly<Record<string, CharTest>> = {
  alnum: (c) => letter(c) || digit(c),
  alpha: letter,
  ascii: between(0, 127),
  blank: (c) => c === 32 || c === 9,
  cntrl: (c) => c < 32 || c === 127,
  digit,
  graph: between(33, 126),
  lower,
  print: between(32, 126),
  punct: (c) => between(33, 126)(c) && !letter(c) && !digit(c),
  space: (c) => blankish(c) || c === 11,
  upper,
  word: isWord,
  xdigit: (c) => digit(c) || between(97, 102)(c) || between(65, 70)(c),
}

const own = (table: Readonly<Record<string, CharTest>>, name: string) => (Object.hasOwn(table, name) ? table[name] : undefined)

export const shorthand = (name: string): CharTest | undefined => own(SHORTHANDS, name)
export const posixClass = (name: string): CharTest | undefined => own(POSIX, name)

/** A general category (`L`, `Lu`) or a script (`Greek`); one character is tested at a time, so this too is linear. */
export function unicodeClass(name: string): CharTest | undefined {
  if (!/^[A-Za-z_]+$/.test(name)) return undefined
  for (const property of [`gc=${name}`, `Script=${name}`]) {
    try {
      const pattern = new RegExp(`^\\p{${property}}$`, 'u')
      return (c) => pattern.test(String.fromCodePoint(c))
    } catch {
      // Not a name of this kind of property; the next kind may know it.
    }
  }
  return undefined
}
