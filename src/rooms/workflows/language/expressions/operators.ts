/** What each operator does to each pair of types, as the documented tables say, and the errors it raises otherwise. */
import { STRING_BYTES_MAX } from '../../limits.ts'
import { raised } from '../raised.ts'
import {
  double, Double, equals, integer, Int64, isInteger, isList, isMap, isNumber, newMap, numberText, toBigint, toNumber, typeName, typeWord,
  type List, type Value,
} from '../values.ts'
import type { BinaryOperator } from './parser.ts'

type Number64 = number | Double | Int64

export function binary(operator: Exclude<BinaryOperator, 'and' | 'or'>, a: Value, b: Value): Value {
  switch (operator) {
    case '+':
      return add(a, b)
    case '-':
    case '*':
    case '/':
    case '//':
    case '%':
      if (!isNumber(a) || !isNumber(b)) throw unsupported(operator, a, b)
      return arithmetic(operator, a, b)
    case '==':
      return equals(a, b)
    case '!=':
      return !equals(a, b)
    case 'in':
      return contains(a, b)
    default:
      return compare(operator, a, b)
  }
}

export function negate(value: Value): Value {
  if (!isNumber(value)) throw raised('TypeError', `bad operand type for unary -: '${typeWord(value)}'`)
  if (!isInteger(value)) return double(-toNumber(value))
  return inRange(-toBigint(value))
}

export function not(value: Value): boolean {
  if (typeof value !== 'boolean') throw raised('TypeError', `bad operand type for not: '${typeWord(value)}' (expecting boolean)`)
  return !value
}

/** The operand of `and`, `or` and of a condition. */
export function truth(value: Value, where: string): boolean {
  if (typeof value !== 'boolean') throw raised('TypeError', `${where} must be a boolean, not '${typeWord(value)}'`)
  return value
}

function add(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isInteger(a) && Number.isInteger(b)) {
    const sum = a + b
    return Number.isSafeInteger(sum) ? sum : inRange(BigInt(a) + BigInt(b))
  }
  if (typeof a === 'string' || typeof b === 'string') {
    const text = asText(a, b) + asText(b, a)
    return checkedText(text)
  }
  if (isNumber(a) && isNumber(b)) return arithmetic('+', a, b)
  throw unsupported('+', a, b)
}

function asText(value: Value, other: Value): string {
  if (typeof value === 'string') return value
  if (isNumber(value)) return numberText(value)
  if (typeof value === 'boolean') return String(value)
  throw typeof other === 'string' && value === null ? unsupported('+', other, value) : unsupported('+', value, other)
}

export function checkedText(text: string): string {
  if (text.length * 3 > STRING_BYTES_MAX && Buffer.byteLength(text) > STRING_BYTES_MAX) {
    throw raised('ResourceLimitError', `a string of more than ${STRING_BYTES_MAX} bytes`)
  }
  return text
}

function arithmetic(operator: '+' | '-' | '*' | '/' | '//' | '%', a: Number64, b: Number64): Value {
  if ((operator === '/' || operator === '//' || operator === '%') && toNumber(b) === 0) {
    throw raised('ZeroDivisionError', operator === '%' ? 'modulo by zero' : 'division by zero')
  }
  if (operator === '/') return finite(toNumber(a) / toNumber(b))
  if (isInteger(a) && isInteger(b)) return whole(operator, a, b)
  const [x, y] = [toNumber(a), toNumber(b)]
  switch (operator) {
    case '+':
      return finite(x + y)
    case '-':
      return finite(x - y)
    case '*':
      return finite(x * y)
    case '//':
      return finite(Math.floor(x / y))
    case '%':
      return finite(x - y * Math.floor(x / y))
  }
}

/** Below this a quotient of two doubles cannot round up to the next whole number. */
const EXACT_QUOTIENT_MAX = 2 ** 50

