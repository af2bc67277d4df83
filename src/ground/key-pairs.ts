/** New key pairs: the chance in them belongs to the ground. What a key is for, and where it is kept, is its owner's business. */
import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

const generate = promisify(generateKeyPair)
const RSA_BITS = 2048

export interface KeyPair {
  privateKey: KeyObject
  publicKey: KeyObject
}

/** What Google's clients sign and check with. Takes 30 to 300 ms, off the main thread. */
export function newRsaKeyPair(): Promise<KeyPair> {
  return generate('rsa', { modulusLength: RSA_BITS })
}

export function newEcKeyPair(): Promise<KeyPair> {
  return generate('ec', { namedCurve: 'P-256' })
}

/** PKCS #8, the form of Google's key files. */
export function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}

export function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }) as string
}

export function keyPairFromPem(pem: string): KeyPair {
  const privateKey = createPrivateKey(pem)
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
