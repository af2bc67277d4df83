import { describe, expect, it } from 'vitest'
import { run, type QuickOptions } from '../runner/quick.ts'

const P = 'projects/p/locations/l'
const step = (call: string, args: object) => JSON.stringify([{ c: { call, args, result: 'r' } }, { r: { return: '${r}' } }])
const reply = (body: unknown, status = 200) => ({ status, headers: { 'Content-Type': 'application/json' }, body })

async function call(name: string, args: object, routes: QuickOptions['routes'] = []) {
  const done = await run(step(name, args), { routes: routes!, atRest: (state) => state })
  return { ...done, sent: done.calls.map(({ method, url, query, body }) => ({ method, url, ...(Object.keys(query).length > 0 && { query }), ...(body !== '' && { body }) })) }
}

describe('connectors', () => {
  it('put arguments into path, query and body, and sign in', async () => {
    const url = 'https://bigquery.googleapis.com/bigquery/v2/projects/p/datasets/d/tables'
    const { result, sent, calls } = await call('googleapis.bigquery.v2.tables.list', { projectId: 'p', datasetId: 'd', maxResults: 5 }, [{ method: 'GET', url, responses: [reply({ tables: [] })] }])
    expect(result).toEqual({ tables: [] })
    expect(sent).toEqual([{ method: 'GET', url: url.slice(8), query: { maxResults: '5' } }])
    expect(calls[0]!.headers['authorization']).toMatch(/^Bearer /)
    expect(calls[0]!.headers['user-agent']).toContain('GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)')
  })

  it('jobs.insert polls until the job is done, with growing delays', async () => {
    const jobs = 'https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs'
    const job = (state: string) => ({ jobReference: { jobId: 'j 1', location: 'EU' }, status: { state } })
    const { result, sent, virtual_seconds } = await call('googleapis.bigquery.v2.jobs.insert', { projectId: 'p', body: { configuration: {} } }, [
      { method: 'POST', url: jobs, responses: [reply(job('PENDING'))] },
      { method: 'GET', url: `${jobs}/j%201`, query: { location: 'EU' }, responses: [reply(job('RUNNING')), reply(job('DONE'))] },
    ])
    expect(result).toMatchObject({ status: { state: 'DONE' } })
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET'])
    expect(virtual_seconds).toBe(2.25)
  })

  it('a failed job raises OperationError with the job, and skip_polling does not wait for it', async () => {
    const jobs = 'https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs'
    const failed = { jobReference: { jobId: 'j' }, status: { state: 'DONE', errorResult: { message: 'no such table' } } }
    const routes = [{ method: 'POST', url: jobs, responses: [reply(failed)] }]
    expect((await call('googleapis.bigquery.v2.jobs.insert', { projectId: 'p', body: {} }, routes)).error).toMatchObject({ tags: ['OperationError'], message: 'no such table', operation: failed })
    const skipped = await call('googleapis.bigquery.v2.jobs.insert', { projectId: 'p', body: {}, connector_params: { skip_polling: true } }, routes)
    expect(skipped.result).toEqual(failed)
  })

  it('long-running operations give their response', async () => {
    const functions = 'https://cloudfunctions.googleapis.com/v2/projects/p/locations/l/functions'
    const { result } = await call('googleapis.cloudfunctions.v2.projects.locations.functions.create', { parent: P, functionId: 'f', body: {} }, [
      { method: 'POST', url: functions, query: { functionId: 'f' }, responses: [reply({ name: `${P}/operations/o`, done: false })] },
      { method: 'GET', url: `https://cloudfunctions.googleapis.com/v2/${P}/operations/o`, responses: [reply({ name: `${P}/operations/o`, done: true, response: { name: 'f' } })] },
    ])
    expect(result).toEqual({ name: 'f' })
  })

  it('an operation that takes longer than its timeout is a TimeoutError, a shapeless answer a ResponseTypeError', async () => {
    const jobs = 'https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs'
    const running = reply({ jobReference: { jobId: 'j' }, status: { state: 'RUNNING' } })
    const slow = await call('googleapis.bigquery.v2.jobs.insert', { projectId: 'p', body: {}, connector_params: { timeout: 20 } }, [
      { method: 'POST', url: jobs, responses: [running] }, { method: 'GET', url: `${jobs}/j`, responses: [running] },
    ])
    expect(slow.error).toMatchObject({ tags: ['TimeoutError'] })
    expect((await call('googleapis.bigquery.v2.jobs.insert', { projectId: 'p', body: {} }, [{ method: 'POST', url: jobs, responses: [reply('what')] }])).error).toMatchObject({ tags: ['ResponseTypeError'] })
  })

  it('reads are sent again after 503, writes only where nothing can have happened twice', async () => {
    const get = { method: 'GET', url: 'https://storage.googleapis.com/storage/v1/b/lake', responses: [reply({}, 502), reply({ name: 'lake' })] }
    expect((await call('googleapis.storage.v1.buckets.get', { bucket: 'lake' }, [get])).result).toEqual({ name: 'lake' })
    const post = { method: 'POST', url: 'https://storage.googleapis.com/storage/v1/b', responses: [reply({}, 502), reply({})] }
    expect((await call('googleapis.storage.v1.buckets.insert', { project: 'p', body: {} }, [post])).error).toMatchObject({ code: 502, tags: ['HttpError'] })
  })

  it('executions.run waits for the child and decodes its result; its failure is an OperationError', async () => {
    const executions = 'https://workflowexecutions.googleapis.com/v1/projects/test-project/locations/us-central1/workflows/w/executions'
    const name = executions.slice('https://workflowexecutions.googleapis.com/v1/'.length)
    const child = (state: string, more = {}) => reply({ name: `${name}/e`, state, ...more })
    const routes = (end: ReturnType<typeof child>) => [{ method: 'POST', url: executions, responses: [child('ACTIVE')] }, { method: 'GET', url: `${executions}/e`, responses: [child('ACTIVE'), end] }]
    const method = 'googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run'
    const good = await call(method, { workflow_id: 'w', argument: { a: 1 } }, routes(child('SUCCEEDED', { result: '{"ok":true}' })))
    expect(good.result).toEqual({ ok: true })
    expect(JSON.parse(good.sent[0]!.body!)).toEqual({ argument: '{"a":1}' })
    expect((await call(method, { workflow_id: 'w' }, routes(child('FAILED')))).error).toMatchObject({ tags: ['OperationError'], message: 'Execution failed or cancelled.' })
  })

  it('experimental.executions.map gives its results in the order of its arguments', async () => {
    const executions = 'https://workflowexecutions.googleapis.com/v1/projects/test-project/locations/us-central1/workflows/w/executions'
    const done = (result: string) => reply({ name: 'x', state: 'SUCCEEDED', result })
    const { result } = await call('experimental.executions.map', { workflow_id: 'w', arguments: [1, 2, 3] }, [{ method: 'POST', url: executions, responses: [done('10'), done('20'), done('30')] }])
    expect(result).toEqual([10, 20, 30])
  })

  it('secrets come as text, also inside an expression', async () => {
    const url = 'https://secretmanager.googleapis.com/v1/projects/test-project/secrets/s/versions/latest:access'
    const routes = [{ method: 'GET', url, responses: [reply({ payload: { data: Buffer.from('top').toString('base64') } })] }]
    const name = 'googleapis.secretmanager.v1.projects.secrets.versions.accessString'
    expect((await call(name, { secret_id: 's' }, routes)).result).toBe('top')
    expect((await run(`- r:\n    return: \${"a " + ${name}("s")}\n`, { routes })).result).toBe('a top')
  })

  it('object names may come encoded, and content goes as it is', async () => {
    const put = { method: 'POST', url: 'https://storage.googleapis.com/upload/storage/v1/b/lake/o', responses: [reply({})] }
    const { calls } = await call('googleapis.storage.v1.objects.insert', { bucket: 'lake', uploadType: 'media', name: 'a%2Fb', body: 'hello' }, [put])
    expect(calls[0]).toMatchObject({ query: { uploadType: 'media', name: 'a/b' }, body: 'hello' })
    const { sent } = await call('googleapis.storage.v1.objects.get', { bucket: 'lake', object: 'a/b c' })
    expect(sent[0]!.url).toBe('storage.googleapis.com/storage/v1/b/lake/o/a%2Fb%20c')
  })
})
