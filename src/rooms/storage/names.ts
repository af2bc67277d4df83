/** Which names buckets and objects may have. Names never become paths; this only keeps to what Cloud Storage accepts. */
import { invalid, required } from './faults.ts'
import { BUCKET_DOTTED_CHARS_MAX, BUCKET_NAME_CHARS_MAX, BUCKET_NAME_CHARS_MIN, OBJECT_NAME_BYTES_MAX } from './limits.ts'

export function checkBucketName(name: unknown): string {
  if (typeof name !== 'string' || name === '') throw required('bucket name')
  const parts = name.split('.')
  const longest = parts.length > 1 ? BUCKET_DOTTED_CHARS_MAX : BUCKET_NAME_CHARS_MAX
  const wellFormed =
    name.length >= BUCKET_NAME_CHARS_MIN &&
    name.length <= longest &&
    parts.every((part) => part.length <= BUCKET_NAME_CHARS_MAX && /^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$/.test(part)) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !name.startsWith('goog')
  if (!wellFormed) throw invalid(`Invalid bucket name: '${name.slice(0, 100)}'`)
  return name
}

export function checkObjectName(name: unknown): string {
  if (typeof name !== 'string' || name === '') throw required('object name')
  if (!name.isWellFormed()) throw invalid('Object names are valid Unicode.')
  if (Buffer.byteLength(name) > OBJECT_NAME_BYTES_MAX) throw invalid(`The object name is longer than ${OBJECT_NAME_BYTES_MAX} bytes of UTF-8.`)
  if (/[\r\n\0]/.test(name)) throw invalid('Object names hold no carriage return, line feed or NUL.')
  if (name === '.' || name === '..' || name.startsWith('.well-known/acme-challenge/')) throw invalid(`Disallowed object name: '${name.slice(0, 100)}'`)
  return name
}
