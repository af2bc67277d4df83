/** Bad input at the storage doors: names of every kind, broken bodies, wrong types. Refused with a 4xx in Google's form, or round-tripped; never a 5xx. */
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { houseHere } from '../support/house.ts'
import { converse, statusOf } from '../support/raw-http.ts'

const house = await houseHere()
const { url, config } = house
const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) => fetch(url + path, { method: 'POST', body: body as NonNullable<RequestInit['body']>, headers })
await post('/storage/v1/b?project=p', '{"name":"lake"}')

const names = (): string[] => {
  const traversal = ['..', '.', '../x', '../../etc/passwd', 'a/../../b', './x', 'a/./b', '/', '//', '/abs', '\\..\\x', '..\\x', 'C:\\x', 'file:///etc/passwd', '....//x', '..;/x', '%2e%2e%2f', '%252e%252e', '..%c0%af', '~/x', 'a/..']
  const devices = ['CON', 'NUL', 'aux.txt', 'com1', 'x.', 'x ', ' x', ' ', '.hidden', 'trailing/']
  const spelling = ['%', '%2', '%zz', '%00', '#', '?', '&=', '+', 'a b', '"', "'", '<script>', '`id`', '$(id)', ';', '|', '*', '[x]', '{x}', 'é', 'e\u0301', '日本', '😀', '\u202etxt', '\ufeff', '\u200b', '\u{10ffff}', '\uffff', 'ａ', 'ß', 'İ']
  const control = Array.from({ length: 0x20 }, (_, code) => `c${String.fromCharCode(code)}c`).concat('\x7f', '\x80')
  const long = ['x'.repeat(1024), 'é'.repeat(512), 'x'.repeat(1025), '😀'.repeat(257), 'a/'.repeat(512)]
  const nested = traversal.flatMap((name) => [`d/${name}`, `${name}/f`])
  return [...new Set([...traversal, ...devices, ...spelling, ...control, ...long, ...nested, '__proto__', 'constructor', 'toString'])]
}

/** The house's folder lies in one of the test's own, with nothing else in it. */
const outside = () => readdirSync(dirname(config.data)).sort()

test('every name round-trips exactly or is refused, and nothing outside the data folder changes', { timeout: 60_000 }, async () => {
  const before = outside()
  const kept: string[] = []
  for (const name of names()) {
    const put = await post(`/upload/storage/v1/b/lake/o?uploadType=media&name=${encodeURIComponent(name)}`, name)
    const { status } = put
    await put.arrayBuffer()
    expect([200, 400], `${JSON.stringify(name)} was answered with ${status}`).toContain(status)
    if (status !== 200) continue
    kept.push(name)
    const path = `/storage/v1/b/lake/o/${encodeURIComponent(name)}`
    expect(((await (await fetch(url + path)).json()) as { name: string }).name).toBe(name)
    expect(await (await fetch(`${url}${path}?alt=media`)).text()).toBe(name.replace(/^\ufeff/, ''))
  }
  expect(kept.length).toBeGreaterThan(80)
  const { items } = (await (await fetch(`${url}/storage/v1/b/lake/o`)).json()) as { items: { name: string }[] }
  expect(items.map(({ name }) => name).toSorted()).toEqual(kept.toSorted())
  for (const name of kept) expect((await fetch(`${url}/storage/v1/b/lake/o/${encodeURIComponent(name)}`, { method: 'DELETE' })).status).toBe(204)
  expect(outside()).toEqual(before)
})

test('a name of more than 1,024 bytes is refused, one of exactly that many is kept', async () => {
  const put = async (name: string) => (await post(`/upload/storage/v1/b/lake/o?uploadType=media&name=${encodeURIComponent(name)}`, '')).status
  expect(await put('é'.repeat(512))).toBe(200)
  expect(await put(`${'é'.repeat(512)}x`)).toBe(400)
})

