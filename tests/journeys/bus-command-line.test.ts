/** Topics and subscriptions from the command line, as a person uses them. */
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { houseHere } from '../support/house.ts'

const house = await houseHere()
const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

async function potoroo(...args: string[]): Promise<any> {
  const { stdout } = await run(process.execPath, [join(root, 'src/cli/main.ts'), ...args, '--json'], { env: { ...process.env, POTOROO_URL: house.url, GOOGLE_CLOUD_PROJECT: 'shop' } })
  return JSON.parse(stdout)
}

it('a topic is made, published to, peeked at, pulled from, acknowledged and sought', async () => {
  expect(await potoroo('topic', 'create', 'news', '--retention', '3600s', '--label', 'team=data')).toMatchObject({ name: 'projects/shop/topics/news', labels: { team: 'data' } })
  expect(await potoroo('subscription', 'create', 'reader', '--topic', 'news', '--filter', 'attributes:kind')).toMatchObject({ topic: 'projects/shop/topics/news', filter: 'attributes:kind' })
  const { messageIds } = await potoroo('topic', 'publish', 'news', 'hello', '--attribute', 'kind=a')
  await potoroo('topic', 'publish', 'news', 'unwanted')
  expect(await potoroo('subscription', 'peek', 'reader')).toMatchObject([{ messageId: messageIds[0] }])
  const [received] = await potoroo('subscription', 'pull', 'reader')
  expect(received.message).toMatchObject({ messageId: messageIds[0], attributes: { kind: 'a' } })
  expect(await potoroo('subscription', 'ack', 'reader', received.ackId)).toEqual({ acknowledged: 1 })
  expect(await potoroo('subscription', 'pull', 'reader')).toEqual([])
  await potoroo('subscription', 'seek', 'reader', '--time', '2026-01-01T00:00:00Z')
  expect(await potoroo('subscription', 'pull', 'reader', '--ack')).toHaveLength(1)
  expect(await potoroo('topic', 'ls')).toMatchObject([{ name: 'projects/shop/topics/news' }])
  await potoroo('topic', 'rm', 'news')
  expect(await potoroo('subscription', 'ls')).toMatchObject([{ topic: '_deleted-topic_' }])
})
