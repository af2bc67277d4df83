/** The doors as the public Node client uses them, and as plain HTTP shows them. */
import { gzipSync } from 'node:zlib'
import { BigQuery } from '@google-cloud/bigquery'
import { Storage } from '@google-cloud/storage'
import { describe, expect, test } from 'vitest'
import { houseHere } from '../../../tests/support/house.ts'

const house = await houseHere()
const client = new BigQuery({ apiEndpoint: house.url, projectId: 'contract' })
const storage = new Storage({ apiEndpoint: house.url, projectId: 'contract' })

let count = 0
async function newDataset() {
  const [dataset] = await client.createDataset(`ds_${++count}`)
  return dataset
}

async function rest(method: string, path: string, body?: unknown): Promise<any> {
  const answer = await fetch(`${house.url}/bigquery/v2/projects/contract${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  const text = await answer.text()
  return { status: answer.status, ...(text === '' ? {} : JSON.parse(text)) }
}

const load = (dataset: string, table: string, configuration: object) => rest('POST', '/jobs', { configuration: { load: { destinationTable: { projectId: 'contract', datasetId: dataset, tableId: table }, ...configuration } } })

async function ended(job: any): Promise<any> {
  for (;;) {
    const found = await (await fetch(job.selfLink)).json()
    if ((found as any).status.state === 'DONE') return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('the Node client', () => {
  test('makes, lists, changes and removes datasets', async () => {
    const dataset = await newDataset()
    await dataset.setMetadata({ description: 'what it is', labels: { team: 'data' } })
    expect((await dataset.getMetadata())[0]).toMatchObject({ description: 'what it is', labels: { team: 'data' } })
    expect((await client.getDatasets())[0].map(({ id }) => id)).toContain(dataset.id)
    await dataset.delete()
    expect((await dataset.exists())[0]).toBe(false)
  })

  test('streams rows in, and reads them back by query and by page', async () => {
    const dataset = await newDataset()
    const [table] = await dataset.createTable('t', { schema: [{ name: 'id', type: 'INTEGER' }, { name: 'tags', type: 'STRING', mode: 'REPEATED' }, { name: 'r', type: 'RECORD', fields: [{ name: 'x', type: 'FLOAT' }] }] })
    await table.insert([{ id: 1, tags: ['a', 'b'], r: { x: 1.5 } }, { id: 2, tags: [], r: null }])
    const [rows] = await client.query({ query: `SELECT * FROM ${dataset.id}.t ORDER BY id` })
    expect(rows).toEqual([{ id: 1, tags: ['a', 'b'], r: { x: 1.5 } }, { id: 2, tags: [], r: null }])
    expect((await table.getRows({ maxResults: 1 }))[0]).toHaveLength(1)
    await expect(table.insert([{ id: 'x' }, { id: 3 }])).rejects.toMatchObject({ name: 'PartialFailureError' })
    expect((await table.getMetadata())[0].numRows).toBe('2')
  })

  test('queries with parameters of every kind', async () => {
    const [rows] = await client.query({ query: 'SELECT @n + 1 AS n, @s AS s, @a AS a, @t AS t', params: { n: 41, s: `x'"y`, a: [1, 2], t: client.timestamp('2020-01-02T03:04:05.678901Z') } })
    expect(rows[0]).toMatchObject({ n: 42, s: `x'"y`, a: [1, 2], t: { value: '2020-01-02T03:04:05.678901000Z' } })
  })

  test('loads an object, copies a table, and extracts it to an object', async () => {
    const dataset = await newDataset()
    const [source] = await storage.createBucket('contract-in')
    await source.file('people.csv').save('name,age\nA,1\nB,2\n')
    await dataset.table('people').load(source.file('people.csv'), { sourceFormat: 'CSV', autodetect: true })
    await dataset.table('people').copy(dataset.table('twins'))
    expect((await dataset.table('twins').getMetadata())[0]).toMatchObject({ numRows: '2', schema: { fields: [{ name: 'name', type: 'STRING' }, { name: 'age', type: 'INTEGER' }] } })
    const [bucket] = await storage.createBucket('contract-out')
    await dataset.table('people').extract(bucket.file('people.json'), { format: 'JSON' })
    expect((await bucket.file('people.json').download())[0].toString()).toBe('{"name":"A","age":"1"}\n{"name":"B","age":"2"}\n')
  })
})

