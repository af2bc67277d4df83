/** DATE, TIME, DATETIME, TIMESTAMP and INTERVAL functions. */
import { quote } from '../../literal.ts'
import type { SqlType } from '../../types.ts'
import type { Call, Rule, Rules } from '../calls.ts'
import { invalidQuery, unsupported } from '../generator.ts'
import { castText } from './casts.ts'
import { intervalOf } from './intervals.ts'
import { civilIn, instantIn } from './zones.ts'

const UNIT_US: Record<string, number> = { DAY: 86_400_000_000, HOUR: 3_600_000_000, MINUTE: 60_000_000, SECOND: 1_000_000, MILLISECOND: 1000, MICROSECOND: 1 }
const WEEKDAYS: Record<string, number> = {
  WEEK: 0, WEEK_SUNDAY: 0, WEEK_MONDAY: 1, ISOWEEK: 1, WEEK_TUESDAY: 2, WEEK_WEDNESDAY: 3, WEEK_THURSDAY: 4, WEEK_FRIDAY: 5, WEEK_SATURDAY: 6,
}
/** A Sunday before all dates, so that day numbers are never negative. */
const SUNDAY_ZERO = `DATE '0000-12-31'`

const kindOf = (call: Call, index = 0) => call.types[index]?.kind

/** The civil TIMESTAMP of a value, in a zone for instants. */
function civil(text: string, type: SqlType | undefined, zone = "'UTC'"): string {
  if (type?.kind === 'TIMESTAMP') return civilIn(zone, text)
  if (type?.kind === 'DATE') return `CAST(${text} AS TIMESTAMP)`
  if (type?.kind === 'TIME') return `(DATE '1970-01-01' + ${text})`
  return text
}

/** Back from civil time to the type. */
function back(text: string, kind: string | undefined, zone = "'UTC'"): string {
  if (kind === 'TIMESTAMP') return instantIn(zone, text)
  if (kind === 'DATE') return `CAST(${text} AS DATE)`
  if (kind === 'TIME') return `CAST(${text} AS TIME)`
  return text
}

// ---------------------------------------------------------------- add, subtract

function add(sign: 1 | -1): Rule {
  return (call) => {
    const [value, count] = call.args as [string, string]
    const kind = kindOf(call)
    const part = call.part(2)
    if (part === undefined) {
      // DATE_ADD(x, INTERVAL …) with an INTERVAL value.
      const signed = sign === 1 ? count : `gs_interval_neg(${count})`
      return back(`(${civil(value, call.types[0])} + ${signed})`, call.type.kind)
    }
    const signed = sign === 1 ? count : `(-(${count}))`
    switch (kind) {
      case 'DATE':
        if (part === 'DAY') return `CAST(${value} + CAST(${signed} AS INTEGER) AS DATE)`
        if (part === 'WEEK') return `CAST(${value} + CAST(${signed} * 7 AS INTEGER) AS DATE)`
        return `CAST(${value} + ${intervalOf(signed, part)} AS DATE)`
      case 'TIMESTAMP': {
        const unit = UNIT_US[part] ?? (part === 'WEEK' ? 7 * UNIT_US['DAY']! : undefined)
        if (unit !== undefined) return `${value} + to_microseconds(${signed}${unit === 1 ? '' : ` * ${unit}`})`
        return `timezone('UTC', timezone('UTC', ${value}) + ${intervalOf(signed, part)})`
      }
      case 'TIME':
        return `CAST(DATE '2000-01-01' + ${value} + ${intervalOf(`(${signed} % ${86_400_000_000 / (UNIT_US[part] ?? 1)})`, part)} AS TIME)`
      default:
        return `${value} + ${intervalOf(signed, part)}`
    }
  }
}

// ---------------------------------------------------------------- difference

function diff(call: Call): string {
  const [a, b] = call.args as [string, string]
  const part = call.part(2) ?? 'DAY'
  const kind = kindOf(call)
  return difference(a, b, part, kind)
}

