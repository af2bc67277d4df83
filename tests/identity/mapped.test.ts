/** A program that reads a URL of elsewhere gets it from a bucket, and nothing that is not mapped. */
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { asker, openTestHouse } from './houses.ts'

function read(url: string, host: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { headers: { host }, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.once('error', reject)
    sent.end()
  })
}

test('a mapped prefix of a URL is a folder of a bucket; the rest of that host is not found, other hosts are refused', async () => {
  const house = await openTestHouse({ map: ['https://raw.githubusercontent.com/org/data/main/=gs://mirror-lake/data/', 'https://raw.githubusercontent.com/org/data/main/deep/=gs://mirror-lake/elsewhere/'] })
  const ask = asker(house.url)
  await ask('POST', '/storage/v1/b?project=p', { name: 'mirror-lake' })
  for (const [name, body] of [['data/day one.csv', 'one'], ['elsewhere/x', 'two'], ['secret', 'three']] as const) {
    expect((await ask('POST', `/upload/storage/v1/b/mirror-lake/o?uploadType=media&name=${encodeURIComponent(name)}`, body)).status).toBe(200)
  }
  const host = 'raw.githubusercontent.com'
  expect(await read(house.url, host, '/org/data/main/day%20one.csv')).toEqual({ status: 200, text: 'one' })
  expect(await read(house.url, host, '/org/data/main/deep/x')).toEqual({ status: 200, text: 'two' })
  expect((await read(house.url, host, '/org/data/main/missing.csv')).status).toBe(404)
  expect((await read(house.url, host, '/mirror-lake/secret')).status).toBe(404)
  expect((await read(house.url, 'gist.example', '/org/data/main/deep/x')).status).toBe(421)
})

test('a setting that is no mapping is said at the start', async () => {
  await expect(openTestHouse({ map: ['raw.githubusercontent.com=/tmp'] })).rejects.toThrow(/--map is URL=gs:/)
})
