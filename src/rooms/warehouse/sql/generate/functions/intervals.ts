/** INTERVAL arithmetic: with dates and times, and among intervals. DuckDB's INTERVAL has the same three parts. */
import type { Call } from '../calls.ts'

/** The text for `+ - * /` where an INTERVAL or a DATE takes part; undefined for plain numbers. */
export function intervalMath(call: Call, sign: '+' | '-' | '*' | '/'): string | undefined {
  const [a, b] = call.args as [string, string]
  const [left, right] = call.types.map((type) => type?.kind)
  if (sign === '*' && (left === 'INTERVAL' || right === 'INTERVAL')) return `gs_interval_mul(${left === 'INTERVAL' ? a : b}, ${left === 'INTERVAL' ? b : a})`
  if (sign === '/' && left === 'INTERVAL') return `gs_interval_div(${a}, ${b})`
  if (sign !== '+' && sign !== '-') return undefined
  if (left === 'INTERVAL' && right === 'INTERVAL') return sign === '+' ? `(${a} + ${b})` : `(${a} + gs_interval_neg(${b}))`
  const moved = (base: string, kind: string, interval: string) => {
    const signed = sign === '+' ? interval : `gs_interval_neg(${interval})`
    if (kind === 'DATE') return `(CAST(${base} AS TIMESTAMP) + ${signed})`
    return `(${base} + ${signed})`
  }
  if (right === 'INTERVAL') return moved(a, String(left), b)
  if (left === 'INTERVAL') return moved(b, String(right), a)
  if (left === 'DATE' && right === 'INT64') return `CAST(${a} ${sign} CAST(${b} AS INTEGER) AS DATE)`
  if (left === 'INT64' && right === 'DATE') return `CAST(${b} + CAST(${a} AS INTEGER) AS DATE)`
  if (sign === '-' && left === 'DATE') return `to_days(CAST(${a} - ${b} AS INTEGER))`
  if (sign === '-' && left === 'DATETIME') return `(to_days(CAST((epoch_us(${a}) - epoch_us(${b})) // 86400000000 AS INTEGER)) + to_microseconds((epoch_us(${a}) - epoch_us(${b})) % 86400000000))`
  if (sign === '-' && left === 'TIMESTAMP') return `to_microseconds(epoch_us(${a}) - epoch_us(${b}))`
  if (sign === '-' && left === 'TIME') return `to_microseconds(epoch_us(DATE '1970-01-01' + ${a}) - epoch_us(DATE '1970-01-01' + ${b}))`
  return undefined
}

/** INTERVAL n PART. */
export function intervalOf(count: string, part: string | undefined): string {
  switch (part) {
    case 'YEAR':
      return `to_months(CAST(${count} * 12 AS INTEGER))`
    case 'QUARTER':
      return `to_months(CAST(${count} * 3 AS INTEGER))`
    case 'MONTH':
      return `to_months(CAST(${count} AS INTEGER))`
    case 'WEEK':
      return `to_days(CAST(${count} * 7 AS INTEGER))`
    case 'DAY':
      return `to_days(CAST(${count} AS INTEGER))`
    case 'HOUR':
      return `to_microseconds(${count} * 3600000000)`
    case 'MINUTE':
      return `to_microseconds(${count} * 60000000)`
    case 'SECOND':
      return `to_microseconds(${count} * 1000000)`
    case 'MILLISECOND':
      return `to_microseconds(${count} * 1000)`
    default:
      return `to_microseconds(${count})`
  }
}