function difference(a: string, b: string, part: string, kind: string | undefined): string {
  if (part in WEEKDAYS) {
    const week = (text: string) => `((CAST(${kind === 'TIMESTAMP' ? `timezone('UTC', ${text})` : text} AS DATE) - ${SUNDAY_ZERO} - ${WEEKDAYS[part]}) // 7)`
    return `CAST(${week(a)} - ${week(b)} AS BIGINT)`
  }
  const unit = UNIT_US[part]
  if (kind === 'DATE') {
    if (part === 'DAY') return `CAST(${a} - ${b} AS BIGINT)`
  } else if (kind === 'TIMESTAMP') {
    // Whole units between two instants, cut towards zero.
    if (unit !== undefined) return unit === 1 ? `(epoch_us(${a}) - epoch_us(${b}))` : `((epoch_us(${a}) - epoch_us(${b})) // ${unit})`
  } else if (unit !== undefined) {
    // Boundaries crossed between two civil times.
    const micros = (text: string) => (kind === 'TIME' ? `epoch_us(DATE '1970-01-01' + ${text})` : `epoch_us(${text})`)
    const floor = (text: string) => (unit === 1 ? micros(text) : `((${micros(text)} + 62167219200000000) // ${unit})`)
    return `(${floor(a)} - ${floor(b)})`
  }
  const year = (text: string) => `CAST(${kind === 'TIMESTAMP' ? `timezone('UTC', ${text})` : text} AS TIMESTAMP)`
  switch (part) {
    case 'MONTH':
      return `date_diff('month', ${year(b)}, ${year(a)})`
    case 'QUARTER':
      return `date_diff('quarter', ${year(b)}, ${year(a)})`
    case 'YEAR':
      return `date_diff('year', ${year(b)}, ${year(a)})`
    case 'ISOYEAR':
      return `(isoyear(${year(a)}) - isoyear(${year(b)}))`
    default:
      throw invalidQuery(`Unsupported date part ${part} in the difference of ${kind} values`)
  }
}

// ---------------------------------------------------------------- truncation

function trunc(call: Call): string {
  const [value] = call.args as [string]
  const part = call.part(1) ?? 'DAY'
  const kind = kindOf(call)
  const zone = call.args[2] ?? "'UTC'"
  if (kind === 'TIMESTAMP') {
    const unit = UNIT_US[part]
    // Below an hour every zone of today agrees; from the hour on the zone counts.
    if (unit !== undefined && (unit < UNIT_US['HOUR']! || zone === "'UTC'")) return unit === 1 ? value : `time_bucket(to_microseconds(${unit}), ${value}, TIMESTAMPTZ '2000-01-01 00:00:00+00')`
    return instantIn(zone, truncated(civilIn(zone, value), part))
  }
  if (kind === 'DATE') return `CAST(${truncated(value, part, true)} AS DATE)`
  if (kind === 'TIME') return `CAST(${truncated(`(DATE '2000-01-01' + ${value})`, part)} AS TIME)`
  return truncated(value, part)
}

function truncated(text: string, part: string, isDate = false): string {
  if (part === 'MICROSECOND') return text
  if (part === 'WEEK_MONDAY' || part === 'ISOWEEK') return `date_trunc('week', ${text})`
  if (part in WEEKDAYS) {
    const date = isDate ? text : `CAST(${text} AS DATE)`
    return `CAST(${date} - CAST((${date} - ${SUNDAY_ZERO} - ${WEEKDAYS[part]}) % 7 AS INTEGER) AS TIMESTAMP)`
  }
  if (part === 'ISOYEAR') return `CAST(date_trunc('week', make_date(isoyear(${text}), 1, 4)) AS TIMESTAMP)`
  return `date_trunc('${part.toLowerCase()}', ${text})`
}

