/** base64.* and hash.*: functions between bytes and text. */
import { createHash, createHmac } from 'node:crypto'
import { raised } from '../language/raised.ts'
import { Bytes } from '../language/values.ts'
import { boolean, bytes, bytesOrText, text } from './expect.ts'
import { params, type Library } from './library.ts'

const ALGORITHMS: Readonly<Record<string, string>> = {
  MD5: 'md5', SHA1: 'sha1', SHA224: 'sha224', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512',
}

function algorithm(name: string): string {
  const known = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined
  if (!known) throw raised('ValueError', `unsupported hash algorithm: ${JSON.stringify(name)} (expecting ${Object.keys(ALGORITHMS).join(', ')})`)
  return known
}

export const bytesLibrary: Library = {
  'base64.encode': {
    params: params('data', ['padding', true]),
    run([data, padding]) {
      const encoded = Buffer.from(bytesOrText(data, 'base64.encode')).toString('base64')
      return boolean(padding, 'base64.encode') ? encoded : encoded.replace(/=+$/, '')
    },
  },
  'base64.decode': {
    params: params('data', ['padding', true]),
    run([data, padding]) {
      const encoded = typeof data === 'string' ? data : Buffer.from(bytes(data, 'base64.decode')).toString('latin1')
      const padded = boolean(padding, 'base64.decode')
      const shape = padded ? /^[A-Za-z0-9+/_-]*={0,2}$/ : /^[A-Za-z0-9+/_-]*$/
      const compact = encoded.replace(/[\r\n]/g, '')
      if (!shape.test(compact) || (padded && compact.length % 4 !== 0)) throw raised('ValueError', 'base64.decode: the data is not valid base64')
      return new Bytes(new Uint8Array(Buffer.from(compact, 'base64')))
    },
  },
  'hash.compute_checksum': {
    params: params('data', 'algorithm'),
    run: ([data, name]) =>
      digest(createHash(algorithm(text(name, 'hash.compute_checksum'))).update(bytesOrText(data, 'hash.compute_checksum')).digest()),
  },
  'hash.compute_hmac': {
    params: params('key', 'data', 'algorithm'),
    run([key, data, name]) {
      const where = 'hash.compute_hmac'
      return digest(createHmac(algorithm(text(name, where)), bytesOrText(key, where)).update(bytesOrText(data, where)).digest())
    },
  },
}

const digest = (buffer: Buffer) => new Bytes(new Uint8Array(buffer))
