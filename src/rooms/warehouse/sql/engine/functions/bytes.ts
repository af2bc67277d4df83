/** BYTES functions, encodings, hashes and NET addresses. */
import { createHash } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { ScalarFunction } from '../scalar.ts'
import { farmFingerprint64 } from './farm.ts'
import { editDistance } from './text.ts'

const BYTES_MAX = 1_048_576
const buffer = (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength)
/** One character per byte, for what works on text. */
const latin = (value: Uint8Array) => buffer(value).toString('latin1')
const back = (text: string) => Buffer.from(text, 'latin1')

function substring(value: Uint8Array, position: bigint, length: bigint): Uint8Array {
  if (length < 0n) throw new Error('Third argument in SUBSTR() cannot be negative')
  const size = BigInt(value.length)
  let start = position
  if (start < 0n) start = start + size < 0n ? 0n : start + size
  else if (start > 0n) start -= 1n
  if (start >= size) return new Uint8Array()
  return value.slice(Number(start), Number(start + length > size ? size : start + length))
}

const pad = (left: boolean) => (value: Uint8Array, size: bigint, fill: Uint8Array): Uint8Array => {
  if (size < 0n) throw new Error('Second argument (output size) cannot be negative')
  if (size > BigInt(BYTES_MAX)) throw new Error('Output exceeds max allowed output size of 1MB')
  if (!fill.length) throw new Error('Third argument (pad pattern) cannot be empty')
  const width = Number(size)
  if (value.length >= width) return value.slice(0, width)
  const extra = Uint8Array.from({ length: width - value.length }, (_, i) => fill[i % fill.length]!)
  return Buffer.concat(left ? [extra, value] : [value, extra])
}

function trim(value: Uint8Array, set: Uint8Array, left: boolean, right: boolean): Uint8Array {
  let start = 0
  let end = value.length
  while (left && start < end && set.includes(value[start]!)) start++
  while (right && end > start && set.includes(value[end - 1]!)) end--
  return value.slice(start, end)
}

function replaceAll(value: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  return from.length ? back(latin(value).replaceAll(latin(from), () => latin(to))) : value
}

function split(value: Uint8Array, separator: Uint8Array): Uint8Array[] {
  return value.length ? latin(value).split(latin(separator)).map(back) : [new Uint8Array()]
}

function fromHex(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(text)) throw new Error(`Failed to decode invalid hexadecimal string: ${text}`)
  return Buffer.from(text.length % 2 ? `0${text}` : text, 'hex')
}

