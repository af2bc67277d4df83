/** list.*, map.* and math.*: they make new values and change none. */
import { mapKey, negate } from '../language/expressions/operators.ts'
import { double, isInteger, isList, isMap, newMap, toNumber, type Value, type ValueMap } from '../language/values.ts'
import { list, map, number } from './expect.ts'
import { params, type Library } from './library.ts'

const OBJS = { name: 'objs', aliases: ['list', 'objects'] }
const VAL = { name: 'val', aliases: ['value', 'item', 'element'] }

export const collections: Library = {
  'list.concat': { params: params(OBJS, VAL), run: ([of, item]) => [...list(of, 'list.concat'), item!] },
  'list.prepend': { params: params(OBJS, VAL), run: ([of, item]) => [item!, ...list(of, 'list.prepend')] },

  'map.get': {
    params: params('map', { name: 'keys', aliases: ['key'] }),
    run([of, keys]) {
      let value: Value = of!
      for (const key of isList(keys!) ? keys : [keys!]) {
        if (!isMap(value)) return null
        value = value[mapKey(key)] ?? null
      }
      return value
    },
  },
  'map.delete': {
    params: params('map', 'key'),
    run([of, key]) {
      const copy = Object.assign(newMap(), map(of, 'map.delete'))
      delete copy[mapKey(key!)]
      return copy
    },
  },
  'map.merge': {
    params: params('first', 'second'),
    run: ([first, second]) => Object.assign(newMap(), map(first, 'map.merge'), map(second, 'map.merge')),
  },
  'map.merge_nested': {
    params: params('first', 'second'),
    run: ([first, second]) => merged(map(first, 'map.merge_nested'), map(second, 'map.merge_nested')),
  },

  'math.abs': {
    params: params({ name: 'x', aliases: ['value'] }),
    run: ([x]) => (toNumber(number(x, 'math.abs')) < 0 ? negate(x!) : x!),
  },
  'math.max': { params: params('x', 'y'), run: ([x, y]) => (toNumber(number(x, 'math.max')) >= toNumber(number(y, 'math.max')) ? x! : y!) },
  'math.min': { params: params('x', 'y'), run: ([x, y]) => (toNumber(number(x, 'math.min')) <= toNumber(number(y, 'math.min')) ? x! : y!) },
  'math.floor': {
    params: params({ name: 'x', aliases: ['value'] }),
    run([x]) {
      const value = number(x, 'math.floor')
      if (isInteger(value)) return value
      const floor = Math.floor(toNumber(value))
      return Number.isSafeInteger(floor) ? floor : double(floor)
    },
  },
}

function merged(a: ValueMap, b: ValueMap): ValueMap {
  const result = Object.assign(newMap(), a)
  for (const key in b) {
    const [mine, theirs] = [result[key], b[key]!]
    result[key] = mine !== undefined && isMap(mine) && isMap(theirs) ? merged(mine, theirs) : theirs
  }
  return result
}
