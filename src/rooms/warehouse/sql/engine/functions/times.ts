/** Dates and times as text: FORMAT_*, PARSE_*, CAST … FORMAT, and INTERVAL. Civil times travel as microseconds since 1970. */
import { intervalParts } from '../../literal.ts'
import { remembered, type Interval, type ScalarFunction } from '../scalar.ts'

const DAY_US = 86_400_000_000n
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

interface Civil {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  micro: number
}

const floorDiv = (a: bigint, b: bigint) => (a >= 0n ? a / b : -((-a + b - 1n) / b))

/** Days since 1970 of a civil date, and back (Howard Hinnant's algorithm, proleptic Gregorian). */
export function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468
}

export function civilOf(micros: bigint): Civil {
  const days = Number(floorDiv(micros, DAY_US))
  const rest = Number(micros - BigInt(days) * DAY_US)
  const shifted = days + 719468
  const era = Math.floor(shifted / 146097)
  const dayOfEra = shifted - era * 146097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const m = Math.floor((5 * dayOfYear + 2) / 153)
  const month = m < 10 ? m + 3 : m - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * m + 2) / 5) + 1,
    hour: Math.floor(rest / 3_600_000_000), minute: Math.floor(rest / 60_000_000) % 60, second: Math.floor(rest / 1_000_000) % 60, micro: rest % 1_000_000,
  }
}

const microsOf = (c: Civil): bigint => BigInt(daysOf(c.year, c.month, c.day)) * DAY_US + BigInt(((c.hour * 60 + c.minute) * 60 + c.second)) * 1_000_000n + BigInt(c.micro)

const two = (value: number) => String(value).padStart(2, '0')
const weekday = (c: Civil) => (((daysOf(c.year, c.month, c.day) + 4) % 7) + 7) % 7
const yearDay = (c: Civil) => daysOf(c.year, c.month, c.day) - daysOf(c.year, 1, 1)
const daysInMonth = (year: number, month: number) => daysOf(month === 12 ? year + 1 : year, month === 12 ? 1 : month + 1, 1) - daysOf(year, month, 1)

function isoWeek(c: Civil): [number, number] {
  const days = daysOf(c.year, c.month, c.day)
  const thursday = days - ((weekday(c) + 6) % 7) + 3
  const year = civilOf(BigInt(thursday) * DAY_US).year
  return [year, Math.floor((thursday - daysOf(year, 1, 1)) / 7) + 1]
}

function offsetText(seconds: number, colon: boolean): string {
  const all = Math.abs(seconds)
  return `${seconds < 0 ? '-' : '+'}${two(Math.floor(all / 3600))}${colon ? ':' : ''}${two(Math.floor(all / 60) % 60)}`
}

/** Elements that a kind of value has nothing for stand as they were written. */
const ABSENT: Readonly<Record<string, string>> = { DATE: 'cHIklMPpRrSsTXZz', TIME: 'AaBbCcDdeFGghJjmQsUuVWwxYyZz', DATETIME: 'sZz' }

/** `zone` names the zone of an instant, or the kind of a value that is none. */
function formatTime(format: string, micros: bigint, offset_us: bigint, zone: string): string {
  const c = civilOf(micros)
  const absent = ABSENT[zone]
  const offset = Number(offset_us / 1_000_000n)
  const hour12 = c.hour % 12 || 12
  const sub = (digits: number) => String(c.micro).padStart(6, '0').padEnd(9, '0').slice(0, digits)
  const one = (code: string): string => {
    switch (code) {
      case 'A': return DAYS[weekday(c)]!
      case 'a': return DAYS[weekday(c)]!.slice(0, 3)
      case 'B': return MONTHS[c.month - 1]!
      case 'b':
      case 'h': return MONTHS[c.month - 1]!.slice(0, 3)
      case 'C': return two(Math.floor(c.year / 100))
      case 'c': return `${one('a')} ${one('b')} ${one('e')} ${one('T')} ${c.year}`
      case 'D':
      case 'x': return `${two(c.month)}/${two(c.day)}/${two(c.year % 100)}`
      case 'd': return two(c.day)
      case 'e': return String(c.day).padStart(2)
      case 'F': return `${one('Y')}-${two(c.month)}-${two(c.day)}`
      case 'G': return String(isoWeek(c)[0])
      case 'g': return two(isoWeek(c)[0] % 100)
      case 'H': return two(c.hour)
      case 'I': return two(hour12)
      case 'J': return String(isoYearDay(c)).padStart(3, '0')
      case 'j': return String(yearDay(c) + 1).padStart(3, '0')
      case 'k': return String(c.hour).padStart(2)
      case 'l': return String(hour12).padStart(2)
      case 'M': return two(c.minute)
      case 'm': return two(c.month)
      case 'n': return '\n'
      case 'P': return c.hour < 12 ? 'am' : 'pm'
      case 'p': return c.hour < 12 ? 'AM' : 'PM'
      case 'Q': return String(Math.floor((c.month + 2) / 3))
      case 'R': return `${two(c.hour)}:${two(c.minute)}`
      case 'r': return `${two(hour12)}:${two(c.minute)}:${two(c.second)} ${one('p')}`
      case 'S': return two(c.second)
      case 's': return String(floorDiv(micros - offset_us, 1_000_000n))
      case 'T':
      case 'X': return `${two(c.hour)}:${two(c.minute)}:${two(c.second)}`
      case 't': return '\t'
      case 'U': return two(Math.floor((yearDay(c) + 7 - weekday(c)) / 7))
      case 'u': return String(weekday(c) || 7)
      case 'V': return two(isoWeek(c)[1])
      case 'W': return two(Math.floor((yearDay(c) + 7 - ((weekday(c) + 6) % 7)) / 7))
      case 'w': return String(weekday(c))
      case 'Y': return String(c.year)
      case 'y': return two(c.year % 100)
      case 'Z': return zoneName(zone, offset)
      case 'z': return offsetText(offset, false)
      case '%': return '%'
      default: return `%${code}`
    }
  }
  return format.replace(/%(?:E([1-6]|\*)S|E([YzCcXxy])|O([dHIMmSUuVWwy])|([\s\S]))/g, (_all, digits?: string, e?: string, o?: string, code?: string) => {
    if (digits) {
      if (digits !== '*') return `${two(c.second)}.${sub(Number(digits))}`
      const fraction = sub(6).replace(/0+$/, '')
      return fraction ? `${two(c.second)}.${fraction}` : two(c.second)
    }
    if (e === 'z') return absent?.includes('z') ? '%Ez' : offsetText(offset, true)
    const element = e ?? o ?? code!
    return absent?.includes(element) ? `%${element}` : one(element)
  }).replace(/%E4Y/g, String(c.year).padStart(4, '0'))
}

