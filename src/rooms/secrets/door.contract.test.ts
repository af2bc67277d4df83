/** Secret Manager as its public Python client uses it, over REST; and that no value lies in the open on the disk. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { houseHere } from '../../../tests/support/house.ts'
import { missingModules, runPython } from '../../../tests/support/python.ts'

const house = await houseHere()
const missing = missingModules('google.cloud.secretmanager')

const PROGRAM = `
import sys
from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager
from google.api_core import exceptions
client = secretmanager.SecretManagerServiceClient(transport='rest', credentials=AnonymousCredentials(), client_options={'api_endpoint': sys.argv[1]})
secret = client.create_secret(parent='projects/p', secret_id='db', secret={'replication': {'automatic': {}}, 'labels': {'for': 'test'}})
first = client.add_secret_version(parent=secret.name, payload={'data': b'canary-one'})
second = client.add_secret_version(parent=secret.name, payload={'data': b'canary-two'})
assert client.access_secret_version(name=secret.name + '/versions/latest').payload.data == b'canary-two'
assert client.access_secret_version(name=first.name).payload.data == b'canary-one'
assert [v.name for v in client.list_secret_versions(parent=secret.name)] == [second.name, first.name]
client.disable_secret_version(name=first.name)
try:
    client.access_secret_version(name=first.name)
    assert False
except exceptions.BadRequest:
    pass
client.enable_secret_version(name=first.name)
client.destroy_secret_version(name=first.name)
assert client.get_secret_version(name=first.name).state.name == 'DESTROYED'
changed = client.update_secret(secret={'name': secret.name, 'labels': {'for': 'more'}}, update_mask={'paths': ['labels']})
assert dict(changed.labels) == {'for': 'more'}
try:
    client.create_secret(parent='projects/p', secret_id='db', secret={'replication': {'automatic': {}}})
    assert False
except exceptions.Conflict:
    pass
print('well')
`

test.skipIf(missing !== undefined)(`secrets and their versions with google-cloud-secret-manager${missing ?? ''}`, { timeout: 60_000 }, async () => {
  expect(await runPython(PROGRAM, house.url)).toBe('well')
})

test('a value is nowhere in the open: not on the disk, not in answers about it, not in errors', async () => {
  const canary = 'yellow-canary-0815'
  const ask = async (method: string, path: string, body?: unknown) => (await fetch(`${house.url}/v1/projects/p/${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })).text()
  await ask('POST', 'secrets?secretId=hidden', { replication: { automatic: {} } })
  const answers = [
    await ask('POST', 'secrets/hidden:addVersion', { payload: { data: Buffer.from(canary).toString('base64') } }),
    await ask('GET', 'secrets/hidden'), await ask('GET', 'secrets/hidden/versions'), await ask('GET', 'secrets/hidden/versions/1'),
    await ask('POST', 'secrets/hidden:addVersion', { payload: { data: Buffer.from(canary).toString('base64'), dataCrc32c: '1' } }),
  ]
  const marks = [canary, Buffer.from(canary).toString('base64')]
  for (const mark of marks) expect(answers.join()).not.toContain(mark)
  for (const file of filesBelow(house.config.data)) for (const mark of marks) expect(readFileSync(file).includes(mark), file).toBe(false)
  expect(JSON.parse(await ask('GET', 'secrets/hidden/versions/1:access'))).toMatchObject({ payload: { data: marks[1] } })
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))).filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
}