function whole(operator: '+' | '-' | '*' | '//' | '%', a: number | Int64, b: number | Int64): Value {
  if (typeof a === 'number' && typeof b === 'number' && Math.abs(a) < EXACT_QUOTIENT_MAX) {
    const near = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : operator === '//' ? Math.floor(a / b) : a - b * Math.floor(a / b)
    // A product beyond 2^53 has lost digits already; the exact way is below.
    if (Number.isSafeInteger(near)) return near === 0 ? 0 : near
  }
  const [x, y] = [toBigint(a), toBigint(b)]
  if (operator === '+') return inRange(x + y)
  if (operator === '-') return inRange(x - y)
  if (operator === '*') return inRange(x * y)
  const quotient = x / y
  const floor = x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient
  return inRange(operator === '//' ? floor : x - y * floor)
}

function inRange(value: bigint): number | Int64 {
  const result = integer(value)
  if (result === undefined) throw raised('ValueError', 'integer overflow: the result does not fit 64 bits')
  return result
}

function finite(value: number): Value {
  if (!Number.isFinite(value)) throw raised('ValueError', 'the result is not a finite number')
  return double(value)
}

function compare(operator: '<' | '<=' | '>' | '>=', a: Value, b: Value): boolean {
  let order: number
  if (isNumber(a) && isNumber(b)) order = isInteger(a) && isInteger(b) ? sign(toBigint(a), toBigint(b)) : sign(toNumber(a), toNumber(b))
  else if (typeof a === 'string' && typeof b === 'string') order = sign(a, b)
  else throw raised('TypeError', `'${operator}' not supported between '${typeWord(a)}' and '${typeWord(b)}'`)
  return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0
}

const sign = <T extends number | bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)

function contains(item: Value, container: Value): boolean {
  if (isList(container)) return container.some((element) => equals(element, item))
  if (isMap(container)) return mapKey(item) in container
  throw raised('TypeError', `argument of type '${typeWord(container)}' is not a list or a map`)
}

function unsupported(operator: string, a: Value, b: Value) {
  return raised('TypeError', `unsupported operand types for ${operator}: '${typeWord(a)}' and '${typeWord(b)}'`)
}

/** A map's keys are text; an integer stands for its digits, because `1: 10` in YAML makes the key "1". */
export function mapKey(key: Value): string {
  if (typeof key === 'string') return key
  if (isInteger(key)) return numberText(key)
  throw raised('TypeError', `map keys must be strings, not '${typeWord(key)}'`)
}

export function member(of: Value, key: Value): Value {
  if (isMap(of)) {
    const name = mapKey(key)
    const found = of[name]
    if (found === undefined) throw raised('KeyError', `key not found: ${name}`)
    return found
  }
  if (isList(of)) return of[listIndex(of, key)]!
  throw raised('TypeError', `cannot access '${keyText(key)}' of a value of type '${typeWord(of)}' (expecting a list or a map)`)
}

function listIndex(list: List, key: Value): number {
  if (!isInteger(key)) throw raised('TypeError', `list indices must be integers, not '${typeWord(key)}'`)
  const index = toNumber(key)
  if (index < 0 || index >= list.length) throw raised('IndexError', `index out of range: ${index} (the list has ${list.length})`)
  return index
}

const keyText = (key: Value): string => (typeof key === 'string' ? key : isNumber(key) ? numberText(key) : typeName(key))

/** A copy of `of` in which the place at `path` holds `value`; missing maps on the way are made. */
export function replaced(of: Value | undefined, path: readonly Value[], at: number, value: Value): Value {
  if (at === path.length) return value
  const key = path[at]!
  if (of === undefined || of === null) {
    if (isInteger(key)) throw raised('IndexError', `index out of range: ${numberText(key)} (there is no list yet)`)
    const made = newMap()
    made[mapKey(key)] = replaced(undefined, path, at + 1, value)
    return made
  }
  if (isList(of)) {
    const index = listIndex(of, key)
    return of.with(index, replaced(of[index], path, at + 1, value))
  }
  if (!isMap(of)) throw raised('TypeError', `cannot assign '${keyText(key)}' of a value of type '${typeWord(of)}'`)
  const name = mapKey(key)
  const copy = Object.assign(newMap(), of)
  copy[name] = replaced(of[name], path, at + 1, value)
  return copy
}
