/** gs:// URLs as people write them. */
import { Fault } from '#ground/fault.ts'

const SCHEME = 'gs://'

export interface GsUrl {
  bucket: string
  /** Empty for the bucket itself. */
  name: string
}

export const isGsUrl = (text: string): boolean => text.startsWith(SCHEME)

/** Object names are taken as they stand: nothing is decoded, no dot is resolved. */
export function parseGsUrl(text: string): GsUrl {
  const rest = text.slice(SCHEME.length)
  const slash = rest.indexOf('/')
  const bucket = slash < 0 ? rest : rest.slice(0, slash)
  if (!isGsUrl(text) || bucket === '') throw notGsUrl(text)
  return { bucket, name: slash < 0 ? '' : rest.slice(slash + 1) }
}

/** The URL of one object. */
export function parseObjectUrl(text: string): GsUrl {
  const url = parseGsUrl(text)
  if (url.name === '') throw new Fault('INVALID_ARGUMENT', 'usage', `${text} names a bucket, not an object.`, { hint: `An object is written gs://${url.bucket}/NAME.` })
  return url
}

/** A bucket's name out of `lake` or `gs://lake`. */
export function bucketIn(text: string): string {
  if (!isGsUrl(text)) return text
  const { bucket, name } = parseGsUrl(text)
  if (name === '') return bucket
  throw new Fault('INVALID_ARGUMENT', 'usage', `${text} names an object, not a bucket.`, { hint: `The bucket is gs://${bucket}.` })
}

function notGsUrl(text: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(text)} is no gs:// URL.`, { hint: 'It is written gs://BUCKET/OBJECT.' })
}
