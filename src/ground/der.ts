/** The few forms of ASN.1 that a certificate is made of, written as DER. It writes only; nothing is ever parsed with it. */

export type Der = Buffer

export function tagged(tag: number, ...parts: Uint8Array[]): Der {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body])
}

export const sequence = (...parts: Uint8Array[]): Der => tagged(0x30, ...parts)
export const set = (...parts: Uint8Array[]): Der => tagged(0x31, ...parts)
export const boolean = (value: boolean): Der => tagged(0x01, Buffer.from([value ? 0xff : 0]))
export const octets = (bytes: Uint8Array): Der => tagged(0x04, bytes)
export const utf8 = (text: string): Der => tagged(0x0c, Buffer.from(text))
export const nothing = (): Der => Buffer.from([0x05, 0])

/** `[n]`: around other values when constructed, in place of a primitive one otherwise. */
export const context = (number: number, constructed: boolean, ...parts: Uint8Array[]): Der => tagged(0x80 | (constructed ? 0x20 : 0) | number, ...parts)

/** A non-negative number, big endian. */
export function integer(bytes: Uint8Array): Der {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return tagged(0x02, (trimmed[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed)
}

/** Whole octets, or the leading bits of them. */
export const bits = (bytes: Uint8Array, unused = 0): Der => tagged(0x03, Buffer.from([unused]), bytes)

export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** The form that RFC 5280 asks for: two digits of the year until 2049. */
export function time(at_ms: number): Der {
  const digits = new Date(at_ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return Number(digits.slice(0, 4)) < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits))
}

export function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const digits: number[] = []
  for (let rest = length; rest > 0; rest >>= 8) digits.unshift(rest & 0xff)
  return Buffer.from([0x80 | digits.length, ...digits])
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift(0x80 | (rest & 0x7f))
  return digits
}
