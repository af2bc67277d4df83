/** The doors as the public Node client uses them, and as plain HTTP shows them. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { Storage } from '@google-cloud/storage'
import { describe, expect, test } from 'vitest'
import { houseHere } from '../../../tests/support/house.ts'

const house = await houseHere()
const storage = new Storage({ apiEndpoint: house.url, projectId: 'contract' })

let count = 0
async function newBucket() {
  const name = `bucket-${++count}`
  await storage.createBucket(name)
  return storage.bucket(name)
}

describe('the Node client', () => {
  test('makes, finds, changes and removes buckets', async () => {
    const bucket = await newBucket()
    expect((await bucket.exists())[0]).toBe(true)
    await bucket.setLabels({ team: 'data' })
    await bucket.setMetadata({ versioning: { enabled: true }, cors: [{ origin: ['https://a.example'], method: ['GET'], maxAgeSeconds: 60 }] })
    expect((await bucket.getMetadata())[0]).toMatchObject({ labels: { team: 'data' }, versioning: { enabled: true }, metageneration: '3' })
    const [names] = await storage.getBuckets({ prefix: bucket.name })
    expect(names.map(({ name }) => name)).toEqual([bucket.name])
    await bucket.delete()
    expect((await bucket.exists())[0]).toBe(false)
  })

  test('uploads simply and resumably, and reads back what it wrote', async () => {
    const bucket = await newBucket()
    const bytes = randomBytes(3 * 1024 * 1024 + 17)
    await bucket.file('simple').save(bytes, { resumable: false, metadata: { contentType: 'x/y', metadata: { k: 'v' } } })
    await bucket.file('resumable').save(bytes, { resumable: true, chunkSize: 1024 * 1024 })
    for (const name of ['simple', 'resumable']) expect(Buffer.compare((await bucket.file(name).download())[0], bytes)).toBe(0)
    const [metadata] = await bucket.file('simple').getMetadata()
    expect(metadata).toMatchObject({ contentType: 'x/y', metadata: { k: 'v' }, size: String(bytes.length), md5Hash: createHash('md5').update(bytes).digest('base64') })
  })

  test('reads ranges and streams', async () => {
    const bucket = await newBucket()
    await bucket.file('a').save('0123456789')
    const stream = bucket.file('a').createReadStream({ start: 3, end: 5 })
    let text = ''
    stream.on('data', (chunk) => (text += chunk))
    await once(stream, 'end')
    expect(text).toBe('345')
  })

  test('copies, moves, composes and lists with folders', async () => {
    const bucket = await newBucket()
    for (const name of ['a/1', 'a/2', 'b']) await bucket.file(name).save(name)
    await bucket.file('b').copy(bucket.file('c'))
    await bucket.file('c').move('a/b/3')
    await bucket.combine(['a/1', 'a/2'], 'both')
    expect((await bucket.file('both').download())[0].toString()).toBe('a/1a/2')
    const [files, , page] = await bucket.getFiles({ prefix: 'a/', delimiter: '/', autoPaginate: false })
    expect(files.map(({ name }) => name)).toEqual(['a/1', 'a/2'])
    expect((page as { prefixes: string[] }).prefixes).toEqual(['a/b/'])
  })

  test('is refused by preconditions as the cloud refuses it', async () => {
    const bucket = await newBucket()
    await bucket.file('a').save('1', { preconditionOpts: { ifGenerationMatch: 0 } })
    await expect(bucket.file('a').save('2', { preconditionOpts: { ifGenerationMatch: 0 } })).rejects.toMatchObject({ status: 412 })
    await expect(bucket.file('none').getMetadata()).rejects.toMatchObject({ code: 404 })
  })

  test('gets stored gzip undone when it asks for that, and as it is when not', async () => {
    const bucket = await newBucket()
    await bucket.file('z').save(gzipSync('hello'), { metadata: { contentEncoding: 'gzip', contentType: 'text/plain' } })
    expect((await bucket.file('z').download())[0].toString()).toBe('hello')
    const plain = await fetch(`${house.url}/${bucket.name}/z`, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(await plain.text()).toBe('hello')
  })

  test('keeps notification settings and IAM policies', async () => {
    const bucket = await newBucket()
    await bucket.createNotification('projects/contract/topics/t', { eventTypes: ['OBJECT_FINALIZE'] })
    expect((await bucket.getNotifications())[0]).toHaveLength(1)
    const [policy] = await bucket.iam.getPolicy()
    policy.bindings.push({ role: 'roles/storage.objectViewer', members: ['allUsers'] })
    await bucket.iam.setPolicy(policy)
    expect((await bucket.iam.getPolicy())[0].bindings).toEqual([{ role: 'roles/storage.objectViewer', members: ['allUsers'] }])
    await expect(bucket.iam.setPolicy(policy)).rejects.toMatchObject({ code: 412 })
  })
})

describe('signed URLs', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const signer = new Storage({ apiEndpoint: house.url, projectId: 'contract', credentials: { client_email: 'stranger@example.com', private_key: privateKey } })

  test('carry a request for as long as they say, and not longer', async () => {
    const bucket = await newBucket()
    await bucket.file('a b').save('signed')
    const [url] = await signer.bucket(bucket.name).file('a b').getSignedUrl({ version: 'v4', action: 'read', expires: Date.now() + 60_000 })
    expect(await (await fetch(url)).text()).toBe('signed')
    const old = url.replace(/X-Goog-Date=\d{4}/, 'X-Goog-Date=2020')
    const refusal = await fetch(old)
    expect(refusal.status).toBe(400)
    expect(await refusal.text()).toContain('ExpiredToken')
    for (const broken of [url.replace(/X-Goog-Expires=\d+/, 'X-Goog-Expires=999999999'), url.replace('GOOG4-RSA-SHA256', 'none'), url.replace(/&X-Goog-Signature=\w+/, '')]) {
      expect((await fetch(broken)).status).toBe(400)
    }
  })

  test('begin a resumable upload', async () => {
    const bucket = await newBucket()
    const [url] = await signer.bucket(bucket.name).file('up').getSignedUrl({ version: 'v4', action: 'resumable', expires: Date.now() + 60_000 })
    const begun = await fetch(url, { method: 'POST', headers: { 'x-goog-resumable': 'start' } })
    expect(begun.status).toBe(201)
    expect((await fetch(begun.headers.get('location')!, { method: 'PUT', body: 'bytes' })).status).toBe(200)
    expect((await bucket.file('up').download())[0].toString()).toBe('bytes')
  })
})

describe('the XML API', () => {
  test('lists, heads, deletes, and names its errors', async () => {
    const bucket = await newBucket()
    await bucket.file('x/<y>&').save('1')
    const listed = await (await fetch(`${house.url}/${bucket.name}?list-type=2&prefix=x/`)).text()
    expect(listed).toContain('<Key>x/&lt;y&gt;&amp;</Key>')
    const head = await fetch(`${house.url}/${bucket.name}/x/%3Cy%3E%26`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1', ''])
    expect((await fetch(`${house.url}/${bucket.name}/x/%3Cy%3E%26`, { method: 'DELETE' })).status).toBe(204)
    const missing = await fetch(`${house.url}/${bucket.name}/none`)
    expect(missing.status).toBe(404)
    expect(await missing.text()).toContain('<Code>NoSuchKey</Code>')
  })

  test('puts parts together by their numbers, whatever the order in which they came', async () => {
    const bucket = await newBucket()
    const at = `${house.url}/${bucket.name}/parts`
    const begun = await (await fetch(`${at}?uploads`, { method: 'POST' })).text()
    const id = /<UploadId>(.*?)</.exec(begun)![1]!
    const etags = new Map<number, string>()
    for (const number of [2, 1]) etags.set(number, (await fetch(`${at}?partNumber=${number}&uploadId=${id}`, { method: 'PUT', body: `part${number}` })).headers.get('etag')!)
    const list = (numbers: number[]) => `<CompleteMultipartUpload>${numbers.map((number) => `<Part><PartNumber>${number}</PartNumber><ETag>${etags.get(number)}</ETag></Part>`).join('')}</CompleteMultipartUpload>`
    expect((await fetch(`${at}?uploadId=${id}`, { method: 'POST', body: list([2, 1]) })).status).toBe(400)
    expect((await fetch(`${at}?uploadId=${id}`, { method: 'POST', body: list([1, 2]) })).status).toBe(200)
    expect((await bucket.file('parts').download())[0].toString()).toBe('part1part2')
  })

  test('lets in the web pages that a bucket names, and no others', async () => {
    const bucket = await newBucket()
    await bucket.file('a').save('1')
    await bucket.setCorsConfiguration([{ origin: ['https://site.example'], method: ['GET'], responseHeader: ['Content-Type'], maxAgeSeconds: 60 }])
    const from = (origin: string, method = 'GET') => fetch(`${house.url}/${bucket.name}/a`, { method, headers: { origin, ...(method === 'OPTIONS' && { 'access-control-request-method': 'GET' }) } })
    const allowed = await from('https://site.example')
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([200, 'https://site.example'])
    expect((await from('https://site.example', 'OPTIONS')).headers.get('access-control-allow-methods')).toBe('GET')
    expect((await from('https://other.example')).status).toBe(403)
    expect((await fetch(`${house.url}/storage/v1/b?project=contract`, { method: 'POST', headers: { origin: 'https://other.example' }, body: '{"name":"driven"}' })).status).toBe(403)
  })
})

test('a method that is not there says so by name, and is not taken for an object of the XML API', async () => {
  const answer = await fetch(`${house.url}/storage/v1/b/lake/anywhereCaches`)
  expect(answer.status).toBe(404)
  expect(await answer.json()).toMatchObject({ error: { status: 'NOT_FOUND', message: expect.stringContaining('GET /storage/v1/b/lake/anywhereCaches') } })
})

test('an object is never trusted by a browser on the house’s own host', async () => {
  const bucket = await newBucket()
  await bucket.file('page.html').save('<script>fetch("/storage/v1/b")</script>', { contentType: 'text/html' })
  for (const path of [`/${bucket.name}/page.html`, `/storage/v1/b/${bucket.name}/o/page.html?alt=media`, `/download/storage/v1/b/${bucket.name}/o/page.html?alt=media`]) {
    const { headers } = await fetch(house.url + path)
    expect([headers.get('content-security-policy'), headers.get('x-content-type-options')]).toEqual(['sandbox', 'nosniff'])
  }
})
