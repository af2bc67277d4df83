import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { forbiddenAddress } from './addresses.ts'
import { systemClock } from './clock.ts'
import { FORBIDDEN_HOSTS, FORBIDDEN_SCHEMES } from './courier.corpus.ts'
import { Courier, type CourierOptions } from './courier.ts'
import type { Fault } from './fault.ts'

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void

const closers: (() => unknown)[] = []
let connections: () => number
let port: number
let handler: Handler

/** A server on `address` that counts every connection, whether or not a request follows. */
async function listener(address: string, answer: Handler, wanted = 0): Promise<{ port: number; count: () => number }> {
  let count = 0
  const server = http.createServer(answer)
  server.on('connection', () => (count += 1))
  server.listen(wanted, address)
  await once(server, 'listening')
  closers.push(() => (server.closeAllConnections(), server.close()))
  return { port: (server.address() as AddressInfo).port, count: () => count }
}

function courier(options: Partial<CourierOptions> = {}): Courier {
  const made = new Courier({ clock: systemClock(), ...options })
  closers.push(() => made.close())
  return made
}

const fault = (promise: Promise<unknown>): Promise<Fault> => promise.then(() => expect.unreachable('it was sent'), (thrown: Fault) => thrown)

beforeEach(async () => {
  handler = (_, response) => response.end('reached')
  const server = await listener('0.0.0.0', (request, response) => handler(request, response))
  port = server.port
  connections = server.count
})

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Loopback allowed for this test's own server. */
const open = (more: Partial<CourierOptions> = {}) => courier({ egress: { allow: `127.0.0.1:${port}` }, ...more })

describe('a forbidden address', () => {
  it('is not reached by any of its spellings', async () => {
    const sender = courier({ resolve: async (host) => (host === 'localhost' ? [{ address: '127.0.0.1', family: 4 }] : (await import('node:dns/promises')).lookup(host, { all: true })) })
    expect(FORBIDDEN_HOSTS.length).toBeGreaterThan(600)
    for (const host of FORBIDDEN_HOSTS) {
      for (const url of [`http://${host}:${port}/`, `https://${host}:${port}/`]) {
        const { reason } = await fault(sender.send({ url, connect_ms: 2_000 }))
        expect(['egressForbidden', 'badUrl', 'hostNotFound'], url).toContain(reason)
      }
    }
    expect(connections()).toBe(0)
  })

  it('would be seen by this test if it were reached', async () => {
    expect(await (await open().send({ url: `http://127.0.0.1:${port}/` })).text()).toBe('reached')
    expect(connections()).toBe(1)
  })

  it.each(FORBIDDEN_SCHEMES)('nor is %j even a request', async (url) => {
    expect((await fault(open().send({ url }))).reason).toBe('badUrl')
  })

  it('is refused when it is only one of several that a name has', async () => {
    const sender = courier({ resolve: async () => [{ address: '93.184.216.34', family: 4 }, { address: '127.0.0.1', family: 4 }] })
    expect((await fault(sender.send({ url: `http://mixed.test:${port}/` }))).reason).toBe('egressForbidden')
    expect(connections()).toBe(0)
  })
})

describe('a name that changes its address between check and use', () => {
  it('is resolved once, and the checked address is the one connected to', async () => {
    const good = await listener('127.0.0.2', (_, response) => response.end('good'))
    const bad = await listener('127.0.0.3', (_, response) => response.end('bad'), good.port)
    let asked = 0
    const sender = courier({
      resolve: async () => [{ address: asked++ === 0 ? '127.0.0.2' : '127.0.0.3', family: 4 }],
      forbids: (address) => (address === '127.0.0.3' ? 'the forbidden one of this test' : undefined),
    })
    expect(await (await sender.send({ url: `http://rebind.test:${good.port}/` })).text()).toBe('good')
    expect([asked, good.count(), bad.count()]).toEqual([1, 1, 0])
    expect((await fault(sender.send({ url: `http://rebind.test:${good.port}/` }))).reason).toBe('egressForbidden')
    expect(bad.count()).toBe(0)
  })
})

