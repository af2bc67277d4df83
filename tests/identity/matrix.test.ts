/** Every method that the house has, asked by everyone who may not: made from the doors' own routes, so that a new method is in it by itself. */
import { credentials, makeGenericClientConstructor, Metadata } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Route } from '#ground/door.ts'
import { readConfig } from '#src/config.ts'
import { openHouse } from '#src/house.ts'
import type { House } from '#src/house.ts'
import { BASIC_RULES } from '#rooms/identity/roles.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asker, personWith } from './houses.ts'
import type { Ask } from './houses.ts'

const MINE = 'p-night'
const THEIRS = 'p-day'
const CALL_MS = 5000
const EXPIRED_AFTER_MS = 1100

/** Methods that are there for everybody; each decides for itself what it tells to whom. */
const PUBLIC = [
  /^house\.(livez|readyz|healthz|openapi|home)$/,
  /^discovery\.apis\.getRest$/, // What a method looks like, and nothing of anybody's: as public as in the cloud.
  /^(oauth2|keycloak)\./, // Token endpoints, keys and login pages; what they guard has tests of its own.
  /^iam\.(roles\.(get|list)|permissions\.queryTestablePermissions)$/, // The cloud's own tables.
  /^potoroo\.whoami$/,
  /\.testIamPermissions$/, // Tells what the caller may: for nobody, nothing.
  /^cloudfunctions\.operations\.list$/, // Asks as soon as its filter names a project, and lists nothing before.
  /^storage\.batch$/, // Each part is asked for by itself.
  /^cloudresourcemanager\.projects\.(list|search)$/, // Only those that the caller may see.
]
const isPublic = ({ id }: Route) => PUBLIC.some((pattern) => pattern.test(id))

let house: House
let folder: string
let admin: Ask
let askers: Record<'nobody' | 'expired' | 'tampered' | 'viewer' | 'stranger', Ask>
let routes: Route[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-matrix-'))
  house = await openHouse(readConfig({ port: 0, data: folder, durability: 'relaxed', 'log-level': 'silent', mode: 'closed' }, {}, folder).config)
  admin = asker(house.url, house.firstToken)
  for (const project of [MINE, THEIRS]) await admin('POST', '/v1/projects', { projectId: project })
  await admin('POST', `/storage/v1/b?project=${MINE}`, { name: 'night-lake' })
  await admin('POST', '/upload/storage/v1/b/night-lake/o?uploadType=media&name=day.csv', 'a,b\n')
  const viewer = await personWith(admin, 'viewer@example.com', 'roles/viewer', { type: 'project', name: MINE })
  const stranger = await personWith(admin, 'stranger@example.com', 'roles/owner', { type: 'project', name: THEIRS })
  const account = `reader@${MINE}.iam.gserviceaccount.com`
  await admin('POST', `/v1/projects/${MINE}/serviceAccounts`, { accountId: 'reader' })
  const { json: lent } = await admin('POST', `/v1/projects/-/serviceAccounts/${account}:generateAccessToken`, { lifetime: '1s' })
  await new Promise((resolve) => setTimeout(resolve, EXPIRED_AFTER_MS))
  const tampered = `${lent.accessToken.slice(0, -6)}AAAAAA`
  askers = { nobody: asker(house.url), expired: asker(house.url, lent.accessToken), tampered: asker(house.url, tampered), viewer: asker(house.url, viewer), stranger: asker(house.url, stranger) }
  routes = house.doors.flatMap((door) => door.routes)
}, 60_000)

afterAll(async () => {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
})

const SAMPLES: Record<string, string> = { project: MINE, bucket: 'night-lake', object: 'day.csv', sourceBucket: 'night-lake', sourceObject: 'day.csv', targetBucket: 'night-lake', location: 'us-central1', user: 'viewer@example.com' }

function pathOf({ path }: Route): string {
  const filled = path.replace(/\{(\w+)(?:=\*\*)?\}/g, (_, name: string) => SAMPLES[name] ?? 'sample1')
  return `${filled}?project=${MINE}`
}

async function outcomes(ask: Ask, among: Route[]) {
  const found: { route: Route; status: number; text: string }[] = []
  for (const route of among) {
    const body = route.verb === 'GET' || route.verb === 'HEAD' || route.verb === 'OPTIONS' ? undefined : {}
    found.push({ route, ...(await ask(route.verb, pathOf(route), body)) })
  }
  return found
}

