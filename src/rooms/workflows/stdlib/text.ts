/** text.*: between strings and bytes, searching, splitting, escaping. Regular expressions are RE2's (regex/). */
import { checkedText } from '../language/expressions/operators.ts'
import { raised } from '../language/raised.ts'
import { Bytes, mapOf } from '../language/values.ts'
import { bytes, text, whole } from './expect.ts'
import { params, type Library } from './library.ts'
import { findAll, matches, replaceAll } from './regex.ts'

const SUBSTR = { name: 'substr', aliases: ['regexp', 'pattern'] }
const REGEXP = { name: 'regexp', aliases: ['substr', 'pattern'] }
const REPL = { name: 'repl', aliases: ['replacement'] }

export const textLibrary: Library = {
  'text.encode': {
    params: params({ name: 'text', aliases: ['data', 'source'] }, ['charset', 'UTF-8']),
    run([source, charset]) {
      const encoding = charsetOf(text(charset, 'text.encode'))
      return new Bytes(new Uint8Array(Buffer.from(text(source, 'text.encode'), encoding)))
    },
  },
  'text.decode': {
    params: params('data', ['charset', 'UTF-8']),
    run([data, charset]) {
      const encoding = charsetOf(text(charset, 'text.decode'))
      const buffer = Buffer.from(bytes(data, 'text.decode'))
      const decoded = buffer.toString(encoding)
      if (encoding === 'utf8' && decoded.includes('�') && !buffer.equals(Buffer.from(decoded))) {
        throw raised('ValueError', 'text.decode: the data is not valid UTF-8')
      }
      return decoded
    },
  },
  'text.find_all': {
    params: params('source', SUBSTR),
    run([source, substr]) {
      const [haystack, needle] = [text(source, 'text.find_all'), text(substr, 'text.find_all')]
      if (needle === '') return []
      const starts: number[] = []
      for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length)) starts.push(characters(haystack, at))
      return starts
    },
  },
  'text.find_all_regex': {
    params: params('source', REGEXP),
    run([source, regexp]) {
      const haystack = text(source, 'text.find_all_regex')
      return findAll(haystack, text(regexp, 'text.find_all_regex')).map(({ start, end }) =>
        mapOf({ index: characters(haystack, start), match: haystack.slice(start, end) }),
      )
    },
  },
  'text.match_regex': {
    params: params('source', REGEXP),
    run: ([source, regexp]) => matches(text(source, 'text.match_regex'), text(regexp, 'text.match_regex')),
  },
  'text.replace_all': {
    params: params('source', SUBSTR, REPL),
    run([source, substr, repl]) {
      const where = 'text.replace_all'
      return checkedText(text(source, where).replaceAll(text(substr, where), () => text(repl, where)))
    },
  },
  'text.replace_all_regex': {
    params: params('source', SUBSTR, REPL),
    run([source, regexp, repl]) {
      const where = 'text.replace_all_regex'
      return checkedText(replaceAll(text(source, where), text(regexp, where), text(repl, where)))
    },
  },
  'text.split': {
    params: params('source', { name: 'separator', aliases: ['sep', 'delimiter'] }),
    run([source, separator]) {
      const [whole, by] = [text(source, 'text.split'), text(separator, 'text.split')]
      return by === '' ? [...whole] : whole.split(by)
    },
  },
  'text.substring': {
    params: params('source', 'start', 'end'),
    run([source, start, end]) {
      const letters = [...text(source, 'text.substring')]
      const [from, to] = [whole(start, 'text.substring'), whole(end, 'text.substring')]
      if (from < 0 || to > letters.length || from > to) {
        throw raised('IndexError', `text.substring: [${from}, ${to}) is outside a string of ${letters.length} characters`)
      }
      return letters.slice(from, to).join('')
    },
  },
  'text.to_lower': { params: params('source'), run: ([source]) => text(source, 'text.to_lower').toLowerCase() },
  'text.to_upper': { params: params('source'), run: ([source]) => text(source, 'text.to_upper').toUpperCase() },
  'text.url_encode': { params: params('source'), run: ([source]) => percentEncoded(text(source, 'text.url_encode')) },
  'text.url_encode_plus': {
    params: params('source'),
    run: ([source]) => percentEncoded(text(source, 'text.url_encode_plus')).replaceAll('%20', '+'),
  },
  'text.url_decode': {
    params: params('source'),
    run([source]) {
      const encoded = text(source, 'text.url_decode')
      try {
        return decodeURIComponent(encoded.replaceAll('+', ' '))
      } catch {
        throw raised('ValueError', `text.url_decode: ${JSON.stringify(encoded)} is not percent-encoded text`)
      }
    },
  },
}

/** Everything but RFC 3986's unreserved characters. */
export function percentEncoded(source: string): string {
  return encodeURIComponent(source.toWellFormed()).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function charsetOf(name: string): 'utf8' | 'latin1' | 'ascii' | 'utf16le' {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  if (plain === 'utf8') return 'utf8'
  if (plain === 'iso88591' || plain === 'latin1') return 'latin1'
  if (plain === 'ascii' || plain === 'usascii') return 'ascii'
  if (plain === 'utf16le') return 'utf16le'
  throw raised('ValueError', `unsupported charset: ${JSON.stringify(name)}`)
}

/** A UTF-16 offset as a count of characters. */
function characters(source: string, offset: number): number {
  let count = offset
  for (let at = 0; at < offset - 1; at++) {
    const unit = source.charCodeAt(at)
    if (unit >= 0xd800 && unit <= 0xdbff) count--
  }
  return count
}