describe('redirects', () => {
  it('to a forbidden address are not followed, at whatever depth', async () => {
    const inner = await listener('127.0.0.2', (_, response) => response.end('secret'))
    handler = ({ url }, response) => {
      const left = Number(url?.slice(1))
      response.writeHead(302, { location: left > 0 ? `/${left - 1}` : `http://127.0.0.2:${inner.port}/` }).end()
    }
    for (const depth of [0, 1, 5]) expect((await fault(open().send({ url: `http://127.0.0.1:${port}/${depth}` }))).reason).toBe('egressForbidden')
    expect(inner.count()).toBe(0)
  })

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1/'])('to %s are refused', async (location) => {
    handler = (_, response) => response.writeHead(301, { location }).end()
    expect((await fault(open().send({ url: `http://127.0.0.1:${port}/` }))).reason).toBe('badUrl')
  })

  it('without end are refused, and with redirects_max 0 given back', async () => {
    handler = (_, response) => response.writeHead(302, { location: '/' }).end()
    expect((await fault(open().send({ url: `http://127.0.0.1:${port}/`, redirects_max: 3 }))).reason).toBe('tooManyRedirects')
    expect((await open().send({ url: `http://127.0.0.1:${port}/`, redirects_max: 0 })).status).toBe(302)
  })

  it('turn a POST into a GET, or repeat it, as their status says', async () => {
    const seen: string[] = []
    handler = async (request, response) => {
      const text = Buffer.concat(await request.toArray()).toString()
      seen.push(`${request.method} ${request.url} ${text}`)
      if (request.url === '/end') return response.end()
      response.writeHead(Number(request.url?.slice(1)), { location: '/end' }).end()
    }
    for (const status of [302, 303, 307, 308]) await (await open().send({ url: `http://127.0.0.1:${port}/${status}`, method: 'POST', body: 'x' })).bytes()
    expect(seen.filter((line) => line.includes('/end'))).toEqual(['GET /end ', 'GET /end ', 'POST /end x', 'POST /end x'])
  })

  it('to another origin do not take credentials along', async () => {
    let seen: http.IncomingHttpHeaders = {}
    const other = await listener('127.0.0.2', (request, response) => ((seen = request.headers), response.end()))
    handler = (_, response) => response.writeHead(302, { location: `http://127.0.0.2:${other.port}/` }).end()
    const sender = courier({ egress: { allow: `127.0.0.1,127.0.0.2` } })
    await (await sender.send({ url: `http://127.0.0.1:${port}/`, headers: { Authorization: 'Bearer t', Cookie: 'c', 'x-plain': 'p' } })).bytes()
    expect(seen).not.toHaveProperty('authorization')
    expect(seen).not.toHaveProperty('cookie')
    expect(seen['x-plain']).toBe('p')
  })
})

describe('hosts', () => {
  const echo: Handler = (request, response) => response.end(JSON.stringify({ host: request.headers.host, url: request.url, brought: request.headers['x-brought'] }))
  const seenBy = async (sender: Courier, url: string) => JSON.parse(await (await sender.send({ url })).text())

  it('of the house are answered inside, https too, under their own name', async () => {
    handler = echo
    const sender = courier({ localHosts: (host) => (host.endsWith('.googleapis.com') ? { address: '127.0.0.1', port, headers: { 'x-brought': 'courier' } } : undefined) })
    expect(await seenBy(sender, 'https://storage.googleapis.com/storage/v1/b?x=1')).toEqual({ host: 'storage.googleapis.com', url: '/storage/v1/b?x=1', brought: 'courier' })
  })

  it('are mapped by POTOROO_HOST_MAP: by name, by domain, with all others, and `house` keeps a name inside', async () => {
    handler = echo
    const base = `http://127.0.0.1:${port}`
    const sender = courier({
      egress: { hostMap: `bigquery.googleapis.com=${base}/named, *.inner.test=${base}/suffix, pubsub.googleapis.com=house, *=${base}/any/` },
      localHosts: (host) => (host.endsWith('.googleapis.com') ? { address: '127.0.0.1', port } : undefined),
    })
    expect((await seenBy(sender, 'https://bigquery.googleapis.com/a/b?c=d')).url).toBe('/named/bigquery.googleapis.com/a/b?c=d')
    expect((await seenBy(sender, 'https://pubsub.googleapis.com/a')).url).toBe('/a')
    expect((await seenBy(sender, 'https://storage.googleapis.com/a')).url).toBe('/any/storage.googleapis.com/a')
    expect((await seenBy(sender, 'http://a.b.inner.test:81/a')).url).toBe('/suffix/a.b.inner.test:81/a')
    expect((await seenBy(sender, 'http://example.com/')).url).toBe('/any/example.com/')
  })

  it.each(['nonsense', 'a=b', '=http://x/', 'a=ftp://x/'])('mapped as %j are refused at start', (hostMap) => {
    expect(() => courier({ egress: { hostMap } })).toThrow(expect.objectContaining({ reason: 'badHostMap' }))
  })

  it('allowed with a port are not allowed on another', async () => {
    const sender = courier({ egress: { allow: 'LocalHost:1, 127.0.0.1:80' } })
    expect((await fault(sender.send({ url: `http://127.0.0.1:${port}/` }))).reason).toBe('egressForbidden')
    expect(() => courier({ egress: { allow: 'http://x/' } })).toThrow(expect.objectContaining({ reason: 'badEgressAllow' }))
  })
})

