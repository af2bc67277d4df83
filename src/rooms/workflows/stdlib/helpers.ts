/** The expression helpers without a module: conversions, `keys`, `len`, `default`, `if`, `get_type`. */
import { raised } from '../language/raised.ts'
import {
  Bytes, double, integer, isInteger, isList, isMap, isNumber, numberText, toNumber, typeName, typeWord, type Value,
} from '../language/values.ts'
import { boolean, map } from './expect.ts'
import { params, type Library } from './library.ts'

const NUMBER_TEXT = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/
const INTEGER_TEXT = /^\s*[+-]?\d+\s*$/

export const helpers: Library = {
  double: {
    params: params('value'),
    run([value]) {
      if (isNumber(value!)) return double(toNumber(value))
      if (typeof value !== 'string') throw convert('double', value!, 'number or string')
      if (!NUMBER_TEXT.test(value)) throw raised('ValueError', `could not convert string to double: ${JSON.stringify(value)}`)
      return double(Number(value))
    },
  },
  int: {
    params: params('value'),
    run([value]) {
      if (isNumber(value!)) return isInteger(value) ? value : truncated(toNumber(value))
      if (typeof value !== 'string') throw convert('int', value!, 'number or string')
      if (INTEGER_TEXT.test(value)) {
        const whole = integer(BigInt(value.trim().replace(/^\+/, '')))
        if (whole !== undefined) return whole
      }
      throw raised('ValueError', `could not convert string to int: ${JSON.stringify(value)}`)
    },
  },
  string: {
    params: params('value'),
    run([value]) {
      if (typeof value === 'string') return value
      if (typeof value === 'boolean') return String(value)
      if (isNumber(value!)) return numberText(value)
      throw raised('TypeError', `unsupported operand type for string(): '${typeWord(value!)}' (expecting number, string, or boolean)`)
    },
  },
  keys: { params: params('map'), run: ([of]) => Object.keys(map(of, 'keys')) },
  len: {
    params: params('value'),
    run([value]) {
      if (typeof value === 'string') return [...value].length
      if (isList(value!)) return value.length
      if (isMap(value!)) return Object.keys(value).length
      if (value instanceof Bytes) return value.bytes.length
      throw raised('TypeError', `object of type '${typeWord(value!)}' has no len() (expecting list, map, or string)`)
    },
  },
  default: { params: params('value', 'default'), run: ([value, fallback]) => value ?? fallback! },
  if: { params: params('condition', 'true_value', 'false_value'), run: ([condition, yes, no]) => (boolean(condition, 'if') ? yes! : no!) },
  get_type: { params: params('value'), run: ([value]) => typeName(value!) },
}

function truncated(value: number): Value {
  const whole = integer(BigInt(Math.trunc(value)))
  if (whole === undefined) throw raised('ValueError', `${value} does not fit an integer of 64 bits`)
  return whole
}

const convert = (to: string, value: Value, expected: string) =>
  raised('TypeError', `unsupported operand type for ${to}(): '${typeWord(value)}' (expecting ${expected})`)