function lastDay(call: Call): string {
  const value = `CAST(${call.args[0]} AS DATE)`
  const part = call.part(1) ?? 'MONTH'
  if (part === 'MONTH') return `last_day(${value})`
  if (part in WEEKDAYS) return `CAST(${truncated(value, part, true)} + INTERVAL 6 DAY AS DATE)`
  if (part === 'QUARTER') return `CAST(date_trunc('quarter', ${value}) + INTERVAL 3 MONTH - INTERVAL 1 DAY AS DATE)`
  if (part === 'YEAR') return `make_date(year(${value}), 12, 31)`
  if (part === 'ISOYEAR') return `CAST(date_trunc('week', make_date(isoyear(${value}) + 1, 1, 4)) - INTERVAL 1 DAY AS DATE)`
  throw invalidQuery(`LAST_DAY does not support ${part}`)
}

// ---------------------------------------------------------------- extraction

function extract(call: Call): string {
  const part = call.part(1) ?? (call.name === '$extract_date' ? 'DATE' : call.name === '$extract_time' ? 'TIME' : call.name === '$extract_datetime' ? 'DATETIME' : '')
  const kind = kindOf(call)
  const zone = call.args[2] ?? (call.part(1) === undefined ? call.args[1] : undefined) ?? "'UTC'"
  if (kind === 'INTERVAL') return intervalPart(call.args[0]!, part)
  if (kind === 'UUID') throw unsupported('EXTRACT from UUID')
  return extractPart(civil(call.args[0]!, call.types[0], zone), part)
}

function extractPart(text: string, part: string): string {
  switch (part) {
    case 'DATE':
      return `CAST(${text} AS DATE)`
    case 'TIME':
      return `CAST(${text} AS TIME)`
    case 'DATETIME':
      return text
    case 'DAYOFWEEK':
      return `(dayofweek(${text}) + 1)`
    case 'DAYOFYEAR':
      return `dayofyear(${text})`
    case 'ISOWEEK':
      return `weekofyear(${text})`
    case 'ISOYEAR':
      return `isoyear(${text})`
    case 'MILLISECOND':
      return `((microsecond(${text}) % 1000000) // 1000)`
    case 'MICROSECOND':
      return `(microsecond(${text}) % 1000000)`
    case 'SECOND':
    case 'MINUTE':
    case 'HOUR':
    case 'DAY':
    case 'MONTH':
    case 'QUARTER':
    case 'YEAR':
      return `${part.toLowerCase()}(${text})`
  }
  if (part in WEEKDAYS) return `((dayofyear(${text}) + 6 - ((dayofweek(${text}) + 7 - ${WEEKDAYS[part]}) % 7)) // 7)`
  throw invalidQuery(`EXTRACT does not support the ${part} date part`)
}

function intervalPart(text: string, part: string): string {
  return `gs_interval_part(${text}, ${quote(part)})`
}

// ---------------------------------------------------------------- constructors

function date(call: Call): string {
  const [a, b, c] = call.args
  if (kindOf(call) === 'INT64') return `make_date(${a}, ${b}, ${c})`
  if (kindOf(call) === 'TIMESTAMP') return `CAST(${civilIn(b ?? "'UTC'", a!)} AS DATE)`
  if (kindOf(call) === 'STRING') return castText(a!, { kind: 'STRING' }, { kind: 'DATE' })
  return `CAST(${a} AS DATE)`
}

function time(call: Call): string {
  const [a, b, c] = call.args
  if (kindOf(call) === 'INT64') return `CAST(gs_make_clock(${a}, ${b}, ${c}) AS TIME)`
  if (kindOf(call) === 'TIMESTAMP') return `CAST(${civilIn(b ?? "'UTC'", a!)} AS TIME)`
  if (kindOf(call) === 'STRING') return castText(a!, { kind: 'STRING' }, { kind: 'TIME' })
  return `CAST(${a} AS TIME)`
}

