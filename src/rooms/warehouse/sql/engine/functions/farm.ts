/** FarmHash Fingerprint64, the hash of FARM_FINGERPRINT: written from its published definition. */

const K0 = 0xc3a5c85c97cb3127n
const K1 = 0xb492b66fbe98f273n
const K2 = 0x9ae16a3b2f90404fn
const u64 = (value: bigint) => BigInt.asUintN(64, value)
const rotate = (value: bigint, by: bigint) => ((value >> by) | (value << (64n - by))) & 0xffffffffffffffffn
const mix = (value: bigint) => value ^ (value >> 47n)

function hash16(u: bigint, v: bigint, mul: bigint): bigint {
  const a = mix(u64((u ^ v) * mul))
  return u64(mix(u64((v ^ a) * mul)) * mul)
}

export function farmFingerprint64(value: Uint8Array): bigint {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const size = bytes.length
  const at = (offset: number) => bytes.readBigUInt64LE(offset)
  const length = BigInt(size)
  if (size <= 16) return short(bytes, size, at)
  const mul = u64(K2 + length * 2n)
  if (size <= 32) {
    const a = u64(at(0) * K1)
    const b = at(8)
    const c = u64(at(size - 8) * mul)
    const d = u64(at(size - 16) * K2)
    return hash16(u64(rotate(u64(a + b), 43n) + rotate(c, 30n) + d), u64(a + rotate(u64(b + K2), 18n) + c), mul)
  }
  if (size <= 64) {
    const a = u64(at(0) * K2)
    const b = at(8)
    const c = u64(at(size - 8) * mul)
    const d = u64(at(size - 16) * K2)
    const y = u64(rotate(u64(a + b), 43n) + rotate(c, 30n) + d)
    const z = hash16(y, u64(a + rotate(u64(b + K2), 18n) + c), mul)
    const e = u64(at(16) * mul)
    const f = at(24)
    const g = u64((y + at(size - 32)) * mul)
    const h = u64((z + at(size - 24)) * mul)
    return hash16(u64(rotate(u64(e + f), 43n) + rotate(g, 30n) + h), u64(e + rotate(u64(f + a), 18n) + g), mul)
  }
  return long(size, at)
}

function short(bytes: Buffer, size: number, at: (offset: number) => bigint): bigint {
  const length = BigInt(size)
  const mul = u64(K2 + length * 2n)
  if (size >= 8) {
    const a = u64(at(0) + K2)
    const b = at(size - 8)
    return hash16(u64(rotate(b, 37n) * mul + a), u64((rotate(a, 25n) + b) * mul), mul)
  }
  if (size >= 4) return hash16(u64(length + (BigInt(bytes.readUInt32LE(0)) << 3n)), BigInt(bytes.readUInt32LE(size - 4)), mul)
  if (size > 0) {
    const y = BigInt(bytes[0]!) + (BigInt(bytes[size >> 1]!) << 8n)
    const z = length + (BigInt(bytes[size - 1]!) << 2n)
    return u64(mix(u64(u64(y * K2) ^ u64(z * K0))) * K2)
  }
  return K2
}

type Pair = [bigint, bigint]

function long(size: number, at: (offset: number) => bigint): bigint {
  const weak = (s: number, first: bigint, second: bigint): Pair => {
    const z = at(s + 24)
    let a = u64(first + at(s))
    const c = a
    let b = rotate(u64(second + a + z), 21n)
    a = u64(a + at(s + 8) + at(s + 16))
    b = u64(b + rotate(a, 44n))
    return [u64(a + z), u64(b + c)]
  }
  let x = 81n
  let y = u64(81n * K1 + 113n)
  let z = u64(mix(u64(y * K2 + 113n)) * K2)
  let v: Pair = [0n, 0n]
  let w: Pair = [0n, 0n]
  x = u64(x * K2 + at(0))
  const end = Math.floor((size - 1) / 64) * 64
  const rest = (size - 1) & 63
  const round = (s: number, mul: bigint, factor: bigint) => {
    x = u64(rotate(u64(x + y + v[0] + at(s + 8)), 37n) * mul)
    y = u64(rotate(u64(y + v[1] + at(s + 48)), 42n) * mul)
    x ^= u64(w[1] * factor)
    y = u64(y + v[0] * factor + at(s + 40))
    z = u64(rotate(u64(z + w[0]), 33n) * mul)
    v = weak(s, u64(v[1] * mul), u64(x + w[0]))
    w = weak(s + 32, u64(z + w[1]), u64(y + at(s + 16)))
    ;[z, x] = [x, z]
  }
  for (let s = 0; s !== end; s += 64) round(s, K1, 1n)
  const mul = u64(K1 + ((z & 0xffn) << 1n))
  w[0] = u64(w[0] + BigInt(rest))
  v[0] = u64(v[0] + w[0])
  w[0] = u64(w[0] + v[0])
  round(end + rest - 63, mul, 9n)
  return hash16(u64(hash16(v[0], w[0], mul) + mix(y) * K0 + z), u64(hash16(v[1], w[1], mul) + x), mul)
}
