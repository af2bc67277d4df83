/** Between instants and civil time in a zone: a name of the zone database is the engine's own, an offset such as '+05:30' is arithmetic. */

/** The civil TIMESTAMP of an instant. */
export function civilIn(zone: string, instant: string): string {
  const offset = offsetOf(zone)
  const named = `timezone(${zone}, ${instant})`
  return offset === undefined ? named : shifted(zone, offset, `(timezone('UTC', ${instant}) + ${micros(zone, offset)})`, named)
}

/** The instant of a civil TIMESTAMP. */
export function instantIn(zone: string, civil: string): string {
  const offset = offsetOf(zone)
  const named = `timezone(${zone}, ${civil})`
  return offset === undefined ? named : shifted(zone, offset, `timezone('UTC', ${civil} - ${micros(zone, offset)})`, named)
}

const UNKNOWN = 'unknown'

/** Microseconds of a constant offset; undefined for a constant name; `unknown` for what only the rows tell. */
function offsetOf(zone: string): number | undefined | typeof UNKNOWN {
  const constant = /^'([^']*)'$/.exec(zone)?.[1]
  if (constant === undefined) return UNKNOWN
  const match = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(constant)
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60_000_000 : undefined
}

const micros = (zone: string, offset: number | typeof UNKNOWN) => `to_microseconds(${offset === UNKNOWN ? `gs_zone_offset(${zone})` : offset})`

const shifted = (zone: string, offset: number | typeof UNKNOWN, byOffset: string, byName: string) =>
  offset === UNKNOWN ? `(CASE WHEN starts_with(${zone}, '+') OR starts_with(${zone}, '-') THEN ${byOffset} ELSE ${byName} END)` : byOffset
