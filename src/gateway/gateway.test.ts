import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { systemClock } from '#ground/clock.ts'
import type { Call } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import { startGateway, testDoor } from '../../tests/support/gateway.ts'
import { converse, statusOf } from '../../tests/support/raw-http.ts'
import { CONNECTION_LIMITS } from './limits.ts'
import { openIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { Listener } from './listener.ts'

const echo = {
  id: 'test.echo',
  verb: 'POST' as const,
  path: '/echo',
  bodyBytesMax: 1000,
  async handle(call: Call) {
    call.sendJson(200, await call.readJson())
  },
}
const hello = { id: 'test.hello', path: '/hello', handle: (call: Call) => call.send(200, 'hello') }

async function start(wish: Parameters<typeof startGateway>[0] = {}) {
  return startGateway({ doors: [testDoor([echo, hello])], ...wish })
}

describe('an answer', () => {
  test('carries a request id and continues the caller’s trace', async () => {
    const { url } = await start()
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const [first, second] = await Promise.all([fetch(`${url}/hello`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } }), fetch(`${url}/hello`)])
    expect(first.headers.get('traceparent')).toContain(traceId)
    expect(second.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(first.headers.get('x-request-id')).not.toBe(second.headers.get('x-request-id'))
  })

  test('to a method that does not exist says so, and to a wrong verb which there are', async () => {
    const { url } = await start()
    expect((await fetch(`${url}/nowhere`)).status).toBe(404)
    const wrong = await fetch(`${url}/echo`)
    expect(wrong.status).toBe(405)
    expect(await wrong.text()).toContain('it takes POST')
  })

  test('to HEAD is that of GET without its body', async () => {
    const { url } = await start()
    const answer = await fetch(`${url}/hello`, { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '5', ''])
  })

  test('to a fault is the door’s own, to a bug a 500 that tells nothing of the inside', async () => {
    const door = testDoor([
      { path: '/fault', handle: () => Promise.reject(new Fault('NOT_FOUND', 'notFound', 'No such bucket.')) },
      { path: '/bug', handle: () => Promise.reject(new Error('secret detail')) },
      { path: '/full', handle: () => Promise.reject(Object.assign(new Error('disk'), { code: 'ENOSPC' })) },
    ])
    const { url } = await start({ doors: [door] })
    expect(await (await fetch(`${url}/fault`)).json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND', errors: [{ reason: 'notFound' }] } })
    const bug = await fetch(`${url}/bug`)
    expect(bug.status).toBe(500)
    expect(await bug.text()).not.toContain('secret detail')
    expect((await fetch(`${url}/full`)).status).toBe(507)
  })

  test('is counted by method and status', async () => {
    const { url, metrics } = await start()
    await (await fetch(`${url}/hello`)).text()
    await (await fetch(`${url}/nowhere`)).text()
    expect(await metrics.registry.metrics()).toMatch(/potoroo_http_requests_total\{door="test",method="test.hello",status="200"\} 1/)
    expect(await metrics.registry.metrics()).toMatch(/method="none",status="404"\} 1/)
  })
})

