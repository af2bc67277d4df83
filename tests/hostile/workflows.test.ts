/** Bad input at the workflows' doors: broken and wrongly typed bodies, names of every kind, sources made to hurt. Always a 4xx in Google's form, never a 5xx, and the house goes on. */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { houseHere } from '../support/house.ts'

const house = await houseHere()
const PARENT = '/v1/projects/p/locations/l/workflows'
const SOURCE = '- a: {return: 1}\n'

async function send(method: string, path: string, body?: string): Promise<{ status: number; body: any }> {
  const answer = await fetch(house.url + path, { method, ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }) })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') ?? false
  return { status: answer.status, body: isJson ? JSON.parse(text) : {} }
}

async function isRefused(method: string, path: string, body?: string): Promise<void> {
  const answer = await send(method, path, body)
  expect(answer.status, `${method} ${path.slice(0, 100)} ${body?.slice(0, 100)}`).toBeGreaterThanOrEqual(400)
  expect(answer.status, `${method} ${path.slice(0, 100)} ${body?.slice(0, 100)}: ${JSON.stringify(answer.body)}`).toBeLessThan(500)
  expect(answer.body.error).toMatchObject({ code: answer.status, message: expect.any(String), status: expect.any(String) })
}

const ended = async (name: string): Promise<any> => {
  for (let tries = 0; tries < 1_000; tries++) {
    const { body } = await send('GET', `/v1/${name}`)
    if (body.state !== 'ACTIVE') return body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${name} does not end`)
}

await send('POST', `${PARENT}?workflowId=good`, JSON.stringify({ sourceContents: SOURCE }))
const { body: execution } = await send('POST', `${PARENT}/good/executions`, '{}')
await ended(execution.name)

afterAll(async () => {
  // After all of it the house still does its work.
  expect((await ended((await send('POST', `${PARENT}/good/executions`, '{}')).body.name)).state).toBe('SUCCEEDED')
})

describe('a broken body', () => {
  const bodies: [string, string][] = [
    ['no JSON', '{'], ['a list', '[]'], ['a number', '1'], ['a key twice', '{"sourceContents":"a","sourceContents":"b"}'], ['deep nesting', '{"a":'.repeat(50_000)], ['a NUL', '{"sourceContents":"\0"}'], ['bad UTF-8', '{"a":"\ud800"}'],
  ]
  test.each(bodies)('%s is refused by create and patch', async (_, body) => {
    await isRefused('POST', `${PARENT}?workflowId=w`, body)
    await isRefused('PATCH', `${PARENT}/good?updateMask=sourceContents`, body)
  })
})

test('a field of the wrong type is refused, whichever it is and whatever it holds', async () => {
  const wrong = fc.constantFrom<unknown>(1, -1, 1e308, true, [], [1], {}, { a: 1 }, { a: null }, { __proto__: 1 }, '\0', '9'.repeat(10_000))
  const fields = ['sourceContents', 'serviceAccount', 'description', 'labels', 'tags', 'userEnvVars', 'callLogLevel', 'executionHistoryLevel', 'cryptoKeyName']
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...fields), wrong, async (field, value) => {
      const { status } = await send('POST', `${PARENT}?workflowId=w`, JSON.stringify({ sourceContents: SOURCE, [field]: value }))
      expect(status).toBeLessThan(500)
      if (status === 200) await send('DELETE', `${PARENT}/w`)
    }),
    { numRuns: 80 },
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('argument', 'labels', 'callLogLevel', 'executionHistoryLevel'), wrong, async (field, value) => {
      expect((await send('POST', `${PARENT}/good/executions`, JSON.stringify({ [field]: value }))).status).toBeLessThan(500)
    }),
    { numRuns: 60 },
  )
})

test('names of every kind are not found or refused', async () => {
  const names = ['..', '%2e%2e', '..%2f..%2fetc', '__proto__', 'constructor', '%00', "'; drop table workflows; --", 'x'.repeat(5_000), '-', '*', '😀', 'a%2Fb', '{workflow}', 'good:', 'good:nope']
  for (const name of names) {
    for (const path of [`${PARENT}/${name}`, `${PARENT}/${name}/executions`, `${PARENT}/good/executions/${name}`, `${PARENT}/good/executions/${name}/callbacks/x`, `/v1/projects/p/locations/l/operations/${name}`]) {
      const { status } = await send('GET', encodeURI(path).replaceAll('%25', '%'))
      expect([400, 404, 405, 414, 431], path.slice(0, 80)).toContain(status)
    }
    await isRefused('POST', `${PARENT}?workflowId=${encodeURIComponent(decodeURI(name.replaceAll('%00', '')))}:`, JSON.stringify({ sourceContents: SOURCE }))
  }
})

test('filters, page tokens and sizes that are none are refused', async () => {
  const at = `${PARENT}/good/executions`
  const queries = ['filter=(', 'filter=nope%3D1', `filter=${encodeURIComponent('state='.repeat(500))}`, 'filter=createTime%3E%22yesterday%22', `filter=${encodeURIComponent('state="A" '.repeat(60))}`, 'pageToken=xxx', 'pageToken=e30', 'pageSize=-1', 'pageSize=x', 'view=ALL', 'orderBy=nope']
  for (const query of queries) await isRefused('GET', `${at}?${query}`)
})

describe('sources made to hurt', () => {
  const sources: [string, string][] = [
    ['endless jumps', '- a: {next: a}\n'],
    ['endless work in parallel', '- p:\n    parallel:\n      for:\n        value: v\n        range: [1, 100]\n        steps:\n          - a: {next: a}\n'],
    ['a million iterations', '- l:\n    for:\n      value: v\n      range: [1, 1000000000]\n      steps:\n        - a: {assign: [{x: 1}]}\n'],
    ['a range beyond all numbers', '- l:\n    for:\n      value: v\n      range: [-1.0e308, 1.0e308]\n      steps:\n        - a: {assign: [{x: 1}]}\n'],
    ['a string that doubles', '- i: {assign: [{s: x}]}\n- a: {assign: [{s: "${s + s}"}]}\n- b: {next: a}\n'],
    ['a pattern that backtracks', `- a: {return: "\${text.match_regex(\\"${'a'.repeat(1_000)}!\\", \\"^(a+)+$\\")}"}\n`],
    ['a log of everything', '- i: {assign: [{s: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}\n- a: {call: sys.log, args: {data: "${s}"}}\n- b: {next: a}\n'],
    ['retries without end', '- t:\n    try: {raise: x}\n    retry: {predicate: "${retry.always}", max_retries: 1000000000, backoff: {initial_delay: 0, max_delay: 0, multiplier: 1}}\n'],
  ]
  test.each(sources)('%s: it ends, and others are served meanwhile', { timeout: 60_000 }, async (_, sourceContents) => {
    const id = `hurt${Math.random().toString(36).slice(2, 10)}x`
    expect((await send('POST', `${PARENT}?workflowId=${id}`, JSON.stringify({ sourceContents }))).status).toBe(200)
    const { body } = await send('POST', `${PARENT}/${id}/executions`, '{}')
    expect((await send('GET', `${PARENT}/good`)).status).toBe(200)
    const last = await ended(body.name)
    expect(['SUCCEEDED', 'FAILED']).toContain(last.state)
    expect((await send('GET', `/v1/${body.name}/stepEntries?pageSize=5`)).body.stepEntries.length).toBeGreaterThan(0)
  })
})
