/** The room behind a real gateway, with a ledger in memory and a stub for the world outside. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '#ground/clock.ts'
import { Courier } from '#ground/courier.ts'
import type { EgressSettings } from '#ground/egress.ts'
import { memoryLedger } from '#ground/ledger.ts'
import type { Ledger } from '#ground/ledger.ts'
import { openMetrics } from '#ground/telemetry.ts'
import type { Ground } from '#ground/room.ts'
import { startGateway } from '../../../tests/support/gateway.ts'
import { testGround } from '../../../tests/support/ground.ts'
import { startStub, type StubServer } from '../../../tests/support/workflow-stub.ts'
import { openWorkflows } from './room.ts'
import type { TokenPort } from './room.ts'
import { WORKFLOW_FACTS } from './facts.ts'

const tokens: TokenPort = { access: async (email) => `access-of-${email}`, identity: async (email, audience) => `identity-of-${email}-for-${audience}` }
const PARENT = '/v1/projects/p/locations/l'
let stub: StubServer

beforeAll(async () => {
  stub = await startStub((seen, count) => {
    if (seen.target.includes('/flaky')) return count < 3 ? { status: 503, body: { no: 1 } } : { body: { ok: count } }
    if (seen.target.includes('/redirect')) return { status: 302, headers: { location: 'http://169.254.169.254/computeMetadata/v1/' } }
    if (seen.target.includes('/slow')) return { body: 'late', delay_ms: 400 }
    return { body: { echo: seen.body } }
  })
})
afterAll(() => stub.stop())

async function openRoom(ledger: Ledger = memoryLedger(), egress: EgressSettings = { hostMap: `*=http://127.0.0.1:${stub.port}` }) {
  const clock = systemClock()
  const ground = { ...(await testGround(clock, ledger)), metrics: openMetrics(), disk: undefined } as unknown as Ground
  const courier = new Courier({ clock, egress })
  let url = 'https://workflowexecutions.googleapis.com'
  const room = openWorkflows(ground, { courier, tokens, logs: { write: async () => {} }, callbackBase: () => url })
  await room.start()
  const gateway = await startGateway({ doors: room.doors, grpcDoors: room.grpcDoors! })
  url = gateway.url
  onTestFinished(async () => {
    await room.stop()
    courier.close()
  })
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(url + path, { method, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
    return { status: answer.status, body: (await answer.json()) as any }
  }
  const deploy = async (id: string, sourceContents: string, more = {}) => {
    const made = await call('POST', `${PARENT}/workflows?workflowId=${id}`, { sourceContents, ...more })
    expect(made.status).toBe(200)
    return made.body.response
  }
  const finish = async (name: string) => {
    for (let tries = 0; tries < 500; tries++) {
      const { body } = await call('GET', `/v1/${name}`)
      if (body.state !== 'ACTIVE') return body
      await clock.sleep(10)
    }
    throw new Error(`${name} does not end`)
  }
  const runOf = async (id: string, argument?: unknown) => finish((await call('POST', `${PARENT}/workflows/${id}/executions`, argument === undefined ? {} : { argument: JSON.stringify(argument) })).body.name)
  return { ...gateway, room, ground, call, deploy, finish, runOf, clock }
}

describe('the Workflows API', () => {
  it('makes, reads, changes, lists and removes workflows, a revision for each new source', async () => {
    const { call, deploy } = await openRoom()
    const made = await deploy('one', '- a: {return: 1}\n', { labels: { x: 'y' }, description: 'd' })
    expect(made).toMatchObject({ '@type': 'type.googleapis.com/google.cloud.workflows.v1.Workflow', name: 'projects/p/locations/l/workflows/one', state: 'ACTIVE', revisionId: expect.stringMatching(/^000001-[a-z0-9]{3}$/) })
    expect((await call('POST', `${PARENT}/workflows?workflowId=one`, { sourceContents: '- a: {return: 1}\n' })).status).toBe(409)

    const patched = (await call('PATCH', `${PARENT}/workflows/one?updateMask=sourceContents`, { sourceContents: '- a: {return: 2}\n', description: 'not taken' })).body
    expect(patched).toMatchObject({ done: true, metadata: { verb: 'update', target: made.name }, response: { description: 'd', revisionId: expect.stringMatching(/^000002-/) } })
    expect((await call('PATCH', `${PARENT}/workflows/one`, { description: 'new' })).body.response).toMatchObject({ description: 'new', revisionId: patched.response.revisionId })
    expect((await call('GET', `/v1/${patched.name}`)).body).toMatchObject({ done: true })

    expect((await call('GET', `${PARENT}/workflows/one?revisionId=${made.revisionId}`)).body.sourceContents).toBe('- a: {return: 1}\n')
    expect((await call('GET', `${PARENT}/workflows/one:listRevisions`)).body.workflows.map((one: any) => one.revisionId)).toEqual([patched.response.revisionId, made.revisionId])
    expect((await call('GET', '/v1/projects/p/locations/-/workflows')).body.workflows).toHaveLength(1)
    expect((await call('GET', `${PARENT}/workflows/one:graph`)).body.routines).toEqual([expect.objectContaining({ name: 'main', steps: [expect.objectContaining({ name: 'a' })] })])
    expect((await call('DELETE', `${PARENT}/workflows/one`)).body).toMatchObject({ done: true })
    expect((await call('GET', `${PARENT}/workflows/one`)).status).toBe(404)
  })

  it.each([
    ['a source that is wrong', 'w', { sourceContents: '- a: {next: b}\n' }, "main.yaml:1:13: unknown step 'b'"],
    ['a bad id', '1-bad', { sourceContents: '- a: {return: 1}\n' }, 'Not a workflow id'],
    ['no source', 'w', {}, 'no sourceContents'],
    ['an environment variable of ours', 'w', { sourceContents: '- a: {return: 1}\n', userEnvVars: { GOOGLE_X: '1' } }, 'GOOGLE_X'],
    ['labels that are none', 'w', { sourceContents: '- a: {return: 1}\n', labels: [1] }, 'labels'],
    ['a source of another type', 'w', { sourceContents: 7 }, 'sourceContents'],
  ])('refuses %s and says why', async (_, id, body, why) => {
    const { call } = await openRoom()
    const answer = await call('POST', `${PARENT}/workflows?workflowId=${id}`, body)
    expect(answer).toMatchObject({ status: 400, body: { error: { status: 'INVALID_ARGUMENT' } } })
    expect(answer.body.error.message).toContain(why)
  })
})

describe('the Executions API', () => {
  it('runs a workflow with its argument, its environment and its pinned revision', async () => {
    const { call, deploy, runOf } = await openRoom()
    await deploy('env', 'main:\n  params: [a]\n  steps:\n    - r:\n        return: ["${a.x}", "${sys.get_env(\\"GOOGLE_CLOUD_WORKFLOW_ID\\")}", "${sys.get_env(\\"MINE\\")}"]\n', { userEnvVars: { MINE: 'm' } })
    const ended = await runOf('env', { x: 1.5 })
    expect(ended).toMatchObject({ state: 'SUCCEEDED', result: '[1.5,"env","m"]', argument: '{"x":1.5}', duration: expect.stringMatching(/^\d+\.\d{3}s$/) })
    const { body } = await call('GET', `${PARENT}/workflows/env/executions?filter=${encodeURIComponent('state="SUCCEEDED"')}`)
    expect(body.executions).toEqual([expect.objectContaining({ name: ended.name, workflowRevisionId: ended.workflowRevisionId })])
    expect(body.executions[0].argument).toBeUndefined()
    expect((await call('GET', `${PARENT}/workflows/env/executions?filter=${encodeURIComponent('state="FAILED"')}`)).body.executions).toEqual([])
  })

  it('a failed one tells payload, context and stack trace', async () => {
    const { deploy, runOf } = await openRoom()
    await deploy('bad', '- get:\n    call: http.get\n    args: {url: "https://api.test/flaky/once"}\n')
    expect(await runOf('bad')).toMatchObject({
      state: 'FAILED',
      error: {
        payload: expect.stringContaining('"code":503'), context: 'HTTP server responded with error code 503\nin step "get", routine "main", line: 2',
        stackTrace: { elements: [{ step: 'get', routine: 'main', position: { line: '2', column: '5', length: '4' } }] },
      },
    })
  })

  it('sends the documented headers, a token and a key of its own with each request', async () => {
    const { deploy, runOf } = await openRoom()
    await deploy('post', '- p:\n    call: http.post\n    args: {url: "https://api.test/p", body: {a: 1}, auth: {type: OIDC}}\n    result: r\n- r: {return: "${r.body.echo}"}\n')
    const ended = await runOf('post')
    expect(ended.result).toBe(JSON.stringify('{"a":1}'))
    const seen = stub.seen.findLast(({ target }) => target === '/api.test/p')!
    expect(seen.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8', 'user-agent': expect.stringContaining('GoogleCloudWorkflows'), authorization: expect.stringMatching(/^Bearer identity-of-\d+-compute@developer.gserviceaccount.com-for-https:..api.test.p$/),
      'idempotency-key': expect.stringContaining(ended.name.split('/').at(-1)), traceparent: expect.stringMatching(/^00-/),
    })
  })

  it('refuses arguments that are no JSON or too long, and executions of nothing', async () => {
    const { call, deploy } = await openRoom()
    await deploy('w', '- a: {return: 1}\n')
    expect((await call('POST', `${PARENT}/workflows/w/executions`, { argument: '{' })).status).toBe(400)
    expect((await call('POST', `${PARENT}/workflows/w/executions`, { argument: JSON.stringify('x'.repeat(33_000)) })).status).toBe(400)
    expect((await call('POST', `${PARENT}/workflows/none/executions`, {})).status).toBe(404)
    expect((await call('GET', `${PARENT}/workflows/w/executions/none`)).status).toBe(404)
  })

  it('cancels what sleeps and what waits for an answer', async () => {
    const { call, deploy, clock } = await openRoom()
    await deploy('sleep', '- s: {call: sys.sleep, args: {seconds: 1000000}}\n')
    await deploy('slow', '- s: {call: http.get, args: {url: "https://api.test/slow"}}\n')
    for (const id of ['sleep', 'slow']) {
      const { body } = await call('POST', `${PARENT}/workflows/${id}/executions`, {})
      await clock.sleep(50)
      expect((await call('GET', `/v1/${body.name}`)).body.status.currentSteps).toEqual([{ routine: 'main', step: 's' }])
      expect((await call('POST', `/v1/${body.name}:cancel`, {})).body.state).toBe('CANCELLED')
      expect((await call('POST', `/v1/${body.name}:cancel`, {})).status).toBe(400)
    }
  })

  it('a callback wakes its execution; a second one waits its turn with 429, and after the end there is none', async () => {
    const { url, call, deploy, finish, clock } = await openRoom()
    await deploy('cb', `
- make: {call: events.create_callback_endpoint, args: {http_callback_method: POST}, result: c}
- pause: {call: sys.sleep, args: {seconds: 0.3}}
- wait: {call: events.await_callback, args: {callback: "\${c}"}, result: got}
- r: {return: ["\${got.http_request.body}", "\${got.http_request.query.q}", "\${got.type}", "\${got.http_request.headers}"]}
`)
    const { body } = await call('POST', `${PARENT}/workflows/cb/executions`, {})
    await clock.sleep(100)
    const [callback] = (await call('GET', `/v1/${body.name}/callbacks`)).body.callbacks
    expect(callback).toMatchObject({ method: 'POST' })
    const at = `/v1/${callback.name}?q=1`
    expect((await call('GET', at)).status).toBe(404)
    expect((await fetch(url + at, { method: 'POST', body: '{"n":1}', headers: { 'content-type': 'application/json', authorization: 'Bearer secret' } })).status).toBe(200)
    expect((await call('POST', at, {})).status).toBe(429)
    const result = JSON.parse((await finish(body.name)).result)
    expect(result.slice(0, 3)).toEqual([{ n: 1 }, '1', 'HTTP'])
    expect(JSON.stringify(result[3])).not.toContain('secret')
    expect((await call('POST', at, {})).status).toBe(404)
  })

  it('a callback that comes while the execution sleeps on it ends the wait', async () => {
    const { call, deploy, finish, clock } = await openRoom()
    await deploy('cb', '- make: {call: events.create_callback_endpoint, result: c}\n- wait: {call: events.await_callback, args: {callback: "${c}"}, result: got}\n- r: {return: "${got.http_request.method}"}\n')
    const { body } = await call('POST', `${PARENT}/workflows/cb/executions`, {})
    await clock.sleep(100)
    const [callback] = (await call('GET', `/v1/${body.name}/callbacks`)).body.callbacks
    expect(callback.waiters).toBe('1')
    await call('POST', `/v1/${callback.name}`, {})
    expect((await finish(body.name)).result).toBe('"POST"')
  })

  it('shows the steps, exports the data, keeps the log lines', async () => {
    const { call, deploy, runOf } = await openRoom()
    await deploy('steps', '- a: {assign: [{x: 1}]}\n- l: {call: sys.log, args: {text: hello}}\n- r: {return: "${x}"}\n', { executionHistoryLevel: 'EXECUTION_HISTORY_DETAILED' })
    const { name } = await runOf('steps')
    const { stepEntries, totalSize } = (await call('GET', `/v1/${name}/stepEntries`)).body
    expect(totalSize).toBe(3)
    expect(stepEntries[1]).toMatchObject({ step: 'l', stepType: 'STEP_STD_LIB_CALL', state: 'STATE_SUCCEEDED', navigationInfo: { previous: stepEntries[0].entryId, next: stepEntries[2].entryId }, variableData: { variables: { x: 1 } } })
    expect((await call('GET', `/v1/${stepEntries[0].name}`)).body).toEqual(stepEntries[0])
    const first = (await call('GET', `/v1/${name}/stepEntries?pageSize=2`)).body
    expect((await call('GET', `/v1/${name}/stepEntries?pageSize=2&pageToken=${first.nextPageToken}`)).body.stepEntries).toEqual([stepEntries[2]])
    expect(JSON.parse((await call('GET', `/v1/${name}:exportData`)).body.data).stepEntries).toHaveLength(3)
    expect((await call('GET', `/v1/${name}:logs`)).body.entries).toEqual([expect.objectContaining({ payload: 'hello', step: 'l' })])
    expect((await call('POST', `/v1/${name}:deleteExecutionHistory`, {})).status).toBe(200)
    expect((await call('GET', `/v1/${name}/stepEntries`)).body.totalSize).toBe(0)
    expect((await call('GET', `/v1/${name}`)).body.result).toBe('1')
  })

  it('a Pub/Sub message starts an execution with the event as its argument', async () => {
    const { call, deploy, finish } = await openRoom()
    await deploy('ps', 'main:\n  params: [event]\n  steps:\n    - r: {return: "${text.decode(base64.decode(event.data.message.data))}"}\n')
    const message = { data: Buffer.from('hi').toString('base64'), messageId: '7' }
    const { body } = await call('POST', `${PARENT}/workflows/ps:triggerPubsubExecution`, { message, subscription: 's', GCPCloudEventsMode: 'CE_PUBSUB_BINDING' })
    expect((await finish(body.name)).result).toBe('"hi"')
  })

  it('a failed execution goes on from a step, with the variables it had', async () => {
    const { call, deploy, finish, runOf } = await openRoom()
    await deploy('two', '- a: {assign: [{x: 5}]}\n- get: {call: http.get, args: {url: "https://api.test/flaky/resume"}, result: r}\n- r: {return: ["${x}", "${r.body.ok}"]}\n')
    const failed = await runOf('two')
    expect(failed.state).toBe('FAILED')
    await call('POST', `/v1/${failed.name}:resume`, { step: 'get' })
    const { body } = await call('POST', `/v1/${failed.name}:resume`, { step: 'get' })
    expect((await finish(body.name)).result).toBe('[5,3]')
    expect((await call('POST', `/v1/${failed.name}:resume`, { step: 'nope' })).status).toBe(400)
  })

  it('tells what happened as facts with the trace of the caller', async () => {
    const { url, deploy, finish, ground } = await openRoom()
    await deploy('fact', '- a: {assign: [{x: 1}]}\n- r: {return: "${x}"}\n')
    const traceId = 'ab'.repeat(16)
    const made = await fetch(`${url}${PARENT}/workflows/fact/executions`, { method: 'POST', body: '{}', headers: { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` } })
    await finish(((await made.json()) as { name: string }).name)
    expect((await ground.facts.since(0, { trace: traceId })).map(({ type }) => type)).toEqual([WORKFLOW_FACTS.started, WORKFLOW_FACTS.steps, WORKFLOW_FACTS.finished])
  })
})

describe('an execution outlives its house', () => {
  it('what was asleep, waiting or under way goes on in the next one, and no recorded step runs again', async () => {
    const ledger = memoryLedger()
    const first = await openRoom(ledger)
    await first.deploy('long', `
- one: {call: http.post, args: {url: "https://api.test/once/a", body: 1}}
- s: {call: sys.sleep, args: {seconds: 0.5}}
- two: {call: http.post, args: {url: "https://api.test/once/b", body: 2}, result: r}
- r: {return: "\${r.body.echo}"}
`)
    const { body } = await first.call('POST', `${PARENT}/workflows/long/executions`, {})
    await first.clock.sleep(150)
    await first.room.stop()
    const second = await openRoom(ledger)
    expect(await second.finish(body.name)).toMatchObject({ state: 'SUCCEEDED', result: '"2"' })
    expect(stub.seen.filter(({ target }) => target.includes('/once/')).map(({ target }) => target)).toEqual(['/api.test/once/a', '/api.test/once/b'])
  })

  it('what ended ninety days ago is forgotten, with its history, and what runs is not', async () => {
    const { call, deploy, runOf, room, ground } = await openRoom()
    await deploy('old', '- a: {return: 1}\n')
    await deploy('nap', '- s: {call: sys.sleep, args: {seconds: 3600}}\n')
    const { name } = await runOf('old')
    const { body } = await call('POST', `${PARENT}/workflows/nap/executions`, {})
    await room.service.upkeep.prune()
    expect((await call('GET', `/v1/${name}`)).status).toBe(200)
    await ground.ledger.write(ground.ledger.builder<any>().updateTable('workflow_executions').set({ created_ms: 1, ended_ms: 1 }).where('name', '=', name))
    await room.service.upkeep.prune()
    expect((await call('GET', `/v1/${name}`)).status).toBe(404)
    expect((await call('GET', `/v1/${body.name}`)).status).toBe(200)
  })

  it('ten sleepers leave one timer and no driver in memory', async () => {
    const { call, deploy, room, clock } = await openRoom()
    await deploy('nap', '- s: {call: sys.sleep, args: {seconds: 3600}}\n')
    for (let i = 0; i < 10; i++) await call('POST', `${PARENT}/workflows/nap/executions`, {})
    await clock.sleep(200)
    expect(room.service.performer.count).toBe(0)
  })
})

describe('requests may not go inward', () => {
  it.each([
    'http://127.0.0.1:9/', 'http://localhost/', 'http://169.254.169.254/computeMetadata/v1/', 'http://[::1]/', 'http://10.0.0.1/', 'http://0x7f.1/', 'http://metadata.google.internal./', 'file:///etc/passwd', 'gopher://x/',
  ])('%s is refused', async (target) => {
    const { deploy, runOf } = await openRoom(memoryLedger(), {})
    await deploy('ssrf', `main:\n  params: [u]\n  steps:\n    - g: {call: http.get, args: {url: "\${u}", timeout: 5}}\n`)
    const { state, error } = await runOf('ssrf', target)
    expect(state).toBe('FAILED')
    expect(error.payload).toMatch(/ConnectionFailedError|ValueError/)
  })

  it('a redirect inward is refused too, though its first host is allowed', async () => {
    const { deploy, runOf } = await openRoom(memoryLedger(), { allow: `127.0.0.1:${stub.port}` })
    await deploy('ssrf', `- g: {call: http.get, args: {url: "http://127.0.0.1:${stub.port}/redirect"}}\n`)
    expect((await runOf('ssrf')).error.payload).toContain('169.254.169.254')
  })
})
