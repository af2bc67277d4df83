/**
 * Figures of the workflows room, on a house with a real ledger that syncs.
 * The stub that answers http steps is a process of its own, so that its work is not counted as ours.
 */
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOST_MAP_VARIABLE } from '#ground/egress.ts'
import { readConfig } from '../src/config.ts'
import { openHouse } from '../src/house.ts'
import type { House } from '../src/house.ts'
import type { WorkflowsRoom } from '#rooms/workflows/room.ts'
import { atLeast, atMost, median, report } from './figures.ts'
import type { Figure } from './figures.ts'

const PARENT = '/v1/projects/bench/locations/l/workflows'
const STEPS = 99_000
const HTTP_EXECUTIONS = 50
const HTTP_STEPS = 400
const STARTS = 200
const SLEEPERS = 10_000
const AT_A_TIME = 50

if (process.argv[2] === '--stub') runStub()
else await measure()

function runStub(): void {
  const answer = JSON.stringify({ ok: true })
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer)
  })
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
}

async function measure(): Promise<void> {
  const stub = spawn(process.execPath, [import.meta.filename, '--stub'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise<string>((resolve) => stub.stdout.once('data', (chunk) => resolve(String(chunk).trim())))
  process.env[HOST_MAP_VARIABLE] = `*=http://127.0.0.1:${port}`
  const data = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
  const house = await openHouse(readConfig({ port: 0, data, project: 'bench', 'log-level': 'error' }, {}, data).config)
  try {
    const figures: Figure[] = [
      { name: 'steps in memory, one execution', ours: await memorySteps(house), unit: '/s', bound: atLeast(20_000) },
      { name: `durable http steps, ${HTTP_EXECUTIONS} executions`, ours: await httpSteps(house), unit: '/s', bound: atLeast(2_000) },
      { name: 'start of an execution, median', ours: await starts(house), unit: 'ms', bound: atMost(10) },
      { name: `memory of ${SLEEPERS} sleeping executions`, ours: await sleepers(house), unit: 'MB', bound: atMost(50) },
    ]
    report(import.meta.filename, figures)
  } finally {
    await house.stop()
    stub.kill()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Assign and switch steps in one execution, journalled and with its history kept. */
async function memorySteps(house: House): Promise<number> {
  const loops = Math.floor(STEPS / 2) - 1
  await deploy(house, 'memory', `
- init: {assign: [{i: 0}, {total: 0}]}
- loop:
    assign:
      - total: \${total + i * 2}
      - i: \${i + 1}
- check:
    switch:
      - condition: \${i < ${loops}}
        next: loop
- done: {return: "\${total}"}
`)
  const from = performance.now()
  await ended(house, await begin(house, 'memory'))
  return Math.round((loops * 2) / ((performance.now() - from) / 1000))
}

async function httpSteps(house: House): Promise<number> {
  await deploy(house, 'http', `
- loop:
    for:
      value: v
      range: [1, ${HTTP_STEPS}]
      steps:
        - get: {call: http.get, args: {url: "https://stub.test/x"}, result: r}
`)
  const from = performance.now()
  const names = await Promise.all(Array.from({ length: HTTP_EXECUTIONS }, () => begin(house, 'http')))
  // One after another: fifty clients that poll would be measured too.
  for (const name of names) await ended(house, name)
  return Math.round((HTTP_EXECUTIONS * HTTP_STEPS) / ((performance.now() - from) / 1000))
}

/** From the request to the answer that it has begun, which comes after the commit. */
async function starts(house: House): Promise<number> {
  await deploy(house, 'start', '- a: {return: 1}\n')
  const times_ms: number[] = []
  for (let i = 0; i < STARTS; i++) {
    const from = performance.now()
    await begin(house, 'start')
    times_ms.push(performance.now() - from)
  }
  return median(times_ms)
}

/** How much the process grows, once no sleeper has a driver any more. */
async function sleepers(house: House): Promise<number> {
  await deploy(house, 'sleep', '- s: {call: sys.sleep, args: {seconds: 1000000}}\n')
  for (let i = 0; i < STARTS; i++) await begin(house, 'sleep')
  const before = rss_mb()
  for (let made = 0; made < SLEEPERS; made += AT_A_TIME) await Promise.all(Array.from({ length: AT_A_TIME }, () => begin(house, 'sleep')))
  const room = house.rooms.find(({ name }) => name === 'workflows') as WorkflowsRoom
  while (room.service.performer.count > 0) await house.ground.clock.sleep(20)
  return Math.max(0, rss_mb() - before)
}

function rss_mb(): number {
  globalThis.gc?.()
  return process.memoryUsage.rss() / 2 ** 20
}

async function deploy(house: House, id: string, sourceContents: string): Promise<void> {
  await call(house, 'POST', `${PARENT}?workflowId=${id}`, { sourceContents })
}

async function begin(house: House, id: string): Promise<string> {
  return (await call(house, 'POST', `${PARENT}/${id}/executions`, {})).name
}

async function ended(house: House, name: string): Promise<void> {
  for (;;) {
    const { state, error } = await call(house, 'GET', `/v1/${name}?view=FULL`)
    if (state === 'SUCCEEDED') return
    if (state !== 'ACTIVE') throw new Error(`${name} is ${state}: ${JSON.stringify(error)}`)
    await house.ground.clock.sleep(25)
  }
}

async function call(house: House, method: string, path: string, body?: unknown): Promise<any> {
  const answer = await fetch(house.url + path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