describe('who may knock', () => {
  const ask = (port: number, headers: string) => converse(port, `GET /hello HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`).closed.then(statusOf)

  test('an unknown host is refused, known ones and those that doors name are not', async () => {
    const { port } = await start({ doors: [testDoor([hello], { hosts: ['storage.googleapis.com', '*.storage.googleapis.com'] })], allowedHosts: ['house.example.com'] })
    for (const host of ['127.0.0.1', 'localhost:4280', 'LOCALHOST', 'localhost.', '[::1]:99', 'name.localhost', 'storage.googleapis.com', 'lake.storage.googleapis.com', 'house.example.com']) {
      expect([host, await ask(port, `Host: ${host}\r\n`)]).toEqual([host, 200])
    }
    for (const host of ['evil.example.com', '127.0.0.1.evil.example.com', 'localhost.evil.com', 'notlocalhost', '169.254.169.254', '', 'evilstorage.googleapis.com', 'xhouse.example.com']) {
      expect([host, await ask(port, `Host: ${host}\r\n`)]).toEqual([host, 421])
    }
  })

  test('a request without a host is refused', async () => {
    const { port } = await start()
    expect(await ask(port, '')).toBe(400)
    expect(statusOf(await converse(port, 'GET /hello HTTP/1.0\r\n\r\n').closed)).toBe(421)
  })

  test('a web page of another origin is refused, one of our own is not', async () => {
    const { port, url } = await start()
    const host = new URL(url).host
    for (const origin of [`http://${host}`, `https://${host}`]) expect(await ask(port, `Host: ${host}\r\nOrigin: ${origin}\r\n`)).toBe(200)
    for (const origin of ['https://evil.example.com', 'null', `http://${host}.evil.com`, 'http://127.0.0.1:1']) expect([origin, await ask(port, `Host: ${host}\r\nOrigin: ${origin}\r\n`)]).toEqual([origin, 403])
    expect(await ask(port, `Host: ${host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n`)).toBe(403)
    expect(await ask(port, `Host: ${host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n`)).toBe(200)
  })

  test('a door may let another origin in, for what it says and no more', async () => {
    const cors = async (_call: Call, origin: string) => (origin === 'https://app.example.com' ? { methods: ['GET'], headers: ['x-one'], maxAge_s: 60 } : undefined)
    const { url } = await start({ doors: [testDoor([hello], { cors })] })
    const preflight = (origin: string) => fetch(`${url}/hello`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } })
    const allowed = await preflight('https://app.example.com')
    expect([allowed.status, allowed.headers.get('access-control-allow-origin'), allowed.headers.get('access-control-allow-methods')]).toEqual([200, 'https://app.example.com', 'GET'])
    const refused = await preflight('https://evil.example.com')
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null])
  })

  test('what a caller may not do never reaches the door', async () => {
    let reached = 0
    const guarded = { path: '/guarded/{name}', permission: 'things.get', resource: ({ name }: Record<string, string>) => ({ type: 'thing', name: name! }), handle: (call: Call) => (reached++, call.send(200)) }
    const only: Identity = { ...openIdentity, may: async (_caller, permission, resource) => permission === 'things.get' && resource?.name === 'mine' }
    const { url } = await start({ doors: [testDoor([guarded])], identity: only })
    expect((await fetch(`${url}/guarded/mine`)).status).toBe(200)
    expect((await fetch(`${url}/guarded/yours`)).status).toBe(403)
    expect(reached).toBe(1)
  })

  test('another user of the machine is nobody, and is told that credentials are missing', async () => {
    const stranger: Identity = { ...openIdentity, identify: (credentials) => openIdentity.identify({ ...credentials, peer: async () => 'other' }) }
    const { url } = await start({ doors: [testDoor([{ ...hello, permission: 'things.get' }])], identity: stranger })
    const answer = await fetch(`${url}/hello`)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="potoroo"'])
  })
})

describe('bodies', () => {
  const post = (port: number, headers: string, body: string) => converse(port, `POST /echo HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`)

  test('a body over its bound is a 413, announced or not', async () => {
    const { port } = await start()
    expect(statusOf(await post(port, 'Content-Length: 100000000\r\n', '{').closed)).toBe(413)
    const chunk = `3e8\r\n${' '.repeat(1000)}\r\n`
    expect(statusOf(await post(port, 'Transfer-Encoding: chunked\r\n', chunk.repeat(5)).closed)).toBe(413)
  })

  test('a client that goes silent in the middle of its body is cut off', async () => {
    const { port } = await start({ limits: { bodyIdle_ms: 50 } })
    await post(port, 'Content-Length: 10\r\n', '{"a"').closed
  })

  test('a slow body that keeps coming is read to its end', async () => {
    const { port } = await start({ limits: { bodyIdle_ms: 400 } })
    const { socket, closed } = post(port, 'Content-Length: 12\r\nConnection: close\r\n', '')
    for (const character of '{"a": "bcd"}') {
      await new Promise((resolve) => setTimeout(resolve, 40))
      socket.write(character)
    }
    expect(await closed).toContain('{"a":"bcd"}')
  })

  test('a body that breaks off is no crash', async () => {
    const { port, url } = await start()
    const { socket } = post(port, 'Content-Length: 10\r\n', '{"a"')
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.resetAndDestroy()
    expect((await fetch(`${url}/hello`)).status).toBe(200)
  })

  test('a client that asks before it sends is told to go on', async () => {
    const { port } = await start()
    const { socket, heard, closed } = post(port, 'Content-Length: 7\r\nExpect: 100-continue\r\nConnection: close\r\n', '')
    while (!heard().includes('100 Continue')) await new Promise((resolve) => setTimeout(resolve, 5))
    socket.write('{"a":1}')
    expect(await closed).toContain('{"a":1}')
  })

  test.each(['{', '[]', '{"a":1,"a":2}', '\xff', '1e999', '{"a":'.repeat(150)])('the broken JSON %j is a 400', async (body) => {
    const { port } = await start()
    expect(statusOf(await post(port, `Content-Length: ${body.length}\r\nConnection: close\r\n`, body).closed)).toBe(400)
  })
})

