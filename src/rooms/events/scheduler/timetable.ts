/** When a schedule is due: cron's five fields, or App Engine's sentences such as `every 5 minutes` and `every monday 09:00`. */
import { Cron } from 'croner'
import { Fault } from '#ground/fault.ts'

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const MINUTE_MS = 60_000
export const SCHEDULE_CHARS_MAX = 500

type Timetable = { kind: 'cron'; pattern: string } | { kind: 'interval'; every_ms: number }

export function parseSchedule(text: string): Timetable {
  const schedule = text.trim().replaceAll(/\s+/g, ' ')
  if (schedule === '' || schedule.length > SCHEDULE_CHARS_MAX) throw malformed(text)
  const interval = /^every (\d+ )?(minute|min|hour)s?( synchronized)?$/i.exec(schedule)
  if (interval) return everyTime(Number(interval[1] ?? 1) * (interval[2]!.toLowerCase() === 'hour' ? 60 : 1), text)
  const daily = /^every (?:1 )?(day|(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*(?:\s*,\s*(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*)*)(?: (\d{1,2}):(\d{2}))?$/i.exec(schedule)
  if (daily) {
    const days = daily[1]!.toLowerCase() === 'day' ? '*' : daily[1]!.split(',').map((day) => DAYS.indexOf(day.trim().slice(0, 3).toLowerCase())).join(',')
    return cron(`${Number(daily[3] ?? 0)} ${Number(daily[2] ?? 0)} * * ${days}`, text)
  }
  if (/^every/i.test(schedule)) throw malformed(text)
  return cron(schedule, text)
}

/** The first time after `after_ms`. */
export function nextTime(schedule: string, timeZone: string, after_ms: number, begun_ms: number): number | null {
  const timetable = parseSchedule(schedule)
  if (timetable.kind === 'interval') return begun_ms + (Math.floor((after_ms - begun_ms) / timetable.every_ms) + 1) * timetable.every_ms
  return new Cron(timetable.pattern, { timezone: timeZone, paused: true }).nextRun(new Date(after_ms))?.getTime() ?? null
}

export function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    throw new Fault('INVALID_ARGUMENT', 'invalid', `Not a time zone: ${timeZone.slice(0, 80)}`, { hint: 'For example Europe/Berlin or Etc/UTC.' })
  }
}

/** Where it divides the hour or the day it keeps to the clock, as in the cloud; otherwise it counts from its beginning. */
function everyTime(minutes: number, text: string): Timetable {
  if (minutes < 1 || minutes > 24 * 60) throw malformed(text)
  if (minutes < 60 && 60 % minutes === 0) return { kind: 'cron', pattern: `*/${minutes} * * * *` }
  if (minutes % 60 === 0 && 24 % (minutes / 60) === 0) return { kind: 'cron', pattern: `0 */${minutes / 60} * * *` }
  return { kind: 'interval', every_ms: minutes * MINUTE_MS }
}

function cron(pattern: string, text: string): Timetable {
  // Five fields: seconds and nicknames are not the cloud's.
  if (pattern.split(' ').length !== 5) throw malformed(text)
  try {
    new Cron(pattern, { paused: true })
  } catch (cause) {
    throw malformed(text, cause)
  }
  return { kind: 'cron', pattern }
}

function malformed(text: string, cause?: unknown): Fault {
  return new Fault('INVALID_ARGUMENT', 'invalid', `Schedule or time zone is invalid: ${JSON.stringify(text.slice(0, 120))}`, { hint: 'For example "0 * * * *", "every 5 minutes" or "every monday 09:00".', cause })
}
