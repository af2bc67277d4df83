/**
 * Signed URLs, V4 and V2: a request that carries its own permission. Form and expiry are always checked; the signature
 * whenever the house knows the signer's key.
 */
import { createHash } from 'node:crypto'
import type { Call } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import { SIGNED_URL_EXPIRES_S_MAX, SIGNED_URL_SKEW_MS_MAX } from './limits.ts'
import type { SignerPort } from './service.ts'

/** Who signed, where the request is a signed URL; undefined where it is none. */
export async function checkSignedUrl(call: Call, signers: SignerPort, now_ms: number): Promise<string | undefined> {
  const query = new Map([...call.query].map(([key, value]) => [key.toLowerCase(), value]))
  if (query.has('x-goog-signature') || query.has('x-goog-algorithm')) return checkV4(call, query, signers, now_ms)
  if (query.has('signature') && query.has('googleaccessid')) return checkV2(call, query, signers, now_ms)
  return undefined
}

async function checkV4(call: Call, query: Map<string, string>, signers: SignerPort, now_ms: number): Promise<string> {
  const get = (name: string) => query.get(`x-goog-${name}`) ?? refuse(400, 'InvalidArgument', `The signed URL lacks X-Goog-${name}.`)
  if (get('algorithm') !== 'GOOG4-RSA-SHA256') refuse(400, 'InvalidArgument', `X-Goog-Algorithm ${get('algorithm').slice(0, 40)} is not known; GOOG4-RSA-SHA256 is.`)
  const credential = /^(.+)\/(\d{8})\/([^/]+)\/storage\/goog4_request$/.exec(get('credential'))
  const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(get('date'))
  const expires_s = Number(get('expires'))
  if (!credential) return refuse(400, 'InvalidArgument', 'X-Goog-Credential has to be EMAIL/DATE/LOCATION/storage/goog4_request.')
  if (!stamp) return refuse(400, 'InvalidArgument', 'X-Goog-Date has to be like 20260131T235959Z.')
  if (!Number.isInteger(expires_s) || expires_s < 1 || expires_s > SIGNED_URL_EXPIRES_S_MAX) {
    return refuse(400, 'InvalidArgument', `X-Goog-Expires is 1 to ${SIGNED_URL_EXPIRES_S_MAX} seconds.`)
  }
  if (!/^[0-9a-f]{2,2048}$/i.test(get('signature'))) refuse(400, 'InvalidArgument', 'X-Goog-Signature has to be hexadecimal.')
  const [, year, month, day, hour, minute, second] = stamp.map(Number)
  const signed_ms = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!)
  if (signed_ms > now_ms + SIGNED_URL_SKEW_MS_MAX) refuse(400, 'InvalidArgument', 'The signed URL is dated in the future.')
  if (now_ms > signed_ms + expires_s * 1000) refuse(400, 'ExpiredToken', `The signed URL expired at ${new Date(signed_ms + expires_s * 1000).toISOString()}.`)

  const scope = credential[0].slice(credential[1]!.length + 1)
  const hashed = createHash('sha256').update(canonicalRequest(call, get('signedheaders'))).digest('hex')
  const payload = `GOOG4-RSA-SHA256\n${get('date')}\n${scope}\n${hashed}`
  return verified(credential[1]!, payload, Buffer.from(get('signature'), 'hex'), signers)
}

async function checkV2(call: Call, query: Map<string, string>, signers: SignerPort, now_ms: number): Promise<string> {
  const expires = query.get('expires') ?? ''
  if (!/^\d{1,12}$/.test(expires)) refuse(400, 'InvalidArgument', 'The signed URL lacks Expires.')
  if (Number(expires) * 1000 < now_ms) refuse(400, 'ExpiredToken', `The signed URL expired at ${new Date(Number(expires) * 1000).toISOString()}.`)
  const { headers, method } = call.request
  const extension = Object.keys(headers)
    .filter((name) => name.startsWith('x-goog-'))
    .sort()
    .map((name) => `${name}:${headers[name]}\n`)
    .join('')
  const payload = `${method}\n${headers['content-md5'] ?? ''}\n${headers['content-type'] ?? ''}\n${expires}\n${extension}${pathOf(call)}`
  return verified(query.get('googleaccessid')!, payload, Buffer.from(query.get('signature')!, 'base64'), signers)
}

async function verified(signer: string, payload: string, signature: Buffer, signers: SignerPort): Promise<string> {
  const verdict = await signers.verify(signer, payload, signature)
  if (verdict === 'wrong') refuse(403, 'SignatureDoesNotMatch', 'The signature of the URL does not match the request.')
  return verdict === 'unknown' ? `unverified:${signer}` : `serviceAccount:${signer}`
}

function pathOf(call: Call): string {
  return (call.request.url ?? '/').split('?')[0]!
}

function canonicalRequest(call: Call, signedHeaders: string): string {
  const pairs = (call.request.url ?? '').split('?')[1]?.split('&') ?? []
  const canonicalQuery = pairs
    .filter((pair) => !/^x-goog-signature=/i.test(pair))
    .map((pair) => {
      const at = pair.indexOf('=')
      const encode = (text: string) => encodeURIComponent(decodeURIComponent(text.replaceAll('+', ' '))).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
      return at < 0 ? `${encode(pair)}=` : `${encode(pair.slice(0, at))}=${encode(pair.slice(at + 1))}`
    })
    .sort()
    .join('&')
  const names = signedHeaders.split(';').sort()
  const canonicalHeaders = names.map((name) => `${name}:${String(call.request.headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`).join('')
  const payloadHash = String(call.request.headers['x-goog-content-sha256'] ?? 'UNSIGNED-PAYLOAD')
  return `${call.request.method}\n${pathOf(call)}\n${canonicalQuery}\n${canonicalHeaders}\n${names.join(';')}\n${payloadHash}`
}

function refuse(httpStatus: number, xmlCode: string, message: string): never {
  throw new Fault(httpStatus === 403 ? 'PERMISSION_DENIED' : 'INVALID_ARGUMENT', xmlCode, message, { httpStatus, details: { xmlCode } })
}