function isoYearDay(c: Civil): number {
  const [year] = isoWeek(c)
  const first = daysOf(year, 1, 4)
  const monday = first - (((((first + 4) % 7) + 7) % 7 + 6) % 7)
  return daysOf(c.year, c.month, c.day) - monday + 1
}

function zoneName(zone: string, offset: number): string {
  if (zone === 'UTC' || zone === '') return 'UTC'
  if (/^[+-]/.test(zone)) return `UTC${offset ? `${offset < 0 ? '-' : '+'}${Math.floor(Math.abs(offset) / 3600)}${offset % 3600 ? `:${two(Math.abs(offset / 60) % 60)}` : ''}` : ''}`
  return offset ? `UTC${offset < 0 ? '-' : '+'}${Math.floor(Math.abs(offset) / 3600)}${offset % 3600 ? `:${two(Math.abs(offset / 60) % 60)}` : ''}` : 'UTC'
}

// ---------------------------------------------------------------- zones

const zoneFormat = remembered((zone) => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric', era: 'short' })
  } catch {
    throw new Error(`Invalid time zone: ${zone}`)
  }
}, 600)

function offsetAt(zone: string, utc_ms: number): number {
  const parts: Record<string, string> = {}
  for (const part of zoneFormat(zone).formatToParts(utc_ms)) parts[part.type] = part.value
  const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year'])
  const local = microsOf({ year, month: Number(parts['month']), day: Number(parts['day']), hour: Number(parts['hour']), minute: Number(parts['minute']), second: Number(parts['second']), micro: 0 })
  return Number(local / 1000n) - Math.floor(utc_ms / 1000) * 1000
}

