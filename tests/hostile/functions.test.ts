/**
 * Functions that mean harm, or only run wild: a table of what becomes of each, on every rung of the sandbox that this machine has.
 * Rung 0 is no boundary and is not asked to be one; what must hold everywhere is that the house goes on and the damage ends with the run.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, deploy, functionPath, makeBucket, until, zipOf, putObject, beginDeploy, untilDone } from '../support/functions.ts'
import { startHouse } from '../support/house-process.ts'
import type { HouseProcess } from '../support/house-process.ts'

const RUNS_ANYTHING = `
def main(event, context):
    exec(event["code"], {"__name__": "given"})
`

interface Harm {
  what: string
  code: string
  /** Of the run: how it ended, and what the caller is told. */
  outcome: 'ok' | 'error' | 'timeout' | 'memory' | 'crash'
  error?: RegExp
  /** The lowest rung on which this is promised; 0 is everywhere. */
  from: 0 | 1 | 2
  /** It may take as long as it takes. */
  patient?: true
}

const harms = (data: string): Harm[] => [
  { what: 'a loop without end', code: 'while True: pass', outcome: 'timeout', error: /longer than 2 seconds/, from: 0 },
  { what: 'a loop that is deaf to polite signals', code: 'import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass', outcome: 'timeout', error: /longer than 2 seconds/, from: 0 },
  { what: 'more memory than it was given', code: 'held = []\nwhile True: held.append(bytearray(16 * 1024 * 1024))', outcome: 'memory', error: /memory/, from: 0 },
  { what: 'an end of its own process', code: 'import os\nos._exit(3)', outcome: 'crash', error: /exit code 3/, from: 0 },
  { what: 'bytes of its own on the house\'s pipe', code: 'import os\nos.write(4, b"\\xff" * 64)', outcome: 'crash', error: /no answer/, from: 0 },
  { what: 'a closed pipe', code: 'import os\nos.close(4)', outcome: 'crash', from: 0 },
  { what: '64 MB of output', code: 'line = "x" * 1023\nfor _ in range(65536): print(line)', outcome: 'ok', from: 0, patient: true },
  { what: 'a line without end', code: 'import sys\nfor _ in range(16): sys.stdout.write("x" * 1024 * 1024)\nprint()', outcome: 'ok', from: 0, patient: true },
  { what: 'a child that would outlive it', code: 'import subprocess, sys\nsubprocess.Popen(["/bin/sleep", "600"], start_new_session=True)\nimport os\nos._exit(1)', outcome: 'crash', from: 0 },
  { what: 'the system\'s folders', code: 'open("/etc/potoroo-was-here", "w")', outcome: 'error', error: /PermissionError|OSError/, from: 1 },
  { what: 'its own code', code: 'import main\nopen(main.__file__, "a").write("# more")', outcome: 'error', error: /PermissionError|OSError/, from: 1 },
  { what: 'the vault\'s key', code: `open("${data}/vault.keys").read()`, outcome: 'error', error: /PermissionError|FileNotFoundError/, from: 1 },
  { what: 'the ledger', code: `open("${data}/ledger.sqlite", "rb").read(16)`, outcome: 'error', error: /PermissionError|FileNotFoundError/, from: 1 },
  { what: 'what other functions have', code: 'import glob, os\nown = os.environ["HOME"]\nseen = [p for p in glob.glob(os.path.dirname(own) + "/*/world/token") if not p.startswith(own)]\nfor path in seen: open(path).read()\nassert not seen', outcome: 'ok', from: 2 },
  { what: 'the house\'s own environment', code: 'import glob\nfor path in glob.glob("/proc/[0-9]*/environ"):\n    try: text = open(path, "rb").read()\n    except OSError: continue\n    assert b"POTOROO_CANARY" not in text', outcome: 'ok', from: 1 },
]

const rungs = [0, 1, 2] as const

