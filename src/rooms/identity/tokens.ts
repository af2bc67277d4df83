/**
 * Tokens of the house's own: JSON web tokens that it signs and later knows again. An access token says who calls; an identity token
 * says who someone is, to one audience. Which key and which algorithm verify a token is the house's to say, never the token's.
 */
import { SignJWT, jwtVerify } from 'jose'
import type { JWTPayload } from 'jose'
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import { badToken } from './faults.ts'
import { TOKEN_CHARS_MAX } from './limits.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Google's, because its clients check identity tokens for it. */
export const ISSUER = 'https://accounts.google.com'
const ALGORITHM = 'RS256'
/** The audience of access tokens: this house. */
const HOUSE = 'potoroo'
const ACCESS_TYPE = 'at+jwt'
const IDENTITY_TYPE = 'JWT'

export interface Subject {
  /** `user:ada@example.com`, `serviceAccount:…`, `unverified:…`. */
  principal: string
  /** The principal's own id, so that a name that is given again is someone else. */
  id: string
  email: string
}

export interface AccessClaims extends Subject {
  expires_ms: number
  /** Who asked for it, such as `WallarooSDK/2024.2.0`. */
  client?: string
  /** What a child's credential acts for, in words. */
  via?: string
  scope?: string
}

export interface IdentityClaims extends Subject {
  audience: string
  expires_ms: number
}

export class Tokens {
  private readonly keys: SigningKeys
  private readonly clock: Clock
  private readonly ids: Ids

  constructor(parts: { keys: SigningKeys; clock: Clock; ids: Ids }) {
    this.keys = parts.keys
    this.clock = parts.clock
    this.ids = parts.ids
  }

  issueAccess({ principal, id, email }: Subject, lifetime_s: number, extra: { client?: string; via?: string; scope?: string } = {}): Promise<string> {
    return this.sign(
      { sub: id, principal, email, preferred_username: email, azp: extra.client === undefined ? 'potoroo' : 'sdk-client', ...given(extra) },
      { audience: HOUSE, lifetime_s, type: ACCESS_TYPE },
    )
  }

  issueIdentity({ principal, id, email }: Subject, audience: string, lifetime_s: number): Promise<string> {
    return this.sign({ sub: id, principal, email, email_verified: true, azp: id }, { audience, lifetime_s, type: IDENTITY_TYPE })
  }

  async readAccess(token: string): Promise<AccessClaims> {
    const claims = await this.verify(token, ACCESS_TYPE, HOUSE)
    return { ...subjectOf(claims), expires_ms: claims.exp! * 1000, ...given({ client: claims['client'], via: claims['via'], scope: claims['scope'] }) }
  }

  /** Without an audience any is taken: for those who compare it themselves. */
  async readIdentity(token: string, audience?: string): Promise<IdentityClaims> {
    const claims = await this.verify(token, IDENTITY_TYPE, audience)
    return { ...subjectOf(claims), audience: String(claims.aud), expires_ms: claims.exp! * 1000 }
  }

  private sign(claims: JWTPayload, { audience, lifetime_s, type }: { audience: string; lifetime_s: number; type: string }): Promise<string> {
    const { id, privateKey } = this.keys.current
    const now_s = Math.floor(this.clock.now_ms() / 1000)
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid: id, typ: type })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setIssuedAt(now_s)
      .setExpirationTime(now_s + lifetime_s)
      .setJti(this.ids.next())
      .sign(privateKey)
  }

  private async verify(token: string, type: string, audience: string | undefined): Promise<JWTPayload> {
    if (token.length > TOKEN_CHARS_MAX) throw badToken('the token is too long.')
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.keyOf(kid), {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        typ: type,
        ...(audience !== undefined && { audience }),
        currentDate: new Date(this.clock.now_ms()),
        requiredClaims: ['exp', 'sub', 'aud', 'principal', 'email'],
      })
      return payload
    } catch (cause) {
      throw badToken(reasonOf(cause))
    }
  }

  private keyOf(kid: string | undefined) {
    const key = this.keys.publicKey(kid ?? '')
    if (!key) throw new Error('it was not signed by this house')
    return key
  }
}

function subjectOf(claims: JWTPayload): Subject {
  return { principal: String(claims['principal']), id: claims.sub!, email: String(claims['email']) }
}

/** In words of ours: what the library says may quote the token. */
function reasonOf(cause: unknown): string {
  const code = (cause as { code?: string }).code
  if (code === 'ERR_JWT_EXPIRED') return 'the token has expired.'
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED') return `the token is not for this use (${String((cause as { claim?: string }).claim)}).`
  if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return 'the signature of the token is wrong.'
  if (code === 'ERR_JOSE_ALG_NOT_ALLOWED') return 'the token is signed in a way that is not allowed.'
  return 'it is not a token that this house issued.'
}

function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> & string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value === 'string')) as never
}