describe('jobs', () => {
  test('one id is one job: the second request is refused, and the first one stands', async () => {
    const body = { jobReference: { projectId: 'contract', jobId: 'once' }, configuration: { query: { query: 'SELECT 1', useLegacySql: false } } }
    expect((await rest('POST', '/jobs', body)).status).toMatchObject({ state: expect.any(String) })
    expect(await rest('POST', '/jobs', body)).toMatchObject({ error: { code: 409, errors: [{ reason: 'duplicate' }] } })
  })

  test('a dry run tells schema and bytes and is no job', async () => {
    const job = await rest('POST', '/jobs', { jobReference: { jobId: 'dry' }, configuration: { dryRun: true, query: { query: 'SELECT 1 AS x', useLegacySql: false } } })
    expect(job.statistics.query).toMatchObject({ schema: { fields: [{ name: 'x', type: 'INTEGER' }] }, totalBytesProcessed: '0' })
    expect(await rest('GET', '/jobs/dry')).toMatchObject({ error: { code: 404 } })
  })

  test('a long query is cancelled', async () => {
    const job = await rest('POST', '/jobs', { configuration: { query: { query: 'SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 100000)) a, UNNEST(GENERATE_ARRAY(1, 100000)) b WHERE MOD(a * b, 7) = 3', useLegacySql: false } } })
    await rest('POST', `/jobs/${job.jobReference.jobId}/cancel`)
    expect((await ended(job)).status.errorResult).toMatchObject({ reason: 'stopped' })
  })

  test('a job ends at its own time limit', async () => {
    const job = await rest('POST', '/jobs', { configuration: { jobTimeoutMs: '200', query: { query: 'SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 100000)) a, UNNEST(GENERATE_ARRAY(1, 100000)) b WHERE MOD(a * b, 7) = 3', useLegacySql: false } } })
    expect((await ended(job)).status.errorResult).toMatchObject({ reason: 'timeout' })
  })

  test('write dispositions: append adds, truncate replaces, empty refuses', async () => {
    const dataset = await newDataset()
    const into = async (query: string, writeDisposition: string) => ended(await rest('POST', '/jobs', { configuration: { query: { query, useLegacySql: false, writeDisposition, destinationTable: { projectId: 'contract', datasetId: dataset.id, tableId: 'd' } } } }))
    const values = async () => (await client.query(`SELECT x FROM ${dataset.id}.d ORDER BY x`))[0].map(({ x }: { x: number }) => x)
    await into('SELECT 1 AS x', 'WRITE_EMPTY')
    await into('SELECT 2 AS x', 'WRITE_APPEND')
    expect(await values()).toEqual([1, 2])
    expect((await into('SELECT 3 AS x', 'WRITE_EMPTY')).status.errorResult).toMatchObject({ reason: 'duplicate' })
    await into('SELECT 4 AS x', 'WRITE_TRUNCATE')
    expect(await values()).toEqual([4])
    expect((await into("SELECT 'x' AS x", 'WRITE_APPEND')).status.errorResult).toMatchObject({ reason: 'invalid', message: expect.stringContaining('changed type') })
    expect(await values()).toEqual([4])
  })

  test('a transaction is seen whole or not at all', async () => {
    const dataset = await newDataset()
    await client.query(`CREATE TABLE ${dataset.id}.t (x INT64)`)
    const values = async () => (await client.query(`SELECT x FROM ${dataset.id}.t ORDER BY x`))[0].map(({ x }: { x: number }) => x)
    await client.query(`BEGIN TRANSACTION; INSERT ${dataset.id}.t VALUES (1); INSERT ${dataset.id}.t VALUES (2); COMMIT TRANSACTION;`)
    expect(await values()).toEqual([1, 2])
    await client.query(`BEGIN TRANSACTION; INSERT ${dataset.id}.t VALUES (3); ROLLBACK TRANSACTION;`)
    await expect(client.query(`BEGIN TRANSACTION; INSERT ${dataset.id}.t VALUES (4); SELECT 1/0;`)).rejects.toThrow()
    expect(await values()).toEqual([1, 2])
  })

  test('time travel reads rows as they were before an append and before a replacement', async () => {
    const dataset = await newDataset()
    await client.query(`CREATE TABLE ${dataset.id}.t AS SELECT 1 AS x`)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const first = new Date().toISOString()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await client.query(`INSERT ${dataset.id}.t VALUES (2)`)
    await client.query(`CREATE OR REPLACE TABLE ${dataset.id}.t AS SELECT 3 AS x`)
    expect((await client.query(`SELECT x FROM ${dataset.id}.t FOR SYSTEM_TIME AS OF TIMESTAMP '${first}'`))[0]).toEqual([{ x: 1 }])
    await client.query(`UPDATE ${dataset.id}.t SET x = 4 WHERE TRUE`)
    await expect(client.query(`SELECT x FROM ${dataset.id}.t FOR SYSTEM_TIME AS OF TIMESTAMP '2001-01-01'`)).rejects.toThrow(/Invalid snapshot time/)
  })
})

