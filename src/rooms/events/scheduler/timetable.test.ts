/** When schedules are due, in both of their languages. */
import { describe, expect, test } from 'vitest'
import { checkTimeZone, nextTime, parseSchedule } from './timetable.ts'

const at = (text: string) => Date.parse(text)
const next = (schedule: string, zone: string, after: string) => new Date(nextTime(schedule, zone, at(after), at('2026-01-01T00:01:00Z'))!).toISOString()

test.each([
  ['0 * * * *', 'Etc/UTC', '2026-03-01T10:00:00Z', '2026-03-01T11:00:00.000Z'],
  ['every 5 minutes', 'Etc/UTC', '2026-03-01T10:02:00Z', '2026-03-01T10:05:00.000Z'],
  ['every 2 hours', 'Etc/UTC', '2026-03-01T10:02:00Z', '2026-03-01T12:00:00.000Z'],
  ['every monday 09:00', 'Europe/Berlin', '2026-03-01T10:00:00Z', '2026-03-02T08:00:00.000Z'],
  ['every day 00:30', 'Etc/UTC', '2026-03-01T10:00:00Z', '2026-03-02T00:30:00.000Z'],
  // Summer time begins: half past two does not exist on that night in Berlin.
  ['30 3 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:30:00.000Z'],
])('%s in %s after %s is %s', (schedule, zone, after, expected) => expect(next(schedule, zone, after)).toBe(expected))

test('an interval that does not divide the hour counts from its beginning', () => {
  expect(next('every 7 minutes', 'Etc/UTC', '2026-01-01T00:01:00Z')).toBe('2026-01-01T00:08:00.000Z')
  expect(next('every 7 minutes', 'Etc/UTC', '2026-01-01T00:08:00Z')).toBe('2026-01-01T00:15:00.000Z')
})

describe('refused', () => {
  test.each(['', '* * * *', '* * * * * *', '61 * * * *', 'every', 'every 0 minutes', 'every fortnight', '@daily'])('%s', (text) => expect(() => parseSchedule(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' })))
  test('a time zone that does not exist', () => expect(() => checkTimeZone('Mars/Olympus')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' })))
})