describe('broken HTTP is a 4xx or a closed connection, never a hang, and the house goes on', () => {
  test.each([
    ['no HTTP at all', 'hello there\r\n\r\n'],
    ['a wrong version', 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['a header without a name', 'GET / HTTP/1.1\r\n: x\r\nHost: localhost\r\n\r\n'],
    ['two lengths', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
    ['a length and chunks', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a negative length', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
    ['a huge length', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n'],
    ['a broken chunk', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`],
    ['a path that is not percent-encoded', 'GET /hello/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['a tunnel', 'CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n'],
    ['TLS', Buffer.from('160301020001', 'hex')],
    ['an HTTP/2 preface and nonsense', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense nonsense nonsense'],
  ])('%s', async (_, opening) => {
    const { port, url } = await start({ limits: { headers_ms: 400, firstBytes_ms: 200 } })
    const status = statusOf(await converse(port, opening).closed)
    expect(status === undefined || (status >= 400 && status < 500)).toBe(true)
    expect((await fetch(`${url}/hello`)).status).toBe(200)
  })

  test('a connection that says nothing, and one whose headers never end, are closed', async () => {
    const { port } = await start({ limits: { firstBytes_ms: 50, headers_ms: 100 } })
    await Promise.all([converse(port, '').closed, converse(port, 'GET / HTTP/1.1\r\nHost:').closed])
  })

  test('a kept connection without a request is closed, also after one with a body', async () => {
    const { port } = await start({ limits: { idle_ms: 50 } })
    expect(statusOf(await converse(port, 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n').closed)).toBe(200)
    expect(statusOf(await converse(port, 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}').closed)).toBe(200)
  })

  test('requests that come in one piece are answered in order', async () => {
    const { port } = await start()
    const get = (rest: string) => `GET /hello HTTP/1.1\r\nHost: localhost\r\n${rest}\r\n`
    const answer = await converse(port, get('') + get('') + get('Connection: close\r\n')).closed
    expect(answer.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(3)
  })
})

describe('stopping', () => {
  test('what is in flight is finished, what is new is not taken', async () => {
    let arrived = () => {}
    let finish = () => {}
    const reached = new Promise<void>((resolve) => (arrived = resolve))
    const slow = {
      path: '/slow',
      async handle(call: Call) {
        arrived()
        await new Promise<void>((resolve) => (finish = resolve))
        call.send(200, 'finished')
      },
    }
    const { gateway, url } = await start({ doors: [testDoor([slow])] })
    const answer = fetch(`${url}/slow`)
    await reached
    const stopped = gateway.stop()
    await expect(fetch(`${url}/slow`)).rejects.toThrow()
    finish()
    expect(await (await answer).text()).toBe('finished')
    await stopped
  })

  test('what listens to its signal ends at once, what does not is cut at the bound', async () => {
    const polite = { path: '/polite', handle: (call: Call) => new Promise<void>((resolve) => call.signal.addEventListener('abort', () => (call.send(200, 'ended'), resolve()))) }
    const deaf = { path: '/deaf', handle: () => new Promise<void>(() => {}) }
    const { gateway, url, port } = await start({ doors: [testDoor([polite, deaf])], limits: { drain_ms: 100 } })
    const first = fetch(`${url}/polite`)
    const { closed } = converse(port, 'GET /deaf HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await gateway.stop()
    expect(await (await first).text()).toBe('ended')
    expect(await closed).toBe('')
  })

  test('idle connections do not hold it up', async () => {
    const { gateway, port } = await start()
    const agentless = request({ port, host: '127.0.0.1', path: '/hello', headers: { connection: 'keep-alive' } }).end()
    const [response] = await once(agentless, 'response')
    response.resume()
    await once(response, 'end')
    await gateway.stop()
  })
})

test('a taken port is told with what to do', async () => {
  const { port } = await start()
  const taken = new Listener(
    () => {},
    () => {},
    { limits: CONNECTION_LIMITS, clock: systemClock() },
  )
  await expect(taken.listen('127.0.0.1', port)).rejects.toMatchObject({ reason: 'portInUse', message: expect.stringContaining(String(port)), hint: expect.stringContaining('--port') })
})
