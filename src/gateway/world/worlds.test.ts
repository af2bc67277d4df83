/** The world of a child, seen from inside: what ends in the house, what may leave, whose tokens there are. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Authority } from '#ground/authority.ts'
import { systemClock } from '#ground/clock.ts'
import { Disk } from '#ground/disk.ts'
import type { Caller } from '#ground/door.ts'
import { testFolder } from '../../../tests/support/folder.ts'
import { startGateway, testDoor } from '../../../tests/support/gateway.ts'
import { gateIdentity } from '../identity.ts'
import { Reroutes } from './hosts.ts'
import { Lent } from './lent.ts'
import { Worlds } from './worlds.ts'
import type { World, WorldWish } from './worlds.ts'

const ACCOUNT = 'fn@p.iam.gserviceaccount.com'

async function openWorlds(settings: { offline?: boolean; passthrough?: string[] } = {}) {
  const lent = new Lent()
  const reroutes = new Reroutes({ mapped: [], passthrough: settings.passthrough ?? [] })
  const who = testDoor([{ path: '/who', handle: (call) => call.sendJson(200, { principal: call.caller.principal, host: call.host, secure: call.origin.startsWith('https') }) }], { hosts: ['storage.googleapis.com', '*.run.app'] })
  const gate = { identify: async () => ({ principal: 'allUsers', kind: 'anonymous' }) satisfies Caller, may: async () => true, denied: () => undefined }
  const { gateway, url } = await startGateway({ doors: [who], identity: gateIdentity(gate, (socket) => lent.callerOf(socket)) })
  const clock = systemClock()
  const authority = await Authority.open({ disk: new Disk(testFolder(), { durable: false }), clock, domains: reroutes.all })
  const worlds = new Worlds({
    accounts: {
      developer: 'developer@p.iam.gserviceaccount.com',
      caller: async (email) => ({ principal: `serviceAccount:${email}`, kind: 'serviceAccount', project: 'p' }),
      accessToken: async (email) => ({ token: `token of ${email}`, expires_s: 60 }),
      identityToken: async (email, audience) => `${email} for ${audience}`,
      keyFile: async (email) => ({ client_email: email }),
      login: async () => undefined,
    },
    lent,
    reroutes,
    authority,
    offline: settings.offline ?? false,
    clock,
    house: () => ({ url, rooms: ['storage'], project: 'p' }),
    inject: (socket, protocol) => gateway.inject(socket, protocol),
  })
  onTestFinished(() => worlds.close())
  const open = (wish: Partial<WorldWish> = {}) => worlds.open({ as: ACCOUNT, via: 'a test', reach: 'outward', ...wish })
  return { open, authority, url, worlds }
}

const portOf = (world: World) => Number(new URL(world.url).port)

/** Asks the proxy for a tunnel: its status line, and the socket behind it. */
function tunnel(world: World, target: string): Promise<{ status: string; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const socket = connect(portOf(world), '127.0.0.1', () => socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`))
    socket.once('error', reject)
    socket.once('data', (chunk) => resolve({ status: chunk.toString('latin1').split('\r\n')[0]!, socket }))
    onTestFinished(() => void socket.destroy())
  })
}

async function tls(world: World, host: string, ca: string, protocols?: string[]): Promise<TLSSocket> {
  const { socket } = await tunnel(world, `${host}:443`)
  return new Promise((resolve, reject) => {
    const secure = connectTls({ socket, servername: host, ca, ...(protocols && { ALPNProtocols: protocols }) }, () => resolve(secure))
    secure.once('error', reject)
  })
}

function get(socket: Socket, host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.on('data', (chunk) => (text += chunk))
    socket.once('error', reject)
    socket.once('close', () => resolve(text))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  })
}

const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))

describe('a child’s own address', () => {
  test('takes what comes without a token as the child’s account, plain and over TLS, with the host that was asked for', async () => {
    const { open, authority } = await openWorlds()
    const world = await open()
    expect(await (await fetch(`${world.url}/who`)).json()).toMatchObject({ principal: `serviceAccount:${ACCOUNT}` })
    const secure = await tls(world, 'storage.googleapis.com', authority.certificate)
    expect(bodyOf(await get(secure, 'storage.googleapis.com', '/who'))).toEqual({ principal: `serviceAccount:${ACCOUNT}`, host: 'storage.googleapis.com', secure: true })
  })

  test('two children are two, and a closed one is gone', async () => {
    const { open, worlds } = await openWorlds()
    const [one, two] = [await open(), await open({ as: 'other@p.iam.gserviceaccount.com' })]
    expect(await (await fetch(`${two.url}/who`)).json()).toMatchObject({ principal: 'serviceAccount:other@p.iam.gserviceaccount.com' })
    one.close()
    await expect(fetch(`${one.url}/who`)).rejects.toThrow()
    expect(worlds.count).toBe(1)
  })

  test.each([
    [['h2', 'http/1.1'], 'http/1.1'],
    [['http/1.1'], 'http/1.1'],
    [['h2'], 'h2'],
    [undefined, false],
  ] as const)('of the protocols %j it takes %s', async (offered, taken) => {
    const { open, authority } = await openWorlds()
    expect((await tls(await open(), 'pubsub.googleapis.com', authority.certificate, offered && [...offered])).alpnProtocol).toBe(taken)
  })

  test('nobody who does not trust the house’s authority is fooled', async () => {
    const { open } = await openWorlds()
    await expect(tls(await open(), 'storage.googleapis.com', '')).rejects.toThrow()
  })

  test('for another name than the one of the tunnel it shows no certificate', async () => {
    const { open, authority } = await openWorlds()
    const { socket } = await tunnel(await open(), 'storage.googleapis.com:443')
    const failed = await new Promise((resolve) => connectTls({ socket, servername: 'example.com', ca: authority.certificate }, () => resolve('connected')).once('error', () => resolve('refused')))
    expect(failed).toBe('refused')
  })
})

describe('what may leave', () => {
  async function outsider() {
    const server = createServer((_request, response) => response.end('outside'))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  test('a function or task gets to no loopback or private address but the house’s own', async () => {
    const { open, url } = await openWorlds()
    const world = await open()
    const port = await outsider()
    for (const target of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `[::ffff:127.0.0.1]:${port}`, '10.0.0.1:80', '192.168.1.1:443', '169.254.169.254:80']) {
      expect([target, (await tunnel(world, target)).status]).toEqual([target, expect.stringContaining('HTTP/1.1 403')])
    }
    const { socket } = await tunnel(world, new URL(url).host)
    expect(bodyOf(await get(socket, new URL(url).host, '/who'))).toMatchObject({ principal: `serviceAccount:${ACCOUNT}` })
  })

  test('a person’s own shell goes where the person may', async () => {
    const { open } = await openWorlds()
    const { socket } = await tunnel(await open({ reach: 'anywhere' }), `127.0.0.1:${await outsider()}`)
    expect(await get(socket, '127.0.0.1', '/')).toContain('outside')
  })

  test('offline, nobody goes anywhere but into the house', async () => {
    const { open, authority } = await openWorlds({ offline: true })
    const world = await open({ reach: 'anywhere' })
    expect((await tunnel(world, `127.0.0.1:${await outsider()}`)).status).toMatch(/^HTTP\/1.1 403 .*offline/)
    expect((await tls(world, 'storage.googleapis.com', authority.certificate)).authorized).toBe(true)
  })

  test('a host that is to pass through leaves, and is not answered here', async () => {
    const { open } = await openWorlds({ passthrough: ['bigquery.googleapis.com'] })
    const upstream = createServer()
    const asked: string[] = []
    upstream.on('connect', (request, socket) => {
      asked.push(request.url!)
      socket.end('HTTP/1.1 200 OK\r\n\r\nthe real cloud')
    })
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
    onTestFinished(() => void upstream.close())
    const world = await open({ upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` })
    await tunnel(world, 'bigquery.googleapis.com:443')
    await tunnel(world, 'storage.googleapis.com:443')
    expect(asked).toEqual(['bigquery.googleapis.com:443'])
  })

  test.each(['', 'example.com', 'example.com:0', 'example.com:99999', '/etc/passwd', 'a b:1'])('nonsense such as %j is a 400 or the end, and the proxy goes on', async (target) => {
    const { open } = await openWorlds()
    const world = await open()
    const { status } = await tunnel(world, target)
    expect(status).toMatch(/^HTTP\/1.1 4/)
    expect((await fetch(`${world.url}/who`)).status).toBe(200)
  })
})

