/** The command line as a person or a script uses it, against a house in a process of its own. */
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHouse } from '../support/house-process.ts'
import type { HouseProcess } from '../support/house-process.ts'

const PROGRAM = resolve(import.meta.dirname, '../../bin/potoroo')
const folder = mkdtempSync(join(tmpdir(), 'potoroo-cli-'))
const data = join(folder, 'data')
const file = (name: string) => join(folder, name)
let house: HouseProcess

beforeAll(async () => {
  house = await startHouse(data)
})
afterAll(async () => {
  await house.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  code: number | null
  out: string
  err: string
}

/** Runs the program as a script would: no terminal, the folder of the test as its own. */
function potoroo(args: string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env: { ...process.env, POTOROO_DATA: data, ...options.env } })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  child.stdin.end(options.input ?? '')
  return new Promise((done) => child.once('close', (code) => done({ code, out, err })))
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await potoroo([...args, '--json'])
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}

describe('finding a house', () => {
  test('by its data folder, by variable and by flag, the later named coming first', async () => {
    expect(await json('status')).toMatchObject({ url: house.url, ready: true, pid: house.pid })
    expect(await json('status', '--url', house.url, '--data', file('nowhere'))).toMatchObject({ url: house.url })
    expect((await potoroo(['status'], { env: { POTOROO_URL: 'http://127.0.0.1:1' } })).code).toBe(6)
  })

  test('none ends with 6 and how to start one', async () => {
    const { code, out, err } = await potoroo(['status', '--data', file('nowhere')])
    expect([code, out]).toEqual([6, ''])
    expect(err).toContain('potoroo up')
  })

  test('wait ends with 0 once it is ready and with 7 when it takes too long', async () => {
    expect(await json('wait', '--for', 'ready')).toMatchObject({ url: house.url })
    expect((await potoroo(['wait', '--data', file('nowhere'), '--timeout', '200ms'])).code).toBe(7)
  })

  test('env prints what each reader takes', async () => {
    const variables = await json<Record<string, string>>('env')
    expect(variables).toMatchObject({ STORAGE_EMULATOR_HOST: house.url, GOOGLE_CLOUD_PROJECT: 'potoroo-dev' })
    expect((await potoroo(['env'])).out).toContain(`export STORAGE_EMULATOR_HOST='${house.url}'\n`)
    expect((await potoroo(['env', '--format', 'dotenv'])).out).toContain(`STORAGE_EMULATOR_HOST=${house.url}\n`)
    expect((await potoroo(['env', '--format', 'fish'])).out).toContain(`set -gx STORAGE_EMULATOR_HOST '${house.url}'\n`)
    expect((await potoroo(['env', '--format', 'pwsh'])).out).toContain(`$env:STORAGE_EMULATOR_HOST = '${house.url}'\n`)
  })
})

