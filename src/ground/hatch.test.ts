import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { Disk } from './disk.ts'
import { encodeFrame, FrameReader } from './frames.ts'
import { type Ending, Hatch, type Order, type RungLevel } from './hatch.ts'
import { ProcessTable } from './hatch-members.ts'
import { systemIds } from './ids.ts'

const clock = systemClock()
const folders: string[] = []

async function openHatch(rung_max: RungLevel, folder = mkdtempSync(join(tmpdir(), 'potoroo-hatch-test-'))): Promise<{ hatch: Hatch; folder: string; notes: string[] }> {
  folders.push(folder)
  const notes: string[] = []
  const hatch = await Hatch.open({ disk: new Disk(folder, { durable: false }), clock, ids: systemIds(clock), rung_max, onNote: (note) => notes.push(note) })
  return { hatch, folder, notes }
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

interface Seen {
  ending: Ending
  lines: string[]
  scratch: string
}

async function finish(hatch: Hatch, order: Partial<Order> & { command: readonly string[] }): Promise<Seen> {
  const lines: string[] = []
  const run = await hatch.start({ name: 'a test', onLine: (line) => lines.push(line), ...order })
  return { ending: await run.ended, lines, scratch: run.scratch }
}

const sh = (script: string) => ['/bin/sh', '-c', script]
const node = (script: string) => ({ command: [process.execPath, '-e', script], readable: [dirname(process.execPath)] })

/** How many processes of the machine have this mark in their environment or command line. */
function living(mark: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return command.includes(mark) && !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
    } catch {
      return false
    }
  }).length
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what() && tries < 400; tries++) await sleep(25)
  expect(what()).toBe(true)
}