describe.each(rungs)('rung %d', (rung) => {
  let house: HouseProcess
  let folder: string
  let level = -1

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'potoroo-hostile-'))
    house = await startHouse(join(folder, 'data'), { env: { POTOROO_SANDBOX_MAX: String(rung), POTOROO_CANARY: 'yellow' } })
    await makeBucket(house.url, 'zips')
    await deploy(house.url, { name: 'wild', files: { 'main.py': RUNS_ANYTHING }, trigger: { topic: 'wild' }, service: { timeoutSeconds: 2, availableMemory: '128M', maxInstanceCount: 1 } })
    // What is not about time must not be decided by a slow machine.
    await deploy(house.url, { name: 'patient', files: { 'main.py': RUNS_ANYTHING }, trigger: { topic: 'patient' }, service: { timeoutSeconds: 50, availableMemory: '128M', maxInstanceCount: 1 } })
    await deploy(house.url, { name: 'tame', files: { 'main.py': 'def main(event, context):\n    print("well")' }, trigger: { topic: 'tame' } })
    await ask(house.url, 'POST', `/v1/${functionPath('tame')}:call`, { data: '{}' })
    const { notes } = await ask<{ notes: string[] }>(house.url, 'GET', '/potoroo/v1/status')
    level = Number(/sandbox rung (\d)/.exec(notes.join(' '))?.[1])
    expect(level).toBeLessThanOrEqual(rung)
  }, 60_000)

  afterAll(async () => {
    await house.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(harms('DATA'))('$what', { timeout: 60_000 }, async ({ code, outcome, error, from, patient }) => {
    // A machine without this rung shows what the one below holds; what is promised from a higher one on is not asked of it.
    if (level < from) return
    const name = patient ? 'patient' : 'wild'
    const real = code.replaceAll('DATA', join(folder, 'data'))
    const answer = await ask<{ executionId: string; error?: string }>(house.url, 'POST', `/v1/${functionPath(name)}:call`, { data: JSON.stringify({ code: real }) })
    if (error) expect(answer.error).toMatch(error)
    const run = await until('the run is recorded', async () => {
      const { runs } = await ask<{ runs: { executionId: string; outcome: string }[] }>(house.url, 'GET', `/v1/${functionPath(name)}/runs`)
      return runs.find(({ executionId }) => executionId === answer.executionId)
    })
    expect(run.outcome).toBe(outcome)
    expect(existsSync('/etc/potoroo-was-here')).toBe(false)
    // The house and everybody else in it go on.
    expect(await ask(house.url, 'POST', `/v1/${functionPath('tame')}:call`, { data: '{}' })).toMatchObject({ result: 'OK' })
  })

  test('nothing that a run started is left when it has ended', { timeout: 60_000 }, async () => {
    for (const name of ['wild', 'patient']) await ask(house.url, 'DELETE', `/v2/${functionPath(name)}`)
    await until('the functions are gone', async () => {
      const { functions } = await ask<{ functions: { name: string }[] }>(house.url, 'GET', '/v2/projects/p/locations/-/functions')
      return functions.length === 1
    })
    await until('only the other function\'s instance is recorded', async () => readdirSync(join(folder, 'data', 'hatch-runs')).filter((file) => file.endsWith('.json')).length <= 1)
  })
})