describe('a broken body', () => {
  const bodies: [string, string | Uint8Array][] = [
    ['no JSON', '{'],
    ['a list', '[]'],
    ['a number', '1'],
    ['nothing but a brace', '}'],
    ['a key twice', '{"name":"a-b-c","name":"d-e-f"}'],
    ['a key twice by escapes', '{"name":"a-b-c","na\\u006de":"d-e-f"}'],
    ['100,000 levels', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['100,000 lists', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['a NUL', '{"name":"a\u0000b"}'],
    ['__proto__', '{"__proto__":{"name":"polluted"}}'],
  ]
  test.each(bodies)('with %s is refused in Google’s form', async (_, body) => {
    for (const path of ['/storage/v1/b?project=p', '/storage/v1/b/lake/notificationConfigs', '/upload/storage/v1/b/lake/o?uploadType=resumable']) {
      const answer = await post(path, body)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ error: { code: 400, errors: [{ domain: 'global' }] } })
    }
    expect(({} as { name?: string }).name).toBeUndefined()
  })

  test('of a wrong type in any field is a 4xx, whatever the field and the value', { timeout: 60_000 }, async () => {
    const fields = ['name', 'location', 'storageClass', 'labels', 'versioning', 'lifecycle', 'cors', 'acl', 'defaultObjectAcl', 'retentionPolicy', 'iamConfiguration', 'website', 'contentType', 'metadata', 'md5Hash', 'crc32c', 'customTime', 'temporaryHold', 'retention', 'sourceObjects', 'destination', 'topic', 'event_types', 'custom_attributes', 'bindings', 'etag', 'entity', 'role']
    const calls: [string, string][] = [['POST', '/storage/v1/b?project=p'], ['PATCH', '/storage/v1/b/lake'], ['PATCH', '/storage/v1/b/lake/o/o'], ['PUT', '/storage/v1/b/lake/o/o'], ['POST', '/upload/storage/v1/b/lake/o?uploadType=resumable&name=x'], ['POST', '/storage/v1/b/lake/o/t/compose'], ['POST', '/storage/v1/b/lake/o/o/rewriteTo/b/lake/o/t'], ['POST', '/storage/v1/b/lake/notificationConfigs'], ['PUT', '/storage/v1/b/lake/iam'], ['POST', '/storage/v1/b/lake/acl'], ['POST', '/storage/v1/b/lake/o/o/acl']]
    await post('/upload/storage/v1/b/lake/o?uploadType=media&name=o', 'x')
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...calls), fc.constantFrom(...fields), fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(1e308, -1, 1e21, '9'.repeat(400), '\u0000')), async ([method, path], field, value) => {
        const answer = await fetch(url + path, { method, body: JSON.stringify({ [field]: value }) })
        await answer.arrayBuffer()
        expect(answer.status, `${method} ${path} with ${field}: ${JSON.stringify(value)}`).toBeLessThan(500)
      }),
      { numRuns: 400 },
    )
  })
})

test('parameters of wrong form are a 4xx', async () => {
  const queries = ['generation=x', 'generation=-1', 'generation=99999999999999999999', 'ifGenerationMatch=', 'ifGenerationMatch=1.5', 'ifMetagenerationMatch=NaN', 'fields=((', 'fields=a(b', 'maxResults=x', 'pageToken=x', `matchGlob=${'['.repeat(50)}`, 'uploadType=none', 'alt=media&generation=1e9']
  for (const query of queries) {
    for (const path of ['/storage/v1/b/lake/o', '/storage/v1/b/lake/o/o', '/storage/v1/b/lake']) {
      const { status } = await fetch(`${url}${path}?${query}`)
      expect(status, `${path}?${query}`).toBeLessThan(500)
    }
  }
})

