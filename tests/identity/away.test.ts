/** What leaves for the real cloud, and that nothing else does: the real cloud is a server of the test's own. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { SignJWT } from 'jose'
import { generateKeyPairSync } from 'node:crypto'
import { openTestHouse } from './houses.ts'
import { request } from 'node:http'

async function cloud() {
  const seen: string[] = []
  const server = createServer((asked, response) => {
    let body = ''
    asked.on('data', (chunk) => (body += chunk))
    asked.on('end', () => {
      seen.push(`${asked.method} ${asked.url} ${asked.headers.authorization ?? '-'} ${body.length}`)
      response.setHeader('content-type', 'application/json')
      response.end(asked.url?.endsWith('/token') ? '{"access_token":"ya29.real","expires_in":3599}' : '{"from":"the real cloud"}')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function send(url: string, host: string, method: string, path: string, body = '', headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers: { host, ...headers }, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

async function keyAssertion(kid: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return new SignJWT({ iss: 'real@real-project.iam.gserviceaccount.com', scope: 'x', aud: 'https://oauth2.googleapis.com/token' }).setProtectedHeader({ alg: 'RS256', kid }).setIssuedAt().setExpirationTime('1h').sign(privateKey)
}

test('calls of a named project and of a named key leave with their own credentials; all others stay', async () => {
  const real = await cloud()
  process.env['POTOROO_HOST_MAP'] = `*=${real.url}`
  onTestFinished(() => void delete process.env['POTOROO_HOST_MAP'])
  const house = await openTestHouse({ passthrough: ['real-project', 'realkey1'] })
  const storage = 'storage.googleapis.com'

  expect(JSON.parse((await send(house.url, storage, 'POST', '/storage/v1/b?project=real-project', '{"name":"x"}', { authorization: 'Bearer ya29.mine' })).text)).toEqual({ from: 'the real cloud' })
  expect(JSON.parse((await send(house.url, 'workflows.googleapis.com', 'GET', '/v1/projects/real-project/locations')).text)).toEqual({ from: 'the real cloud' })
  expect(real.seen).toEqual([`POST /${storage}/storage/v1/b?project=real-project Bearer ya29.mine 12`, 'GET /workflows.googleapis.com/v1/projects/real-project/locations - 0'])

  expect(JSON.parse((await send(house.url, storage, 'GET', '/storage/v1/b?project=other')).text)).toMatchObject({ kind: 'storage#buckets' })
  expect(JSON.parse((await send(house.url, storage, 'GET', '/storage/v1/b?project=real-project-2')).text)).toMatchObject({ kind: 'storage#buckets' })
  // Whoever speaks to the house by its own address means the house.
  expect(JSON.parse((await send(house.url, new URL(house.url).host, 'GET', '/storage/v1/b?project=real-project')).text)).toMatchObject({ kind: 'storage#buckets' })

  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const grant = async (kid: string) => JSON.parse((await send(house.url, 'oauth2.googleapis.com', 'POST', '/token', new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await keyAssertion(kid) }).toString(), form)).text)
  expect(await grant('realkey1')).toMatchObject({ access_token: 'ya29.real' })
  expect((await grant('otherkey')).access_token).toMatch(/^eyJ/)
  expect(JSON.parse((await send(house.url, storage, 'GET', '/storage/v1/b/any-bucket', '', { authorization: 'Bearer ya29.real' })).text)).toEqual({ from: 'the real cloud' })
  expect(real.seen).toHaveLength(4)
})