function fromBase64(text: string): Uint8Array {
  const clean = text.replace(/\s/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(clean) || clean.replace(/=/g, '').length % 4 === 1) throw new Error(`Failed to decode invalid base64 string`)
  return Buffer.from(clean, 'base64')
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function toBase32(value: Uint8Array): string {
  let bits = 0n
  for (const byte of value) bits = (bits << 8n) | BigInt(byte)
  const count = Math.ceil((value.length * 8) / 5)
  bits <<= BigInt(count * 5 - value.length * 8)
  let out = ''
  for (let i = count - 1; i >= 0; i--) out += BASE32[Number((bits >> BigInt(i * 5)) & 31n)]
  return out.padEnd(Math.ceil(count / 8) * 8, '=')
}

function fromBase32(text: string): Uint8Array {
  const clean = text.replace(/=+$/, '')
  if (!/^[A-Z2-7]*$/.test(clean)) throw new Error('Failed to decode invalid base32 string')
  let bits = 0n
  for (const char of clean) bits = (bits << 5n) | BigInt(BASE32.indexOf(char))
  const size = Math.floor((clean.length * 5) / 8)
  bits >>= BigInt(clean.length * 5 - size * 8)
  return Uint8Array.from({ length: size }, (_, i) => Number((bits >> BigInt((size - 1 - i) * 8)) & 255n))
}

const sameLength = (a: Uint8Array, b: Uint8Array) => {
  if (a.length !== b.length) throw new Error('Bitwise binary operator for BYTES requires equal length of the inputs.')
}

const combine = (join: (a: number, b: number) => number) => (a: Uint8Array, b: Uint8Array) => {
  sameLength(a, b)
  return a.map((byte, i) => join(byte, b[i]!))
}

const fold = (join: (a: number, b: number) => number) => (values: (Uint8Array | null)[]) => {
  const given = values.filter((each) => each !== null)
  return given.length ? given.reduce(combine(join)) : null
}

const shift = (left: boolean) => (value: Uint8Array, count: bigint): Uint8Array => {
  if (count < 0n) throw new Error(`Bitwise shift by negative value: ${count}`)
  if (count >= BigInt(value.length * 8)) return new Uint8Array(value.length)
  let bits = 0n
  for (const byte of value) bits = (bits << 8n) | BigInt(byte)
  bits = left ? BigInt.asUintN(value.length * 8, bits << count) : bits >> count
  return Uint8Array.from({ length: value.length }, (_, i) => Number((bits >> BigInt((value.length - 1 - i) * 8)) & 255n))
}

/** '%' is any run of bytes, '_' any byte, a backslash takes the next as it is. Going back to the last '%' only keeps it from exploding. */
function like(value: Uint8Array, wanted: Uint8Array): boolean {
  const parts: (number | '%' | '_')[] = []
  for (let i = 0; i < wanted.length; i++) {
    const byte = wanted[i]!
    if (byte === 0x5c && i + 1 >= wanted.length) throw new Error('LIKE pattern ends with a backslash')
    parts.push(byte === 0x5c ? wanted[++i]! : byte === 0x25 ? '%' : byte === 0x5f ? '_' : byte)
  }
  let [at, part, star, from] = [0, 0, -1, 0]
  while (at < value.length) {
    if (parts[part] === '%') [star, from] = [part++, at]
    else if (part < parts.length && (parts[part] === '_' || parts[part] === value[at])) [at, part] = [at + 1, part + 1]
    else if (star >= 0) [part, at] = [star + 1, ++from]
    else return false
  }
  return parts.slice(part).every((each) => each === '%')
}

// ---------------------------------------------------------------- NET

function ipFromString(text: string): Uint8Array {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (v4 && v4.slice(1).every((part) => Number(part) <= 255)) return Uint8Array.from(v4.slice(1).map(Number))
  const bad = () => new Error(`invalid IP address: ${JSON.stringify(text)}`)
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) throw bad()
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const plain = tail ? `${tail[1]}${[...ipFromString(tail[2]!)].reduce((all, byte, i) => all + (i === 2 ? ':' : '') + byte.toString(16).padStart(2, '0'), '')}` : text
  const halves = plain.split('::')
  if (halves.length > 2) throw bad()
  const words = (part: string) => (part ? part.split(':') : [])
  const head = words(halves[0]!)
  const rest = halves.length === 2 ? words(halves[1]!) : []
  const missing = 8 - head.length - rest.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) throw bad()
  const all = [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...rest]
  if (all.some((word) => !/^[0-9a-fA-F]{1,4}$/.test(word))) throw bad()
  return Uint8Array.from(all.flatMap((word) => [parseInt(word, 16) >> 8, parseInt(word, 16) & 255]))
}

function ipToString(value: Uint8Array): string {
  if (value.length === 4) return value.join('.')
  if (value.length !== 16) throw new Error(`Invalid IP address length ${value.length}; must be 4 or 16`)
  const words = Array.from({ length: 8 }, (_, i) => (value[i * 2]! << 8) | value[i * 2 + 1]!)
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) return `::ffff:${value.slice(12).join('.')}`
  let best = { at: -1, size: 1 }
  for (let i = 0; i < 8; i++) {
    let size = 0
    while (i + size < 8 && words[i + size] === 0) size++
    if (size > best.size) best = { at: i, size }
  }
  const text = (part: number[]) => part.map((word) => word.toString(16)).join(':')
  return best.at < 0 ? text(words) : `${text(words.slice(0, best.at))}::${text(words.slice(best.at + best.size))}`
}