describe('load jobs', () => {
  const cases: [string, string, object, string, Record<string, string>, unknown[]][] = [
    ['CSV with a header', 'Rating Score,At,Ok,D,N\n1.5,2020-01-01 00:00:00,true,2020-01-02,a\n2,,false,,"b, c"\n', { autodetect: 'true' }, 'CSV', { Rating_Score: 'FLOAT', At: 'TIMESTAMP', Ok: 'BOOLEAN', D: 'DATE', N: 'STRING' }, [[1.5, 'a'], [2, 'b, c']]],
    ['CSV without one', '1,x\n2,y\n', { autodetect: true }, 'CSV', { int64_field_0: 'INTEGER', string_field_1: 'STRING' }, [[1, 'x'], [2, 'y']]],
    ['CSV with semicolons and quoted line breaks', 'a;b\n1;"x\ny"\n', { autodetect: true, allowQuotedNewlines: true }, 'CSV', { a: 'INTEGER', b: 'STRING' }, [[1, 'x\ny']]],
    ['nested JSON', '{"a":1,"s":{"k":"v","l":[1,2]},"r":[{"x":1},{"x":2}]}\n{"a":2}\n', { autodetect: true }, 'NEWLINE_DELIMITED_JSON', { a: 'INTEGER', s: 'RECORD', r: 'RECORD' }, [[1, [{ x: 1 }, { x: 2 }]], [2, []]]],
  ]
  test.each(cases)('%s is understood by itself', async (_name, text, options, sourceFormat, types, rows) => {
    const dataset = await newDataset()
    const [bucket] = await storage.createBucket(`load-${++count}`)
    await bucket.file('f').save(text)
    await bucket.file('f.gz').save(gzipSync(text))
    for (const name of ['f', 'f.gz']) {
      const job = await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/${name}`], sourceFormat, writeDisposition: 'WRITE_TRUNCATE', ...options }))
      expect(job.status.errorResult).toBeUndefined()
      expect(job.statistics.load.outputRows).toBe(String(rows.length))
      const [metadata] = await dataset.table('t').getMetadata()
      expect(Object.fromEntries(metadata.schema.fields.map((field: { name: string; type: string }) => [field.name, field.type]))).toEqual(types)
      const names = Object.keys(types)
      const [found] = await client.query(`SELECT * FROM ${dataset.id}.t ORDER BY 1`)
      expect(found.map((row: Record<string, unknown>) => [row[names[0]!], row[names.at(-1)!]])).toEqual(rows)
    }
  })

  test('a client sends its own bytes, whole or in chunks that it may repeat', async () => {
    const dataset = await newDataset()
    const job = { configuration: { load: { destinationTable: { projectId: 'contract', datasetId: dataset.id, tableId: 'u' }, schema: { fields: [{ name: 'n', type: 'INTEGER' }] } } } }
    const upload = `${house.url}/upload/bigquery/v2/projects/contract/jobs`
    const body = `--b\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(job)}\r\n--b\r\nContent-Type: */*\r\n\r\n1\n2\n\r\n--b--\r\n`
    await ended(await (await fetch(`${upload}?uploadType=multipart`, { method: 'POST', headers: { 'content-type': 'multipart/related; boundary=b' }, body })).json())
    const session = (await fetch(`${upload}?uploadType=resumable`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(job) })).headers.get('location')!
    const put = (text: string, range: string) => fetch(session, { method: 'PUT', body: text, headers: { 'content-range': range }, redirect: 'manual' })
    expect((await put('3\n4\n', 'bytes 0-3/*')).headers.get('range')).toBe('bytes=0-3')
    expect((await put('', 'bytes */*')).status).toBe(308)
    await ended(await (await put('4\n5\n', 'bytes 2-5/6')).json())
    expect((await client.query(`SELECT n FROM ${dataset.id}.u ORDER BY n`))[0].map(({ n }: { n: number }) => n)).toEqual([1, 2, 3, 4, 5])
  })

  test('a bad row fails the job, names file and line, and leaves the table as it was', async () => {
    const dataset = await newDataset()
    const [bucket] = await storage.createBucket(`load-${++count}`)
    await bucket.file('good.csv').save('1\n')
    await bucket.file('bad.csv').save('2\nx\n3\n')
    const schema = { fields: [{ name: 'n', type: 'INTEGER' }] }
    await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/good.csv`], schema }))
    const job = await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/bad.csv`], schema }))
    expect(job.status).toMatchObject({ errorResult: { reason: 'invalid', location: `gs://${bucket.name}/bad.csv` }, errors: [{ reason: 'invalid', message: expect.stringMatching(/Could not parse 'x' as INT64 for field n .*line 2/) }] })
    expect((await client.query(`SELECT n FROM ${dataset.id}.t`))[0]).toEqual([{ n: 1 }])
    const tolerant = await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/bad.csv`], schema, maxBadRecords: 1 }))
    expect(tolerant.statistics.load).toMatchObject({ outputRows: '2', badRecords: '1' })
  })

  test('a missing object, an unknown format and ORC are said so', async () => {
    const dataset = await newDataset()
    expect((await ended(await load(dataset.id!, 't', { sourceUris: ['gs://no-such-bucket/x.csv'], autodetect: true }))).status.errorResult).toMatchObject({ reason: 'notFound' })
    expect(await load(dataset.id!, 't', { sourceUris: ['gs://b/x'], sourceFormat: 'ORC' })).toMatchObject({ error: { code: 400, message: expect.stringContaining('ORC is not supported') } })
  })

  test('a schema may grow when the job allows it, and not otherwise', async () => {
    const dataset = await newDataset()
    const [bucket] = await storage.createBucket(`load-${++count}`)
    await bucket.file('a.json').save('{"a":1}\n')
    await bucket.file('b.json').save('{"a":2,"b":"x"}\n')
    const json = { sourceFormat: 'NEWLINE_DELIMITED_JSON', autodetect: true }
    await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/a.json`], ...json }))
    expect((await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/b.json`], ...json }))).status.errorResult.message).toMatch(/Cannot add fields/)
    await ended(await load(dataset.id!, 't', { sourceUris: [`gs://${bucket.name}/b.json`], ...json, schemaUpdateOptions: ['ALLOW_FIELD_ADDITION'] }))
    expect((await client.query(`SELECT * FROM ${dataset.id}.t ORDER BY a`))[0]).toEqual([{ a: 1, b: null }, { a: 2, b: 'x' }])
  })
})

