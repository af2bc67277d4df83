/** The warehouse against what it should not be given: bodies of the wrong shape, damaged files, rows and names beyond measure. */
import { deflateRawSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DATASET, JOB, QUERY, ROUTINE, TABLE, type Shape } from '../../src/rooms/warehouse/shapes.ts'
import { houseHere } from '../support/house.ts'

const house = await houseHere()
const P = '/projects/hostile'

async function rest(method: string, path: string, body?: unknown): Promise<any> {
  const answer = await fetch(`${house.url}/bigquery/v2${path}`, { method, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  const text = await answer.text()
  return { http: answer.status, ...(text.startsWith('{') ? JSON.parse(text) : {}) }
}

async function upload(table: string, load: object, bytes: Buffer): Promise<any> {
  const job = JSON.stringify({ configuration: { load: { destinationTable: { projectId: 'hostile', datasetId: 'h', tableId: table }, ...load } } })
  const body = Buffer.concat([Buffer.from(`--b\r\ncontent-type: application/json\r\n\r\n${job}\r\n--b\r\ncontent-type: */*\r\n\r\n`), bytes, Buffer.from('\r\n--b--\r\n')])
  let found = (await (await fetch(`${house.url}/upload/bigquery/v2${P}/jobs?uploadType=multipart`, { method: 'POST', headers: { 'content-type': 'multipart/related; boundary=b' }, body })).json()) as any
  while (found.status && found.status.state !== 'DONE') {
    await new Promise((resolve) => setTimeout(resolve, 10))
    found = await (await fetch(found.selfLink)).json()
  }
  return found
}

const alive = async () => expect((await rest('POST', `${P}/queries`, { query: 'SELECT 1 AS x', useLegacySql: false })).rows[0].f[0].v).toBe('1')

await rest('POST', `${P}/datasets`, { datasetReference: { datasetId: 'h' } })

/** Values that no field of this shape takes. */
const WRONG: Record<string, unknown[]> = {
  string: [7, true, {}, ['x']], boolean: ['maybe', 2, {}], integer: ['x', 1.5, {}, true], number: ['x', {}, true], object: [7, 'x', []], labels: [7, 'x', [], { a: 1 }], list: [7, 'x', {}], record: [7, 'x', []],
}

/** Every field of a shape with each wrong value, as bodies that hold nothing else. */
function* wrongBodies(shape: Shape, wrap: (value: unknown) => unknown, path: string): Generator<{ path: string; body: unknown }> {
  if (typeof shape === 'string') {
    for (const value of WRONG[shape] ?? []) yield { path, body: wrap(value) }
  } else if (Array.isArray(shape)) {
    for (const value of WRONG['list']!) yield { path, body: wrap(value) }
    yield* wrongBodies((shape as readonly [Shape])[0], (value) => wrap([value]), `${path}[0]`)
  } else {
    if (path !== '') for (const value of WRONG['record']!) yield { path, body: wrap(value) }
    for (const [key, inner] of Object.entries(shape)) yield* wrongBodies(inner, (value) => wrap({ [key]: value }), path === '' ? key : `${path}.${key}`)
  }
}

const METHODS: [string, string, Shape][] = [
  [`${P}/datasets`, 'datasets.insert', DATASET], [`${P}/datasets/h/tables`, 'tables.insert', TABLE], [`${P}/jobs`, 'jobs.insert', JOB], [`${P}/queries`, 'jobs.query', QUERY], [`${P}/datasets/h/routines`, 'routines.insert', ROUTINE],
]

describe('a value of the wrong type is refused with 400 and the name of its field', () => {
  test.each(METHODS)('%s', { timeout: 60_000 }, async (path, _id, shape) => {
    const wrong: string[] = []
    let count = 0
    for (const { path: field, body } of wrongBodies(shape, (value) => value, '')) {
      count += 1
      const answer = await rest('POST', path, body)
      if (answer.http !== 400 || answer.error?.errors[0].reason !== 'invalid' || !answer.error.message.includes(field.replace(/\[0\]$/, ''))) wrong.push(`${field} in ${JSON.stringify(body)}: ${answer.http} ${answer.error?.message}`)
    }
    expect(count).toBeGreaterThan(10)
    expect(wrong).toEqual([])
  })

  test('schemas too, at every depth', async () => {
    const bad = [7, 'x', [], { fields: 7 }, { fields: [7] }, { fields: [{ type: 'STRING' }] }, { fields: [{ name: 'a', type: 'NOPE' }] }, { fields: [{ name: 'a', type: 'RECORD' }] }, { fields: [{ name: 'a', type: 'STRING', mode: 'X' }] }, { fields: [{ name: 'a', type: 'STRING' }, { name: 'A', type: 'STRING' }] }]
    for (const schema of bad) expect((await rest('POST', `${P}/datasets/h/tables`, { tableReference: { tableId: 'bad' }, schema })).http, JSON.stringify(schema)).toBe(400)
  })
})

test('bodies that are no JSON, and pages from nowhere, are refused', async () => {
  for (const body of ['{', '[]', '7', '"x"', '{"a":1,"a":2}']) expect((await rest('POST', `${P}/queries`, body)).http, body).toBe(400)
  for (const body of ['{', '[]', '{"rows":7}', '{"rows":[7]}', '{"rows":[{"insertId":7,"json":{}}]}', '{"rows":[]}']) {
    await rest('POST', `${P}/datasets/h/tables`, { tableReference: { tableId: 's' }, schema: { fields: [{ name: 'n', type: 'INTEGER' }] } })
    expect((await rest('POST', `${P}/datasets/h/tables/s/insertAll`, body)).http, body).toBe(400)
  }
  for (const token of ['x', 'e30', Buffer.from('{"after":"1 OR 1=1"}').toString('base64url')]) expect((await rest('GET', `${P}/datasets/h/tables/s/data?pageToken=${token}`)).http, token).toBe(400)
})

describe('files', () => {
  const schema = { fields: [{ name: 'a', type: 'INTEGER' }, { name: 'b', type: 'STRING' }] }
  const files: [string, object, Buffer][] = [
    ['no CSV', { schema }, Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256))],
    ['an open quote', { schema }, Buffer.from('1,"x\n2,y\n')],
    ['too many columns', { schema }, Buffer.from('1,x,9\n')],
    ['bytes that are no UTF-8', { schema }, Buffer.from([0x31, 0x2c, 0xff, 0xfe, 0x0a])],
    ['no JSON', { schema, sourceFormat: 'NEWLINE_DELIMITED_JSON' }, Buffer.from('{"a":1}\n{"a":\n')],
    ['JSON that is no object', { autodetect: true, sourceFormat: 'NEWLINE_DELIMITED_JSON' }, Buffer.from('[1]\n')],
    ['no Parquet', { sourceFormat: 'PARQUET' }, Buffer.from('PAR1 this is none PAR1')],
    ['no Avro', { sourceFormat: 'AVRO' }, Buffer.from('Obj\x01 this is none')],
    ['no gzip', { schema, sourceFormat: 'NEWLINE_DELIMITED_JSON' }, Buffer.concat([Buffer.from([0x1f, 0x8b]), deflateRawSync('x')])],
    ['a gzip cut short', { schema }, gzipSync('1,x\n'.repeat(10_000)).subarray(0, 40)],
  ]
  test.each(files)('%s is a failed job, not a broken house', async (_name, load, bytes) => {
    const job = await upload('f', load, bytes)
    expect(job.status?.errorResult, JSON.stringify(job).slice(0, 300)).toMatchObject({ reason: expect.stringMatching(/^(?:invalid|backendError)$/) })
    await alive()
  })

  test('a row of ten megabytes and a table of thousands of columns', { timeout: 120_000 }, async () => {
    const big = await upload('big', { schema: { fields: [{ name: 's', type: 'STRING' }] } }, Buffer.from(`${'x'.repeat(10_000_000)}\n`))
    expect(big.status.errorResult).toBeUndefined()
    const names = Array.from({ length: 3000 }, (_, index) => `c${index}`)
    const wide = await upload('wide', { schema: { fields: names.map((name) => ({ name, type: 'INTEGER' })) } }, Buffer.from(`${names.map((_, index) => index).join(',')}\n`))
    expect(wide.status.errorResult).toBeUndefined()
    expect((await rest('GET', `${P}/datasets/h/tables/wide/data`)).rows[0].f).toHaveLength(3000)
    const tooWide = await rest('POST', `${P}/datasets/h/tables`, { tableReference: { tableId: 'wider' }, schema: { fields: Array.from({ length: 10_001 }, (_, index) => ({ name: `c${index}`, type: 'INTEGER' })) } })
    expect(tooWide.http).toBe(400)
    await alive()
  })

  test('names with quotes, blanks and letters of all kinds go in and come out as they are', async () => {
    const fields = [`it's`, 'größe', '数量', 'a b', 'rowid', 'select', 'x%y'].map((name) => ({ name, type: 'STRING' }))
    expect((await rest('POST', `${P}/datasets/h/tables`, { tableReference: { tableId: 'Ünï code' }, schema: { fields } })).http).toBe(200)
    const row = Object.fromEntries(fields.map(({ name }, index) => [name, `v${index}`]))
    expect(await rest('POST', `${P}/datasets/h/tables/${encodeURIComponent('Ünï code')}/insertAll`, { rows: [{ json: row }] })).not.toHaveProperty('insertErrors')
    const found = await rest('POST', `${P}/queries`, { query: 'SELECT * FROM `hostile.h.Ünï code`', useLegacySql: false })
    expect(found.schema.fields.map(({ name }: any) => name)).toEqual(fields.map(({ name }) => name))
    expect(found.rows[0].f.map(({ v }: any) => v)).toEqual(Object.values(row))
  })
})
