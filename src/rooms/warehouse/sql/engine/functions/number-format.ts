/** CAST(number AS STRING FORMAT …), and back: the elements 9 0 . , $ S MI PR EEEE X TM B FM V D G L. */
import { general } from './numbers.ts'
import type { ScalarFunction } from '../scalar.ts'

function format(text: string, pattern: string): string {
  const upper = pattern.toUpperCase()
  const lower = pattern !== upper && /x|eeee/.test(pattern)
  const negative = text.startsWith('-')
  const value = text.replace(/^-/, '')
  if (/^(TM|TM9|TME)$/.test(upper)) return upper === 'TME' ? Number(text).toExponential().replace(/e([+-])(\d)$/, 'E$10$2').toUpperCase() : text
  if (upper.includes('X')) return hex(text, pattern, lower)
  if (/inf|nan/i.test(value)) return signs(upper, negative, value)
  const body = upper.replace(/^FM|FM/, '').replace(/S|MI|PR/g, '')
  const fill = upper.includes('FM')
  if (body.includes('EEEE')) {
    const decimals = (/[.D](\w*?)EEEE/.exec(body)?.[1] ?? '').replace(/[^09]/g, '').length
    const [mantissa, exponent] = Number(value).toExponential(decimals).split('e') as [string, string]
    return signs(upper, negative, `${mantissa}E${exponent.replace(/([+-])(\d)$/, '$10$2')}`, fill ? 0 : 1)
  }
  const [whole = '', part = ''] = body.split(/[.D]/)
  const decimals = part.replace(/[^09]/g, '').length
  const [digits, fraction] = fixed(value, decimals).split('.') as [string, string?]
  const places = whole.replace(/[^09]/g, '').length
  if (digits.replace(/^0$/, '').length > places) return signs(upper, negative, body.replace(/[09]/g, '#').replace('D', '.').replace('G', ','), fill ? 0 : 1)
  const padded = digits.replace(/^0$/, part ? '' : '0').padStart(places)
  let taken = 0
  let seen = false
  let zero = false
  let out = ''
  for (const char of whole) {
    if (char === '9' || char === '0') {
      if (char === '0') zero = true
      const digit = padded[taken++]!
      if (digit !== ' ') seen = true
      out += digit === ' ' ? (zero ? '0' : ' ') : digit
    } else if (char === ',' || char === 'G') out += seen || zero ? ',' : ' '
    else if (char === '$' || char === 'L' || char === 'C') out = `$${out}`
    else if (char === 'B') continue
    else out += char
  }
  const currency = out.includes('$')
  let number = out.replace('$', '')
  const lead = number.length - number.trimStart().length
  number = number.trimStart()
  const tail = decimals || /[.D]/.test(body) ? `.${fill ? (fraction ?? '').replace(/0+$/, '') : (fraction ?? '')}` : ''
  return signs(upper, negative, `${currency ? '$' : ''}${number}${tail}`, fill ? 0 : lead + 1)
}

function fixed(value: string, decimals: number): string {
  if (!/e/i.test(value)) {
    const [whole = '0', part = ''] = value.split('.')
    const kept = part.slice(0, decimals).padEnd(decimals, '0')
    const up = (part[decimals] ?? '0') >= '5'
    const all = (BigInt(whole + kept || '0') + (up ? 1n : 0n)).toString().padStart(decimals + 1, '0')
    return decimals ? `${all.slice(0, -decimals)}.${all.slice(-decimals)}` : all
  }
  return Number(value).toFixed(decimals)
}

function signs(pattern: string, negative: boolean, body: string, width = 1): string {
  const pad = (text: string, extra = 0) => ' '.repeat(Math.max(0, width - 1 + extra)) + text
  if (pattern.startsWith('S') || pattern.startsWith('FMS')) return pad(`${negative ? '-' : '+'}${body}`)
  if (pattern.endsWith('S')) return pad(`${body}${negative ? '-' : '+'}`)
  if (pattern.endsWith('MI')) return pad(`${body}${negative ? '-' : width ? ' ' : ''}`)
  if (pattern.endsWith('PR')) return negative ? pad(`<${body}>`) : pad(width ? ` ${body} ` : body)
  return pad(negative ? `-${body}` : width ? ` ${body}` : body)
}

function hex(text: string, pattern: string, lower: boolean): string {
  const places = pattern.replace(/[^xX09]/g, '').length
  const value = BigInt(Math.round(Number(text)))
  const digits = (value < 0n ? -value : value).toString(16)
  const shown = digits.length > places ? '#'.repeat(places) : digits.padStart(places, pattern.includes('0') ? '0' : ' ')
  const cased = lower ? shown : shown.toUpperCase()
  const trimmed = cased.trimStart()
  const fill = /FM/i.test(pattern)
  return fill ? (value < 0n ? '-' : '') + trimmed : ' '.repeat(cased.length - trimmed.length) + (value < 0n ? '-' : ' ') + trimmed
}

function unformat(text: string): string {
  const clean = text.trim().replace(/[$,]/g, '')
  if (/^<.*>$/.test(clean)) return `-${clean.slice(1, -1)}`
  return clean.endsWith('-') ? `-${clean.slice(0, -1)}` : clean.replace(/\+$/, '')
}

export const numberFormats: ScalarFunction[] = [
  { name: 'gs_number_format', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR', run: format },
  { name: 'gs_number_unformat', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR', run: unformat },
]
export { general }
