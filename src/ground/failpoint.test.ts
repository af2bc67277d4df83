import { afterEach, expect, test } from 'vitest'
import { arm, disarm, failpoint } from './failpoint.ts'

afterEach(() => disarm())

test('a point that is not armed does nothing', async () => {
  expect(await failpoint('nowhere')).toBe(false)
})

test('each action does what it says', async () => {
  arm('point', 'throw')
  await expect(failpoint('point')).rejects.toMatchObject({ reason: 'failpoint' })
  arm('point', 'enospc')
  await expect(failpoint('point')).rejects.toMatchObject({ code: 'ENOSPC' })
  arm('point', 'eio')
  await expect(failpoint('point')).rejects.toMatchObject({ code: 'EIO' })
  arm('point', 'skip')
  expect(await failpoint('point')).toBe(true)
  arm('point', 'wait:1')
  expect(await failpoint('point')).toBe(false)
})

test('the first passes go through where some are asked for', async () => {
  arm('point', 'throw', 2)
  await failpoint('point')
  await failpoint('point')
  await expect(failpoint('point')).rejects.toThrow()
})

test('what was disarmed does nothing again', async () => {
  arm('point', 'throw')
  disarm('point')
  expect(await failpoint('point')).toBe(false)
})