const named = ({ route, status }: { route: Route; status: number }) => `${route.verb} ${route.path} (${route.id}): ${status}`
const succeeded = ({ status }: { status: number }) => status < 400

describe('over HTTP', () => {
  test('the matrix would see it: an administrator gets through where the others do not', async () => {
    const reads = routes.filter(({ verb, permission }) => verb === 'GET' && permission !== null)
    const through = (await outcomes(admin, reads)).filter(succeeded)
    expect(through.length).toBeGreaterThan(15)
    expect(routes.length).toBeGreaterThan(150)
  })

  test('nobody gets anything without a token', async () => {
    const wrong = (await outcomes(askers.nobody, routes.filter((route) => !isPublic(route)))).filter(({ status }) => status !== 401 && status !== 403)
    // What is refused for its form before anybody is asked tells nothing; what succeeds or breaks does.
    expect(wrong.filter(({ status }) => status < 400 || status >= 500 && status !== 501).map(named)).toEqual([])
  })

  test.each(['expired', 'tampered'] as const)('a token that is %s opens no door, public ones included', async (which) => {
    const wrong = (await outcomes(askers[which], routes)).filter(({ status }) => status !== 401)
    expect(wrong.map(named)).toEqual([])
  })

  test('a viewer gets through where viewing is all it takes', async () => {
    const through = (await outcomes(askers.viewer, routes.filter((route) => !isPublic(route)))).filter(succeeded)
    expect(through.length).toBeGreaterThan(5)
    expect(through.filter(({ route }) => route.verb !== 'GET' && route.verb !== 'HEAD' && !BASIC_RULES['roles/viewer']?.(route.permission ?? '')).map(named)).toEqual([])
    expect(through.filter(({ route }) => route.permission !== null && !BASIC_RULES['roles/viewer']?.(route.permission)).map(named)).toEqual([])
  })

  test('the owner of another project gets nothing of this one', async () => {
    const through = (await outcomes(askers.stranger, routes.filter((route) => !isPublic(route)))).filter(succeeded)
    expect(through.map(named)).toEqual([])
  })

  test('nobody breaks anything: no answer is a 5xx but for what is not there', async () => {
    const broken: string[] = []
    for (const ask of Object.values(askers)) broken.push(...(await outcomes(ask, routes)).filter(({ status }) => status >= 500 && status !== 501).map(named))
    expect(broken).toEqual([])
  })

  test('what is public tells nobody about projects or rights', async () => {
    expect((await askers.nobody('GET', '/v1/projects')).json).toEqual({ projects: [] })
    expect((await askers.nobody('POST', `/v1/projects/${MINE}:testIamPermissions`, { permissions: ['resourcemanager.projects.get'] })).json).toEqual({})
    expect((await askers.nobody('GET', '/potoroo/v1/whoami')).json).toMatchObject({ kind: 'anonymous' })
  })
})

describe('over gRPC', () => {
  const UNAUTHENTICATED = 16
  const PERMISSION_DENIED = 7

  /** The status of a call with an empty message, whatever its types are. */
  function call(method: string, token: string | undefined): Promise<number> {
    const [, service, rpc] = method.split('/')
    const same = (bytes: Buffer) => bytes
    const definition = { path: method, requestStream: false, responseStream: false, requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }
    const Client = makeGenericClientConstructor({ [rpc!]: definition }, service!)
    const client = new Client(house.url.replace('http://', ''), credentials.createInsecure())
    const metadata = new Metadata()
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
    return new Promise((resolve) => {
      const deadline = Date.now() + CALL_MS
      client.makeUnaryRequest(method, same, same, Buffer.alloc(0), metadata, { deadline }, (error) => {
        client.close()
        resolve(error?.code ?? 0)
      })
    })
  }

  test('no method answers without a token, nor with a wrong one', async () => {
    const methods = house.rooms.flatMap((room) => room.grpcDoors ?? []).flatMap((door) => Object.entries(door.access ?? {})).filter(([, { permission }]) => permission !== null).map(([method]) => method)
    expect(methods.length).toBeGreaterThan(9)
    for (const method of methods) {
      const statuses = [await call(method, undefined), await call(method, 'abc')]
      expect([method, statuses.every((status) => status === UNAUTHENTICATED || status === PERMISSION_DENIED)]).toEqual([method, true])
    }
  })

  test('every gRPC door says what its methods need', () => {
    expect(house.rooms.flatMap((room) => room.grpcDoors ?? []).filter(({ access }) => access === undefined).map(({ name }) => name)).toEqual([])
  })
})
