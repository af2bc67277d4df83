/** The doors of identity over HTTP, as their clients use them: Keycloak's for the Wallaroo SDK, Google's IAM, and the house's own. */
import { expect, describe, test } from 'vitest'
import { readConfig } from '#src/config.ts'
import { asker, openTestHouse, personWith } from './houses.ts'
import type { Ask } from './houses.ts'

const OPENID = '/auth/realms/master/protocol/openid-connect'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString()

describe('the Wallaroo SDK’s logins', () => {
  const token = (ask: Ask, fields: Record<string, string>, agent = 'WallarooSDK/2024.2.0') => ask('POST', `${OPENID}/token`, form({ client_id: 'sdk-client', ...fields }), { ...FORM, 'user-agent': agent })

  test('password and refresh give all four fields; what is wrong is said in Keycloak’s words', async () => {
    const house = await openTestHouse()
    const ask = asker(house.url)
    await ask('POST', '/potoroo/v1/users', { email: 'ada@example.com', password: 'a right password' })
    const { status, json } = await token(ask, { grant_type: 'password', username: 'ada@example.com', password: 'a right password' })
    expect([status, json]).toEqual([200, { access_token: expect.any(String), expires_in: 600, refresh_token: expect.any(String), refresh_expires_in: 1800, token_type: 'Bearer' }])
    expect((await token(ask, { grant_type: 'refresh_token', refresh_token: json.refresh_token })).json).toMatchObject({ expires_in: 600, refresh_expires_in: 1800 })
    expect(await token(ask, { grant_type: 'password', username: 'ada@example.com', password: 'wrong' })).toMatchObject({ status: 401, json: { error: 'invalid_grant' } })
    expect(await token(ask, { grant_type: 'refresh_token', refresh_token: 'nonsense' })).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect(await token(ask, { grant_type: 'something' })).toMatchObject({ status: 400, json: { error: 'unsupported_grant_type' } })
    expect((await asker(house.url, json.access_token)('GET', '/potoroo/v1/whoami')).json).toMatchObject({ principal: 'user:ada@example.com', kind: 'user' })
  })

  test('a device is let in by itself in an open house, by a logged-in person in a closed one', async () => {
    const open = asker((await openTestHouse()).url)
    const begin = async (ask: Ask) => (await ask('POST', `${OPENID}/auth/device`, form({ client_id: 'sdk-client' }), FORM)).json
    const grant = (device_code: string) => ({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code })
    expect(await token(open, grant((await begin(open)).device_code))).toMatchObject({ status: 200, json: { expires_in: 600 } })

    const house = await openTestHouse({ mode: 'closed' })
    const nobody = asker(house.url)
    const ada = asker(house.url, await personWith(asker(house.url, house.firstToken), 'ada@example.com', 'roles/viewer', { type: 'house', name: 'house' }))
    const first = await begin(nobody)
    expect(first).toMatchObject({ expires_in: 600, interval: 5, verification_uri_complete: expect.stringContaining(first.user_code) })
    expect(await token(nobody, grant(first.device_code))).toMatchObject({ status: 400, json: { error: 'authorization_pending' } })
    expect((await ada('POST', '/potoroo/v1/devices:approve', { userCode: first.user_code })).status).toBe(200)
    expect((await token(nobody, grant(first.device_code))).status).toBe(200)

    await asker(house.url, house.firstToken)('POST', '/potoroo/v1/users/ada@example.com:setPassword', { password: 'a right password' })
    const second = await begin(nobody)
    const page = await nobody('POST', '/auth/realms/master/device', form({ user_code: second.user_code, username: 'ada@example.com', password: 'a wrong password' }), FORM)
    expect([page.status, page.text]).toEqual([401, expect.stringContaining('Invalid user credentials')])
    expect((await nobody('POST', '/auth/realms/master/device', form({ user_code: second.user_code, username: 'ada@example.com', password: 'a right password' }), FORM)).status).toBe(200)
    expect((await token(nobody, grant(second.device_code))).status).toBe(200)
  })

  test('the page for a device shows what it was given as text and nothing else', async () => {
    const { url } = await openTestHouse()
    const { text } = await asker(url)('GET', `/auth/realms/master/device?user_code=${encodeURIComponent('"><script>alert(1)</script>')}`)
    expect(text).not.toContain('<script')
  })

  test('users can be looked up and locked out', async () => {
    const house = await openTestHouse()
    const ask = asker(house.url)
    const { json: ada } = await ask('POST', '/potoroo/v1/users', { email: 'ada@example.com', password: 'a right password' })
    const users = '/auth/admin/realms/master/users'
    expect(JSON.parse((await ask('GET', `${users}?email=ada@example.com`)).text)).toEqual([expect.objectContaining({ id: ada.id, username: 'ada@example.com', enabled: true, createdTimestamp: expect.any(Number) })])
    expect(JSON.parse((await ask('GET', `${users}?email=nobody@example.com`)).text)).toEqual([])
    expect((await ask('PUT', `${users}/${ada.id}`, { ...ada, enabled: false })).status).toBe(204)
    expect((await token(ask, { grant_type: 'password', username: 'ada@example.com', password: 'a right password' })).status).toBe(401)
  })

  test('too many wrong passwords are too many requests', async () => {
    const ask = asker((await openTestHouse()).url)
    const statuses = []
    for (let time = 0; time < 12; time++) statuses.push((await token(ask, { grant_type: 'password', username: 'ada@example.com', password: 'wrong' })).status)
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
  })
})