describe('sources that mean harm', () => {
  let house: HouseProcess
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'potoroo-hostile-'))
    house = await startHouse(join(folder, 'data'))
    await makeBucket(house.url, 'zips')
  })
  afterAll(async () => {
    await house.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const PATH = '/v2/projects/p/locations/europe-west3/functions'
  const body = (object: string, build = {}, service = {}) => ({ buildConfig: { runtime: 'python311', entryPoint: 'main', source: { storageSource: { bucket: 'zips', object } }, ...build }, serviceConfig: service })

  test.each<[string, Uint8Array, RegExp]>([
    ['no archive', Buffer.from('not a zip'), /refused/],
    ['a way out of its folder', zipOf({ '../main.py': 'def main(a, b): pass' }), /refused/],
    ['no main.py', zipOf({ 'other.py': '' }), /no main\.py/],
    ['a syntax error', zipOf({ 'main.py': 'def main(:' }), /SyntaxError/],
    ['an import that is not there', zipOf({ 'main.py': 'import nothing_like_it' }), /ModuleNotFoundError/],
    ['no such entry point', zipOf({ 'main.py': 'def other(a, b): pass' }), /no function 'main'.*other/s],
    ['an end while it loads', zipOf({ 'main.py': 'import sys\nsys.exit(0)' }), /loading user code/],
    ['a kill of its own while it loads', zipOf({ 'main.py': 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)' }), /loading user code/],
  ])('%s: the deployment fails and says why', { timeout: 60_000 }, async (_what, zip, message) => {
    await putObject(house.url, 'zips', 'bad.zip', zip)
    const id = `bad-${Math.random().toString(36).slice(2)}`
    const operation = await ask<{ name: string }>(house.url, 'POST', `${PATH}?functionId=${id}`, { ...body('bad.zip'), eventTrigger: { eventType: 'google.cloud.pubsub.topic.v1.messagePublished', pubsubTopic: 'projects/p/topics/any-topic' } })
    const { error } = await untilDone(house.url, operation.name)
    expect(error?.message).toMatch(message)
    expect(await ask(house.url, 'GET', `${PATH}/${id}`)).toMatchObject({ state: 'FAILED' })
  })

  test.each<[string, unknown]>([
    ['a runtime that is none', body('x.zip', { runtime: '../../bin/sh' })],
    ['an entry point that is code', body('x.zip', { entryPoint: 'main(); import os' })],
    ['memory without end', body('x.zip', {}, { availableMemory: '900G' })],
    ['memory that is no amount', body('x.zip', {}, { availableMemory: 'lots' })],
    ['a time without end', body('x.zip', {}, { timeoutSeconds: 1e9 })],
    ['negative instances', body('x.zip', {}, { minInstanceCount: -1 })],
    ['more warm instances than there may be', body('x.zip', {}, { minInstanceCount: 5, maxInstanceCount: 2 })],
    ['variables that are no text', body('x.zip', {}, { environmentVariables: { A: 1 } })],
    ['a variable with an odd name', body('x.zip', {}, { environmentVariables: { 'A=B': 'x' } })],
    ['no source', { buildConfig: { runtime: 'python311' } }],
    ['a list for an object', { buildConfig: [] }],
  ])('%s is refused at the door', async (_what, given) => {
    const response = await fetch(`${house.url}${PATH}?functionId=bad`, { method: 'POST', body: JSON.stringify(given) })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { status: 'INVALID_ARGUMENT' } })
  })

  test.each(['..', 'a/b', '-x', 'x'.repeat(80), 'ä', ''])('the name %j is refused', async (name) => {
    const response = await fetch(`${house.url}${PATH}?functionId=${encodeURIComponent(name)}`, { method: 'POST', body: JSON.stringify(body('x.zip')) })
    expect(response.status).toBe(400)
  })

  test('an upload address is used once, and cannot be guessed', async () => {
    const { uploadUrl } = await ask<{ uploadUrl: string }>(house.url, 'POST', `${PATH}:generateUploadUrl`, {})
    const put = () => fetch(uploadUrl, { method: 'PUT', body: Buffer.from(zipOf({ 'main.py': '' })) })
    expect((await put()).status).toBe(200)
    expect((await put()).status).toBe(404)
    expect((await fetch(`${house.url}/function-uploads/${'0'.repeat(36)}`, { method: 'PUT', body: 'x' })).status).toBe(404)
  })

  test('two deployments at a time: the second is refused, the first comes to its end', { timeout: 60_000 }, async () => {
    const files = { 'main.py': 'def main(event, context): pass' }
    await deploy(house.url, { name: 'once', files, trigger: { topic: 'any-topic' } })
    const first = await beginDeploy(house.url, { name: 'once', files, trigger: { topic: 'any-topic' } }, 'PATCH')
    await expect(beginDeploy(house.url, { name: 'once', files, trigger: { topic: 'any-topic' } }, 'PATCH')).rejects.toThrow(/409|already in progress/)
    expect((await untilDone(house.url, first)).error).toBeUndefined()
  })
})