describe('an exchange', () => {
  it('streams both ways', async () => {
    handler = (request, response) => void request.pipe(response)
    const chunks = Array.from({ length: 64 }, (_, n) => Buffer.alloc(65_536, n))
    const answer = await open().send({ url: `http://127.0.0.1:${port}/`, method: 'PUT', body: Readable.from(chunks) })
    expect((await answer.bytes()).equals(Buffer.concat(chunks))).toBe(true)
  })

  it('with an answer over its cap fails instead of filling memory', async () => {
    handler = (_, response) => {
      const more = () => void response.write(Buffer.alloc(65_536), (error) => error || more())
      more()
    }
    const answer = await open().send({ url: `http://127.0.0.1:${port}/`, response_bytes_max: 1_000_000 })
    expect((await fault(answer.bytes())).reason).toBe('responseTooLarge')
  })

  it.each([{ idle_ms: 60 }, { timeout_ms: 60 }])('that hangs ends by %j, before and within the body', async (limits) => {
    handler = () => {}
    expect((await fault(open().send({ url: `http://127.0.0.1:${port}/`, ...limits }))).code).toBe('DEADLINE_EXCEEDED')
    handler = (_, response) => void response.write('a part')
    const answer = await open().send({ url: `http://127.0.0.1:${port}/`, ...limits })
    expect((await fault(answer.bytes())).code).toBe('DEADLINE_EXCEEDED')
  })

  it('that is cancelled, refused or cut says so', async () => {
    const abort = new AbortController()
    handler = () => abort.abort()
    expect((await fault(open().send({ url: `http://127.0.0.1:${port}/`, signal: abort.signal }))).code).toBe('CANCELLED')
    handler = (request) => void request.socket.destroy()
    expect((await fault(open().send({ url: `http://127.0.0.1:${port}/` }))).reason).toBe('connectionFailed')
    expect((await fault(courier({ egress: { allow: '127.0.0.1' } }).send({ url: 'http://127.0.0.1:1/' }))).reason).toBe('connectionFailed')
    handler = (_, response) => void response.writeHead(200, { 'content-length': 10 }).write('x', () => response.destroy())
    expect((await fault(open().send({ url: `http://127.0.0.1:${port}/` }).then((answer) => answer.bytes()))).reason).toBe('connectionFailed')
  })

  it('cannot be given headers or methods that smuggle a second request', async () => {
    let seen: http.IncomingHttpHeaders = {}
    handler = (request, response) => ((seen = request.headers), response.end())
    const url = `http://127.0.0.1:${port}/`
    await (await open().send({ url, method: 'post', body: 'abc', headers: { Host: 'evil', 'Content-Length': '0', 'Transfer-Encoding': 'chunked', Connection: 'upgrade' } })).bytes()
    expect(seen).toMatchObject({ host: `127.0.0.1:${port}`, 'content-length': '3' })
    expect(seen).not.toHaveProperty('transfer-encoding')
    expect((await fault(open().send({ url, headers: { a: 'b\r\nc: d' } }))).reason).toBe('badHeader')
    expect((await fault(open().send({ url, headers: { 'a b': 'c' } }))).reason).toBe('badHeader')
    for (const method of ['CONNECT', 'TRACE', 'GET / HTTP/1.1\r\n']) expect((await fault(open().send({ url, method }))).reason).toBe('badMethod')
  })

  it('reuses connections', async () => {
    const sender = open()
    for (let n = 0; n < 5; n++) await (await sender.send({ url: `http://127.0.0.1:${port}/` })).bytes()
    expect(connections()).toBe(1)
  })
})

it('public addresses are allowed, also inside IPv6', () => {
  for (const address of ['8.8.8.8', '93.184.216.34', '172.32.0.1', '100.128.0.1', '169.253.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808']) {
    expect(forbiddenAddress(address), address).toBeUndefined()
  }
  for (const odd of ['', 'example.com', '1.2.3', 'fe80::1%lo', '1.2.3.4.5']) expect(forbiddenAddress(odd)).toBe('not a plain address')
})
