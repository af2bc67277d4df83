/**
 * kill -9 at random moments while retrying, looping, parallel and sleeping workflows run. Every execution must end with the
 * result that an undisturbed run gives, and no step whose result was recorded may run twice: the stub outside counts by the
 * idempotency key, and a request may come again only if a kill caught it before its answer was written down.
 * FAULT_ROUNDS sets the number of rounds (5 by default), FAULT_SEED the chance.
 */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { seededDice } from '#ground/dice.ts'
import { faultFolder, faultRounds, startHouse } from '../support/house-process.ts'
import { startStub } from '../support/workflow-stub.ts'
import type { StubServer } from '../support/workflow-stub.ts'

const ROUNDS = faultRounds(5)
const SEED = Number(process.env['FAULT_SEED'] ?? 20260101)
const KILLS_PER_ROUND = 4
const EACH = 3
const PARENT = '/v1/projects/p/locations/l/workflows'

const WORKFLOWS: Record<string, { source: string; result: unknown }> = {
  retrying: {
    source: `
main:
  params: [id]
  steps:
    - t:
        try:
          call: http.get
          args: {url: '\${"https://stub.test/flaky/" + id}'}
          result: r
        retry: {predicate: "\${http.default_retry_predicate}", max_retries: 50, backoff: {initial_delay: 0.1, max_delay: 0.3, multiplier: 2}}
    - done: {return: "\${r.body.ok}"}
`,
    result: true,
  },
  looping: {
    source: `
main:
  params: [id]
  steps:
    - init: {assign: [{sum: 0}]}
    - loop:
        for:
          value: v
          range: [1, 12]
          steps:
            - post:
                call: http.post
                args: {url: '\${"https://stub.test/add/" + id + "/" + string(v)}', body: "\${v}"}
                result: r
            - add: {assign: [{sum: "\${sum + r.body.value}"}]}
    - done: {return: "\${sum}"}
`,
    result: 78,
  },
  parallel: {
    source: `
main:
  params: [id]
  steps:
    - init: {assign: [{seen: ["", "", "", "", "", ""]}]}
    - p:
        parallel:
          shared: [seen]
          concurrency_limit: 3
          for:
            value: v
            index: i
            range: [1, 6]
            steps:
              - post:
                  call: http.post
                  args: {url: '\${"https://stub.test/add/" + id + "/" + string(v)}', body: "\${v}"}
                  result: r
              - nap: {call: sys.sleep, args: {seconds: 0.1}}
              - keep: {assign: [{"seen[i]": "\${r.body.value * 10}"}]}
    - done: {return: "\${seen}"}
`,
    result: [10, 20, 30, 40, 50, 60],
  },
  sleeping: {
    source: `
main:
  params: [id]
  steps:
    - before: {call: http.post, args: {url: '\${"https://stub.test/add/" + id + "/1"}', body: 1}}
    - nap: {call: sys.sleep, args: {seconds: 1}}
    - after: {call: http.post, args: {url: '\${"https://stub.test/add/" + id + "/2"}', body: 2}, result: r}
    - done: {return: "\${r.body.value}"}
`,
    result: 2,
  },
}

it(`after ${ROUNDS} rounds of kill -9 every execution has the result of an undisturbed run, and recorded steps ran once`, { timeout: ROUNDS * 60_000 }, async () => {
  const dice = seededDice(SEED)
  for (let round = 0; round < ROUNDS; round++) await playRound(dice.roll)
})

async function playRound(roll: () => number): Promise<void> {
  const stub = await startStub(({ target, body }, count) => {
    if (target.startsWith('/stub.test/flaky/')) return count % 5 === 0 ? { body: { ok: true } } : { status: 503, body: {} }
    return { body: { value: Number(body) }, delay_ms: 20 }
  })
  const folder = faultFolder()
  const data = join(folder.path, 'data')
  let house = await open(data, stub.port)
  try {
    for (const [id, { source }] of Object.entries(WORKFLOWS)) await call(house.url, 'POST', `${PARENT}?workflowId=${id}`, { sourceContents: source })
    const executions: { name: string; workflow: string }[] = []
    for (const workflow of Object.keys(WORKFLOWS)) {
      for (let i = 0; i < EACH; i++) {
        const { name } = await call(house.url, 'POST', `${PARENT}/${workflow}/executions`, { argument: JSON.stringify(`${workflow}-${i}`) })
        executions.push({ name, workflow })
      }
    }
    let kills = 0
    for (; kills < KILLS_PER_ROUND; kills++) {
      await pause(80 + roll() * 350)
      await house.kill()
      house = await open(data, stub.port)
    }
    for (const { name, workflow } of executions) {
      const ended = await ending(house.url, name)
      expect(ended, name).toMatchObject({ state: 'SUCCEEDED', result: JSON.stringify(WORKFLOWS[workflow]!.result) })
    }
    const sent = new Map<string, number>()
    for (const { headers, target } of stub.seen) {
      const key = String(headers['idempotency-key'])
      expect(key, target).toMatch(/^[0-9a-f-]{36}-\d+$/)
      sent.set(key, (sent.get(key) ?? 0) + 1)
    }
    // A step under way at a kill may be sent once more for each kill, always under its own key.
    for (const [key, times] of sent) expect(times, key).toBeLessThanOrEqual(1 + kills)
    expectNothingRanTwice(stub)
    folder.passed()
  } finally {
    await house.kill()
    await stub.stop()
  }
}

/**
 * In the loop and around the sleep, step v+1 is sent only once v's result is written down: when it has been seen, v must
 * never come again. And one URL is one step: it keeps its key for ever.
 */
function expectNothingRanTwice({ seen }: StubServer): void {
  const keys = new Map<string, unknown>()
  const reached = new Map<string, number>()
  for (const { target, headers } of seen) {
    const step = /\/add\/((?:looping|sleeping|parallel)-\d+)\/(\d+)$/.exec(target)
    if (!step) continue
    const key = headers['idempotency-key']
    expect(keys.get(target) ?? key, target).toBe(key)
    keys.set(target, key)
    const [, execution, number] = step
    if (execution!.startsWith('parallel')) continue
    expect(Number(number), target).toBeGreaterThanOrEqual(reached.get(execution!) ?? 0)
    reached.set(execution!, Number(number))
  }
}

const open = (data: string, stubPort: number) => startHouse(data, { env: { POTOROO_HOST_MAP: `*=http://127.0.0.1:${stubPort}` } })

async function call(url: string, method: string, path: string, body?: unknown): Promise<any> {
  const answer = await fetch(url + path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

async function ending(url: string, name: string): Promise<any> {
  for (let tries = 0; tries < 1_200; tries++) {
    const found = await call(url, 'GET', `/v1/${name}`)
    if (found.state !== 'ACTIVE') return found
    await pause(25)
  }
  throw new Error(`${name} does not end`)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