function datetime(call: Call): string {
  const [a, b] = call.args
  if (kindOf(call) === 'INT64') return `gs_make_datetime(${call.args.join(', ')})`
  if (kindOf(call) === 'TIMESTAMP') return civilIn(b ?? "'UTC'", a!)
  if (kindOf(call) === 'STRING') return castText(a!, { kind: 'STRING' }, { kind: 'DATETIME' })
  if (kindOf(call) === 'DATE') return b ? `(${a} + ${b})` : `CAST(${a} AS TIMESTAMP)`
  return a!
}

function timestamp(call: Call): string {
  const [a, b] = call.args
  const kind = kindOf(call)
  if (kind === 'STRING') return `gs_parse_ts(${a}, ${b ?? "'UTC'"})`
  if (kind === 'TIMESTAMP') return a!
  return instantIn(b ?? "'UTC'", `CAST(${a} AS TIMESTAMP)`)
}

// ---------------------------------------------------------------- text

function format(call: Call): string {
  const [pattern, value, zone = "'UTC'"] = call.args
  const type = call.types[1]
  const offset = type?.kind === 'TIMESTAMP' ? (zone === "'UTC'" ? '0' : `epoch_us(${civilIn(zone, value!)}) - epoch_us(${value})`) : '0'
  const constant = call.constant(0)
  const native = constant === undefined ? undefined : nativeFormat(constant, type?.kind)
  if (native !== undefined) return `strftime(${civil(value!, type, zone)}, ${quote(native)})`
  return `gs_format_time(${pattern}, ${civil(value!, type, zone)}, CAST(${offset} AS BIGINT), ${type?.kind === 'TIMESTAMP' ? zone : quote(type?.kind ?? '')})`
}

/** The elements that mean the same in DuckDB's strftime. */
function nativeFormat(format: string, kind: string | undefined): string | undefined {
  const known = kind === 'DATE' ? /^(?:[^%]|%[YmdFyj%])*$/ : kind === 'TIME' ? /^(?:[^%]|%[HMSTp%])*$/ : /^(?:[^%]|%[YmdHMSFTyjp%])*$/
  if (!known.test(format)) return undefined
  return format.replace(/%F/g, '%Y-%m-%d').replace(/%T/g, '%H:%M:%S')
}

const parse = (kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP'): Rule => (call) => {
  const [pattern, text, zone] = call.args
  if (kind === 'TIMESTAMP') return `gs_parse_timestamp(${pattern}, ${text}, ${zone ?? "'UTC'"})`
  return back(`gs_parse_time(${pattern}, ${text}, '${kind}')`, kind)
}

// ---------------------------------------------------------------- buckets and series

