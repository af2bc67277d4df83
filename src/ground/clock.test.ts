import { expect, test } from 'vitest'
import { fakeClock, systemClock } from './clock.ts'

test('unique_us never gives the same microsecond twice, nor an earlier one', () => {
  const clock = systemClock()
  const stamps = Array.from({ length: 20_000 }, () => clock.unique_us())
  for (let index = 1; index < stamps.length; index++) expect(stamps[index]).toBeGreaterThan(stamps[index - 1]!)
})

test('a sleep ends with the reason of its signal, and an aborted one never begins', async () => {
  const clock = systemClock()
  const abort = new AbortController()
  const sleeping = clock.sleep(60_000, abort.signal)
  abort.abort(new Error('the house is stopping'))
  await expect(sleeping).rejects.toThrow('the house is stopping')
  await expect(clock.sleep(60_000, abort.signal)).rejects.toThrow('the house is stopping')
})

test('a cancelled timer never fires', async () => {
  const clock = systemClock()
  let fired = false
  clock.after(1, () => (fired = true))()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(fired).toBe(false)
})

test('the fake clock fires timers in the order in which they fall due, at their own time, those set meanwhile too', async () => {
  const clock = fakeClock(0)
  const seen: [string, number][] = []
  clock.after(30, () => seen.push(['third', clock.now_ms()]))
  clock.after(10, () => {
    seen.push(['first', clock.now_ms()])
    clock.after(5, () => seen.push(['second', clock.now_ms()]))
  })
  clock.after(31, () => seen.push(['too late', clock.now_ms()]))
  await clock.advance(30)
  expect(seen).toEqual([
    ['first', 10],
    ['second', 15],
    ['third', 30],
  ])
  expect(clock.next_ms()).toBe(31)
})

test('the fake clock ends an aborted sleep without moving', async () => {
  const clock = fakeClock(0)
  const abort = new AbortController()
  const sleeping = clock.sleep(1000, abort.signal)
  abort.abort(new Error('enough'))
  await expect(sleeping).rejects.toThrow('enough')
  expect(clock.now_ms()).toBe(0)
})
