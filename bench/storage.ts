/**
 * Figures of the house's start and its storage room, beside what the same machine does without it. `PYTHON` names a Python with
 * google-cloud-storage (else `python3`), `FAKE_GCS` the fake-gcs-server binary (else it is left out, and said so).
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startHouse } from '../tests/support/house-process.ts'
import type { HouseProcess } from '../tests/support/house-process.ts'
import { atLeast, atMost, median, report } from './figures.ts'
import type { Figure } from './figures.ts'

const PYTHON = process.env['PYTHON'] ?? 'python3'
const FAKE_GCS = process.env['FAKE_GCS'] ?? 'fake-gcs-server'
const MB = 1 << 20
const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
const figures: Figure[] = []

if (process.argv[2] === '--nothing') serveNothing()
else await measure()

async function measure(): Promise<void> {
  try {
    await start()
    const house = await startHouse(join(folder, 'house'))
    try {
      await idle(house)
      await small(house)
      await large(house)
      await listing(house)
      await streaming(house)
    } finally {
      await house.stop()
    }
    report(import.meta.filename, figures)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function serveNothing(): void {
  const chunk = Buffer.alloc(MB, 5)
  const server = createServer((incoming, response) => {
    incoming.resume()
    response.writeHead(200, { 'content-length': 256 * MB, 'content-type': 'application/octet-stream' })
    let left = 256
    const more = () => {
      while (left > 0) if (left-- && !response.write(chunk)) return void response.once('drain', more)
      response.end()
    }
    more()
  })
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
}

async function start(): Promise<void> {
  const taken: number[] = []
  for (let round = 0; round < 5; round++) {
    const house = await startHouse(join(folder, 'start'))
    taken.push(house.started_ms)
    await house.stop()
  }
  figures.push({ name: 'start to ready, warm', ours: median(taken) / 1000, unit: 's', bound: atMost(0.6) })
}

async function idle(house: HouseProcess): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2000))
  figures.push({ name: 'memory when idle', ours: rss_MB(house.pid), unit: 'MB', bound: atMost(120) })
}

/** 1 KB objects over 16 kept-alive connections of a plain client. */
async function small(house: HouseProcess): Promise<void> {
  await bucket(house, 'small')
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const body = Buffer.alloc(1024, 1)
  let names = 0
  const put = () => call(agent, house, 'POST', `/upload/storage/v1/b/small/o?uploadType=media&name=n${names++ % 5000}`, body)
  const get = () => call(agent, house, 'GET', `/download/storage/v1/b/small/o/n${names++ % 1000}?alt=media`)
  await perSecond(put, 500)
  figures.push({ name: '1 KB durable PUT, 16 connections', ours: await perSecond(put, 4000), unit: '/s', bound: atLeast(1500) })
  await perSecond(get, 500)
  figures.push({ name: '1 KB GET, 16 connections', ours: await perSecond(get, 12_000), unit: '/s', bound: atLeast(6000) })
  agent.destroy()
}

async function large(house: HouseProcess): Promise<void> {
  const ours = python(house.url, 'upload,download,small')
  const peer = await withFakeGcs((url) => python(url, 'upload,small'))
  const machine = writeMd5Sync_MBps()
  const nothing = await withNothing((url) => python(url, 'nothing,download'))
  figures.push({ name: 'Python upload of 256 MB', ours: ours['upload_MBps']!, unit: 'MB/s', bound: atLeast(machine / 2, 'half of write + md5 + sync') })
  if (peer) figures.push({ name: 'the same, beside fake-gcs-server on disk', ours: ours['upload_MBps']!, unit: 'MB/s', bound: atLeast(3 * peer['upload_MBps']!, 'three times the peer') })
  figures.push({ name: 'Python download of 256 MB', ours: ours['download_MBps']!, unit: 'MB/s', bound: atLeast(0.8 * nothing['download_MBps']!, '80 % of a server that does nothing') })
  figures.push({ name: 'Python PUT of 1 KB', ours: ours['put_per_s']!, unit: '/s', ...(peer && { bound: atLeast(3 * peer['put_per_s']!, 'three times the peer') }) })
  figures.push({ name: 'Python GET of 1 KB', ours: ours['get_per_s']!, unit: '/s', ...(peer && { bound: atLeast(2 * peer['get_per_s']!, 'twice the peer') }) })
}