const bucket: Rule = (call) => {
  const [value, width, origin] = call.args as [string, string, string?]
  const kind = kindOf(call)
  const start = origin ?? (kind === 'DATE' ? `DATE '1950-01-01'` : kind === 'TIMESTAMP' ? `TIMESTAMPTZ '1950-01-01 00:00:00+00'` : `TIMESTAMP '1950-01-01 00:00:00'`)
  if (/^to_(?:days|microseconds)\(\d+/.test(width) && !(kind === 'DATE' && width.startsWith('to_micro'))) return kind === 'DATE' ? `CAST(time_bucket(${width}, ${value}, ${start}) AS DATE)` : `time_bucket(${width}, ${value}, ${start})`
  return back(`gs_bucket(${civil(value, call.types[0])}, ${width}, ${civil(start, call.types[0])}, '${kind}')`, kind)
}

function dateArray(call: Call): string {
  const [start, end, step = '1'] = call.args
  const part = call.part(3) ?? 'DAY'
  return seriesOf(`CAST(${start} AS TIMESTAMP)`, `CAST(${end} AS TIMESTAMP)`, step, part, 'DATE')
}

function timestampArray(call: Call): string {
  const [start, end, step] = call.args
  return seriesOf(start!, end!, step!, call.part(3) ?? 'DAY', call.types[0]?.kind === 'DATETIME' ? 'TIMESTAMP' : 'TIMESTAMPTZ')
}

function seriesOf(start: string, end: string, step: string, part: string, duck: string): string {
  const nulls = `${start} IS NULL OR ${end} IS NULL OR ${step} IS NULL`
  return `(CASE WHEN ${nulls} THEN NULL WHEN ${step} = 0 THEN gs_error('Sequence step cannot be 0.') ELSE list_transform(generate_series(${start}, ${end}, ${intervalOf(step, part)}), lambda g_: CAST(g_ AS ${duck})) END)`
}

const interval: Rule = (call) => intervalOf(call.args[0]!, call.part(1))

const makeInterval: Rule = (call) => {
  const at = (index: number) => call.args[index] || '0'
  return `(to_months(CAST(${at(0)} * 12 + ${at(1)} AS INTEGER)) + to_days(CAST(${at(2)} AS INTEGER)) + to_microseconds(${at(3)} * 3600000000 + ${at(4)} * 60000000 + ${at(5)} * 1000000))`
}

export const dates: Rules = {
  current_date: (call) => `CAST(${civilIn(call.args[0] ?? "'UTC'", 'now()')} AS DATE)`,
  current_time: (call) => `CAST(${civilIn(call.args[0] ?? "'UTC'", 'now()')} AS TIME)`,
  current_datetime: (call) => civilIn(call.args[0] ?? "'UTC'", 'now()'),
  current_timestamp: 'now()',
  date_add: add(1), datetime_add: add(1), timestamp_add: add(1), time_add: add(1),
  date_sub: add(-1), datetime_sub: add(-1), timestamp_sub: add(-1), time_sub: add(-1),
  date_diff: diff, datetime_diff: diff, timestamp_diff: diff, time_diff: diff,
  date_trunc: trunc, datetime_trunc: trunc, timestamp_trunc: trunc, time_trunc: trunc,
  last_day: lastDay,
  $extract: extract, $extract_date: extract, $extract_time: extract, $extract_datetime: extract,
  date, time, datetime, timestamp,
  date_from_unix_date: `CAST(DATE '1970-01-01' + CAST($1 AS INTEGER) AS DATE)`,
  unix_date: `CAST($1 - DATE '1970-01-01' AS BIGINT)`,
  timestamp_seconds: 'make_timestamptz($1 * 1000000)',
  timestamp_millis: 'make_timestamptz($1 * 1000)',
  timestamp_micros: 'make_timestamptz($1)',
  timestamp_from_unix_seconds: (call) => (kindOf(call) === 'TIMESTAMP' ? call.args[0]! : `make_timestamptz(${call.args[0]} * 1000000)`),
  timestamp_from_unix_millis: (call) => (kindOf(call) === 'TIMESTAMP' ? call.args[0]! : `make_timestamptz(${call.args[0]} * 1000)`),
  timestamp_from_unix_micros: (call) => (kindOf(call) === 'TIMESTAMP' ? call.args[0]! : `make_timestamptz(${call.args[0]})`),
  // Floor, not the cut towards zero of //; shifted to be positive since year 1.
  unix_seconds: '((epoch_us($1) + 62167219200000000) // 1000000 - 62167219200)',
  unix_millis: '((epoch_us($1) + 62167219200000000) // 1000 - 62167219200000)',
  unix_micros: 'epoch_us($1)',
  format_date: format, format_time: format, format_datetime: format, format_timestamp: format,
  parse_date: parse('DATE'), parse_time: parse('TIME'), parse_datetime: parse('DATETIME'), parse_timestamp: parse('TIMESTAMP'),
  date_bucket: bucket, datetime_bucket: bucket, timestamp_bucket: bucket,
  generate_date_array: dateArray,
  generate_timestamp_array: timestampArray,
  $interval: interval,
  make_interval: makeInterval,
  justify_days: `gs_justify($1, 'days')`,
  justify_hours: `gs_justify($1, 'hours')`,
  justify_interval: `gs_justify($1, 'interval')`,
  to_seconds_interval: (call) => (kindOf(call) === 'INTERVAL' ? `gs_justify(${call.args[0]}, 'seconds')` : `to_microseconds(${call.args[0]} * 1000000)`),
}
