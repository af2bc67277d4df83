import { describe, expect, it } from 'vitest'
import { parseAvro } from './avro.ts'
import { parseProtobuf } from './protobuf-schema.ts'

const json = (value: unknown) => Buffer.from(JSON.stringify(value))

describe('Avro', () => {
  const person = parseAvro(
    JSON.stringify({
      type: 'record', name: 'Person', namespace: 'a.b',
      fields: [
        { name: 'name', type: 'string' },
        { name: 'age', type: ['null', 'int'], default: null },
        { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
        { name: 'tags', type: { type: 'array', items: 'string' } },
        { name: 'friends', type: { type: 'map', values: 'Person' } },
      ],
    }),
  )
  const ada = { name: 'Ada', age: { int: 36 }, kind: 'A', tags: ['x'], friends: {} }

  it('takes what fits in JSON', () => {
    person.json(json(ada))
    person.json(json({ ...ada, age: null, friends: { b: ada } }))
  })

  it.each([
    [{ ...ada, name: 1 }, 'name is not of type string'],
    [{ ...ada, age: 36 }, 'age is a union'],
    [{ ...ada, age: { int: 2 ** 31 } }, 'age is not of type int'],
    [{ ...ada, kind: 'C' }, 'kind is not of type a.b.Kind'],
    [{ ...ada, tags: 'x' }, 'tags is not of type array'],
    [{ ...ada, friends: { b: {} } }, 'friends.b.name is missing'],
    [{ ...ada, more: 1 }, '"more" is not a field'],
    [[], 'not of type a.b.Person'],
  ])('%j is refused: %s', (value, words) => {
    expect(() => person.json(json(value))).toThrow(words)
  })

  it('reads the binary encoding to its last byte', () => {
    const bytes = Buffer.concat([Buffer.from([6]), Buffer.from('Ada'), Buffer.from([2, 72]), Buffer.from([0]), Buffer.from([2, 2]), Buffer.from('x'), Buffer.from([0]), Buffer.from([0])])
    person.binary(bytes)
    for (let length = 0; length < bytes.length; length++) expect(() => person.binary(bytes.subarray(0, length)), String(length)).toThrow('schema validation')
    expect(() => person.binary(Buffer.concat([bytes, Buffer.from([0])]))).toThrow('left over')
  })

  it.each([
    ['{', 'not JSON'],
    ['"string"', 'top-level record'],
    ['{"type":"record","name":"R"}', 'no list of fields'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"nobody"}]}', 'not known'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":["null","null"]}]}', 'differ in type'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}', 'twice'],
    [JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: [...Array(60)].reduce((inner) => ({ type: 'array', items: inner }), 'int') }] }), 'deeper'],
  ])('the definition %s is refused: %s', (definition, words) => {
    expect(() => parseAvro(definition)).toThrow(words)
  })
})

describe('protocol buffers', () => {
  const order = parseProtobuf(`
    syntax = "proto3";
    enum Size { SMALL = 0; LARGE = 1; }
    message Order {
      string id = 1;
      int64 cents = 2;
      repeated Line lines = 3;
      map<string, bool> flags = 4;
      Size size = 5;
      message Line { string what = 1; int32 how_many = 2; }
    }`)

  it('takes what fits, in JSON and binary', () => {
    order.json(json({ id: 'a', cents: '12', lines: [{ what: 'x', howMany: 2 }, { how_many: 3 }], flags: { f: true }, size: 'LARGE' }))
    order.binary(Buffer.from([0x0a, 0x01, 0x61, 0x10, 0x0c]))
  })

  it.each([
    [{ id: 1 }, 'id is not of type string'],
    [{ cents: 1.5 }, 'cents is not of type int64'],
    [{ lines: [{ howMany: 2 ** 31 }] }, 'how'],
    [{ size: 'HUGE' }, 'no value of Size'],
    [{ nobody: 1 }, 'not a field of Order'],
    [{ flags: { f: 1 } }, 'flags.f is not of type bool'],
  ])('%j is refused', (value, words) => {
    expect(() => order.json(json(value))).toThrow(words)
  })

  it('broken bytes are refused', () => {
    expect(() => order.binary(Buffer.from([0x0a, 0x7f, 0x61]))).toThrow('schema validation')
  })

  it.each(['', 'message {', 'syntax = "proto3"; message A {} message B {}', 'syntax = "proto3"; import "x.proto"; message A {}', 'syntax = "proto3"; message A { Nobody n = 1; }'])('the definition %j is refused', (definition) => {
    expect(() => parseProtobuf(definition)).toThrow('Invalid schema definition')
  })
})
