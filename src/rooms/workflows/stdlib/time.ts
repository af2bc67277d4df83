/** time.* and the RFC 3339 texts that sys.sleep_until takes. The present moment comes from the host. */
import { raised } from '../language/raised.ts'
import { double } from '../language/values.ts'
import { real, text } from './expect.ts'
import { params, type Library } from './library.ts'

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/
/** The years that RFC 3339 can write. */
const SECONDS_MIN = -62_167_219_200
const SECONDS_MAX = 253_402_300_799

export const timeLibrary: Library = {
  'time.format': {
    params: params('seconds', ['timezone', 'UTC']),
    run([seconds, zone]) {
      const at_s = real(seconds, 'time.format')
      if (at_s < SECONDS_MIN || at_s > SECONDS_MAX) throw raised('ValueError', `time.format: ${at_s} is outside the years 0 to 9999`)
      return format(at_s, text(zone, 'time.format'))
    },
  },
  'time.parse': { params: params('value'), run: ([value]) => double(seconds(text(value, 'time.parse'), 'time.parse')) },
}

/** Seconds since 1970 of an RFC 3339 text. */
export function seconds(value: string, where: string): number {
  const parts = RFC3339.exec(value)
  const [, year, month, day, hour, minute, second, fraction = '', zone = ''] = parts ?? []
  const wall_ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const exists = parts !== null && new Date(wall_ms).toISOString().startsWith(`${year}-${month}-${day}T${hour}:${minute}:${second}`)
  if (!exists) throw raised('ValueError', `${where}: ${JSON.stringify(value)} is not an RFC 3339 time`)
  return wall_ms / 1000 - zoneOffset_s(zone) + Number(`0${fraction}`)
}

function zoneOffset_s(zone: string): number {
  if (/^z$/i.test(zone)) return 0
  const seconds = Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4, 6)) * 60
  return zone.startsWith('-') ? -seconds : seconds
}

function format(at_s: number, zone: string): string {
  const micros = Math.round((at_s - Math.floor(at_s)) * 1e6)
  const whole_s = Math.floor(at_s) + (micros === 1_000_000 ? 1 : 0)
  const offset_s = /^(utc|gmt|z)$/i.test(zone) ? 0 : offset(whole_s, zone)
  const wall = new Date((whole_s + offset_s) * 1000).toISOString().slice(0, 19)
  const fraction = micros % 1_000_000 === 0 ? '' : `.${String(micros % 1_000_000).padStart(6, '0').replace(/0+$/, '')}`
  return wall + fraction + (offset_s === 0 && /^(utc|gmt|z)$/i.test(zone) ? 'Z' : offsetText(offset_s))
}

function offsetText(offset_s: number): string {
  const minutes = Math.abs(Math.round(offset_s / 60))
  const [h, m] = [Math.floor(minutes / 60), minutes % 60]
  return `${offset_s < 0 ? '-' : '+'}${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`
}

/** How far a zone's wall clock is ahead of UTC at one moment. */
function offset(at_s: number, zone: string): number {
  let parts: Intl.DateTimeFormatPart[]
  try {
    parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    }).formatToParts(new Date(at_s * 1000))
  } catch {
    // Intl's only complaint about these options is the zone's name.
    throw raised('ValueError', `time.format: unknown time zone ${JSON.stringify(zone)}`)
  }
  const part = (type: string) => Number(parts.find((found) => found.type === type)?.value)
  const wall_ms = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return wall_ms / 1000 - at_s
}