async function listing(house: HouseProcess): Promise<void> {
  await bucket(house, 'many')
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  let next = 0
  await perSecond(() => call(agent, house, 'POST', `/upload/storage/v1/b/many/o?uploadType=media&name=${String(next++).padStart(6, '0')}`, Buffer.from('x')), 100_000)
  const pages: number[] = []
  let pageToken: string | undefined = ''
  while (pageToken !== undefined) {
    const since = performance.now()
    const page: { nextPageToken?: string } = JSON.parse(String(await call(agent, house, 'GET', `/storage/v1/b/many/o?maxResults=1000&pageToken=${pageToken}`)))
    pages.push(performance.now() - since)
    pageToken = page.nextPageToken
  }
  agent.destroy()
  const first = median(pages.slice(0, 20))
  figures.push({ name: `a page of 1,000 among 100,000, last 20 of ${pages.length}`, ours: median(pages.slice(-20)), unit: 'ms', bound: atMost(first * 1.25, 'the first 20 pages, and a quarter') })
}

/** 2 GB in and out, watching memory. */
async function streaming(house: HouseProcess): Promise<void> {
  await bucket(house, 'stream')
  const before = rss_MB(house.pid)
  let peak = before
  const watch = setInterval(() => (peak = Math.max(peak, rss_MB(house.pid))), 50)
  const chunk = Buffer.alloc(MB, 7)
  await new Promise<void>((resolve, reject) => {
    const upload = request(`${house.url}/upload/storage/v1/b/stream/o?uploadType=media&name=two`, { method: 'POST', headers: { 'content-length': 2048 * MB } }, (answer) => answer.resume().once('end', resolve))
    upload.once('error', reject)
    let left = 2048
    const more = () => {
      while (left > 0) if (left-- && !upload.write(chunk)) return void upload.once('drain', more)
      upload.end()
    }
    more()
  })
  await new Promise<void>((resolve) => request(`${house.url}/download/storage/v1/b/stream/o/two?alt=media`, (answer) => answer.resume().once('end', resolve)).end())
  clearInterval(watch)
  figures.push({ name: 'memory while 2 GB stream in and out, above idle', ours: Math.max(peak - before, 0.1), unit: 'MB', bound: atMost(100) })
}

async function bucket(house: HouseProcess, name: string): Promise<void> {
  await fetch(`${house.url}/storage/v1/b?project=bench`, { method: 'POST', body: JSON.stringify({ name }) })
}

function call(agent: Agent, house: HouseProcess, method: string, path: string, body?: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: house.port, method, path, agent, headers: body && { 'content-length': body.length } }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk) => chunks.push(chunk))
      answer.once('end', () => (answer.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${path}: ${answer.statusCode} ${Buffer.concat(chunks)}`))))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

/** `count` calls, as many at a time as the agent has sockets. */
async function perSecond(work: () => Promise<unknown>, count: number): Promise<number> {
  const since = performance.now()
  let left = count
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (left-- > 0) await work()
    }),
  )
  return count / ((performance.now() - since) / 1000)
}

function python(url: string, what: string): Record<string, number> {
  return JSON.parse(execFileSync(PYTHON, [join(import.meta.dirname, 'storage.py'), url, what], { encoding: 'utf8' }))
}

function writeMd5Sync_MBps(): number {
  const chunk = Buffer.alloc(MB, 3)
  const taken = [1, 2, 3].map(() => {
    const since = performance.now()
    const file = openSync(join(folder, 'raw'), 'w')
    const md5 = createHash('md5')
    for (let index = 0; index < 256; index++) {
      writeSync(file, chunk)
      md5.update(chunk)
    }
    fdatasyncSync(file)
    closeSync(file)
    md5.digest()
    return (performance.now() - since) / 1000
  })
  return 256 / median(taken)
}

async function withFakeGcs<T>(work: (url: string) => T): Promise<T | undefined> {
  if (spawnSync(FAKE_GCS, ['-help'], { stdio: 'ignore' }).error) {
    console.log(`left out: ${FAKE_GCS} is not here (go install github.com/fsouza/fake-gcs-server@v1.56.1)`)
    return undefined
  }
  const port = 20_000 + (process.pid % 20_000)
  const server = spawn(FAKE_GCS, ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-public-host', `127.0.0.1:${port}`, '-backend', 'filesystem', '-filesystem-root', join(folder, 'peer'), '-log-level', 'error'], { stdio: 'ignore' })
  return ended(server, async () => {
    for (let tries = 0; tries < 100; tries++) {
      if (await fetch(`http://127.0.0.1:${port}/storage/v1/b?project=x`).then((answer) => answer.ok, () => false)) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return work(`http://127.0.0.1:${port}`)
  })
}

/** A server in a process of its own that gives 256 MB to whoever asks, and knows nothing else. */
async function withNothing<T>(work: (url: string) => T): Promise<T> {
  const server = spawn(process.execPath, [import.meta.filename, '--nothing'], { stdio: ['ignore', 'pipe', 'inherit'] })
  return ended(server, async () => {
    const port = await new Promise<string>((resolve) => server.stdout!.once('data', (line) => resolve(String(line).trim())))
    return work(`http://127.0.0.1:${port}`)
  })
}

async function ended<T>(server: ChildProcess, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    server.kill('SIGKILL')
  }
}

function rss_MB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}