/** Civil micros in a zone -> UTC micros. In a gap the offset before it counts. */
export function toUtc(local: bigint, zone: string): bigint {
  if (/^(UTC|GMT|Z|Etc\/UTC)$/i.test(zone)) return local
  const fixed = /^(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(zone)
  if (fixed) {
    if (Number(fixed[2]) > 14 || Number(fixed[3] ?? 0) > 59) throw new Error(`Invalid time zone: ${zone}`)
    return local - (fixed[1] === '-' ? -1n : 1n) * BigInt(Number(fixed[2]) * 3600 + Number(fixed[3] ?? 0) * 60) * 1_000_000n
  }
  const local_ms = Number(floorDiv(local, 1000n))
  const before = offsetAt(zone, local_ms - 86_400_000)
  const guess = offsetAt(zone, local_ms - before)
  const offset = guess === before ? before : offsetAt(zone, local_ms - guess) === guess ? guess : before
  return local - BigInt(offset) * 1000n
}

// ---------------------------------------------------------------- parsing

interface Parsed {
  micros: bigint
  /** Set where the text itself said so: UTC micros. */
  utc: boolean
  zone?: string
}

function fail(text: string): never {
  throw new Error(`Failed to parse input string ${JSON.stringify(text)}`)
}

function parseTime(format: string, text: string): Parsed {
  let at = 0
  const c: Civil = { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, micro: 0 }
  let hour12: number | undefined
  let afternoon: boolean | undefined
  let epoch: bigint | undefined
  let offset: number | undefined
  let zone: string | undefined
  let century: number | undefined
  let short: number | undefined
  let dayOfYear: number | undefined
  let iso: { year?: number; week?: number; day?: number } | undefined
  let weeks: { kind: 'U' | 'W'; week: number } | undefined
  let dow: number | undefined
  const skip = () => {
    while (at < text.length && /\s/.test(text[at]!)) at++
  }
  const number = (digits: number, low: number, high: number, sign = false): number => {
    const match = (sign ? new RegExp(`[+-]?\\d{1,${digits}}`, 'y') : new RegExp(`\\d{1,${digits}}`, 'y'))
    match.lastIndex = at
    const found = match.exec(text)
    if (!found) fail(text)
    const value = Number(found[0])
    if (value < low || value > high) fail(text)
    at = match.lastIndex
    return value
  }
  const word = (names: readonly string[]): number => {
    const rest = text.slice(at).toLowerCase()
    for (const [index, name] of names.entries()) if (rest.startsWith(name.toLowerCase())) return (at += name.length), index
    for (const [index, name] of names.entries()) if (rest.startsWith(name.slice(0, 3).toLowerCase())) return (at += 3), index
    return fail(text)
  }
  const fraction = (digits: number) => {
    if (text[at] !== '.') return
    const match = /\.(\d*)/y
    match.lastIndex = at
    const found = match.exec(text)!
    const taken = found[1]!.slice(0, digits)
    c.micro = Number(taken.slice(0, 6).padEnd(6, '0'))
    at += 1 + taken.length
  }
  const run = (pattern: string): void => {
    for (let i = 0; i < pattern.length; i++) {
      const char = pattern[i]!
      if (/\s/.test(char)) {
        skip()
        continue
      }
      if (char !== '%') {
        if (text[at] !== char) fail(text)
        at++
        continue
      }
      let code = pattern[++i] ?? fail(text)
      if (code === 'E') {
        code = pattern[++i] ?? ''
        if (code === '4' && pattern[i + 1] === 'Y') {
          i++
          const found = /\d{4}/y
          found.lastIndex = at
          if (!found.test(text)) fail(text)
          c.year = number(4, 0, 9999)
          continue
        }
        if (/[\d*]/.test(code) && pattern[i + 1] === 'S') {
          i++
          c.second = number(2, 0, 60)
          fraction(code === '*' ? 9 : Number(code))
          continue
        }
      } else if (code === 'O') code = pattern[++i] ?? ''
      if (code !== 'n' && code !== 't' && code !== '%') skip()
      switch (code) {
        case 'Y': c.year = number(4, 0, 9999, true); break
        case 'C': century = number(2, 0, 99); break
        case 'y': short = number(2, 0, 99); break
        case 'm': c.month = number(2, 1, 12); break
        case 'd':
        case 'e': c.day = number(2, 1, 31); break
        case 'H':
        case 'k': c.hour = number(2, 0, 23); break
        case 'I':
        case 'l': hour12 = number(2, 1, 12); break
        case 'M': c.minute = number(2, 0, 59); break
        case 'S': c.second = number(2, 0, 60); break
        case 'j': dayOfYear = number(3, 1, 366); break
        case 'Q': c.month = (number(1, 1, 4) - 1) * 3 + 1; break
        case 'B':
        case 'b':
        case 'h': c.month = word(MONTHS) + 1; break
        case 'A':
        case 'a': dow = word(DAYS); break
        case 'p':
        case 'P': {
          const rest = text.slice(at, at + 2).toLowerCase()
          if (rest !== 'am' && rest !== 'pm') fail(text)
          afternoon = rest === 'pm'
          at += 2
          break
        }
        case 's': {
          const match = /[+-]?\d+/y
          match.lastIndex = at
          const found = match.exec(text)
          if (!found) fail(text)
          epoch = BigInt(found[0])
          at = match.lastIndex
          break
        }
        case 'z': {
          const match = /([zZ])|([+-])(\d{1,2}):?(\d{2})?/y
          match.lastIndex = at
          const found = match.exec(text)
          if (!found) fail(text)
          offset = found[1] ? 0 : (found[2] === '-' ? -1 : 1) * (Number(found[3]) * 3600 + Number(found[4] ?? 0) * 60)
          at = match.lastIndex
          break
        }
        case 'Z': {
          const match = /[A-Za-z_/+\-0-9:]+/y
          match.lastIndex = at
          const found = match.exec(text)
          if (!found) fail(text)
          zone = found[0]
          at = match.lastIndex
          break
        }
        case 'G': (iso ??= {}).year = number(4, 0, 9999); break
        case 'g': (iso ??= {}).year = 2000 + number(2, 0, 99); break
        case 'V': (iso ??= {}).week = number(2, 1, 53); break
        case 'u': (iso ??= {}).day = number(1, 1, 7); dow = iso.day! % 7; break
        case 'w': dow = number(1, 0, 6); break
        case 'U': weeks = { kind: 'U', week: number(2, 0, 53) }; break
        case 'W': weeks = { kind: 'W', week: number(2, 0, 53) }; break
        case 'D':
        case 'x': run('%m/%d/%y'); break
        case 'F': run('%Y-%m-%d'); break
        case 'T':
        case 'X': run('%H:%M:%S'); break
        case 'R': run('%H:%M'); break
        case 'r': run('%I:%M:%S %p'); break
        case 'c': run('%a %b %e %H:%M:%S %Y'); break
        case 'n':
        case 't': skip(); break
        case '%':
          if (text[at++] !== '%') fail(text)
          break
        default: fail(text)
      }
    }
  }
  run(format)
  skip()
  if (at < text.length) fail(text)
  if (epoch !== undefined) return { micros: epoch * 1_000_000n, utc: true }
  if (short !== undefined) c.year = century !== undefined ? century * 100 + short : short + (short < 69 ? 2000 : 1900)
  else if (century !== undefined) c.year = century * 100
  if (hour12 !== undefined) c.hour = (hour12 % 12) + (afternoon ? 12 : 0)
  if (c.second === 60) {
    c.second = 59
    const micros = finish() + 1_000_000n
    return { micros: micros - BigInt(c.micro), utc: false, zone }
  }
  function finish(): bigint {
    if (dayOfYear !== undefined) {
      if (dayOfYear > 365 + (daysInMonth(c.year, 2) - 28)) fail(text)
      return microsOf({ ...c, month: 1, day: 1 }) + BigInt(dayOfYear - 1) * DAY_US
    }
    if (iso?.year !== undefined && (iso.week !== undefined || iso.day !== undefined)) {
      const first = daysOf(iso.year, 1, 4)
      const monday = first - (((((first + 4) % 7) + 7) % 7 + 6) % 7)
      return microsOf({ ...c, year: 1970, month: 1, day: 1 }) + BigInt(monday + ((iso.week ?? 1) - 1) * 7 + ((iso.day ?? 1) - 1)) * DAY_US
    }
    if (weeks) {
      const first = daysOf(c.year, 1, 1)
      const start = (((first + 4) % 7) + 7) % 7
      const target = weeks.kind === 'U' ? (dow ?? 0) : ((dow ?? 1) + 6) % 7
      const begin = weeks.kind === 'U' ? start : (start + 6) % 7
      return microsOf({ ...c, month: 1, day: 1 }) + BigInt((weeks.week - (begin === 0 ? 1 : 0)) * 7 + target - begin) * DAY_US
    }
    if (c.day > daysInMonth(c.year, c.month)) fail(text)
    return microsOf(c)
  }
  const micros = finish()
  return offset === undefined ? { micros, utc: false, zone } : { micros: micros - BigInt(offset) * 1_000_000n, utc: true }
}

// ---------------------------------------------------------------- CAST … FORMAT

const CAST_ELEMENTS = /YYYY|YYY|RRRR|YY|RR|Y,YYY|Y|MONTH|MON|MM|MI|DAY|DDD|DD|DY|D|HH24|HH12|HH|SSSSS|SS|FF[1-9]|AM|PM|A\.M\.|P\.M\.|TZH|TZM|"(?:\\.|[^"\\])*"|[-./,';: ]|./gis