describe('rows', () => {
  test('an insert id is taken once', async () => {
    const dataset = await newDataset()
    await dataset.createTable('t', { schema: 'n:INTEGER' })
    const send = () => rest('POST', `/datasets/${dataset.id}/tables/t/insertAll`, { rows: [{ insertId: 'a', json: { n: 1 } }, { insertId: 'b', json: { n: '2' } }] })
    await send()
    expect(await send()).not.toHaveProperty('insertErrors')
    expect((await dataset.table('t').getMetadata())[0].numRows).toBe('2')
  })

  test('what is invalid is named row by row; the rest waits, or is stored when that was asked for', async () => {
    const dataset = await newDataset()
    await rest('POST', `/datasets/${dataset.id}/tables`, { tableReference: { tableId: 't' }, schema: { fields: [{ name: 'n', type: 'INTEGER', mode: 'REQUIRED' }, { name: 'd', type: 'DATE' }] } })
    const rows = [{ json: { n: 1, d: '2020-02-30' } }, { json: { n: 2 } }, { json: { d: '2020-01-01' } }, { json: { n: 3, nope: 1 } }]
    const path = `/datasets/${dataset.id}/tables/t/insertAll`
    expect((await rest('POST', path, { rows })).insertErrors.map(({ index, errors }: any) => [index, errors[0].reason, errors[0].location])).toEqual([[0, 'invalid', 'd'], [1, 'stopped', ''], [2, 'invalid', 'n'], [3, 'invalid', 'nope']])
    expect((await rest('POST', path, { rows, skipInvalidRows: true, ignoreUnknownValues: true })).insertErrors.map(({ index }: any) => index)).toEqual([0, 2])
    expect((await dataset.table('t').getMetadata())[0].numRows).toBe('2')
  })

  test('a template suffix makes the table that the rows go to', async () => {
    const dataset = await newDataset()
    await dataset.createTable('base', { schema: 'n:INTEGER' })
    await rest('POST', `/datasets/${dataset.id}/tables/base/insertAll`, { templateSuffix: '_2024', rows: [{ json: { n: 1 } }] })
    expect((await dataset.table('base_2024').getMetadata())[0].numRows).toBe('1')
  })

  test('pages, offsets and selected fields', async () => {
    const dataset = await newDataset()
    await client.query(`CREATE TABLE ${dataset.id}.t AS SELECT x, CONCAT('n', CAST(x AS STRING)) AS s FROM UNNEST(GENERATE_ARRAY(1, 25)) AS x ORDER BY x`)
    const path = `/datasets/${dataset.id}/tables/t/data`
    const seen: string[] = []
    for (let token = ''; ; ) {
      const page = await rest('GET', `${path}?maxResults=10&selectedFields=s&pageToken=${token}`)
      expect(page.totalRows).toBe('25')
      seen.push(...page.rows.map(({ f }: any) => f[0].v))
      if (!page.pageToken) break
      token = page.pageToken
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `n${index + 1}`))
    expect((await rest('GET', `${path}?startIndex=20&maxResults=3`)).rows.map(({ f }: any) => f[0].v)).toEqual(['21', '22', '23'])
  })
})