test('headers of wrong form are a 4xx', async () => {
  const session = (await post('/upload/storage/v1/b/lake/o?uploadType=resumable&name=r', '{}')).headers.get('location')!
  for (const range of ['bytes', 'bytes 5-1/10', 'bytes 0-10/5', 'bytes x-y/z', 'octets 0-1/2', 'bytes 0-99999999999999999999/*', 'bytes -1-2/3']) {
    const answer = await fetch(session, { method: 'PUT', headers: { 'content-range': range }, body: 'x' })
    expect(answer.status, range).toBe(400)
  }
  for (const type of ['multipart/related', 'multipart/related; boundary=', 'multipart/related; boundary=nowhere']) {
    expect((await post('/upload/storage/v1/b/lake/o?uploadType=multipart', '--x\r\n\r\n{}', { 'content-type': type })).status).toBe(400)
  }
  expect((await post('/upload/storage/v1/b/lake/o?uploadType=media&name=h', 'x', { 'x-goog-hash': 'md5=zz' })).status).toBe(400)
})

test('ranges and chunks agree with a plain model', { timeout: 60_000 }, async () => {
  const bytes = Buffer.from(Array.from({ length: 500 }, (_, index) => index % 251))
  await post('/upload/storage/v1/b/lake/o?uploadType=media&name=ranges', bytes)
  const bound = fc.oneof(fc.constant(''), fc.integer({ min: 0, max: 600 }).map(String))
  await fc.assert(
    fc.asyncProperty(bound, bound, async (from, to) => {
      const answer = await fetch(`${url}/storage/v1/b/lake/o/ranges?alt=media`, { headers: { range: `bytes=${from}-${to}` } })
      const body = Buffer.from(await answer.arrayBuffer())
      const start = from === '' ? Math.max(0, 500 - Number(to)) : Number(from)
      const end = from === '' || to === '' ? 499 : Math.min(Number(to), 499)
      if ((from === '' && to === '') || (from !== '' && to !== '' && Number(to) < Number(from) && start < 500)) return void expect([answer.status, body.length]).toEqual([200, 500])
      if (start >= 500 || (from === '' && Number(to) === 0)) return void expect(answer.status).toBe(416)
      expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/500`])
      expect(Buffer.compare(body, bytes.subarray(start, end + 1))).toBe(0)
    }),
    { numRuns: 150 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ start: fc.integer({ min: 0, max: 520 }), length: fc.integer({ min: 1, max: 300 }) }), { maxLength: 6 }), async (chunks) => {
      const session = (await post('/upload/storage/v1/b/lake/o?uploadType=resumable&name=chunks', '{}')).headers.get('location')!
      let stored = 0
      for (const { start, length } of chunks) {
        const end = Math.min(start + length, 499) // The last byte is sent below.
        if (start >= end) continue
        const answer = await fetch(session, { method: 'PUT', headers: { 'content-range': `bytes ${start}-${end - 1}/500` }, body: bytes.subarray(start, end) })
        if (start > stored) expect(answer.status).toBe(400)
        else {
          stored = Math.max(stored, end)
          expect([answer.status, answer.headers.get('range')]).toEqual([308, `bytes=0-${stored - 1}`])
        }
      }
      const last = await fetch(session, { method: 'PUT', headers: { 'content-range': `bytes ${stored}-499/500` }, body: bytes.subarray(stored) })
      expect(last.status).toBe(200)
      expect(Buffer.compare(Buffer.from(await (await fetch(`${url}/storage/v1/b/lake/o/chunks?alt=media`)).arrayBuffer()), bytes)).toBe(0)
    }),
    { numRuns: 40 },
  )
})

test('a body that stops halfway leaves nothing visible and does not hold the house up', async () => {
  const { port } = new URL(url)
  const head = `POST /upload/storage/v1/b/lake/o?uploadType=media&name=half HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000\r\n\r\n`
  const half = converse(Number(port), `${head}only this`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  half.socket.destroy()
  await half.closed
  expect((await fetch(`${url}/storage/v1/b/lake/o/half`)).status).toBe(404)
  expect(statusOf(await converse(Number(port), 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n').closed)).toBe(200)
})