const castPieces = remembered((format) => format.match(CAST_ELEMENTS) ?? [])

function castFormat(format: string, micros: bigint, offset_us: bigint): string {
  const c = civilOf(micros)
  const offset = Number(offset_us / 1_000_000n)
  const cased = (piece: string, word: string) => (piece === piece.toUpperCase() ? word.toUpperCase() : piece === piece.toLowerCase() ? word.toLowerCase() : word)
  return castPieces(format).map((piece) => {
    switch (piece.toUpperCase()) {
      case 'YYYY':
      case 'RRRR': return String(c.year).padStart(4, '0')
      case 'YYY': return String(c.year % 1000).padStart(3, '0')
      case 'YY':
      case 'RR': return two(c.year % 100)
      case 'Y': return String(c.year % 10)
      case 'Y,YYY': return `${Math.floor(c.year / 1000)},${String(c.year % 1000).padStart(3, '0')}`
      case 'MONTH': return cased(piece, MONTHS[c.month - 1]!)
      case 'MON': return cased(piece, MONTHS[c.month - 1]!.slice(0, 3))
      case 'MM': return two(c.month)
      case 'DAY': return cased(piece, DAYS[weekday(c)]!)
      case 'DY': return cased(piece, DAYS[weekday(c)]!.slice(0, 3))
      case 'DDD': return String(yearDay(c) + 1).padStart(3, '0')
      case 'DD': return two(c.day)
      case 'D': return String(weekday(c) + 1)
      case 'HH24': return two(c.hour)
      case 'HH12':
      case 'HH': return two(c.hour % 12 || 12)
      case 'MI': return two(c.minute)
      case 'SSSSS': return String(c.hour * 3600 + c.minute * 60 + c.second).padStart(5, '0')
      case 'SS': return two(c.second)
      case 'AM':
      case 'PM': return cased(piece, c.hour < 12 ? 'AM' : 'PM')
      case 'A.M.':
      case 'P.M.': return cased(piece, c.hour < 12 ? 'A.M.' : 'P.M.')
      case 'TZH': return `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 3600))}`
      case 'TZM': return two(Math.floor(Math.abs(offset) / 60) % 60)
    }
    if (/^FF\d$/i.test(piece)) return String(c.micro).padStart(6, '0').padEnd(9, '0').slice(0, Number(piece[2]))
    return piece.startsWith('"') ? piece.slice(1, -1).replace(/\\(.)/g, '$1') : piece
  }).join('')
}

