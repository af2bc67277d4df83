/** The room's promises, on a ledger in memory and a clock moved by hand. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT, UnsecuredJWT, decodeJwt, decodeProtectedHeader } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { fakeClock } from '#ground/clock.ts'
import type { FakeClock } from '#ground/clock.ts'
import { Disk } from '#ground/disk.ts'
import type { Caller } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import { memoryLedger } from '#ground/ledger.ts'
import { Vault } from '#ground/vault.ts'
import { testFolder } from '../../../tests/support/folder.ts'
import { testGround } from '../../../tests/support/ground.ts'
import type { KeyFile } from './accounts.ts'
import { API_TOKEN_PREFIX } from './api-tokens.ts'
import { openIdentity } from './room.ts'
import type { IdentityRoom } from './room.ts'
import type { IdentitySettings } from './service.ts'

const NIGHT = 'p-night'
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const ledger = () => memoryLedger()

async function open(settings: Partial<IdentitySettings> = {}, kept = { ledger: ledger(), folder: testFolder(), clock: fakeClock() }) {
  const ground = await testGround(kept.clock, kept.ledger)
  const disk = new Disk(kept.folder, { durable: false })
  const vault = await Vault.open({ disk })
  const room = openIdentity({ ...ground, disk }, { vault, away: { takesKey: () => false, exchange: async () => ({ status: 500, body: {} }) }, projectOf: async ({ name }) => (name === 'lake' ? NIGHT : undefined) }, { mode: 'open', enforce: false, defaultProject: 'potoroo-dev', ...settings })
  await room.start()
  return { room, service: room.service, facts: ground.facts, kept, clock: kept.clock }
}

const knock = (bearer: string | undefined, peer: 'same' | 'other' = 'same', host = '127.0.0.1') => ({ bearer, peer: async () => peer, host })
const reasonOf = (work: Promise<unknown>) => work.then(() => 'no fault', (thrown: unknown) => (thrown instanceof Fault ? `${thrown.httpStatus} ${thrown.reason}` : String(thrown)))

function assertion(file: Pick<KeyFile, 'client_email' | 'private_key' | 'private_key_id'>, clock: FakeClock, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
  const now_s = Math.floor(clock.now_ms() / 1000)
  return new SignJWT({ iss: file.client_email, aud: TOKEN_URL, iat: now_s, exp: now_s + 3600, scope: 'x', ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: file.private_key_id, typ: 'JWT', ...header })
    .sign(createPrivateKey(file.private_key))
}

const foreignKey = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } }).privateKey
const stranger = { client_email: 'svc@real-project.iam.gserviceaccount.com', private_key: foreignKey, private_key_id: 'k1' }

describe('a service account', () => {
  let house: Awaited<ReturnType<typeof open>>
  let file: KeyFile
  beforeEach(async () => {
    house = await open({ mode: 'closed' })
    const { email } = await house.service.accounts.create({ project: NIGHT, accountId: 'loader' })
    file = (await house.service.accounts.createKey(email, 'http://house')).file
  })
  const exchange = (text: string) => house.service.exchangeAssertion(text, { ownTokenUrl: 'http://house/token', trusted: true }) as Promise<{ access_token: string }>

  test('gets a token for its key, and is known by it', async () => {
    const { access_token } = await exchange(await assertion(file, house.clock))
    expect(await house.service.gate.identify(knock(access_token))).toMatchObject({ principal: `serviceAccount:${file.client_email}`, kind: 'serviceAccount', project: NIGHT })
  })

  test('the audience is Google’s token endpoint or ours, and nothing else', async () => {
    expect(await reasonOf(exchange(await assertion(file, house.clock, { aud: 'http://house/token' })))).toBe('no fault')
    expect(await reasonOf(exchange(await assertion(file, house.clock, { aud: 'https://evil.example/token' })))).toBe('400 invalid_grant')
  })

  test.each<[string, Record<string, unknown>]>([
    ['expired', { iat: -7200, exp: -3600 }],
    ['from the future', { iat: 7200, exp: 9000 }],
    ['living longer than an hour', { iat: 0, exp: 86_400 }],
    ['acting for somebody else', { sub: 'admin@example.com' }],
  ])('an assertion %s is refused', async (_, claims) => {
    const now_s = Math.floor(house.clock.now_ms() / 1000)
    const moved = Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, typeof value === 'number' ? now_s + value : value]))
    expect(await reasonOf(exchange(await assertion(file, house.clock, moved)))).toBe('400 invalid_grant')
  })

  test('a key of another account, a key that was removed, an account that is disabled: refused', async () => {
    const other = (await house.service.accounts.createKey((await house.service.accounts.create({ project: NIGHT, accountId: 'reader' })).email, 'http://house')).file
    expect(await reasonOf(exchange(await assertion({ ...other, client_email: file.client_email }, house.clock)))).toBe('400 invalid_grant')
    expect(await reasonOf(exchange(await assertion({ ...file, private_key: other.private_key }, house.clock)))).toBe('400 invalid_grant')
    await house.service.accounts.change(other.client_email, { disabled: 1 })
    expect(await reasonOf(exchange(await assertion(other, house.clock)))).toBe('400 invalid_grant')
    await house.service.accounts.removeKey(file.client_email, file.private_key_id)
    expect(await reasonOf(exchange(await assertion(file, house.clock)))).toBe('400 invalid_grant')
  })

  test('its key signs requests itself, for the host they go to and no other', async () => {
    const bearer = await assertion(file, house.clock, { aud: 'https://pubsub.googleapis.com/', sub: file.client_email })
    expect(await house.service.gate.identify(knock(bearer, 'same', 'pubsub.googleapis.com'))).toMatchObject({ kind: 'serviceAccount' })
    expect(await reasonOf(house.service.gate.identify(knock(bearer, 'same', 'bigquery.googleapis.com')))).toBe('401 authError')
  })

  test('loses what its tokens gave when it is removed, and a new one of the same name does not get it back', async () => {
    const { access_token } = await exchange(await assertion(file, house.clock))
    await house.service.gate.identify(knock(access_token))
    await house.service.accounts.remove(file.client_email)
    await house.service.accounts.create({ project: NIGHT, accountId: 'loader' })
    expect(await reasonOf(house.service.gate.identify(knock(access_token)))).toBe('401 authError')
  })

  test('an identity token is for its audience', async () => {
    const token = await house.service.identityToken(file.client_email, 'https://hello.run.app')
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RS256', kid: house.service.keys.current.id })
    expect(decodeJwt(token)).toMatchObject({ aud: 'https://hello.run.app', iss: 'https://accounts.google.com', email: file.client_email })
    expect(await house.service.gate.identify(knock(token, 'same', 'hello.run.app'))).toMatchObject({ kind: 'serviceAccount' })
    expect(await reasonOf(house.service.gate.identify(knock(token, 'same', 'storage.googleapis.com')))).toBe('401 authError')
  })

  test('the private half of a key is kept nowhere', async () => {
    const rows = await house.kept.ledger.read(house.kept.ledger.builder<{ identity_keys: object; facts: object }>().selectFrom('identity_keys').selectAll())
    const facts = await house.facts.since(0)
    expect(JSON.stringify([rows, facts])).not.toContain('PRIVATE KEY')
  })
})

describe('hostile tokens are a 401, whatever they claim', () => {
  let house: Awaited<ReturnType<typeof open>>
  let good: string
  beforeEach(async () => {
    house = await open()
    good = (await house.service.accessToken(`loader@${NIGHT}.iam.gserviceaccount.com`)).token
  })
  const claims = () => decodeJwt(good)
  const kid = () => house.service.keys.current.id

  const hostile: Record<string, () => string | Promise<string>> = {
    'two dots and nothing': () => '..',
    empty: () => '',
    'alg none': () => new UnsecuredJWT(claims()).encode(),
    'alg none under another spelling': () => `${Buffer.from(JSON.stringify({ alg: 'nOnE', typ: 'at+jwt', kid: kid() })).toString('base64url')}.${good.split('.')[1]}.`,
    'the public key as an HMAC secret': () => new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: kid() }).sign(Buffer.from(house.service.keys.publicKey(kid())!.export({ type: 'spki', format: 'pem' }))),
    'another key under our key id': () => new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: kid() }).sign(createPrivateKey(foreignKey)),
    'a key of its own in the header': () => new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: kid(), jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } }).sign(createPrivateKey(foreignKey)),
    'a changed claim': () => {
      const [header, , signature] = good.split('.')
      return [header, Buffer.from(JSON.stringify({ ...claims(), principal: 'user:developer@potoroo.local' })).toString('base64url'), signature].join('.')
    },
    'a changed signature': () => `${good.slice(0, -6)}AAAAAA`,
    'an identity token in place of an access token': async () => {
      const [, payload, signature] = (await house.service.identityToken(`loader@${NIGHT}.iam.gserviceaccount.com`, 'potoroo')).split('.')
      return [good.split('.')[0], payload, signature].join('.')
    },
    'far too long': () => `${good}${'A'.repeat(100_000)}`,
    'an API token that was never given out': () => `${API_TOKEN_PREFIX}${'x'.repeat(43)}`,
  }
  test.each(Object.keys(hostile))('%s', async (name) => {
    expect(await reasonOf(house.service.gate.identify(knock(await hostile[name]!())))).toBe('401 authError')
  })

  test.each([`ya29.${'x'.repeat(180)}`, 'test', 'owner'])('but %s, which claims to be nobody, is a stranger on a laptop and nothing in a closed house', async (bearer) => {
    expect(await house.service.gate.identify(knock(bearer))).toEqual({ principal: 'unverified:bearer', kind: 'unverified' })
    const closed = await open({ mode: 'closed' })
    expect(await reasonOf(closed.service.gate.identify(knock(bearer)))).toBe('401 authError')
  })

  test('and so is an expired one, also after it was known', async () => {
    await house.service.gate.identify(knock(good))
    await house.clock.advance(3601_000)
    expect(await reasonOf(house.service.gate.identify(knock(good)))).toBe('401 authError')
  })
})

describe('an open house', () => {
  test('takes who shares the machine’s user for the owner, and nobody else', async () => {
    const { service } = await open()
    expect(await service.gate.identify(knock(undefined))).toMatchObject({ kind: 'owner' })
    const other = await service.gate.identify(knock(undefined, 'other'))
    expect(other.kind).toBe('anonymous')
    expect(await service.gate.may(other, 'storage.objects.get', { type: 'bucket', name: 'lake' })).toBe(false)
  })

  test('a key that it never issued makes an unverified principal that inherits no grant, and is named', async () => {
    const { service, room, clock } = await open()
    await service.policies.grant({ type: 'project', name: NIGHT }, 'roles/owner', `serviceAccount:${stranger.client_email}`)
    const { access_token } = (await service.exchangeAssertion(await assertion(stranger, clock), { ownTokenUrl: '', trusted: true })) as { access_token: string }
    const caller = await service.gate.identify(knock(access_token))
    expect(caller).toEqual({ principal: `unverified:${stranger.client_email}`, kind: 'unverified' })
    expect(room.service.strangers.notes()).toEqual([expect.stringContaining(stranger.client_email)])
    expect(await reasonOf(service.gate.identify(knock(access_token, 'other')))).toBe('401 authError')
  })

  test('an e-mail that it knows has to be proved, also in open mode', async () => {
    const { service, clock } = await open()
    await service.accounts.create({ project: 'real-project', accountId: 'loader' })
    const borrowed = { ...stranger, client_email: 'loader@real-project.iam.gserviceaccount.com' }
    expect(await reasonOf(service.exchangeAssertion(await assertion(borrowed, clock), { ownTokenUrl: '', trusted: true }))).toBe('400 invalid_grant')
  })

  test('another user of the machine gets nothing for a key of their own making', async () => {
    const { service, clock } = await open()
    expect(await reasonOf(service.exchangeAssertion(await assertion(stranger, clock), { ownTokenUrl: '', trusted: false }))).toBe('400 invalid_grant')
  })

  test('with enforcement, service accounts are held to their roles and the owner is not', async () => {
    const { service } = await open({ enforce: true })
    const caller: Caller = { principal: 'serviceAccount:a@b', kind: 'serviceAccount' }
    expect(await service.gate.may(caller, 'storage.objects.get', { type: 'bucket', name: 'lake' })).toBe(false)
    expect(await service.gate.may({ principal: 'owner', kind: 'owner' }, 'storage.objects.get', { type: 'bucket', name: 'lake' })).toBe(true)
  })

  test('any project name is one, by its number too', async () => {
    const { service } = await open()
    const { id } = await service.projects.get('whatever-123')
    const { projectNumber } = await import('#ground/project-number.ts')
    expect((await service.projects.get(projectNumber(id))).id).toBe('whatever-123')
  })

  test('makes a developer once, whose password stands in a private file only', async () => {
    const first = await open()
    const login = (await first.room.first.developerLogin())!
    expect(login.password.length).toBeGreaterThan(30)
    expect((await first.service.users.logIn(login.user, login.password, 'here')).email).toBe(login.user)
    const again = await open({}, first.kept)
    expect(await again.room.first.developerLogin()).toEqual(login)
  })
})

describe('a closed house', () => {
  test('tells its administrator’s token at its first start and never again', async () => {
    const first = await open({ mode: 'closed' })
    const caller = await first.service.gate.identify(knock(first.room.firstToken))
    expect(await first.service.gate.may(caller, 'potoroo.users.create', undefined)).toBe(true)
    expect((await open({ mode: 'closed' }, first.kept)).room.firstToken).toBeUndefined()
  })

  test('knows no owner by his socket, and no stranger’s key, also when a token was given while it was open', async () => {
    const opened = await open()
    const { access_token } = (await opened.service.exchangeAssertion(await assertion(stranger, opened.clock), { ownTokenUrl: '', trusted: true })) as { access_token: string }
    const closed = await open({ mode: 'closed' }, opened.kept)
    expect(await closed.service.gate.identify(knock(undefined))).toMatchObject({ kind: 'anonymous' })
    expect(await reasonOf(closed.service.gate.identify(knock(access_token)))).toBe('401 authError')
    expect(await reasonOf(closed.service.exchangeAssertion(await assertion(stranger, closed.clock), { ownTokenUrl: '', trusted: true }))).toBe('400 invalid_grant')
  })
})

describe('roles and policies', () => {
  const reader: Caller = { principal: 'user:ada@example.com', kind: 'user' }
  const lake = { type: 'bucket', name: 'lake' }
  let house: Awaited<ReturnType<typeof open>>
  beforeEach(async () => void (house = await open({ mode: 'closed' })))
  const may = (permission: string, resource = lake as Parameters<IdentityRoom['service']['gate']['may']>[2], caller = reader) => house.service.gate.may(caller, permission, resource)

  test('a role on a project holds for what is in it, and not for its neighbours', async () => {
    await house.service.policies.grant({ type: 'project', name: NIGHT }, 'roles/storage.objectViewer', reader.principal)
    expect(await may('storage.objects.get')).toBe(true)
    expect(await may('storage.objects.create')).toBe(false)
    expect(await may('storage.objects.get', { type: 'bucket', name: 'pond', project: 'p-day' })).toBe(false)
  })

  test('a role on a thing holds for it and for what it holds', async () => {
    await house.service.policies.grant({ type: 'dataset', name: 'sales', project: NIGHT }, 'roles/bigquery.dataViewer', reader.principal)
    expect(await may('bigquery.tables.getData', { type: 'table', name: 'sales.orders', project: NIGHT })).toBe(true)
    expect(await may('bigquery.tables.getData', { type: 'table', name: 'sales.orders', project: 'p-day' })).toBe(false)
    expect(await may('bigquery.tables.getData', { type: 'table', name: 'wages.all', project: NIGHT })).toBe(false)
  })

  test('what is revoked is gone at once', async () => {
    await house.service.policies.grant(lake, 'roles/storage.admin', reader.principal)
    expect(await may('storage.objects.delete')).toBe(true)
    await house.service.policies.revoke(lake, 'roles/storage.admin', reader.principal)
    expect(await may('storage.objects.delete')).toBe(false)
  })

  test('allUsers lets anybody in, allAuthenticatedUsers only who is known', async () => {
    const nobody: Caller = { principal: 'allUsers', kind: 'anonymous' }
    await house.service.policies.grant(lake, 'roles/storage.objectViewer', 'allAuthenticatedUsers')
    expect([await may('storage.objects.get'), await may('storage.objects.get', lake, nobody)]).toEqual([true, false])
    await house.service.policies.grant(lake, 'roles/storage.legacyObjectReader', 'allUsers')
    expect(await may('storage.objects.get', lake, nobody)).toBe(true)
  })

  test('a viewer changes nothing and becomes nobody else', async () => {
    await house.service.policies.grant({ type: 'project', name: NIGHT }, 'roles/viewer', reader.principal)
    const refused = ['storage.objects.create', 'storage.buckets.setIamPolicy', 'iam.serviceAccountKeys.create', 'iam.serviceAccounts.actAs', 'iam.serviceAccounts.getAccessToken', 'iam.serviceAccounts.getOpenIdToken', 'secretmanager.versions.access', 'resourcemanager.projects.setIamPolicy', 'potoroo.users.list']
    for (const permission of refused) expect([permission, await may(permission)]).toEqual([permission, false])
    expect(await may('storage.objects.list')).toBe(true)
  })

  test('an editor changes things but hands out no rights', async () => {
    await house.service.policies.grant({ type: 'project', name: NIGHT }, 'roles/editor', reader.principal)
    expect(await may('storage.objects.create')).toBe(true)
    for (const permission of ['storage.buckets.setIamPolicy', 'iam.serviceAccountKeys.create', 'iam.serviceAccounts.actAs', 'secretmanager.versions.access']) expect([permission, await may(permission)]).toEqual([permission, false])
  })

  test('a custom role takes every permission of the cloud and gives exactly those', async () => {
    await house.service.roles.create(`projects/${NIGHT}`, 'loader', { permissions: ['storage.objects.create', 'recommender.iamPolicyInsights.list', 'osconfig.patchJobs.get'] })
    await house.service.policies.grant({ type: 'project', name: NIGHT }, `projects/${NIGHT}/roles/loader`, reader.principal)
    expect([await may('storage.objects.create'), await may('storage.objects.get')]).toEqual([true, false])
    expect(await reasonOf(house.service.roles.create(`projects/${NIGHT}`, 'bad', { permissions: ['storage.*'] }))).toBe('400 badRequest')
  })

  test('of two who write a policy at once, with the etag they read, one is told to read again', async () => {
    const { etag } = await house.service.policies.write(lake, { bindings: [{ role: 'roles/viewer', members: ['user:a@b.c'] }] })
    await house.service.policies.write(lake, { etag, bindings: [{ role: 'roles/viewer', members: ['user:d@b.c'] }] })
    expect(await reasonOf(house.service.policies.write(lake, { etag, bindings: [] }))).toBe('412 conditionNotMet')
  })

  test('a condition that nobody evaluates is refused rather than ignored', async () => {
    const binding = { role: 'roles/viewer', members: ['allUsers'], condition: { expression: 'false' } }
    expect(await reasonOf(house.service.policies.write(lake, { bindings: [binding] }))).toBe('501 notImplemented')
  })

  test('a refused call is one audit fact, however often it is repeated', async () => {
    for (let time = 0; time < 50; time++) house.service.gate.denied(reader, 'storage.objects.get', lake)
    await house.service.audit.settled()
    const facts = await house.facts.since(0, { types: ['identity.access.denied'] })
    expect(facts.map(({ data }) => data)).toEqual([expect.objectContaining({ principal: reader.principal, permission: 'storage.objects.get' })])
  })
})

describe('logging in', () => {
  test('wrong passwords are counted, and then even the right one has to wait; a minute later it is fine', async () => {
    const { service, clock } = await open()
    await service.users.add('ada@example.com', 'a right password')
    for (let time = 0; time < 10; time++) expect(await reasonOf(service.users.logIn('ada@example.com', 'a wrong one', '10.0.0.1'))).toBe('401 invalid_grant')
    expect(await reasonOf(service.users.logIn('ada@example.com', 'a right password', '10.0.0.1'))).toBe('429 slow_down')
    expect(await reasonOf(service.users.logIn('ada@example.com', 'a right password', '10.0.0.2'))).toBe('no fault')
    await clock.advance(61_000)
    expect(await reasonOf(service.users.logIn('ada@example.com', 'a right password', '10.0.0.1'))).toBe('no fault')
  })

  test('attempts that arrive together are counted together', async () => {
    const { service } = await open()
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => reasonOf(service.users.logIn('nobody@example.com', 'x', '10.0.0.1'))))
    expect(outcomes.filter((outcome) => outcome === '401 invalid_grant')).toHaveLength(10)
  })

  test('a session goes on by its refresh token until the password changes', async () => {
    const { service } = await open()
    const user = await service.users.add('ada@example.com', 'a right password')
    const { refresh_token } = await service.sdkTokens({ user, client: 'WallarooSDK/2024.2.0' })
    expect(await service.sessions.resume(refresh_token)).toMatchObject({ user: { email: 'ada@example.com' }, client: 'WallarooSDK/2024.2.0' })
    await service.users.setPassword(user.id, 'another password')
    expect(await reasonOf(service.sessions.resume(refresh_token))).toBe('400 invalid_grant')
  })

  test('the SDK’s version travels in its token', async () => {
    const { service } = await open()
    const user = await service.users.add('ada@example.com', 'a right password')
    const { access_token } = await service.sdkTokens({ user, client: 'WallarooSDK/2023.2.0' })
    expect(await service.gate.identify(knock(access_token))).toMatchObject({ client: 'WallarooSDK/2023.2.0', account: { id: user.id, email: user.email } })
  })

  test('a device code waits for a person and lets in once', async () => {
    const { service } = await open()
    const user = await service.users.add('ada@example.com', 'a right password')
    const { deviceCode, userCode } = await service.sessions.beginDevice(undefined, undefined)
    expect(await reasonOf(service.sessions.finishDevice(deviceCode))).toBe('400 authorization_pending')
    await service.sessions.approveDevice(userCode.toLowerCase(), user.id)
    expect((await service.sessions.finishDevice(deviceCode)).user.id).toBe(user.id)
    expect(await reasonOf(service.sessions.finishDevice(deviceCode))).toBe('400 invalid_grant')
  })

  test('an API token ends when it is revoked', async () => {
    const { service } = await open()
    await service.users.add('ada@example.com', 'a right password')
    const { row, token } = await service.apiTokens.create('user:ada@example.com', 'ci', 1)
    expect(await service.gate.identify(knock(token))).toMatchObject({ principal: 'user:ada@example.com' })
    await service.apiTokens.revoke(row.id)
    expect(await reasonOf(service.gate.identify(knock(token)))).toBe('401 authError')
  })
})

test('tokens outlive a restart and a rotation of the key that signed them', async () => {
  const first = await open()
  const { token } = await first.service.accessToken(`loader@${NIGHT}.iam.gserviceaccount.com`)
  const again = await open({}, first.kept)
  await again.service.keys.rotate()
  expect(await again.service.gate.identify(knock(token))).toMatchObject({ kind: 'serviceAccount' })
  expect(again.service.jwks().keys).toHaveLength(2)
  expect(JSON.stringify(again.service.jwks())).not.toMatch(/"d":|"p":|"q":/)
})

test('a signed URL is checked with the keys of the account that it names', async () => {
  const { createSign } = await import('node:crypto')
  const { service } = await open()
  const { email } = await service.accounts.create({ project: NIGHT, accountId: 'signer' })
  const { file } = await service.accounts.createKey(email, 'http://house')
  const sign = (key: string) => createSign('RSA-SHA256').update('payload').sign(key)
  expect(await service.verifySignature(email, 'payload', sign(file.private_key))).toBe('right')
  expect(await service.verifySignature(email, 'payload', sign(foreignKey))).toBe('wrong')
  expect(await service.verifySignature('nobody@x.iam.gserviceaccount.com', 'payload', sign(foreignKey))).toBe('unknown')
  expect(await service.verifySignature(email, 'payload', (await service.signBlob(email, Buffer.from('payload'))).signature)).toBe('right')
})
