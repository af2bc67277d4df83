/**
 * X.509 certificates of the house's own: an authority that may only speak for given names, what it signs for a host, and
 * the wrapper around a signing key that Google's clients ask for. Nothing foreign is parsed here.
 */
import { createHash, createPublicKey, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { bits, boolean, context, integer, nothing, octets, oid, pem, sequence, set, tagged, time, utf8 } from './der.ts'
import type { Der } from './der.ts'

const OID = {
  commonName: '2.5.4.3',
  ecdsaSha256: '1.2.840.10045.4.3.2',
  rsaSha256: '1.2.840.113549.1.1.11',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

const SERIAL_BYTES = 16
/** Clocks of clients may be a little behind. */
const EARLIER_MS = 3600_000
const VERSION_3 = 2
/** Bits of the key usage, from the left. */
const USAGE = { digitalSignature: bits(Buffer.from([0x80]), 7), certificates: bits(Buffer.from([0x06]), 1) }

export interface Validity {
  from_ms: number
  until_ms: number
}

/** A root that can sign for names at and below `domains`, and for no address at all; clients must refuse anything else it signs. */
export function authorityCertificate(parts: { name: string; domains: readonly string[]; privateKey: KeyObject; valid: Validity }): string {
  const publicKey = createPublicKey(parts.privateKey)
  const permitted = parts.domains.map((domain) => sequence(context(2, false, Buffer.from(domain))))
  // A kind of name that no constraint mentions is free: addresses have to be shut out by name.
  const excluded = [8, 32].map((bytes) => sequence(context(7, false, Buffer.alloc(bytes))))
  return certificate({
    ...parts,
    subject: parts.name,
    issuer: parts.name,
    publicKey,
    extensions: [
      extension(OID.basicConstraints, true, sequence(boolean(true), integer(Buffer.from([0])))),
      extension(OID.keyUsage, true, USAGE.certificates),
      extension(OID.nameConstraints, true, sequence(context(0, true, ...permitted), context(1, true, ...excluded))),
      extension(OID.subjectKeyId, false, octets(keyId(publicKey))),
    ],
  })
}

export function hostCertificate(parts: { host: string; publicKey: KeyObject; authority: { name: string; privateKey: KeyObject }; valid: Validity }): string {
  const { host, publicKey, authority, valid } = parts
  return certificate({
    subject: undefined,
    issuer: authority.name,
    publicKey,
    privateKey: authority.privateKey,
    valid,
    extensions: [
      extension(OID.basicConstraints, true, sequence()),
      extension(OID.keyUsage, true, USAGE.digitalSignature),
      extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
      // Critical, because the subject is empty: the name stands here alone.
      extension(OID.subjectAltName, true, sequence(context(2, false, Buffer.from(host)))),
      extension(OID.subjectKeyId, false, octets(keyId(publicKey))),
      extension(OID.authorityKeyId, false, sequence(context(0, false, keyId(createPublicKey(authority.privateKey))))),
    ],
  })
}

/** A key in the form of a certificate that vouches for nothing, as Google publishes the keys of its tokens. */
export function keyCertificate(parts: { name: string; privateKey: KeyObject; valid: Validity }): string {
  return certificate({ ...parts, subject: parts.name, issuer: parts.name, publicKey: createPublicKey(parts.privateKey), extensions: [extension(OID.keyUsage, true, USAGE.digitalSignature)] })
}

interface CertificateParts {
  subject: string | undefined
  issuer: string
  publicKey: KeyObject
  /** The issuer's. */
  privateKey: KeyObject
  valid: Validity
  extensions: Der[]
}

function certificate({ subject, issuer, publicKey, privateKey, valid, extensions }: CertificateParts): string {
  const algorithm = privateKey.asymmetricKeyType === 'rsa' ? sequence(oid(OID.rsaSha256), nothing()) : sequence(oid(OID.ecdsaSha256))
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = serial[0]! & 0x7f
  const body = sequence(
    context(0, true, integer(Buffer.from([VERSION_3]))),
    integer(serial),
    algorithm,
    name(issuer),
    sequence(time(valid.from_ms - EARLIER_MS), time(valid.until_ms)),
    subject === undefined ? sequence() : name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, true, sequence(...extensions)),
  )
  return pem('CERTIFICATE', sequence(body, algorithm, bits(sign('sha256', body, privateKey))))
}

function name(commonName: string): Der {
  return sequence(set(sequence(oid(OID.commonName), utf8(commonName))))
}

function extension(id: string, critical: boolean, value: Der): Der {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), tagged(0x04, value))
}

function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha1').update(publicKey.export({ type: 'spki', format: 'der' })).digest()
}