function castParse(text: string, format: string, now_ms: number): { micros: bigint; offset: number | undefined } {
  const now = civilOf(BigInt(now_ms) * 1000n)
  const c: Civil = { year: now.year, month: now.month, day: 1, hour: 0, minute: 0, second: 0, micro: 0 }
  let rest = text.trim()
  let afternoon: boolean | undefined
  let hour12 = false
  let offset: number | undefined
  const bad = (): never => {
    throw new Error(`Failed to parse input timestamp string ${JSON.stringify(text)} with format ${JSON.stringify(format)}`)
  }
  const digits = (max: number) => {
    const match = new RegExp(`^\\s*(\\d{1,${max}})`).exec(rest) ?? bad()
    rest = rest.slice(match[0].length)
    return Number(match[1])
  }
  const oneOf = (names: readonly string[]) => {
    const index = names.findIndex((each) => rest.toLowerCase().startsWith(each.toLowerCase()))
    if (index < 0) bad()
    rest = rest.slice(names[index]!.length)
    return index
  }
  for (const piece of castPieces(format)) {
    switch (piece.toUpperCase()) {
      case 'YYYY':
      case 'RRRR': c.year = digits(4); continue
      case 'YYY': c.year = Math.floor(now.year / 1000) * 1000 + digits(3); continue
      case 'YY': c.year = Math.floor(now.year / 100) * 100 + digits(2); continue
      case 'RR': { const short = digits(2); c.year = short < 50 ? 2000 + short : 1900 + short; continue }
      case 'Y': c.year = Math.floor(now.year / 10) * 10 + digits(1); continue
      case 'Y,YYY': { const head = digits(2); rest = rest.replace(/^,/, ''); c.year = head * 1000 + digits(3); continue }
      case 'MONTH': c.month = oneOf(MONTHS) + 1; continue
      case 'MON': c.month = oneOf(MONTHS.map((each) => each.slice(0, 3))) + 1; continue
      case 'MM': c.month = digits(2); continue
      case 'DAY': oneOf(DAYS); continue
      case 'DY': oneOf(DAYS.map((each) => each.slice(0, 3))); continue
      case 'DD': c.day = digits(2); continue
      case 'DDD': { const all = civilOf(BigInt(daysOf(c.year, 1, 1) + digits(3) - 1) * DAY_US); c.month = all.month; c.day = all.day; continue }
      case 'HH24': c.hour = digits(2); continue
      case 'HH12':
      case 'HH': c.hour = digits(2); hour12 = true; continue
      case 'MI': c.minute = digits(2); continue
      case 'SSSSS': { const all = digits(5); c.hour = Math.floor(all / 3600); c.minute = Math.floor(all / 60) % 60; c.second = all % 60; continue }
      case 'SS': c.second = digits(2); continue
      case 'AM':
      case 'PM': afternoon = oneOf(['AM', 'PM']) === 1; continue
      case 'A.M.':
      case 'P.M.': afternoon = oneOf(['A.M.', 'P.M.']) === 1; continue
      case 'TZH': { const match = /^\s*([+-]?)(\d{1,2})/.exec(rest) ?? bad(); rest = rest.slice(match[0].length); offset = (match[1] === '-' ? -1 : 1) * Number(match[2]) * 3600; continue }
      case 'TZM': { const minutes = digits(2); offset = (offset ?? 0) + (offset !== undefined && offset < 0 ? -1 : 1) * minutes * 60; continue }
    }
    if (/^FF\d$/i.test(piece)) {
      const match = new RegExp(`^\\d{1,${piece[2]}}`).exec(rest) ?? bad()
      rest = rest.slice(match[0].length)
      c.micro = Number(match[0].padEnd(6, '0').slice(0, 6))
      continue
    }
    const literal = piece.startsWith('"') ? piece.slice(1, -1).replace(/\\(.)/g, '$1') : piece
    if (literal === ' ') {
      rest = rest.replace(/^\s+/, '')
      continue
    }
    if (!rest.startsWith(literal)) bad()
    rest = rest.slice(literal.length)
  }
  if (rest.trim()) bad()
  if (hour12) c.hour = (c.hour % 12) + (afternoon ? 12 : 0)
  if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysInMonth(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 60) bad()
  return { micros: microsOf(c), offset }
}

// ---------------------------------------------------------------- casts from text

