/** Canaries: passwords, tokens and keys that a house is given or makes are looked for wherever they should not be. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { createPrivateKey, createSign } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { testFolder } from '../support/folder.ts'
import { startHouse } from '../support/house-process.ts'
import { asker } from './houses.ts'

const root = resolve(import.meta.dirname, '../..')
const LOGIN = '/auth/realms/master/protocol/openid-connect/token'
const form = (fields: Record<string, string>) => [new URLSearchParams(fields).toString(), { 'content-type': 'application/x-www-form-urlencoded' }] as const

test('no password, token or key gets into logs, errors, facts, snapshots or a file that others can read', async () => {
  const folder = testFolder()
  const house = await startHouse(folder, { env: { POTOROO_LOG_LEVEL: 'debug' } })
  onTestFinished(() => house.stop())
  const ask = asker(house.url)
  const canaries: Record<string, string> = { password: 'canary-password-7c1f', wrongPassword: 'canary-wrong-55d0', refresh: 'canary-refresh-91aa', bearer: 'canary.bearer.e2b7' }
  const answers: string[] = []
  const heard = async (asked: ReturnType<typeof ask>) => {
    const answer = await asked
    answers.push(answer.text)
    return answer
  }

  // Given to the house.
  await heard(ask('POST', '/potoroo/v1/users', { email: 'ada@example.com', password: canaries['password'] }))
  await heard(ask('POST', LOGIN, ...form({ grant_type: 'password', username: 'ada@example.com', password: canaries['wrongPassword']!, client_id: 'sdk-client' })))
  await heard(ask('POST', LOGIN, ...form({ grant_type: 'refresh_token', refresh_token: canaries['refresh']!, client_id: 'sdk-client' })))
  await heard(ask('POST', '/token', ...form({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: canaries['bearer']! })))
  await heard(ask('GET', '/storage/v1/b?project=p', undefined, { authorization: `Bearer ${canaries['bearer']}` }))
  await heard(ask('POST', '/potoroo/v1/login', `{"email":"ada@example.com","password":"${canaries['password']}"`))
  await heard(ask('POST', '/potoroo/v1/users', { email: canaries['password'], password: 'short' }).then((answer) => ({ ...answer, text: '' })))

  // Made by the house, and told once to who asked.
  const { json: session } = await ask('POST', LOGIN, ...form({ grant_type: 'password', username: 'ada@example.com', password: canaries['password']!, client_id: 'sdk-client' }))
  const { json: token } = await ask('POST', '/potoroo/v1/tokens', { name: 'ci', principal: 'user:ada@example.com' })
  await ask('POST', '/v1/projects/p/serviceAccounts', { accountId: 'loader' })
  const { json: key } = await ask('POST', '/v1/projects/p/serviceAccounts/loader@p.iam.gserviceaccount.com/keys', {})
  const file = JSON.parse(Buffer.from(key.privateKeyData, 'base64').toString())
  const { json: lent } = await ask('POST', '/v1/projects/-/serviceAccounts/loader@p.iam.gserviceaccount.com:generateAccessToken', {})
  Object.assign(canaries, { accessToken: session.access_token, refreshToken: session.refresh_token, apiToken: token.token, lentToken: lent.accessToken, privateKey: file.private_key.split('\n')[5] })
  canaries['developer'] = JSON.parse(readFileSync(join(folder, 'developer.json'), 'utf8')).password
  canaries['authority'] = JSON.parse(readFileSync(join(folder, 'authority.json'), 'utf8')).key.split('\n')[1]
  canaries['vault'] = readFileSync(join(folder, 'vault.keys'), 'utf8').split('\n')[1]!
  for (const [name, canary] of Object.entries(canaries)) expect([name, canary?.length]).toEqual([name, expect.any(Number)])
  expect(createSign('RSA-SHA256').update('x').sign(createPrivateKey(file.private_key)).length).toBe(256)

  await heard(ask('GET', '/potoroo/v1/status'))
  await heard(ask('GET', '/potoroo/v1/tokens'))
  await heard(ask('GET', '/potoroo/v1/users'))
  await heard(ask('GET', '/metrics'))
  await heard(ask('GET', '/v1/projects/p/serviceAccounts/loader@p.iam.gserviceaccount.com/keys'))
  const snapshot = join(testFolder(), 'house.snapshot')
  await promisify(execFile)(process.execPath, [join(root, 'src/cli/main.ts'), 'snapshot', 'save', snapshot, '--data', folder])
  const packed = readFileSync(snapshot)
  const saved = packed[0] === 0x1f ? gunzipSync(packed) : packed
  expect(saved.includes('identity_users')).toBe(true)

  const found: string[] = []
  const look = (where: string, text: Buffer | string) => {
    for (const [name, canary] of Object.entries(canaries)) if (text.includes(canary)) found.push(`${name} in ${where}`)
  }
  look('the log', house.log())
  for (const answer of answers) look('an answer', answer)
  look('the snapshot', saved)
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (!statSync(path).isFile()) continue
    const isPrivate = (statSync(path).mode & 0o077) === 0
    if (!isPrivate || name.startsWith('ledger')) look(name, readFileSync(path))
  }
  expect(found).toEqual([])
}, 60_000)