describe.each([0, 1, 2] as const)('rung %i', (level) => {
  let hatch: Hatch
  let folder: string
  let available: boolean

  beforeAll(async () => {
    ;({ hatch, folder } = await openHatch(level))
    available = hatch.rung.level === level
    if (!available) console.warn(`rung ${level} cannot be tested here: ${hatch.rung.reason}`)
  })
  afterAll(() => hatch.close())

  /** What this machine cannot do is skipped by name, never counted as passed. */
  const on = (title: string, test: () => Promise<void>) =>
    it(title, async (context) => {
      if (!available) return context.skip(hatch.rung.reason)
      await test()
    })

  on('runs code in its own scratch folder, with only what it was given', async () => {
    process.env['SECRET_OF_THE_HOUSE'] = 'x'
    const { ending, lines, scratch } = await finish(hatch, {
      command: sh('cat given; pwd; env | cut -d= -f1 | sort | tr "\\n" " "; echo; echo made > result; echo to-stderr >&2'),
      env: { GIVEN: '1' },
      fill: (at) => writeFile(join(at, 'given'), 'hello\n'),
      harvest: async (at) => void lines.push(readFileSync(join(at, 'result'), 'utf8').trim()),
    })
    delete process.env['SECRET_OF_THE_HOUSE']
    expect(ending).toMatchObject({ reason: 'exit', code: 0, clean: true })
    expect(lines).toContain('hello')
    expect(lines).toContain(scratch)
    expect(lines.join('\n')).toMatch(/^GIVEN HOME LANG (OLDPWD )?PATH POTOROO_RUN PWD TMPDIR $/m)
    expect(lines).toContain('to-stderr')
    expect(existsSync(scratch)).toBe(false)
  })

  on('says the exit code, and that a program is missing', async () => {
    expect((await finish(hatch, { command: sh('exit 7') })).ending).toMatchObject({ reason: 'exit', code: 7 })
    expect((await finish(hatch, { command: ['/no/such/program'] })).ending.code).not.toBe(0)
  })

  on('talks over pipes that prints cannot corrupt', async () => {
    const run = await hatch.start({
      name: 'echo',
      command: sh('echo noise; cat <&3 >&4'),
      talk: true,
    })
    const talk = run.talk
    if (!talk) return expect.unreachable()
    const reader = new FrameReader()
    talk.output.write(encodeFrame({ n: 1 }))
    talk.output.end(encodeFrame({ n: 2 }))
    const heard: unknown[] = []
    for await (const chunk of talk.input) heard.push(...reader.push(chunk as Buffer))
    expect(heard).toEqual([{ n: 1 }, { n: 2 }])
    expect((await run.ended).code).toBe(0)
  })

  on('ends a memory hog, and says how much it used', async () => {
    const hog = node('const kept = []; setInterval(() => kept.push(Buffer.alloc(20e6, 1)), 10)')
    const { ending } = await finish(hatch, { ...hog, limits: { memory_bytes: 200e6 } })
    expect(ending.reason).toBe('memory')
    expect(ending.message).toMatch(/used \d+ MB of memory; its limit is 190 MB/)
    expect(ending.memory_bytes_max).toBeLessThan(2e9)
  })

  on('ends a memory hog that spreads over many processes', async () => {
    const hog = node(`
      const { fork } = require('node:child_process')
      if (process.argv[1] !== 'leaf') for (let n = 0; n < 4; n++) require('node:child_process').spawn(process.execPath, ['-e', 'globalThis.kept = Buffer.alloc(70e6, 1); setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' })
      setInterval(() => {}, 1000)`)
    expect((await finish(hatch, { ...hog, limits: { memory_bytes: 300e6, wall_ms: 15_000 } })).ending.reason).toBe('memory')
  })

  on('ends a fork bomb with everything it made', async () => {
    const mark = `9${process.pid}${level}1.5`
    const bomb = sh(`bomb() { sleep ${mark} & bomb2 & }; bomb2() { sleep ${mark} & setsid sleep ${mark} & bomb & sleep 0.02; }; n=0; while [ $n -lt 400 ]; do n=$((n+1)); bomb; done; sleep 60`)
    const { ending } = await finish(hatch, { command: bomb, limits: { processes_max: 60, wall_ms: 5_000 } })
    // Where the run has a user to itself the system refuses the forks; elsewhere the watch ends it.
    expect(['processes', 'time', 'exit']).toContain(ending.reason)
    if (level === 0) expect(ending.reason).toBe('processes')
    expect(ending.clean).toBe(true)
    expect(living(mark)).toBe(0)
  })

  on('ends what a run forked away from itself when the run ends', async () => {
    const mark = `9${process.pid}${level}2.5`
    const { ending } = await finish(hatch, { command: sh(`(setsid sh -c 'sleep ${mark} & sleep ${mark}' &) ; sleep 0.2; exit 3`) })
    expect(ending).toMatchObject({ code: 3, clean: true })
    expect(living(mark)).toBe(0)
  })

  on('passes stdout without end through a cap, without blocking the program', async () => {
    let kept = 0
    const { ending } = await finish(hatch, {
      command: sh('yes a-line-of-output | head -c 300000000; echo the end >&2'),
      limits: { log_bytes_max: 1_000_000 },
      onLine: (line) => void (kept += line.length),
    })
    expect(ending).toMatchObject({ reason: 'exit', code: 0 })
    expect(ending.output.bytes).toBeGreaterThan(300_000_000)
    expect(kept).toBeLessThan(1_200_000)
  })

  on('cuts a line without end', async () => {
    const { lines, ending } = await finish(hatch, { command: sh('head -c 5000000 /dev/zero | tr "\\0" x'), limits: { line_bytes_max: 1_000 } })
    expect(ending.output.bytes).toBe(5_000_000)
    expect(lines[0]).toMatch(/^x{1000} … \[line cut at 1000 bytes\]$/)
  })

  on('stops politely, and ends a program that ignores it', async () => {
    const started = async (script: string) => {
      const up = Promise.withResolvers<void>()
      const run = await hatch.start({ name: 'stop me', command: sh(script), limits: { stop_ms: 200 }, onLine: (line) => line === 'up' && up.resolve() })
      await up.promise
      return run
    }
    const polite = await started('trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.02; done')
    expect(await polite.stop()).toMatchObject({ reason: 'stopped', code: 5 })
    const mark = `9${process.pid}${level}3.5`
    const deaf = await started(`trap "" TERM; echo up; while :; do sleep ${mark}; done`)
    expect(await deaf.stop()).toMatchObject({ reason: 'stopped', clean: true })
    expect(living(mark)).toBe(0)
  })

  on('ends what runs too long or computes too much', async () => {
    expect((await finish(hatch, { command: sh('sleep 60'), limits: { wall_ms: 150 } })).ending).toMatchObject({ reason: 'time', message: 'ran longer than 150 ms' })
    const { ending } = await finish(hatch, { command: sh('while :; do :; done'), limits: { cpu_ms: 300, wall_ms: 20_000 } })
    expect(ending.reason === 'cpu' || ending.signal === 'SIGXCPU' || ending.code === 128 + 24).toBe(true)
  })

  on('refuses a file over its limit', async () => {
    const { ending, lines } = await finish(hatch, { command: sh('trap "" XFSZ; head -c 3000000 /dev/zero > big; wc -c < big; exit 0'), limits: { file_bytes: 1_000_000 } })
    expect(ending.code).toBe(0)
    expect(Number(lines.at(-1))).toBeLessThanOrEqual(1_000_000)
  })

  on('ends what fills the disk', async () => {
    const { ending } = await finish(hatch, { command: sh('n=0; while :; do n=$((n+1)); head -c 5000000 /dev/zero > part$n; sleep 0.02; done'), limits: { scratch_bytes: 20e6, wall_ms: 15_000 } })
    expect(ending.reason).toBe('disk')
  })

  on(level === 0 ? 'does not keep code from the house\'s files, and says so' : 'keeps code from the house\'s files and from other runs', async () => {
    const other = await hatch.start({ name: 'other', command: sh('echo private > mine; echo up; sleep 60'), onLine: () => {} })
    await until(() => existsSync(join(other.scratch, 'mine')))
    writeFileSync(join(folder, 'key'), 'the vault key\n', { mode: 0o600 })
    const outside = join(tmpdir(), `potoroo-outside-${process.pid}-${level}`)
    const { lines } = await finish(hatch, {
      command: sh(`
        cat ${folder}/key && echo READ-KEY
        cat ${other.scratch}/mine && echo READ-OTHER
        cat /proc/${process.pid}/environ > /dev/null && echo READ-ENVIRON
        kill -0 ${process.pid} && echo SIGNAL
        echo x > ${folder}/written
        echo x > ${outside}; true`),
    })
    await other.kill()
    const did = lines.filter((line) => /^[A-Z-]+$/.test(line))
    // What a jail writes at such a path stays in the jail, so only the machine's own files tell.
    const wrote = [join(folder, 'written'), outside].map((file) => existsSync(file))
    rmSync(outside, { force: true })
    if (level > 0) expect(did).toEqual([])
    else expect(did).toContain('READ-KEY')
    // The machine's own /tmp is open to every user, and to no jail.
    expect(wrote).toEqual([level < 1, level < 2])
    expect(hatch.rung.reason).toMatch(level === 0 ? /no boundary/ : /no new privileges/)
  })

  on('removes a scratch folder that its owner locked', async () => {
    const { scratch } = await finish(hatch, { command: sh('mkdir -p a/b; echo x > a/b/c; chmod 000 a/b a') })
    expect(existsSync(scratch)).toBe(false)
  })

  on('has no network where none is wanted, or refuses to promise it', async () => {
    const order = { command: sh('cat /proc/net/dev'), network: 'none' as const }
    if (level < 2) return expect(finish(hatch, order)).rejects.toMatchObject({ reason: 'noNetworkJail' })
    const { lines } = await finish(hatch, order)
    expect(lines.filter((line) => line.includes(':')).map((line) => line.trim().split(':')[0])).toEqual(['lo'])
  })

  on('ends with a house that was killed, grandchildren at the next start', async () => {
    const mark = `9${process.pid}${level}4.5`
    const home = mkdtempSync(join(tmpdir(), 'potoroo-hatch-test-'))
    const house = spawn(process.execPath, [join(import.meta.dirname, 'hatch.fixture.ts'), home, String(level), `echo up; (setsid sleep ${mark} &); (env -i sleep ${mark} &); sleep ${mark}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(house.stdout, 'data')
    const recorded = () => readdirSync(join(home, 'hatch-runs')).some((file) => file.endsWith('.json') && readFileSync(join(home, 'hatch-runs', file), 'utf8').includes('"pid"'))
    await until(() => living(mark) >= 4 && recorded())
    house.kill('SIGKILL')
    await once(house, 'exit')
    const { hatch: next, notes } = await openHatch(level, home)
    expect(living(mark)).toBe(0)
    expect(readdirSync(join(home, 'hatch-runs'))).toEqual([])
    expect(notes.every((note) => note.includes('was ended'))).toBe(true)
    await next.close()
  })
})

it('closing ends every run, and starts no more', async () => {
  const { hatch } = await openHatch(2)
  const runs = await Promise.all([1, 2, 3].map(() => hatch.start({ name: 'n', command: sh('sleep 60') })))
  await hatch.close()
  for (const run of runs) expect((await run.ended).reason).toBe('stopped')
  await expect(hatch.start({ name: 'late', command: sh('true') })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

it('the process table sees this machine', () => {
  const table = new ProcessTable()
  table.look()
  expect(table.members({ token: 'none', pid: process.ppid }).length).toBeGreaterThan(0)
})