function civilText(text: string, kind: string): bigint {
  const bad = (): never => {
    throw new Error(`Invalid ${kind}: '${text}'`)
  }
  if (kind === 'date' && /:/.test(text)) bad()
  const match = /^\s*(\d{1,5})-(\d{1,2})-(\d{1,2})(?:[ tT](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,9}))?)?\s*$/.exec(text) ?? bad()
  const c = { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]), hour: Number(match[4] ?? 0), minute: Number(match[5] ?? 0), second: Number(match[6] ?? 0), micro: Number((match[7] ?? '').padEnd(6, '0').slice(0, 6)) }
  if (c.year < 1 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysInMonth(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 59) bad()
  return microsOf(c)
}

export function parseTimestamp(text: string, zone: string): bigint {
  const bad = (): never => {
    throw new Error(`Invalid timestamp: '${text}'`)
  }
  const match = /^\s*(\d{1,5})-(\d{1,2})-(\d{1,2})(?:[ tT]+(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,9}))?)?\s*([zZ]|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|[A-Za-z][A-Za-z0-9_+\-/]*)?\s*$/.exec(text) ?? bad()
  const c = { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]), hour: Number(match[4] ?? 0), minute: Number(match[5] ?? 0), second: Number(match[6] ?? 0), micro: Number((match[7] ?? '').padEnd(6, '0').slice(0, 6)) }
  if (c.year < 1 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysInMonth(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 59) bad()
  return toUtc(microsOf(c), match[8] === 'z' || match[8] === 'Z' ? 'UTC' : (match[8] ?? zone))
}

function timeText(text: string): bigint {
  const match = /^\s*(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,9}))?\s*$/.exec(text)
  if (!match || Number(match[1]) > 23 || Number(match[2]) > 59 || Number(match[3]) > 59) throw new Error(`Invalid time string ${JSON.stringify(text)}`)
  return BigInt((Number(match[1]) * 60 + Number(match[2])) * 60 + Number(match[3])) * 1_000_000n + BigInt((match[4] ?? '').padEnd(6, '0').slice(0, 6))
}

// ---------------------------------------------------------------- intervals

export function intervalText({ months, days, micros }: Interval): string {
  const m = Math.abs(months)
  const t = micros < 0n ? -micros : micros
  const fraction = Number(t % 1_000_000n)
  const clock = `${t / 3_600_000_000n}:${(t / 60_000_000n) % 60n}:${(t / 1_000_000n) % 60n}`
  return `${months < 0 ? '-' : ''}${Math.floor(m / 12)}-${m % 12} ${days} ${micros < 0n ? '-' : ''}${clock}${fraction ? `.${fraction % 1000 ? String(fraction).padStart(6, '0') : String(fraction / 1000).padStart(3, '0')}` : ''}`
}

