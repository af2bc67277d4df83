/** The Cloud Functions API as its public Python client uses it, both versions, over REST. */
import { expect, test } from 'vitest'
import { deploy, makeBucket, putObject, zipOf } from '../../../tests/support/functions.ts'
import { houseHere } from '../../../tests/support/house.ts'
import { missingModules, runPython } from '../../../tests/support/python.ts'

const house = await houseHere()
const missing = missingModules('google.cloud.functions_v1', 'google.cloud.functions_v2')

const PROGRAM = `
import datetime, sys
from google.auth.credentials import AnonymousCredentials
from google.cloud import functions_v1, functions_v2
from google.api_core import exceptions
options = dict(transport='rest', credentials=AnonymousCredentials(), client_options={'api_endpoint': sys.argv[1]})
parent = 'projects/p/locations/europe-west3'
one = functions_v1.CloudFunctionsServiceClient(**options)
name = parent + '/functions/first'
made = one.create_function(location=parent, function={'name': name, 'runtime': 'python311', 'entry_point': 'main', 'source_archive_url': 'gs://zips/f.zip',
    'event_trigger': {'event_type': 'google.pubsub.topic.publish', 'resource': 'projects/p/topics/some-topic'}, 'available_memory_mb': 512}).result()
assert made.status.name == 'ACTIVE' and made.version_id == 1 and made.available_memory_mb == 512, made
answer = one.call_function(name=name, data='{"a": 1}')
assert answer.result == 'OK' and not answer.error, answer
made.timeout = datetime.timedelta(seconds=30)
changed = one.update_function(request={'function': made, 'update_mask': {'paths': ['timeout']}}).result()
assert changed.timeout.seconds == 30 and changed.version_id == 2 and changed.available_memory_mb == 512, changed
assert [f.name for f in one.list_functions(request={'parent': parent})] == [name]
try:
    one.create_function(location=parent, function={'name': parent + '/functions/bad', 'runtime': 'python311', 'entry_point': 'nothing', 'source_archive_url': 'gs://zips/f.zip', 'https_trigger': {}, 'event_trigger': None}).result()
    assert False
except exceptions.GoogleAPICallError as failed:
    assert "no function 'nothing'" in str(failed), failed

two = functions_v2.FunctionServiceClient(**options)
second = two.create_function(parent=parent, function_id='second', function={'build_config': {'runtime': 'python311', 'entry_point': 'main', 'source': {'storage_source': {'bucket': 'zips', 'object_': 'f.zip'}}},
    'event_trigger': {'event_type': 'google.cloud.storage.object.v1.finalized', 'event_filters': [{'attribute': 'bucket', 'value': 'zips'}], 'retry_policy': 'RETRY_POLICY_RETRY'}}).result()
assert second.state.name == 'ACTIVE' and second.environment.name == 'GEN_2' and second.event_trigger.retry_policy.name == 'RETRY_POLICY_RETRY', second
assert sorted(f.name.split('/')[-1] for f in two.list_functions(parent=parent)) == ['bad', 'first', 'second']
assert any(r.name == 'python311' for r in two.list_runtimes(parent=parent).runtimes)
second.service_config.environment_variables['A'] = 'b'
changed = two.update_function(function=second, update_mask={'paths': ['service_config.environment_variables']}).result()
assert dict(changed.service_config.environment_variables) == {'A': 'b'} and changed.event_trigger.event_filters[0].value == 'zips', changed
two.delete_function(name=second.name).result()
try:
    two.get_function(name=second.name)
    assert False
except exceptions.NotFound:
    pass
print('well')
`

test.skipIf(missing !== undefined)(`create, call, change, list and delete with google-cloud-functions${missing ?? ''}`, { timeout: 90_000 }, async () => {
  await makeBucket(house.url, 'zips')
  await putObject(house.url, 'zips', 'f.zip', zipOf({ 'main.py': 'def main(event, context):\n    print(event)\n' }))
  expect(await runPython(PROGRAM, house.url)).toBe('well')
})

test('a failed deployment leaves the revision before it serving, and says why', { timeout: 60_000 }, async () => {
  await makeBucket(house.url, 'zips').catch(() => {})
  const trigger = { topic: 'some-topic' }
  await deploy(house.url, { name: 'kept', files: { 'main.py': 'def main(event, context): pass' }, trigger })
  await expect(deploy(house.url, { name: 'kept', files: { 'main.py': 'import nothing_like_it' }, trigger }, 'PATCH')).rejects.toThrow(/ModuleNotFoundError/)
  const response = await fetch(`${house.url}/v1/projects/p/locations/europe-west3/functions/kept:call`, { method: 'POST', body: '{"data": "{}"}' })
  expect(await response.json()).toMatchObject({ result: 'OK' })
})

test('the split of traffic sends each revision its share', { timeout: 60_000 }, async () => {
  await makeBucket(house.url, 'zips').catch(() => {})
  const files = (word: string) => ({ 'main.py': `def main(event, context): print("${word}")` })
  const trigger = { topic: 'some-topic' }
  await deploy(house.url, { name: 'split', files: files('old'), trigger })
  await deploy(house.url, { name: 'split', files: files('new'), trigger }, 'PATCH')
  const at = `${house.url}/v1/projects/p/locations/europe-west3/functions/split`
  const { revisions } = (await (await fetch(`${at}/revisions`)).json()) as { revisions: { id: string; version: number }[] }
  const old = revisions.find(({ version }) => version === 1)!.id
  expect((await fetch(`${at}:setTraffic`, { method: 'POST', body: JSON.stringify({ traffic: [{ revision: old, percent: 90 }] }) })).status).toBe(400)
  expect((await fetch(`${at}:setTraffic`, { method: 'POST', body: JSON.stringify({ traffic: [{ revision: old, percent: 100 }] }) })).status).toBe(200)
  await fetch(`${at}:call`, { method: 'POST', body: '{"data": "{}"}' })
  const lastRun = async () => ((await (await fetch(`${at}/runs`)).json()) as { runs: { revision: string }[] }).runs[0]?.revision
  await expect.poll(lastRun, { timeout: 10_000 }).toBe(old)
})
