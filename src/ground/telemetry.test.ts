import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { openLog, openMetrics } from './telemetry.ts'

function memory(isTTY: boolean) {
  const lines: string[] = []
  const out = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { lines, out: Object.assign(out, { isTTY }) }
}

test('a log is JSON lines where no person reads it', () => {
  const { lines, out } = memory(false)
  openLog('info', out).info({ bucket: 'lake' }, 'made')
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', msg: 'made', bucket: 'lake' })
})

test('a log is words on a terminal, with the stack of what went wrong', () => {
  const { lines, out } = memory(true)
  openLog('info', out).error({ err: new Error('broken') }, 'it broke')
  expect(lines.join('')).toMatch(/error.*it broke/)
  expect(lines.join('')).toContain('Error: broken')
})

test.each([
  ['itself', { token: 'hunter2' }],
  ['in an object', { request: { authorization: 'hunter2' } }],
  ['two deep', { request: { headers: { authorization: 'hunter2' } } }],
])('a secret never reaches a log line: %s', (_, given) => {
  for (const isTTY of [true, false]) {
    const { lines, out } = memory(isTTY)
    openLog('info', out).info(given, 'called')
    expect(lines.join('')).toContain('*****')
    expect(lines.join('')).not.toContain('hunter2')
  }
})

test('what is below the level is not written', () => {
  const { lines, out } = memory(false)
  openLog('warn', out).info('quiet')
  expect(lines).toEqual([])
})

test('two houses in one process keep their metrics apart', async () => {
  const [first, second] = [openMetrics(), openMetrics()]
  first.counter('potoroo_things_total', 'Things').inc(3)
  second.counter('potoroo_things_total', 'Things').inc(1)
  expect(await first.registry.metrics()).toContain('potoroo_things_total 3')
  expect(await second.registry.metrics()).toContain('potoroo_things_total 1')
})

test('a gauge is asked when it is read', async () => {
  const metrics = openMetrics()
  let value = 1
  metrics.gauge('potoroo_depth', 'Depth', [], (gauge) => gauge.set(value))
  value = 7
  expect(await metrics.registry.metrics()).toContain('potoroo_depth 7')
})