function intervalIso({ months, days, micros }: Interval): string {
  const years = Math.trunc(months / 12)
  const hours = micros / 3_600_000_000n
  const minutes = (micros / 60_000_000n) % 60n
  const seconds = micros % 60_000_000n
  const whole = seconds / 1_000_000n
  const fraction = seconds % 1_000_000n
  const secondsText = seconds ? `${seconds < 0n && whole === 0n ? '-' : ''}${whole}${fraction ? `.${String(fraction < 0n ? -fraction : fraction).padStart(6, '0').replace(/0+$/, '')}` : ''}S` : ''
  const date = `${years ? `${years}Y` : ''}${months % 12 ? `${months % 12}M` : ''}${days ? `${days}D` : ''}`
  const time = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${secondsText}`
  return `P${date}${time ? `T${time}` : ''}` === 'P' ? 'P0Y' : `P${date}${time ? `T${time}` : ''}`
}

function parseInterval(text: string): Interval {
  const canonical = intervalParts(text)
  if (canonical) return { months: canonical[0], days: canonical[1], micros: canonical[2] }
  const iso = /^\s*P(?:([+-]?\d+)Y)?(?:([+-]?\d+)M)?(?:([+-]?\d+)W)?(?:([+-]?\d+)D)?(?:T(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?)(\d+)(?:\.(\d{1,9}))?S)?)?\s*$/.exec(text)
  if (iso && /\d/.test(text)) {
    const [, y, mo, w, d, h, mi, sign, s, fraction = ''] = iso
    const seconds = BigInt(s ?? 0) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
    return { months: Number(y ?? 0) * 12 + Number(mo ?? 0), days: Number(w ?? 0) * 7 + Number(d ?? 0), micros: (BigInt(h ?? 0) * 3600n + BigInt(mi ?? 0) * 60n) * 1_000_000n + (sign === '-' ? -seconds : seconds) }
  }
  const partial = /^\s*(?:([+-])?(\d+)-(\d+))?\s*(?:([+-]?\d+)(?=\s|$))?\s*(?:([+-])?(\d+):(\d+)(?::(\d+)(?:\.(\d{1,9}))?)?)?\s*$/.exec(text)
  if (!partial || !/\d/.test(text)) throw new Error(`Invalid INTERVAL value '${text}'`)
  const [, ys, y, mo, d, ts, h, mi, s, fraction = ''] = partial
  const micros = (BigInt(h ?? 0) * 3600n + BigInt(mi ?? 0) * 60n + BigInt(s ?? 0)) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6) || 0)
  return { months: (ys === '-' ? -1 : 1) * (Number(y ?? 0) * 12 + Number(mo ?? 0)), days: Number(d ?? 0), micros: ts === '-' ? -micros : micros }
}

function intervalPart({ months, days, micros }: Interval, part: string): bigint {
  switch (part) {
    case 'YEAR': return BigInt(Math.trunc(months / 12))
    case 'MONTH': return BigInt(months % 12)
    case 'DAY': return BigInt(days)
    case 'HOUR': return micros / 3_600_000_000n
    case 'MINUTE': return (micros / 60_000_000n) % 60n
    case 'SECOND': return (micros / 1_000_000n) % 60n
    case 'MILLISECOND': return (micros / 1000n) % 1000n
    case 'MICROSECOND': return micros % 1_000_000n
    case 'NANOSECOND': return (micros % 1_000_000n) * 1000n
    default: throw new Error(`EXTRACT does not support ${part} from INTERVAL`)
  }
}

function justify(given: Interval, what: string): Interval {
  let { months, days, micros } = given
  if (what === 'seconds') return { months: 0, days: 0, micros: micros + BigInt(months * 30 + days) * DAY_US }
  if (what !== 'days') {
    days += Number(micros / DAY_US)
    micros %= DAY_US
    if (micros < 0n && days > 0) [days, micros] = [days - 1, micros + DAY_US]
    if (micros > 0n && days < 0) [days, micros] = [days + 1, micros - DAY_US]
  }
  if (what !== 'hours') {
    months += Math.trunc(days / 30)
    days %= 30
    if (days < 0 && months > 0) [months, days] = [months - 1, days + 30]
    if (days > 0 && months < 0) [months, days] = [months + 1, days - 30]
    if (what === 'interval' && micros < 0n && (months > 0 || days > 0)) {
      micros += DAY_US
      days -= 1
      if (days < 0) [months, days] = [months - 1, days + 30]
    }
  }
  return { months, days, micros }
}

function zoneOffset(zone: string): bigint {
  const match = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(zone)
  if (!match) throw new Error(`Invalid time zone: ${zone}`)
  return BigInt((match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0))) * 60_000_000n
}

/** The start of the bucket that a civil time lies in, of buckets laid from an origin. */
function bucket(value: bigint, width: Interval, origin: bigint, kind: string): bigint {
  const { months, days, micros } = width
  if (months < 0 || days < 0 || micros < 0n) throw new Error('Negative bucket width INTERVAL is not allowed')
  if (kind === 'TIMESTAMP' && months) throw new Error('Bucket width INTERVAL with non-zero MONTH part is not allowed')
  if (kind === 'DATE' && micros) throw new Error('Only MONTH and DAY parts are allowed in bucket width INTERVAL')
  if (months && (days || micros)) throw new Error('Bucket width INTERVAL with mixed parts is not allowed')
  const size = BigInt(days) * DAY_US + micros
  if (!months && !size) throw new Error('Zero bucket width INTERVAL is not allowed')
  if (!months) return origin + floorDiv(value - origin, size) * size
  const from = civilOf(origin)
  const to = civilOf(value)
  const start = (count: number) => {
    const month = from.year * 12 + from.month - 1 + count * months
    const [year, at] = [Math.floor(month / 12), (((month % 12) + 12) % 12) + 1]
    return microsOf({ ...from, year, month: at, day: Math.min(from.day, daysInMonth(year, at)) })
  }
  const count = Math.floor((to.year * 12 + to.month - from.year * 12 - from.month) / months)
  return start(count) <= value ? start(count) : start(count - 1)
}

/** Parts are divided from the left, the rest carried down: a month is 30 days. */
function divideInterval(given: Interval, by: bigint): Interval {
  if (by === 0n) throw new Error('division by zero: INTERVAL / 0')
  const months = BigInt(given.months) / by
  const days = BigInt(given.days) + (BigInt(given.months) % by) * 30n
  const micros = given.micros + (days % by) * DAY_US
  return { months: Number(months), days: Number(days / by), micros: micros / by }
}

const sumIntervals = (items: (Interval | null)[]): Interval | null => {
  const given = items.filter((each) => each !== null)
  return given.length ? given.reduce((a, b) => ({ months: a.months + b.months, days: a.days + b.days, micros: a.micros + b.micros })) : null
}

const parameters = { micros: 'TIMESTAMP', text: 'VARCHAR' } as const

export const times = (now_ms: () => number): ScalarFunction[] => [
  { name: 'gs_format_time', parameters: [parameters.text, parameters.micros, 'BIGINT', 'VARCHAR'], returns: 'VARCHAR', run: formatTime },
  {
    name: 'gs_parse_time', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'TIMESTAMP',
    run: (format: string, text: string) => parseTime(format, text).micros,
  },
  {
    name: 'gs_parse_timestamp', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'TIMESTAMPTZ',
    run(format: string, text: string, zone: string) {
      const parsed = parseTime(format, text)
      return parsed.utc ? parsed.micros : toUtc(parsed.micros, parsed.zone ?? zone)
    },
  },
  { name: 'gs_parse_ts', parameters: ['VARCHAR', 'VARCHAR'], returns: 'TIMESTAMPTZ', run: parseTimestamp },
  { name: 'gs_parse_datetime', parameters: ['VARCHAR'], returns: 'TIMESTAMP', run: (text: string) => civilText(text, 'datetime') },
  { name: 'gs_parse_date', parameters: ['VARCHAR'], returns: 'TIMESTAMP', run: (text: string) => civilText(text, 'date') },
  { name: 'gs_parse_clock', parameters: ['VARCHAR'], returns: 'TIMESTAMP', run: timeText },
  { name: 'gs_timestamp_text', parameters: ['TIMESTAMP', 'BIGINT'], returns: 'VARCHAR', run(local: bigint, offset_us: bigint) {
    const c = civilOf(local)
    const fraction = c.micro ? `.${c.micro % 1000 ? String(c.micro).padStart(6, '0') : String(c.micro / 1000).padStart(3, '0')}` : ''
    const offset = offsetText(Number(offset_us / 1_000_000n), true)
    return `${String(c.year).padStart(4, '0')}-${two(c.month)}-${two(c.day)} ${two(c.hour)}:${two(c.minute)}:${two(c.second)}${fraction}${offset.endsWith(':00') ? offset.slice(0, 3) : offset}`
  } },
  { name: 'gs_cast_format', parameters: ['VARCHAR', 'TIMESTAMP', 'BIGINT', 'VARCHAR'], returns: 'VARCHAR', run: castFormat },
  { name: 'gs_cast_parse', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'TIMESTAMP', run: (text: string, format: string) => castParse(text, format, now_ms()).micros },
  {
    name: 'gs_cast_parse_ts', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'TIMESTAMPTZ',
    run(text: string, format: string, zone: string) {
      const { micros, offset } = castParse(text, format, now_ms())
      return offset === undefined ? toUtc(micros, zone) : micros - BigInt(offset) * 1_000_000n
    },
  },
  {
    name: 'gs_make_datetime', parameters: ['BIGINT', 'BIGINT', 'BIGINT', 'BIGINT', 'BIGINT', 'BIGINT'], returns: 'TIMESTAMP',
    run(...parts: bigint[]) {
      const [year, month, day, hour, minute, second] = parts.map(Number) as [number, number, number, number, number, number]
      if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) throw new Error(`Input calculates to invalid datetime: ${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`)
      return microsOf({ year, month, day, hour, minute, second, micro: 0 })
    },
  },
  {
    name: 'gs_make_clock', parameters: ['BIGINT', 'BIGINT', 'BIGINT'], returns: 'TIMESTAMP',
    run(hour: bigint, minute: bigint, second: bigint) {
      if (hour < 0n || hour > 23n || minute < 0n || minute > 59n || second < 0n || second > 60n) throw new Error(`Input calculates to invalid time: ${two(Number(hour))}:${two(Number(minute))}:${two(Number(second))}`)
      return (hour * 3600n + minute * 60n + second) * 1_000_000n
    },
  },
  { name: 'gs_parse_interval', parameters: ['VARCHAR'], returns: 'INTERVAL', run: parseInterval },
  { name: 'gs_interval_text', parameters: ['INTERVAL'], returns: 'VARCHAR', run: intervalText },
  { name: 'gs_interval_iso', parameters: ['INTERVAL'], returns: 'VARCHAR', run: intervalIso },
  { name: 'gs_interval_part', parameters: ['INTERVAL', 'VARCHAR'], returns: 'BIGINT', run: intervalPart },
  { name: 'gs_interval_neg', parameters: ['INTERVAL'], returns: 'INTERVAL', run: (a: Interval) => ({ months: -a.months, days: -a.days, micros: -a.micros }) },
  { name: 'gs_interval_mul', parameters: ['INTERVAL', 'BIGINT'], returns: 'INTERVAL', run: (a: Interval, n: bigint) => ({ months: a.months * Number(n), days: a.days * Number(n), micros: a.micros * n }) },
  { name: 'gs_interval_div', parameters: ['INTERVAL', 'BIGINT'], returns: 'INTERVAL', run: divideInterval },
  { name: 'gs_interval_sum', parameters: ['INTERVAL[]'], returns: 'INTERVAL', run: sumIntervals },
  {
    name: 'gs_interval_avg', parameters: ['INTERVAL[]'], returns: 'INTERVAL',
    run(items: (Interval | null)[]) {
      const sum = sumIntervals(items)
      return sum && divideInterval(sum, BigInt(items.filter((each) => each !== null).length))
    },
  },
  { name: 'gs_zone_offset', parameters: ['VARCHAR'], returns: 'BIGINT', run: zoneOffset },
  { name: 'gs_bucket', parameters: ['TIMESTAMP', 'INTERVAL', 'TIMESTAMP', 'VARCHAR'], returns: 'TIMESTAMP', run: bucket },
  { name: 'gs_justify', parameters: ['INTERVAL', 'VARCHAR'], returns: 'INTERVAL', run: justify },
]
