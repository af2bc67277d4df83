/**
 * The text that the sandbox runs for one function: the libraries, the body as a function, and a loop over the rows of a chunk that turns
 * columns' values into what BigQuery hands to JavaScript, and back. Text only; nothing runs here.
 */
import type { JsFunction, SqlType } from '../../types.ts'
import type { Program } from './sandbox.ts'

export function programOf(fn: JsFunction): Program {
  const { name, argumentNames, argumentTypes, returnType, body, libraries } = fn
  return {
    id: name,
    scripts: [
      { name: 'prelude', text: PRELUDE },
      ...libraries.map((text, i) => ({ name: `library${i + 1}`, text })),
      // The body begins on the second line of its script.
      { name: 'udf', text: `(globalThis.$udf = function (${argumentNames.join(', ')}) {\n${body}\n})` },
      { name: 'rows', text: rowsText(argumentTypes, returnType) },
    ],
  }
}

const rowsText = (types: readonly SqlType[], returns: SqlType): string => `(function () {
  const run = globalThis.$udf, $ = globalThis.$potoroo
  delete globalThis.$udf
  const give = [${types.map((type) => given(type)).join(', ')}]
  const take = ${taken(returns)}
  return (input) => JSON.stringify(JSON.parse(input).map((row) => take(run(...row.map((value, i) => give[i](value))))))
})()`

/** A function's text: the column's value as the body sees it. */
function given(type: SqlType): string {
  switch (type.kind) {
    case 'FLOAT64':
      return '$.float'
    case 'INT64':
      return '$.int'
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return '$.decimal'
    case 'DATE':
      return '$.day'
    case 'TIMESTAMP':
      return '$.instant'
    case 'JSON':
      return '$.json'
    case 'ARRAY':
      return `$.list(${given(type.element)})`
    case 'STRUCT':
      return `$.record([${type.fields.map((field, i) => `[${JSON.stringify(field.name || `_field_${i + 1}`)}, ${given(field.type)}]`).join(', ')}])`
    default:
      return '$.same'
  }
}

function taken(type: SqlType): string {
  switch (type.kind) {
    case 'BOOL':
      return '$.toBool'
    case 'INT64':
      return '$.toInt'
    case 'FLOAT64':
      return '$.toFloat'
    case 'DATE':
      return '$.toDay'
    case 'TIMESTAMP':
      return '$.toInstant'
    case 'JSON':
      return '$.toJson'
    case 'ARRAY':
      return `$.toList(${taken(type.element)})`
    case 'STRUCT':
      return `$.toRecord([${type.fields.map((field, i) => `[${JSON.stringify(field.name || `_field_${i + 1}`)}, ${taken(field.type)}]`).join(', ')}])`
    default:
      return '$.toText'
  }
}

const PRELUDE = `globalThis.$potoroo = (() => {
  const orNull = (f) => (value) => (value === null || value === undefined ? null : f(value))
  const cannot = (value, type) => { throw new TypeError('Failed to coerce output value ' + (typeof value === 'string' ? JSON.stringify(value) : String(value)) + ' to type ' + type) }
  const pad = (n, size) => String(n).padStart(size, '0')
  const date = (value, type) => {
    const made = value instanceof Date ? value : new Date(value)
    return Number.isNaN(made.getTime()) ? cannot(value, type) : made
  }
  const dayText = (d) => pad(d.getUTCFullYear(), 4) + '-' + pad(d.getUTCMonth() + 1, 2) + '-' + pad(d.getUTCDate(), 2)
  return {
    same: (value) => value,
    float: orNull(Number),
    int: orNull((text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text)),
    decimal: orNull((text) => (Number.isSafeInteger(Number(text)) && /^-?\\d+$/.test(text) ? Number(text) : text)),
    day: orNull((days) => new Date(days * 86400000)),
    instant: orNull((micros) => {
      const whole = BigInt(micros)
      const fraction = ((whole % 1000000n) + 1000000n) % 1000000n
      const made = new Date(Number((whole - fraction) / 1000n) + Math.floor(Number(fraction) / 1000))
      made.microsecond = Number(fraction)
      return made
    }),
    json: orNull(JSON.parse),
    list: (f) => orNull((values) => values.map(f)),
    record: (fields) => orNull((values) => Object.fromEntries(fields.map(([name, f], i) => [name, f(values[i])]))),
    toText: orNull((value) => (typeof value === 'object' && !(value instanceof Date) ? JSON.stringify(value) : String(value))),
    toBool: orNull((value) => (typeof value === 'boolean' ? value : value === 'true' || value === 1 ? true : value === 'false' || value === 0 ? false : cannot(value, 'BOOL'))),
    toInt: orNull((value) => (typeof value === 'bigint' || Number.isInteger(value) || (typeof value === 'string' && /^[+-]?\\d+$/.test(value)) ? BigInt(value).toString() : typeof value === 'boolean' ? String(Number(value)) : cannot(value, 'INT64'))),
    toFloat: orNull((value) => {
      const number = Number(value)
      return Number.isNaN(number) && !(typeof value === 'number' || value === 'NaN') ? cannot(value, 'FLOAT64') : Number.isFinite(number) && !Object.is(number, -0) ? number : Object.is(number, -0) ? '-0' : String(number)
    }),
    toDay: orNull((value) => dayText(date(value, 'DATE'))),
    toInstant: orNull((value) => {
      const d = date(value, 'TIMESTAMP')
      const micros = value.microsecond !== undefined && Math.floor(value.microsecond / 1000) === d.getUTCMilliseconds() ? value.microsecond : d.getUTCMilliseconds() * 1000
      return dayText(d) + ' ' + pad(d.getUTCHours(), 2) + ':' + pad(d.getUTCMinutes(), 2) + ':' + pad(d.getUTCSeconds(), 2) + '.' + pad(micros, 6) + '+00'
    }),
    toJson: (value) => (value === undefined ? null : JSON.stringify(value)),
    toList: (f) => orNull((value) => (Array.isArray(value) ? value.map(f) : cannot(value, 'ARRAY'))),
    toRecord: (fields) => orNull((value) => (typeof value === 'object' ? fields.map(([name, f]) => f(value[name])) : cannot(value, 'STRUCT'))),
  }
})()`
