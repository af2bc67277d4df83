import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

test('work under one key runs one after the other in the order of asking, also after one that failed', async () => {
  const turns = new Turns()
  const seen: string[] = []
  const work = (name: string, fails = false) =>
    turns.take('bucket', async () => {
      seen.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  const results = await Promise.allSettled([work('a'), work('b', true), work('c')])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('work under different keys does not wait for each other', async () => {
  const turns = new Turns()
  let release = () => {}
  const held = turns.take('a', () => new Promise<void>((resolve) => (release = resolve)))
  expect(await turns.take('b', async () => 'done')).toBe('done')
  release()
  await held
})
