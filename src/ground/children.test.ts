import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { moduleFile } from './child-life.ts'
import { Child, type ChildOptions } from './children.ts'
import type { FixtureCalls } from './children.fixture.ts'
import { systemClock } from './clock.ts'
import { seededDice } from './dice.ts'
import { Fault } from './fault.ts'
import { statFields } from './process-group.ts'

const FIXTURE = new URL('./children.fixture.ts', import.meta.url)
const children: Child<FixtureCalls>[] = []

function child(options: Partial<ChildOptions> = {}): Child<FixtureCalls> {
  const made = new Child<FixtureCalls>({
    name: 'fixture',
    module: FIXTURE,
    clock: systemClock(),
    dice: seededDice(1),
    restart: { base_ms: 10, max_ms: 40 },
    stop_ms: 500,
    ...options,
  })
  children.push(made)
  return made
}

const alive = (pid: number) => !['Z', undefined].includes(statFields(pid)?.state)

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what() && tries < 400; tries++) await sleep(25)
  expect(what()).toBe(true)
}

afterEach(async () => {
  await Promise.all(children.splice(0).map((one) => one.stop()))
})

describe('a call', () => {
  it('carries plain values, bytes, bigints and undefined there and back', async () => {
    const one = child()
    await one.start()
    const value = { text: 'ä', bytes: Buffer.from([0, 255]), big: 2n ** 60n, none: undefined, list: [1.5, null, true] }
    expect(await one.call('echo', value)).toEqual(value)
    const large = Buffer.alloc(5_000_000, 7)
    expect(large.equals((await one.call('echo', large)) as Buffer)).toBe(true)
  })

  it('gives the child its arguments and variables, and none of the house\'s secrets', async () => {
    process.env['POTOROO_VAULT_KEY_OF_THIS_TEST'] = 'secret'
    const one = child({ args: ['--a', 'b'], env: { GIVEN: 'yes' } })
    await one.start()
    delete process.env['POTOROO_VAULT_KEY_OF_THIS_TEST']
    expect(await one.call('argv', null)).toEqual(['--a', 'b'])
    const variables = await one.call('variables', null)
    expect(variables['GIVEN']).toBe('yes')
    expect(variables).not.toHaveProperty('POTOROO_VAULT_KEY_OF_THIS_TEST')
  })

  it('keeps a fault whole across the pipe, and hides the text of a bug but logs it', async () => {
    const lines: string[] = []
    const one = child({ onLine: (line) => lines.push(line) })
    await one.start()
    await expect(one.call('refuse', null)).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'notFound', hint: 'Look again.', details: { row: 7 } })
    const bug: Fault = await one.call('bug', null).then(() => expect.unreachable(), (fault: Fault) => fault)
    expect(bug.code).toBe('INTERNAL')
    expect(bug.message).not.toContain('a bug of ours')
    await until(() => lines.some((line) => line.includes('a bug of ours')))
  })

  it('past its time or cancelled fails by itself and aborts the handler', async () => {
    const one = child()
    await one.start()
    await expect(one.call('hang', null, { timeout_ms: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const abort = new AbortController()
    const hanging = one.call('hang', null, { signal: abort.signal })
    await one.call('echo', 'by now the call above is in the child')
    abort.abort()
    await expect(hanging).rejects.toMatchObject({ code: 'CANCELLED' })
    let seen = 0
    for (let tries = 0; seen < 2 && tries < 100; tries++) seen = await one.call('cancelled', null)
    expect(seen).toBe(2)
  })

  it('above the bound of calls is refused, not queued', async () => {
    const one = child({ calls_max: 1 })
    await one.start()
    const abort = new AbortController()
    const first = one.call('hang', null, { signal: abort.signal })
    await expect(one.call('echo', 1)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    abort.abort()
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

describe('a stream', () => {
  it('arrives whole and in order while the child prints', async () => {
    const lines: string[] = []
    const one = child({ onLine: (line) => lines.push(line) })
    await one.start()
    const seen: number[] = []
    for await (const n of one.stream('count', { upTo: 500, print: true })) seen.push(n)
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n))
    await until(() => lines.includes('printed 499'))
  })

  it('is produced only as fast as it is taken', async () => {
    const one = child()
    await one.start()
    const stream = one.stream('count', { upTo: 100_000 })
    for (let n = 0; n < 20; n++) expect((await stream.next()).value).toBe(n)
    expect(await one.call('produced', null)).toBeLessThan(60)
    await stream.return(undefined)
  })

  it('left early ends the generator in the child', async () => {
    const one = child()
    await one.start()
    for await (const n of one.stream('forever', null)) if (n === 100) break
    let cancelled = 0
    for (let tries = 0; cancelled === 0 && tries < 100; tries++) cancelled = await one.call('cancelled', null)
    expect(cancelled).toBe(1)
  })
})

describe('a child that ends', () => {
  it('fails the calls under way, is restarted, and answers again', async () => {
    const states: string[] = []
    const one = child({ onState: (state) => states.push(state) })
    await one.start()
    const first = one.pid
    const hanging = one.call('hang', null)
    await expect(one.call('exit', 9)).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'childEnded', message: expect.stringContaining('exit code 9') })
    await expect(hanging).rejects.toMatchObject({ reason: 'childEnded' })
    expect(await one.call('echo', 'again')).toBe('again')
    expect(one.pid).not.toBe(first)
    expect(states).toEqual(['starting', 'ready', 'resting', 'starting', 'ready'])
  })

  it('again and again becomes degraded, says its last words, and calls fail at once', async () => {
    const whys: string[] = []
    const one = child({ args: ['--crash'], crash_loop: { ends_max: 3, within_ms: 60_000 }, onState: (state, why) => state === 'degraded' && whys.push(why) })
    await expect(one.start()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('cannot go on: no such thing') })
    expect(whys[0]).toContain('exit code 3')
    await expect(one.call('echo', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('stuck in a loop is noticed by its probe and replaced', async () => {
    const whys: string[] = []
    const one = child({ probe: { every_ms: 20, timeout_ms: 300 }, onState: (_, why) => whys.push(why) })
    await one.start()
    await expect(one.call('block', null)).rejects.toMatchObject({ reason: 'childEnded' })
    expect(await one.call('echo', 1)).toBe(1)
    expect(whys.join()).toContain('no sign of life')
  })

  it('by our kill is not a crash', async () => {
    const one = child({ crash_loop: { ends_max: 1, within_ms: 60_000 } })
    await one.start()
    one.kill('past its deadline')
    await until(() => one.restarts === 1)
    expect(await one.call('echo', 1)).toBe(1)
  })
})

describe('stop', () => {
  it('ends a child that does not want to, after the grace', async () => {
    const one = child({ args: ['--slow-close'], stop_ms: 100 })
    await one.start()
    const pid = one.pid as number
    await one.stop()
    expect(alive(pid)).toBe(false)
    await expect(one.call('echo', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

it.each(['idle', 'busy', 'busy, unaided'])('a child that is %s dies with a house that was killed', async (mood) => {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-children-'))
  const script = join(folder, 'house.ts')
  writeFileSync(
    script,
    `import { Child } from ${JSON.stringify(new URL('./children.ts', import.meta.url).href)}
     import { systemClock } from ${JSON.stringify(new URL('./clock.ts', import.meta.url).href)}
     import { systemDice } from ${JSON.stringify(new URL('./dice.ts', import.meta.url).href)}
     const child = new Child({ name: 'fixture', module: new URL(${JSON.stringify(FIXTURE.href)}), clock: systemClock(), dice: systemDice() })
     await child.start()
     if (process.argv[2].startsWith('busy')) child.call('block', null).catch(() => {})
     setTimeout(() => console.log(child.pid), 50)
     setInterval(() => {}, 1000)`,
  )
  const house = spawn(process.execPath, [script, mood], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Without a path there is no setpriv either, as on systems that have none.
    env: mood.endsWith('unaided') ? { PATH: '' } : process.env,
  })
  const [line] = (await once(house.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  expect(alive(pid)).toBe(true)
  house.kill('SIGKILL')
  try {
    await until(() => !alive(pid))
  } finally {
    if (alive(pid)) process.kill(pid, 'SIGKILL') // A failed test leaves nothing busy behind.
    rmSync(folder, { recursive: true })
  }
})

it('an emitted house runs the emitted twin of a child module', () => {
  expect(moduleFile(new URL('file:///p/src/engine-child.ts'), 'file:///p/dist/children.js')).toBe('/p/src/engine-child.js')
  expect(moduleFile(new URL('file:///p/src/engine-child.ts'), 'file:///p/src/children.ts')).toBe('/p/src/engine-child.ts')
})