describe('a child’s metadata server', () => {
  async function metadata() {
    const { open } = await openWorlds()
    const world = await open({ project: 'my-project' })
    const host = world.variables('/f')['GCE_METADATA_HOST']
    return (path: string, headers: Record<string, string> = { 'metadata-flavor': 'Google' }) => fetch(`http://${host}${path}`, { headers })
  }

  test('knows the child’s project, place and account, and gives tokens for it', async () => {
    const ask = await metadata()
    const text = async (path: string) => (await ask(`/computeMetadata/v1/${path}`)).text()
    expect(await text('project/project-id')).toBe('my-project')
    expect(await text('instance/zone')).toMatch(/^projects\/\d+\/zones\/[\w-]+$/)
    expect(await text('instance/service-accounts/default/email')).toBe(ACCOUNT)
    expect(JSON.parse(await text('instance/service-accounts/default/?recursive=true'))).toMatchObject({ email: ACCOUNT, aliases: ['default'] })
    expect(JSON.parse(await text('instance/service-accounts/default/token?scopes=x'))).toEqual({ access_token: `token of ${ACCOUNT}`, expires_in: 60, token_type: 'Bearer' })
    expect(await text('instance/service-accounts/default/identity?audience=https://a.b')).toBe(`${ACCOUNT} for https://a.b`)
    expect((await ask('/')).headers.get('metadata-flavor')).toBe('Google')
  })

  test('gives nothing without its header, nor to a web page, nor for other accounts', async () => {
    const ask = await metadata()
    const token = '/computeMetadata/v1/instance/service-accounts/default/token'
    expect((await ask(token, {})).status).toBe(403)
    expect((await ask(token, { 'metadata-flavor': 'Google', 'x-forwarded-for': '1.2.3.4' })).status).toBe(403)
    expect((await ask(token, { 'metadata-flavor': 'Google', origin: 'https://evil.example' })).status).toBe(403)
    for (const path of ['instance/service-accounts/other@p.iam.gserviceaccount.com/token', 'instance/service-accounts/__proto__', 'instance/constructor']) {
      expect([path, (await ask(`/computeMetadata/v1/${path}`)).status]).toEqual([path, 404])
    }
    expect((await ask('/computeMetadata/v1/instance/service-accounts/default/identity')).status).toBe(400)
  })
})