describe('Google’s IAM', () => {
  test('an account, its key file and its token: what it may do follows its roles', async () => {
    const house = await openTestHouse({ mode: 'closed' })
    const admin = asker(house.url, house.firstToken)
    await admin('POST', '/v1/projects', { projectId: 'p-night' })
    await admin('POST', '/storage/v1/b?project=p-night', { name: 'night-lake' })
    const { json: account } = await admin('POST', '/v1/projects/p-night/serviceAccounts', { accountId: 'loader', serviceAccount: { displayName: 'Loads' } })
    expect(account).toMatchObject({ email: 'loader@p-night.iam.gserviceaccount.com', projectId: 'p-night', displayName: 'Loads', uniqueId: expect.stringMatching(/^1\d{20}$/) })
    const { json: key } = await admin('POST', `/v1/${account.name}/keys`, {})
    expect(JSON.parse(Buffer.from(key.privateKeyData, 'base64').toString())).toMatchObject({ type: 'service_account', client_email: account.email, token_uri: `${house.url}/token`, universe_domain: 'googleapis.com' })
    expect((await admin('GET', `/v1/${account.name}/keys`)).text).not.toContain('privateKeyData')

    const { json: lent } = await admin('POST', `/v1/projects/-/serviceAccounts/${account.email}:generateAccessToken`, { scope: ['https://www.googleapis.com/auth/cloud-platform'], lifetime: '60s' })
    const loader = asker(house.url, lent.accessToken)
    expect((await loader('GET', '/storage/v1/b/night-lake/o')).status).toBe(403)
    const { json: policy } = await admin('POST', '/v1/projects/p-night:getIamPolicy', {})
    const bindings = [{ role: 'roles/storage.objectViewer', members: [`serviceAccount:${account.email}`] }]
    expect((await admin('POST', '/v1/projects/p-night:setIamPolicy', { policy: { ...policy, bindings } })).json).toMatchObject({ bindings, etag: expect.any(String) })
    expect((await loader('GET', '/storage/v1/b/night-lake/o')).status).toBe(200)
    expect((await loader('POST', '/v1/projects/p-night:testIamPermissions', { permissions: ['storage.objects.get', 'storage.objects.create'] })).json).toEqual({ permissions: ['storage.objects.get'] })
    expect((await loader('POST', `/v1/projects/-/serviceAccounts/${account.email}:generateAccessToken`, {})).status).toBe(403)

    expect((await admin('POST', `/v1/${account.name}:disable`, {})).status).toBe(200)
    expect((await loader('GET', '/storage/v1/b/night-lake/o')).status).toBe(401)
  })

  test('a bucket that is made again has none of the rights of the one before', async () => {
    const house = await openTestHouse({ mode: 'closed' })
    const admin = asker(house.url, house.firstToken)
    const make = () => admin('POST', '/storage/v1/b?project=p-night', { name: 'night-lake' })
    await make()
    await admin('PUT', '/storage/v1/b/night-lake/iam', { bindings: [{ role: 'roles/storage.objectViewer', members: ['allUsers'] }] })
    expect((await asker(house.url)('GET', '/storage/v1/b/night-lake/o')).status).toBe(200)
    await admin('DELETE', '/storage/v1/b/night-lake')
    await make()
    expect((await asker(house.url)('GET', '/storage/v1/b/night-lake/o')).status).toBe(401)
  })
})

test('an open house does not listen to the network', () => {
  const read = (flags: Record<string, unknown>) => readConfig(flags, {}, '/').config.mode
  for (const listen of ['0.0.0.0', '::', '192.168.1.5', '127.0.0.1.evil.example']) expect(() => read({ listen })).toThrow(/--mode closed|open house/)
  expect([read({ listen: '127.0.0.1' }), read({ listen: '0.0.0.0', mode: 'closed' })]).toEqual(['open', 'closed'])
})