describe('usage', () => {
  test.each([
    [['buket'], 'Did you mean bucket?'],
    [['up', '--prot', '1'], 'Did you mean --port?'],
    [['env', '--format', 'xml'], 'sh, dotenv, json, fish, pwsh'],
    [['object', 'cp', 'a', 'b'], 'has to be an object'],
    [['object', 'rm', 'day.csv'], 'gs://BUCKET/OBJECT'],
    [['up', '--port', '99999'], 'from 0 to 65535'],
    [['status', '--url', 'not a url'], 'http://127.0.0.1:4280'],
  ])('%j ends with 2 and says what is meant', async (args, words) => {
    const { code, out, err } = await potoroo(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(words)
  })

  test('help goes to the output and ends with 0; nothing at all is a usage error', async () => {
    expect(await potoroo(['object', 'cp', '--help'])).toMatchObject({ code: 0, err: '', out: expect.stringContaining('potoroo object cp day.csv gs://lake/') })
    expect((await potoroo([])).code).toBe(2)
  })

  test('no colour and no moving line without a terminal', async () => {
    const { err } = await potoroo(['status', '--data', file('nowhere')])
    expect(err).not.toContain('\x1b')
  })

  test('config says where each value comes from', async () => {
    writeFileSync(file('potoroo.toml'), '# ours\nproject = "from-file"\nlisten = "0.0.0.0"\n')
    const { out } = await potoroo(['config', '--json'], { env: { POTOROO_LISTEN: '127.0.0.1' } })
    rmSync(file('potoroo.toml'))
    expect(JSON.parse(out)).toMatchObject({ project: { value: 'from-file', source: 'file' }, listen: { value: '127.0.0.1', source: 'variable' }, port: { source: 'default' } })
  })
})

describe('buckets and objects', () => {
  const content = 'day,rides\n1,985\n'

  test('what is copied in comes out the same, by file, by pipe and from object to object', async () => {
    await json('bucket', 'create', 'gs://lake')
    writeFileSync(file('day.csv'), content)
    expect(await json('object', 'cp', 'day.csv', 'gs://lake/')).toEqual([{ from: 'day.csv', to: 'gs://lake/day.csv', bytes: content.length }])
    expect((await potoroo(['object', 'cp', '-', 'gs://lake/piped/ä #1.txt'], { input: 'through the pipe' })).code).toBe(0)
    await json('object', 'cp', 'gs://lake/day.csv', 'gs://lake/copy/')
    expect((await potoroo(['object', 'cat', 'gs://lake/copy/day.csv', 'gs://lake/piped/ä #1.txt'])).out).toBe(`${content}through the pipe`)
    expect((await potoroo(['object', 'cp', 'gs://lake/day.csv', '-'])).out).toBe(content)
    await json('object', 'cp', '-r', 'gs://lake', 'down')
    expect(readFileSync(file('down/piped/ä #1.txt'), 'utf8')).toBe('through the pipe')
  })

  test('listing shows folders, everything with -r, and what is not there ends with 3', async () => {
    const names = async (...args: string[]) => (await potoroo(['object', 'ls', ...args])).out.trim().split('\n')
    expect(await names('gs://lake')).toEqual(['gs://lake/copy/', 'gs://lake/piped/', 'gs://lake/day.csv'])
    expect(await names('-r', 'gs://lake')).toEqual(['gs://lake/copy/day.csv', 'gs://lake/day.csv', 'gs://lake/piped/ä #1.txt'])
    expect((await potoroo(['object', 'ls', 'gs://lake/none'])).code).toBe(3)
    expect((await potoroo(['object', 'cat', 'gs://lake/none'])).code).toBe(3)
  })

  test('an object cannot be written outside of the folder that was named', async () => {
    await potoroo(['object', 'cp', '-', 'gs://lake/evil/../../../escaped'], { input: 'x' })
    const { code, err } = await potoroo(['object', 'cp', '-r', 'gs://lake/evil', 'into'])
    expect([code, existsSync(file('../escaped'))]).toEqual([2, false])
    expect(err).toContain('cannot be a file below')
    await json('object', 'rm', '-r', 'gs://lake/evil')
  })

  test('a download that breaks off leaves what was there', async () => {
    writeFileSync(file('kept.txt'), 'kept')
    expect((await potoroo(['object', 'cp', 'gs://lake/none', 'kept.txt'])).code).toBe(3)
    expect(readFileSync(file('kept.txt'), 'utf8')).toBe('kept')
  })

  test('a dry run removes nothing; a bucket with objects is only removed with -r', async () => {
    expect(await json('object', 'rm', '-r', 'gs://lake/copy', '--dry-run')).toEqual({ removed: ['gs://lake/copy/day.csv'], dryRun: true })
    expect((await potoroo(['object', 'cat', 'gs://lake/copy/day.csv'])).code).toBe(0)
    expect((await potoroo(['bucket', 'rm', 'gs://lake'])).code).toBe(5)
    await json('bucket', 'create', 'gone')
    expect(await json('bucket', 'rm', '-r', 'gs://gone')).toEqual({ removed: 'gone', objects: 0 })
    expect((await potoroo(['bucket', 'create', 'gs://lake'])).code).toBe(5)
  })
})

describe('snapshots and the doctor', () => {
  test('a house is saved while it serves and loaded elsewhere, where the doctor finds it sound', async () => {
    await json('snapshot', 'save', 'lake.tar')
    expect((await potoroo(['snapshot', 'save', 'lake.tar'])).code).toBe(5)
    expect((await potoroo(['snapshot', 'load', 'lake.tar'])).code).toBe(5)
    await json('snapshot', 'load', 'lake.tar', '--data', 'restored')
    const findings = await json<{ what: string; state: string }[]>('doctor', '--data', 'restored')
    expect(findings.filter(({ state }) => state !== 'good')).toEqual([])
    const second = await startHouse(file('restored'))
    expect((await potoroo(['object', 'cat', 'gs://lake/day.csv', '--data', 'restored'])).out).toContain('985')
    await second.kill()
  })

  test('the doctor ends with 1 and names the file that is not whole', async () => {
    const { out } = await potoroo(['object', 'ls', '-r', 'gs://lake', '--data', data, '--json'])
    expect(JSON.parse(out).items.length).toBeGreaterThan(0)
    const objects = join(file('restored'), 'objects')
    const [first] = globSync('**/*', { cwd: objects }).filter((name) => statSync(join(objects, name)).isFile() && statSync(join(objects, name)).size > 3)
    truncateSync(join(objects, first!), 3)
    const ended = await potoroo(['doctor', '--data', 'restored'])
    expect(ended.code).toBe(1)
    expect(ended.out).toContain('3 bytes instead of')
    expect(ended.out).toContain('snapshot')
  })
})

describe('starting', () => {
  test('a second house on the same folder ends with 5 and says who holds it', async () => {
    const { code, err } = await potoroo(['up', '--port', '0'])
    expect(code).toBe(5)
    expect(err).toContain(`process ${house.pid} has held it since`)
  })

  test('a taken port ends with 5, names its holder where the system tells, and leaves no process behind', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as AddressInfo
    const { code, err } = await potoroo(['up', '--port', String(port), '--data', 'other'])
    server.close()
    expect(code).toBe(5)
    expect(err).toContain(`Port ${port}`)
    expect(err).toContain(`--port ${port + 1}`)
    if (process.platform === 'linux') expect(err).toContain(`process ${process.pid}`)
  })

  test('a throw-away house leaves nothing', async () => {
    const brief = await startHouse(file('brief'), { flags: ['--ephemeral'] })
    await brief.stop()
    expect(existsSync(file('brief'))).toBe(false)
  })
})
