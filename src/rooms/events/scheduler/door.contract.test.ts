/** Cloud Scheduler and Eventarc as their public Python clients use them, over REST. */
import { expect, test } from 'vitest'
import { houseHere } from '../../../../tests/support/house.ts'
import { missingModules, runPython } from '../../../../tests/support/python.ts'

const house = await houseHere()
const missing = missingModules('google.cloud.scheduler')
const missingEventarc = missingModules('google.cloud.eventarc')

const PROGRAM = `
import sys, time
from google.auth.credentials import AnonymousCredentials
from google.cloud import scheduler
client = scheduler.CloudSchedulerClient(transport='rest', credentials=AnonymousCredentials(), client_options={'api_endpoint': sys.argv[1]})
parent = 'projects/p/locations/europe-west3'
job = client.create_job(parent=parent, job={'name': parent + '/jobs/tick', 'schedule': 'every 5 minutes', 'time_zone': 'Europe/Berlin', 'pubsub_target': {'topic_name': 'projects/p/topics/ticks', 'data': b'go'}})
assert job.state.name == 'ENABLED' and job.schedule_time.timestamp() > time.time() and job.pubsub_target.data == b'go', job
assert client.pause_job(name=job.name).state.name == 'PAUSED'
assert client.resume_job(name=job.name).state.name == 'ENABLED'
job.schedule = '0 3 * * *'
assert client.update_job(job=job, update_mask={'paths': ['schedule']}).schedule == '0 3 * * *'
client.run_job(name=job.name)
assert [j.name for j in client.list_jobs(parent=parent)] == [job.name]
print('well')
`

test.skipIf(missing !== undefined)(`jobs with google-cloud-scheduler; one that is run publishes its message${missing ?? ''}`, { timeout: 60_000 }, async () => {
  const put = (path: string, body: unknown) => fetch(`${house.url}/v1/projects/p/${path}`, { method: 'PUT', body: JSON.stringify(body) })
  await put('topics/ticks', {})
  await put('subscriptions/hears', { topic: 'projects/p/topics/ticks' })
  expect(await runPython(PROGRAM, house.url)).toBe('well')
  const pull = async () => {
    const response = await fetch(`${house.url}/v1/projects/p/subscriptions/hears:pull`, { method: 'POST', body: '{"maxMessages": 1, "returnImmediately": true}' })
    return ((await response.json()) as { receivedMessages?: { message: { data: string } }[] }).receivedMessages?.[0]?.message.data
  }
  await expect.poll(pull, { timeout: 10_000 }).toBe(Buffer.from('go').toString('base64'))
})

const EVENTARC = `
import sys
from google.auth.credentials import AnonymousCredentials
from google.cloud import eventarc_v1
client = eventarc_v1.EventarcClient(transport='rest', credentials=AnonymousCredentials(), client_options={'api_endpoint': sys.argv[1]})
parent = 'projects/p/locations/us-central1'
trigger = client.create_trigger(parent=parent, trigger_id='files', trigger={'event_filters': [{'attribute': 'type', 'value': 'google.cloud.storage.object.v1.finalized'}, {'attribute': 'bucket', 'value': 'lake'}], 'destination': {'workflow': parent + '/workflows/hear'}}).result()
assert trigger.destination.workflow.endswith('/hear')
assert [t.name for t in client.list_triggers(parent=parent)] == [trigger.name]
print('well')
`

test.skipIf(missingEventarc !== undefined)(`a trigger made with google-cloud-eventarc starts its workflow${missingEventarc ?? ''}`, { timeout: 60_000 }, async () => {
  const parent = `${house.url}/v1/projects/p/locations/us-central1`
  await fetch(`${parent}/workflows?workflowId=hear`, { method: 'POST', body: JSON.stringify({ sourceContents: 'main:\n  params: [event]\n  steps:\n    - r: {return: "${event.data.name}"}\n' }) })
  await fetch(`${house.url}/storage/v1/b?project=p`, { method: 'POST', body: '{"name": "lake"}' })
  expect(await runPython(EVENTARC, house.url)).toBe('well')
  await fetch(`${house.url}/upload/storage/v1/b/lake/o?uploadType=media&name=day.csv`, { method: 'POST', body: 'a,b' })
  const result = async () => ((await (await fetch(`${parent}/workflows/hear/executions?view=FULL`)).json()) as { executions?: { result?: string }[] }).executions?.[0]?.result
  await expect.poll(result, { timeout: 10_000 }).toBe('"day.csv"')
  expect((await fetch(`${parent}/triggers/files`, { method: 'DELETE' })).status).toBe(200)
})
