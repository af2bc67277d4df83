/** Variables of a script: blocks in blocks, one stack per procedure call. */
import { Fault } from '#ground/fault.ts'
import { VARIABLE_CHARS_MAX } from '../limits.ts'
import type { SqlType, TypedValue, Value } from '../types.ts'

export class Scope {
  readonly #blocks: Map<string, TypedValue>[] = [new Map()]

  enter(): void {
    this.#blocks.push(new Map())
  }

  leave(): void {
    this.#blocks.pop()
  }

  declare(name: string, value: TypedValue): void {
    const key = name.toLowerCase()
    if (this.#find(key)) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Variable '${name}' redeclaration`)
    this.#blocks.at(-1)!.set(key, bounded(name, value))
  }

  get(name: string): TypedValue {
    const found = this.#find(name.toLowerCase())?.get(name.toLowerCase())
    if (!found) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Undeclared variable: ${name}`)
    return found
  }

  set(name: string, value: Value): void {
    const block = this.#find(name.toLowerCase())
    if (!block) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Undeclared variable: ${name}`)
    const { type } = block.get(name.toLowerCase())!
    block.set(name.toLowerCase(), bounded(name, { type, value }))
  }

  values(): Record<string, TypedValue> {
    return Object.assign({}, ...this.#blocks.map((block) => Object.fromEntries(block)))
  }

  types(): Record<string, SqlType> {
    return Object.fromEntries(Object.entries(this.values()).map(([name, { type }]) => [name, type]))
  }

  #find(key: string): Map<string, TypedValue> | undefined {
    return this.#blocks.findLast((block) => block.has(key))
  }
}

function bounded(name: string, value: TypedValue): TypedValue {
  if (typeof value.value === 'string' ? value.value.length > VARIABLE_CHARS_MAX : Array.isArray(value.value) && JSON.stringify(value.value).length > VARIABLE_CHARS_MAX) {
    throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `The value of variable '${name}' exceeds the size limit`)
  }
  return value
}