function netMask(size: bigint, prefix: bigint): Uint8Array {
  if (size !== 4n && size !== 16n) throw new Error(`The first argument of NET.IP_NET_MASK must be 4 or 16`)
  if (prefix < 0n || prefix > size * 8n) throw new Error(`The second argument of NET.IP_NET_MASK must be from 0 to ${size * 8n}`)
  return Uint8Array.from({ length: Number(size) }, (_, i) => (255 << Math.max(0, Math.min(8, 8 - (Number(prefix) - i * 8)))) & 255)
}

function ipTrunc(value: Uint8Array, prefix: bigint): Uint8Array {
  if (value.length !== 4 && value.length !== 16) throw new Error('The first argument of NET.IP_TRUNC must be 4 or 16 bytes')
  const mask = netMask(BigInt(value.length), prefix)
  return value.map((byte, i) => byte & mask[i]!)
}

function host(url: string): string | null {
  const match = /^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)/.exec(url)
  const found = match ? match[1]! : /^\s*(?:[^/?#]*@)?([^/?#:\s]+)/.exec(url)?.[1] ?? ''
  if (!match && /^\s*mailto:/i.test(url)) return /@([^?\s]*)/.exec(url)?.[1]?.trim() ?? 'mailto'
  return found.trim() || null
}

/** Suffixes of more than one label, and labels below which every name is public; the rest of the public list is one label. */
const SUFFIXES = new Set(['co.uk', 'org.uk', 'ac.uk', 'gov.uk', 'me.uk', 'net.uk', 'ltd.uk', 'plc.uk', 'com.au', 'net.au', 'org.au', 'edu.au', 'gov.au', 'co.jp', 'ne.jp', 'or.jp', 'ac.jp', 'go.jp', 'com.br', 'net.br', 'org.br', 'com.cn', 'net.cn', 'org.cn', 'gov.cn', 'co.nz', 'org.nz', 'net.nz', 'co.in', 'net.in', 'org.in', 'co.za', 'org.za', 'com.mx', 'com.ar', 'com.tr', 'com.tw', 'com.hk', 'com.sg', 'co.kr', 'or.kr', 'com.ua', 'co.il', 'com.my', 'github.io', 'blogspot.com', 'appspot.com'])

function publicSuffix(url: string): string | null {
  const name = host(url)
  if (!name || name.startsWith('[') || /^[\d.]+$/.test(name) || !name.includes('.')) return name && /^[a-z]+$/i.test(name) ? name : null
  const labels = name.replace(/^\.+|\.+$/g, '').split('.')
  const two = labels.slice(-2).join('.')
  return labels.length >= 2 && SUFFIXES.has(two.toLowerCase()) ? two : labels.at(-1)!
}

function registeredDomain(url: string): string | null {
  const suffix = publicSuffix(url)
  const name = host(url)?.replace(/^\.+|\.+$/g, '')
  if (!suffix || !name || name.length <= suffix.length) return null
  const before = name.slice(0, name.length - suffix.length - 1).split('.')
  return `${before.at(-1)}.${suffix}`
}

export const bytes: ScalarFunction[] = [
  { name: 'gs_bytes_substr', parameters: ['BLOB', 'BIGINT', 'BIGINT'], returns: 'BLOB', run: substring },
  {
    name: 'gs_bytes_left', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB',
    run(value: Uint8Array, size: bigint) {
      if (size < 0n) throw new Error('Second argument in LEFT() cannot be negative')
      return value.slice(0, Number(size))
    },
  },
  {
    name: 'gs_bytes_right', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB',
    run(value: Uint8Array, size: bigint) {
      if (size < 0n) throw new Error('Second argument in RIGHT() cannot be negative')
      return value.slice(Math.max(0, value.length - Number(size)))
    },
  },
  { name: 'gs_bytes_lpad', parameters: ['BLOB', 'BIGINT', 'BLOB'], returns: 'BLOB', run: pad(true) },
  { name: 'gs_bytes_rpad', parameters: ['BLOB', 'BIGINT', 'BLOB'], returns: 'BLOB', run: pad(false) },
  { name: 'gs_bytes_trim', parameters: ['BLOB', 'BLOB'], returns: 'BLOB', run: (a: Uint8Array, b: Uint8Array) => trim(a, b, true, true) },
  { name: 'gs_bytes_ltrim', parameters: ['BLOB', 'BLOB'], returns: 'BLOB', run: (a: Uint8Array, b: Uint8Array) => trim(a, b, true, false) },
  { name: 'gs_bytes_rtrim', parameters: ['BLOB', 'BLOB'], returns: 'BLOB', run: (a: Uint8Array, b: Uint8Array) => trim(a, b, false, true) },
  { name: 'gs_bytes_upper', parameters: ['BLOB'], returns: 'BLOB', run: (a: Uint8Array) => a.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte)) },
  { name: 'gs_bytes_lower', parameters: ['BLOB'], returns: 'BLOB', run: (a: Uint8Array) => a.map((byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte)) },
  { name: 'gs_bytes_reverse', parameters: ['BLOB'], returns: 'BLOB', run: (a: Uint8Array) => a.slice().reverse() },
  {
    name: 'gs_bytes_repeat', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB',
    run(value: Uint8Array, count: bigint) {
      if (count < 0n) throw new Error('Second argument in REPEAT() cannot be negative')
      if (BigInt(value.length) * count > BigInt(BYTES_MAX)) throw new Error('Output of REPEAT exceeds max allowed output size of 1MB')
      return Buffer.concat(Array<Uint8Array>(Number(count)).fill(value))
    },
  },
  { name: 'gs_bytes_replace', parameters: ['BLOB', 'BLOB', 'BLOB'], returns: 'BLOB', run: replaceAll },
  { name: 'gs_bytes_split', parameters: ['BLOB', 'BLOB'], returns: 'BLOB[]', run: split },
  { name: 'gs_bytes_join', parameters: ['BLOB[]', 'BLOB'], returns: 'BLOB', run: (items: Uint8Array[], separator: Uint8Array) => Buffer.concat(items.flatMap((item, i) => (i ? [separator, item] : [item]))) },
  { name: 'gs_bytes_strpos', parameters: ['BLOB', 'BLOB'], returns: 'BIGINT', run: (a: Uint8Array, b: Uint8Array) => BigInt(buffer(a).indexOf(buffer(b)) + 1) },
  {
    name: 'gs_bytes_instr', parameters: ['BLOB', 'BLOB', 'BIGINT', 'BIGINT'], returns: 'BIGINT',
    run(a: Uint8Array, b: Uint8Array, position: bigint, occurrence: bigint) {
      if (position === 0n || occurrence <= 0n) throw new Error('Invalid position or occurrence for INSTR')
      let at = position > 0n ? Number(position) - 2 : a.length + Number(position) + 1
      for (let left = occurrence; left > 0n; left--) {
        at = position > 0n ? buffer(a).indexOf(buffer(b), at + 1) : at <= 0 ? -1 : buffer(a).lastIndexOf(buffer(b), at - 1)
        if (at < 0) return 0n
      }
      return BigInt(at + 1)
    },
  },
  { name: 'gs_bytes_starts_with', parameters: ['BLOB', 'BLOB'], returns: 'BOOLEAN', run: (a: Uint8Array, b: Uint8Array) => buffer(a).subarray(0, b.length).equals(buffer(b)) },
  { name: 'gs_bytes_ends_with', parameters: ['BLOB', 'BLOB'], returns: 'BOOLEAN', run: (a: Uint8Array, b: Uint8Array) => a.length >= b.length && buffer(a).subarray(a.length - b.length).equals(buffer(b)) },
  {
    name: 'gs_bytes_translate', parameters: ['BLOB', 'BLOB', 'BLOB'], returns: 'BLOB',
    run(value: Uint8Array, from: Uint8Array, to: Uint8Array) {
      if (new Set(from).size < from.length) throw new Error('Duplicate byte in TRANSLATE source characters')
      return Uint8Array.from([...value].flatMap((byte) => {
        const at = from.indexOf(byte)
        return at < 0 ? [byte] : at < to.length ? [to[at]!] : []
      }))
    },
  },
  { name: 'gs_bytes_ascii', parameters: ['BLOB'], returns: 'BIGINT', run: (a: Uint8Array) => BigInt(a[0] ?? 0) },
  { name: 'gs_bytes_code_points', parameters: ['BLOB'], returns: 'BIGINT[]', run: (a: Uint8Array) => [...a].map(BigInt) },
  {
    name: 'gs_code_points_to_bytes', parameters: ['BIGINT[]'], returns: 'BLOB',
    run(items: (bigint | null)[]) {
      if (items.includes(null)) return null
      return Uint8Array.from(items.map((each) => {
        if (each! < 0n || each! > 255n) throw new Error(`Invalid extended ASCII code points ${each}`)
        return Number(each)
      }))
    },
  },
  { name: 'gs_bytes_edit_distance', parameters: ['BLOB', 'BLOB', 'BIGINT'], returns: 'BIGINT', nulls: true, run: (a: Uint8Array | null, b: Uint8Array | null, max: bigint | null) => (a && b ? editDistance([...a], [...b], max) : null) },
  { name: 'gs_like_bytes', parameters: ['BLOB', 'BLOB'], returns: 'BOOLEAN', run: like },
  {
    name: 'gs_max_length_bytes', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB',
    run(value: Uint8Array, size: bigint) {
      if (BigInt(value.length) > size) throw new Error(`maximum length ${size} exceeded for value of length ${value.length}`)
      return value
    },
  },
  { name: 'gs_bytes_to_text', parameters: ['BLOB'], returns: 'VARCHAR', run: (a: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(a) },
  { name: 'gs_bytes_not', parameters: ['BLOB'], returns: 'BLOB', run: (a: Uint8Array) => a.map((byte) => ~byte & 255) },
  { name: 'gs_bytes_and2', parameters: ['BLOB', 'BLOB'], returns: 'BLOB', run: combine((a, b) => a & b) },
  { name: 'gs_bytes_or2', parameters: ['BLOB', 'BLOB'], returns: 'BLOB', run: combine((a, b) => a | b) },
  { name: 'gs_bytes_xor2', parameters: ['BLOB', 'BLOB'], returns: 'BLOB', run: combine((a, b) => a ^ b) },
  { name: 'gs_bytes_bit_and', parameters: ['BLOB[]'], returns: 'BLOB', run: fold((a, b) => a & b) },
  { name: 'gs_bytes_bit_or', parameters: ['BLOB[]'], returns: 'BLOB', run: fold((a, b) => a | b) },
  { name: 'gs_bytes_bit_xor', parameters: ['BLOB[]'], returns: 'BLOB', run: fold((a, b) => a ^ b) },
  { name: 'gs_bytes_shift_left', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB', run: shift(true) },
  { name: 'gs_bytes_shift_right', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB', run: shift(false) },
  { name: 'gs_bytes_bit_count', parameters: ['BLOB'], returns: 'BIGINT', run: (a: Uint8Array) => BigInt(a.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)) },
  { name: 'gs_from_hex', parameters: ['VARCHAR'], returns: 'BLOB', run: fromHex },
  { name: 'gs_from_base64', parameters: ['VARCHAR'], returns: 'BLOB', run: fromBase64 },
  { name: 'gs_to_base32', parameters: ['BLOB'], returns: 'VARCHAR', run: toBase32 },
  { name: 'gs_from_base32', parameters: ['VARCHAR'], returns: 'BLOB', run: fromBase32 },
  {
    name: 'gs_bytes_format', parameters: ['BLOB', 'VARCHAR'], returns: 'VARCHAR',
    run(value: Uint8Array, format: string) {
      switch (format.toUpperCase()) {
        case 'HEX':
        case 'BASE16':
          return buffer(value).toString('hex')
        case 'BASE64':
          return buffer(value).toString('base64')
        case 'BASE64M':
          return buffer(value).toString('base64')
        case 'BASE32':
          return toBase32(value)
        case 'BASE8':
          return value.length ? BigInt(`0x${buffer(value).toString('hex')}`).toString(8).padStart(Math.ceil((value.length * 8) / 3), '0') : ''
        case 'BASE2':
          return [...value].map((byte) => byte.toString(2).padStart(8, '0')).join('')
        case 'ASCII':
          if (value.some((byte) => byte > 127)) throw new Error('Failed to convert to ASCII')
          return latin(value)
        case 'UTF-8':
        case 'UTF8':
          return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
        default:
          throw new Error(`Invalid format: ${format}`)
      }
    },
  },
  {
    name: 'gs_bytes_unformat', parameters: ['VARCHAR', 'VARCHAR'], returns: 'BLOB',
    run(value: string, format: string) {
      switch (format.toUpperCase()) {
        case 'HEX':
        case 'BASE16':
          return fromHex(value)
        case 'BASE64':
        case 'BASE64M':
          return fromBase64(value)
        case 'BASE32':
          return fromBase32(value)
        case 'BASE2':
          return Uint8Array.from(value.padStart(Math.ceil(value.length / 8) * 8, '0').match(/.{8}/g) ?? [], (bits) => parseInt(bits, 2))
        case 'BASE8': {
          const size = Math.floor((value.length * 3) / 8)
          const hex = BigInt(`0o${value || '0'}`).toString(16)
          return Buffer.from(hex.padStart(size * 2, '0').slice(-size * 2), 'hex')
        }
        case 'ASCII':
          if (/[^\x00-\x7f]/.test(value)) throw new Error('Failed to convert from ASCII')
          return Buffer.from(value)
        case 'UTF-8':
        case 'UTF8':
          return Buffer.from(value, 'utf8')
        default:
          throw new Error(`Invalid format: ${format}`)
      }
    },
  },
  { name: 'gs_sha512', parameters: ['BLOB'], returns: 'BLOB', run: (value: Uint8Array) => createHash('sha512').update(value).digest() },
  { name: 'gs_farm_fingerprint', parameters: ['BLOB'], returns: 'BIGINT', run: (value: Uint8Array) => BigInt.asIntN(64, farmFingerprint64(value)) },
  { name: 'gs_zstd_compress', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB', run: (value: Uint8Array) => zstdCompressSync(value) },
  { name: 'gs_zstd_decompress', parameters: ['BLOB'], returns: 'BLOB', run: (value: Uint8Array) => zstdDecompressSync(value, { maxOutputLength: 100_000_000 }) },
  { name: 'gs_net_ip_from_string', parameters: ['VARCHAR'], returns: 'BLOB', run: ipFromString },
  { name: 'gs_net_ip_to_string', parameters: ['BLOB'], returns: 'VARCHAR', run: ipToString },
  { name: 'gs_net_ip_net_mask', parameters: ['BIGINT', 'BIGINT'], returns: 'BLOB', run: netMask },
  { name: 'gs_net_ip_trunc', parameters: ['BLOB', 'BIGINT'], returns: 'BLOB', run: ipTrunc },
  {
    name: 'gs_net_ipv4_from_int64', parameters: ['BIGINT'], returns: 'BLOB',
    run(value: bigint) {
      if (value > 0xffffffffn || value < -0x80000000n) throw new Error(`NET.IPV4_FROM_INT64() encountered a value out of range: ${value}`)
      const word = Number(BigInt.asUintN(32, value))
      return Uint8Array.from([word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])
    },
  },
  {
    name: 'gs_net_ipv4_to_int64', parameters: ['BLOB'], returns: 'BIGINT',
    run(value: Uint8Array) {
      if (value.length !== 4) throw new Error('NET.IPV4_TO_INT64() encountered an address of a length other than 4')
      return BigInt(buffer(value).readUInt32BE(0))
    },
  },
  { name: 'gs_net_host', parameters: ['VARCHAR'], returns: 'VARCHAR', run: host },
  { name: 'gs_net_public_suffix', parameters: ['VARCHAR'], returns: 'VARCHAR', run: publicSuffix },
  { name: 'gs_net_reg_domain', parameters: ['VARCHAR'], returns: 'VARCHAR', run: registeredDomain },
]