test('the public names are there, made up and read-only', async () => {
  const [rows] = await client.query('SELECT name, SUM(number) AS total FROM `bigquery-public-data.usa_names.usa_1910_current` WHERE state = "TX" GROUP BY name ORDER BY total DESC LIMIT 3')
  expect(rows).toHaveLength(3)
  const described = (await (await fetch(`${house.url}/bigquery/v2/projects/bigquery-public-data/datasets/usa_names/tables/usa_1910_current`)).json()) as { description: string }
  expect(described.description).toMatch(/Made-up/)
  await expect(client.query('DELETE FROM `bigquery-public-data.usa_names.usa_1910_current` WHERE TRUE')).rejects.toThrow(/cannot be changed/)
})

test('the discovery document names every method that is answered, where it is', async () => {
  const found = (await (await fetch(`${house.url}/$discovery/rest?version=v2`)).json()) as any
  expect(found.rootUrl).toBe(`${house.url}/`)
  expect(found.resources.jobs.methods.getQueryResults).toMatchObject({ path: 'projects/{projectId}/queries/{jobId}', httpMethod: 'GET', parameterOrder: ['projectId', 'jobId'] })
  expect(Object.keys(found.resources).sort()).toEqual(['datasets', 'jobs', 'models', 'projects', 'routines', 'rowAccessPolicies', 'tabledata', 'tables'])
})
