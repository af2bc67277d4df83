/**
 * A web page is no friend: not one of another origin, not one under another name for this address, and not one that somebody stored.
 * The last with a real browser where there is one (POTOROO_CHROMIUM names it).
 */
import { execFile, spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import type { House } from '#src/house.ts'
import { testFolder } from '../support/folder.ts'
import { asker, openTestHouse } from './houses.ts'

const chromium = [process.env['POTOROO_CHROMIUM'], 'chromium', 'chromium-browser', 'google-chrome'].find((name) => name !== undefined && spawnSync(name, ['--version']).status === 0)

let house: House
beforeEach(async () => void (house = await openTestHouse()))

function send(method: string, path: string, headers: Record<string, string>, body = ''): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, house.url), { method, headers, agent: false }, (response) => {
      response.resume()
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

describe('refused before any door sees it', () => {
  test.each(['evil.example', 'evil.example:4280', '127.0.0.1.evil.example', 'localhost.evil.example', 'googleapis.com.evil.example'])('a host name that is not ours: %j (DNS rebinding)', async (host) => {
    expect((await send('GET', '/potoroo/v1/whoami', { host })).status).toBe(421)
  })

  test.each([
    ['POST', '/potoroo/v1/users', '{"email":"evil@example.com"}'],
    ['POST', '/potoroo/v1/worlds', '{}'],
    ['POST', '/potoroo/v1/policies:grant', '{}'],
    ['POST', '/token', 'grant_type=x'],
    ['POST', '/auth/realms/master/device', 'user_code=x'],
    ['POST', '/storage/v1/b?project=p', '{"name":"evil"}'],
    ['DELETE', '/storage/v1/b/lake', ''],
    ['GET', '/potoroo/v1/status', ''],
  ])('%s %s from a page of another origin', async (method, path, body) => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost:9999']) {
      expect([origin, (await send(method, path, { origin, 'content-type': 'text/plain' }, body)).status]).toEqual([origin, 403])
    }
  })
})

test('a stored page is served in a sandbox, so that it cannot call the house that served it', async () => {
  const ask = asker(house.url)
  await ask('POST', '/storage/v1/b?project=p', { name: 'web-lake' })
  const page = `<title>waiting</title><script>fetch('/potoroo/v1/whoami').then((answer) => answer.text()).then((text) => { document.title = 'reached ' + text }, () => { document.title = 'kept out' })</script>`
  await ask('POST', '/upload/storage/v1/b/web-lake/o?uploadType=media&name=evil.html', page, { 'content-type': 'text/html' })
  for (const path of ['/web-lake/evil.html', '/storage/v1/b/web-lake/o/evil.html?alt=media', '/download/storage/v1/b/web-lake/o/evil.html?alt=media']) {
    const { status, headers } = await send('GET', path, {})
    expect([path, status, headers['content-security-policy'], headers['x-content-type-options']]).toEqual([path, 200, expect.stringContaining('sandbox'), 'nosniff'])
  }
})

test.skipIf(!chromium)(`a browser keeps a stored page away from the house${chromium ? '' : ' (skipped: no Chromium; POTOROO_CHROMIUM names one)'}`, async () => {
  const ask = asker(house.url)
  await ask('POST', '/storage/v1/b?project=p', { name: 'web-lake' })
  const page = `<p id="out">no script ran</p><script>fetch('/potoroo/v1/whoami').then((answer) => answer.text()).then((text) => { document.getElementById('out').textContent = 'reached ' + text }, () => { document.getElementById('out').textContent = 'kept out' })</script>`
  await ask('POST', '/upload/storage/v1/b/web-lake/o?uploadType=media&name=evil.html', page, { 'content-type': 'text/html' })
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${testFolder()}`, '--virtual-time-budget=5000', '--dump-dom']
  const { stdout } = await promisify(execFile)(chromium!, [...flags, `${house.url}/web-lake/evil.html`], { timeout: 30_000 })
  expect(stdout).toContain('id="out"')
  expect(stdout).not.toContain('reached')
})
