/** What one room gives to another, through a whole house: messages that become rows, lines of a workflow that become log entries. */
import { expect, test } from 'vitest'
import { houseHere } from '../support/house.ts'

const { url } = await houseHere()

async function call(method: string, path: string, body?: unknown): Promise<any> {
  const answer = await fetch(url + path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
  const text = await answer.text()
  expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300)
  return text === '' ? undefined : JSON.parse(text)
}

/** Asks until the answer is there; the test's own time-out is the bound. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('a BigQuery subscription writes each message into its table once', async () => {
  await call('POST', '/bigquery/v2/projects/p/datasets', { datasetReference: { datasetId: 'd' } })
  const schema = { fields: [{ name: 'data', type: 'STRING' }, { name: 'message_id', type: 'STRING' }, { name: 'subscription_name', type: 'STRING' }, { name: 'publish_time', type: 'TIMESTAMP' }, { name: 'attributes', type: 'STRING' }] }
  await call('POST', '/bigquery/v2/projects/p/datasets/d/tables', { tableReference: { tableId: 't' }, schema })
  await call('PUT', '/v1/projects/p/topics/rows', {})
  await call('PUT', '/v1/projects/p/subscriptions/rows', { topic: 'projects/p/topics/rows', bigqueryConfig: { table: 'p.d.t', writeMetadata: true } })
  const { messageIds } = await call('POST', '/v1/projects/p/topics/rows:publish', { messages: [{ data: btoa('one') }, { data: btoa('two'), attributes: { k: 'v' } }] })
  const rows = await eventually(async () => {
    const { rows: found = [] } = await call('GET', '/bigquery/v2/projects/p/datasets/d/tables/t/data')
    return found.length === 2 ? (found as { f: { v: string }[] }[]) : undefined
  })
  expect(rows.map(({ f }) => [f[0]!.v, f[1]!.v]).toSorted()).toEqual([['one', messageIds[0]], ['two', messageIds[1]]])
})

test('a subscription to a table that is not there is refused', async () => {
  await call('PUT', '/v1/projects/p/topics/none', {})
  const answer = await fetch(`${url}/v1/projects/p/subscriptions/none`, { method: 'PUT', body: JSON.stringify({ topic: 'projects/p/topics/none', bigqueryConfig: { table: 'p.d.none' } }) })
  expect(answer.status).toBe(400)
})

test('what a workflow logs is found in the log, by its execution', async () => {
  const parent = '/v1/projects/p/locations/us-central1/workflows'
  await call('POST', `${parent}?workflowId=logs`, { sourceContents: 'main:\n  steps:\n    - say:\n        call: sys.log\n        args: {text: hello, severity: WARNING}\n' })
  const { name } = await call('POST', `${parent}/logs/executions`, {})
  const entry = await eventually(async () => {
    const filter = `resource.type="workflows.googleapis.com/Workflow" AND severity=WARNING`
    const { entries = [] } = await call('POST', '/v2/entries:list', { resourceNames: ['projects/p'], filter })
    return entries[0] as { textPayload: string; labels: Record<string, string> } | undefined
  })
  expect(entry.textPayload).toBe('hello')
  expect(entry.labels['workflows.googleapis.com/execution_id']).toBe(name.split('/').at(-1))
})
