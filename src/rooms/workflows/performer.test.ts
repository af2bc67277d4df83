/** Sleepers, faults of the house itself, and what happens between a look and a kill, on a clock moved by hand. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { fakeClock } from '#ground/clock.ts'
import { memoryLedger } from '#ground/ledger.ts'
import type { Ledger } from '#ground/ledger.ts'
import type { Ground } from '#ground/room.ts'
import { testGround } from '../../../tests/support/ground.ts'
import type { CourierPort } from './room.ts'
import { openWorkflows } from './room.ts'

const NAME = 'projects/p/locations/l/workflows'

async function openRoom(ledger: Ledger = memoryLedger(), clock = fakeClock(), courier: CourierPort = { send: () => Promise.reject(new Error('no network here')) }) {
  const ground = (await testGround(clock, ledger)) as unknown as Ground
  const room = openWorkflows(ground, { courier, tokens: { access: async () => 't', identity: async () => 't' }, logs: { write: async () => {} }, callbackBase: () => '' })
  await room.start()
  onTestFinished(() => room.stop())
  const { workflows, executions, performer } = room.service
  const begin = async (id: string, sourceContents: string) => {
    await workflows.create('projects/p/locations/l', id, { sourceContents })
    return (await executions.create(`${NAME}/${id}`, {})).name
  }
  const state = async (name: string) => (await executions.get(name)).execution.state
  return { room, clock, ground, performer, begin, state, executions }
}

describe('sleepers', () => {
  it('one of ten minutes wakes when its time has come, and not before', async () => {
    const { clock, begin, state, performer } = await openRoom()
    const name = await begin('long', '- s: {call: sys.sleep, args: {seconds: 600}}\n- r: {return: 1}\n')
    await clock.advance(1_000)
    expect(performer.count).toBe(0)
    await clock.advance(598_000)
    expect(await state(name)).toBe('ACTIVE')
    await clock.advance(2_000)
    expect(await state(name)).toBe('SUCCEEDED')
  })

  it('wake in the order of their times, whatever the order in which they fell asleep', async () => {
    const { clock, begin, state } = await openRoom()
    const late = await begin('late', '- s: {call: sys.sleep, args: {seconds: 100}}\n')
    await clock.advance(100)
    const early = await begin('early', '- s: {call: sys.sleep, args: {seconds: 10}}\n')
    await clock.advance(11_000)
    expect([await state(early), await state(late)]).toEqual(['SUCCEEDED', 'ACTIVE'])
    await clock.advance(100_000)
    expect(await state(late)).toBe('SUCCEEDED')
  })

  it('those whose time came while no house ran wake in the next one', async () => {
    const ledger = memoryLedger()
    const clock = fakeClock()
    const first = await openRoom(ledger, clock)
    const name = await first.begin('s', '- s: {call: sys.sleep, args: {seconds: 60}}\n')
    await clock.advance(100)
    await first.room.stop()
    await clock.advance(120_000)
    const second = await openRoom(ledger, clock)
    await clock.advance(100)
    expect(await second.state(name)).toBe('SUCCEEDED')
  })
})

describe('faults of the house', () => {
  it('a journal that cannot be written is tried again, and no request leaves before it is', async () => {
    const ledger = memoryLedger()
    const clock = fakeClock()
    let sent = 0
    const courier: CourierPort = { send: async () => (sent++, { status: 200, headers: {}, bytes: async () => Buffer.from('') }) }
    const { begin, state } = await openRoom(ledger, clock, courier)
    const write = ledger.write.bind(ledger)
    let failures = 0
    let broken = false
    ledger.write = (...statements) => {
      const isBatch = statements.some((statement) => 'rows' in statement && 'compile' in statement.query && statement.query.compile().sql.startsWith('update "workflow_executions"'))
      if (!broken || !isBatch) return write(...statements)
      failures++
      return Promise.reject(new Error('the disk is full'))
    }
    broken = true
    const name = await begin('post', '- p: {call: http.post, args: {url: "https://api.test/"}}\n- r: {return: done}\n')
    await clock.advance(3_500)
    expect(failures).toBeGreaterThan(1)
    expect(sent).toBe(0)
    broken = false
    await clock.advance(2_000)
    expect([await state(name), sent]).toEqual(['SUCCEEDED', 1])
  })

  it('an execution that is cancelled before anybody drives it ends all the same', async () => {
    const { executions, begin, state } = await openRoom()
    const name = await begin('c', '- s: {call: sys.sleep, args: {seconds: 60}}\n')
    await executions.cancel(name)
    expect(await state(name)).toBe('CANCELLED')
  })
})
