/** What can go wrong in the storage room, with Cloud Storage's own codes, reasons and words. */
import { Fault } from '#ground/fault.ts'

export const noBucket = (bucket: string) =>
  new Fault('NOT_FOUND', 'notFound', 'The specified bucket does not exist.', { details: { xmlCode: 'NoSuchBucket', resource: bucket } })

export const noObject = (bucket: string, name: string) =>
  new Fault('NOT_FOUND', 'notFound', `No such object: ${bucket}/${name}`, { details: { xmlCode: 'NoSuchKey', resource: name } })

export const noUpload = (id: string) =>
  new Fault('NOT_FOUND', 'notFound', 'No such upload session; it was finished, cancelled, or is more than a week old.', {
    details: { xmlCode: 'NoSuchUpload', resource: id.slice(0, 60) },
  })

export const noNotification = (id: string) => new Fault('NOT_FOUND', 'notFound', `No such notification configuration: ${id}`)

export const bucketTaken = (bucket: string) =>
  new Fault('ALREADY_EXISTS', 'conflict', 'Your previous request to create the named bucket succeeded and you already own it.', {
    details: { xmlCode: 'BucketAlreadyOwnedByYou', resource: bucket },
  })

export const bucketNotEmpty = () =>
  new Fault('FAILED_PRECONDITION', 'conflict', 'The bucket you tried to delete is not empty.', { httpStatus: 409, details: { xmlCode: 'BucketNotEmpty' } })

export const preconditionFailed = () =>
  new Fault('FAILED_PRECONDITION', 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.', {
    httpStatus: 412,
    details: { xmlCode: 'PreconditionFailed', location: 'If-Match', locationType: 'header' },
  })

export const notModified = () => new Fault('FAILED_PRECONDITION', 'notModified', 'Not Modified', { httpStatus: 304 })

export const invalid = (message: string, reason = 'invalid') => new Fault('INVALID_ARGUMENT', reason, message, { details: { xmlCode: 'InvalidArgument' } })

export const required = (what: string) => new Fault('INVALID_ARGUMENT', 'required', `Required parameter: ${what}`, { details: { xmlCode: 'InvalidArgument' } })

export const badDigest = (kind: 'md5' | 'crc32c', given: string, computed: string) =>
  new Fault('INVALID_ARGUMENT', 'invalid', `Provided ${kind === 'md5' ? 'MD5 hash' : 'CRC32C'} "${given}" doesn't match calculated ${kind === 'md5' ? 'MD5 hash' : 'CRC32C'} "${computed}".`, {
    details: { xmlCode: 'BadDigest' },
  })

export const incomplete = () =>
  new Fault('INVALID_ARGUMENT', 'badRequest', 'The body ended before the size that was announced; nothing was stored.', { details: { xmlCode: 'IncompleteBody' } })

export const held = (name: string, why: string) =>
  new Fault('PERMISSION_DENIED', 'forbidden', `Object '${name}' is ${why} and cannot be deleted, overwritten or archived.`, { details: { xmlCode: 'ObjectUnderActiveHold' } })

export const raced = () =>
  new Fault('UNAVAILABLE', 'backendError', 'The object changed while this request was at work, several times over.', { hint: 'Send the request again.' })

export const damaged = (bucket: string, name: string) =>
  new Fault('DATA_LOSS', 'backendError', `The stored bytes of ${bucket}/${name} do not match their checksum; they are not served.`, {
    hint: 'Run `potoroo doctor`; restore the object from a snapshot or upload it again.',
  })
