/** Functions: deploying, cold and warm calls of Python and Node, an upload to its function's first line, a crowd of events. In a house of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, beginDeploy, deploy, functionPath, makeBucket, putObject, until, untilDone } from '../tests/support/functions.ts'
import { startHouse } from '../tests/support/house-process.ts'
import { atMost, median, report } from './figures.ts'
import type { Figure } from './figures.ts'

const PYTHON_HTTP = { 'main.py': 'def main(request):\n    return "hello"\n' }
const PYTHON_EVENT = { 'main.py': 'import time\ndef main(event, context):\n    print("at %d" % (time.time() * 1000))\n' }
const PYTHON_SLOW = { 'main.py': 'import time\ndef main(event, context):\n    time.sleep(0.02)\n' }
const NODE_HTTP = { 'index.js': 'exports.main = (request, response) => response.send("hello")\n', 'package.json': '{"main": "index.js"}' }
const WARM = 400
const UPLOADS = 30
const EVENTS = 200
const COLD = 5

const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
const house = await startHouse(join(folder, 'data'))
const { url } = house
const figures: Figure[] = []
const since = (start_ms: number) => performance.now() - start_ms

try {
  for (const bucket of ['zips', 'landing']) await makeBucket(url, bucket)
  await python()
  await node()
  await events()
} finally {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
}
report(import.meta.filename, figures)

async function python(): Promise<void> {
  await deploy(url, { name: 'py', files: PYTHON_HTTP })
  const begun_ms = performance.now()
  await deploy(url, { name: 'py', files: PYTHON_HTTP }, 'PATCH')
  figures.push({ name: 'deploy with cached requirements to serving', ours: since(begun_ms), unit: 'ms', bound: atMost(2000) })
  figures.push({ name: 'cold start of a Python HTTP function', ours: await coldCall('py', PYTHON_HTTP, 'python311'), unit: 'ms', bound: atMost(600) })
  figures.push({ name: 'warm call of a Python HTTP function, p50', ours: await warmCall('py'), unit: 'ms', bound: atMost(3) })
}

async function node(): Promise<void> {
  await deploy(url, { name: 'js', files: NODE_HTTP, runtime: 'nodejs20' })
  figures.push({ name: 'cold start of a Node HTTP function', ours: await coldCall('js', NODE_HTTP, 'nodejs20'), unit: 'ms', bound: atMost(300) })
  figures.push({ name: 'warm call of a Node HTTP function, p50', ours: await warmCall('js'), unit: 'ms', bound: atMost(3) })
}

/** The first call after the instance is gone: each round crashes it first. */
async function coldCall(name: string, files: Record<string, string>, runtime: string): Promise<number> {
  const crashing: Record<string, string> = name === 'py' ? { 'main.py': 'import os\ndef main(request):\n    if request.args.get("end"): os._exit(0)\n    return "hello"\n' } : { ...files, 'index.js': 'exports.main = (request, response) => request.query.end ? process.exit(0) : response.send("hello")\n' }
  await deploy(url, { name, files: crashing, runtime }, 'PATCH')
  const times: number[] = []
  for (let round = 0; round < COLD; round++) {
    await call(`${name}?end=1`)
    const begun_ms = performance.now()
    await call(name)
    times.push(since(begun_ms))
  }
  return median(times)
}

async function warmCall(name: string): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < WARM; round++) {
    const begun_ms = performance.now()
    await call(name)
    times.push(since(begun_ms))
  }
  return median(times.slice(WARM / 4))
}

async function call(path: string): Promise<void> {
  const response = await fetch(`${url}/europe-west3-p.cloudfunctions.net/${path}`)
  await response.text()
}

async function events(): Promise<void> {
  await deploy(url, { name: 'hear', files: PYTHON_EVENT, trigger: { bucket: 'landing' } })
  await putObject(url, 'landing', 'first', 'x')
  const times: number[] = []
  for (let round = 0; round < UPLOADS; round++) {
    const begun_ms = Date.now()
    await putObject(url, 'landing', `file-${round}`, 'x')
    const line = await until('its first line', async () => {
      const { entries = [] } = await ask<{ entries?: { textPayload?: string; timestamp: string }[] }>(url, 'POST', '/v2/entries:list', { resourceNames: ['projects/p'], filter: `textPayload:"at " timestamp>="${new Date(begun_ms).toISOString()}"` })
      return entries[0]
    })
    times.push(Number(line.textPayload!.slice(3)) - begun_ms)
  }
  figures.push({ name: 'upload of an object to the first line of its function, warm, p50', ours: median(times), unit: 'ms', bound: atMost(50) })

  await untilDone(url, await beginDeploy(url, { name: 'crowd', files: PYTHON_SLOW, trigger: { topic: 'crowd' }, service: { maxInstanceCount: 4 } }))
  const messages = Array.from({ length: EVENTS }, (_, index) => ({ data: Buffer.from(String(index)).toString('base64') }))
  const begun_ms = performance.now()
  await ask(url, 'POST', '/v1/projects/p/topics/crowd:publish', { messages })
  const delivered = async () => (await ask<{ events: { state: string }[] }>(url, 'GET', `/v1/${functionPath('crowd')}/events?pageSize=1000`)).events.filter(({ state }) => state === 'delivered').length
  await until('all are delivered', async () => (await delivered()) === EVENTS)
  figures.push({ name: `${EVENTS} events of 20 ms each through 4 instances`, ours: since(begun_ms), unit: 'ms' })
  figures.push({ name: 'of them delivered', ours: await delivered(), unit: 'events', bound: { at: 'least', value: EVENTS, what: 'promised' } })
}
