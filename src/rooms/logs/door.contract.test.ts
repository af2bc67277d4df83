/** Cloud Logging as its public Python client uses it, over HTTP. */
import { expect, test } from 'vitest'
import { houseHere } from '../../../tests/support/house.ts'
import { missingModules, runPython } from '../../../tests/support/python.ts'

const house = await houseHere()
const missing = missingModules('google.cloud.logging')

const PROGRAM = `
import sys
from google.auth.credentials import AnonymousCredentials
from google.cloud import logging
client = logging.Client(project='p', credentials=AnonymousCredentials(), _use_grpc=False, client_options={'api_endpoint': sys.argv[1]})
logger = client.logger('app-main')
logger.log_text('hello', severity='WARNING', labels={'part': 'a'})
logger.log_struct({'message': 'structured', 'took_ms': 7}, severity='ERROR')
found = list(client.list_entries(filter_='severity>=WARNING', order_by=logging.DESCENDING))
assert [e.severity for e in found] == ['ERROR', 'WARNING'], found
assert found[0].payload == {'message': 'structured', 'took_ms': 7} and found[1].payload == 'hello' and found[1].labels == {'part': 'a'}
assert [e.payload for e in logger.list_entries(filter_='textPayload:hell')] == ['hello']
logger.delete()
assert list(client.list_entries()) == []
print('well')
`

test.skipIf(missing !== undefined)(`entries are written, found and deleted with google-cloud-logging${missing ?? ''}`, { timeout: 60_000 }, async () => {
  expect(await runPython(PROGRAM, house.url)).toBe('well')
})

test('pages go on where the last one ended', async () => {
  const entries = Array.from({ length: 25 }, (_, index) => ({ textPayload: `line ${index}`, timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString() }))
  await fetch(`${house.url}/v2/entries:write`, { method: 'POST', body: JSON.stringify({ logName: 'projects/q/logs/pages', entries }) })
  const seen: string[] = []
  let pageToken = ''
  do {
    const response = await fetch(`${house.url}/v2/entries:list`, { method: 'POST', body: JSON.stringify({ resourceNames: ['projects/q'], pageSize: 10, pageToken }) })
    const page = (await response.json()) as { entries: { textPayload: string }[]; nextPageToken?: string }
    seen.push(...page.entries.map(({ textPayload }) => textPayload))
    pageToken = page.nextPageToken ?? ''
  } while (pageToken !== '')
  expect(seen).toEqual(entries.map(({ textPayload }) => textPayload))
})
