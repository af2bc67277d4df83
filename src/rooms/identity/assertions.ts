/**
 * Assertions: what a service account signs with its own key to say who it is, in exchange for a token or as one. A key that the
 * house never issued proves nothing; in open mode it still makes a principal, named as unverified and inheriting nothing.
 */
import type { KeyObject } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import type { JWTPayload, ProtectedHeaderParameters } from 'jose'
import type { Clock } from '#ground/clock.ts'
import type { Accounts } from './accounts.ts'
import { invalidGrant } from './faults.ts'
import { ASSERTION_S_MAX, CLOCK_SKEW_S, TOKEN_CHARS_MAX } from './limits.ts'
import type { AccountRow } from './migrations.ts'

const ALGORITHM = 'RS256'

export interface Assertion {
  email: string
  keyId: string | undefined
  /** Undefined where the house knows neither the account nor the key. */
  account: AccountRow | undefined
  audience: string
  expires_ms: number
  scope: string | undefined
  targetAudience: string | undefined
}

export class Assertions {
  private readonly accounts: Accounts
  private readonly clock: Clock

  constructor(accounts: Accounts, clock: Clock) {
    this.accounts = accounts
    this.clock = clock
  }

  /** Checks form and times, and the signature wherever the house knows the account or the key. */
  async read(text: string): Promise<Assertion> {
    const { header, claims } = parse(text)
    if (header.alg !== ALGORITHM) throw invalidGrant('Invalid JWT: the algorithm has to be RS256.')
    const email = claims.iss
    if (typeof email !== 'string' || !email.includes('@')) throw invalidGrant('Invalid JWT: iss has to be the e-mail of a service account.')
    if (claims.sub !== undefined && claims.sub !== email) throw invalidGrant('Invalid JWT: acting for another user (sub) is not granted to any service account here.')
    this.checkTimes(claims)
    const account = await this.accounts.find(email)
    await this.checkSignature(text, header, email, account)
    return {
      email,
      keyId: header.kid,
      account,
      audience: String(claims.aud ?? ''),
      expires_ms: claims.exp! * 1000,
      scope: textOf(claims['scope']),
      targetAudience: textOf(claims['target_audience']),
    }
  }

  private checkTimes({ iat, exp }: JWTPayload): void {
    const now_s = this.clock.now_ms() / 1000
    if (typeof iat !== 'number' || typeof exp !== 'number') throw invalidGrant('Invalid JWT: iat and exp are required.')
    if (exp <= now_s - CLOCK_SKEW_S) throw invalidGrant('Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. It has expired.')
    if (iat > now_s + CLOCK_SKEW_S || exp > iat + ASSERTION_S_MAX + CLOCK_SKEW_S) {
      throw invalidGrant('Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values.')
    }
  }

  /** A known account verifies with one of its keys, and a known key is its account's: neither can be borrowed. */
  private async checkSignature(text: string, { kid }: ProtectedHeaderParameters, email: string, account: AccountRow | undefined): Promise<void> {
    const key = kid === undefined ? undefined : await this.accounts.keyById(kid)
    if (!account && !key) return
    if (!account || (key && key.email !== email)) throw invalidGrant('Invalid JWT: the key belongs to another account.')
    if (account.disabled) throw invalidGrant('Invalid grant: the account is disabled.')
    const verifiers = (await this.accounts.verifiers(email)).filter(({ id }) => kid === undefined || id === kid)
    for (const { publicKey } of verifiers) if (await isSignedBy(text, publicKey)) return
    throw invalidGrant('Invalid JWT Signature.', 'The key file is not one that this house issued for this account, or the key was removed.')
  }
}

async function isSignedBy(text: string, publicKey: KeyObject): Promise<boolean> {
  try {
    await compactVerify(text, publicKey, { algorithms: [ALGORITHM] })
    return true
  } catch {
    return false
  }
}

function parse(text: string): { header: ProtectedHeaderParameters; claims: JWTPayload } {
  if (text.length > TOKEN_CHARS_MAX) throw invalidGrant('Invalid JWT: it is too long.')
  try {
    return { header: decodeProtectedHeader(text), claims: decodeJwt(text) }
  } catch {
    throw invalidGrant('Invalid JWT: it could not be decoded.')
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
