/** Google's token endpoint and what stands around it: `oauth2.googleapis.com`, `accounts.google.com`, and the keys at `www.googleapis.com`. */
import { decodeProtectedHeader } from 'jose'
import type { Call, Door, Route } from '#ground/door.ts'
import type { Clock } from '#ground/clock.ts'
import { oauthFault } from './faults.ts'
import { field, NO_STORE, readForm, sendOAuthFault } from './forms.ts'
import { ACCESS_TOKEN_S, FORM_BYTES_MAX } from './limits.ts'
import type { IdentityService } from './service.ts'
import { ISSUER } from './tokens.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const KEYS_AGE_S = 3600
const CLOUD_SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

export function oauthDoor(identity: IdentityService, clock: Clock): Door {
  const route = (id: string, verb: Route['verb'], path: string, handle: Route['handle']): Route => ({
    id: `oauth2.${id}`, verb, path, permission: null, bodyBytesMax: FORM_BYTES_MAX, handle,
  })
  const both = (id: string, path: string, handle: (call: Call) => Promise<void>) => [route(id, 'GET', path, handle), route(id, 'POST', path, handle)]
  return {
    name: 'oauth2',
    hosts: ['oauth2.googleapis.com', 'accounts.google.com', 'www.googleapis.com', 'openidconnect.googleapis.com'],
    renderFault: sendOAuthFault,
    routes: [
      ...['/token', '/oauth2/v4/token', '/oauth2/v3/token', '/o/oauth2/token'].map((path) => route('token', 'POST', path, (call) => token(call, identity))),
      ...['/tokeninfo', '/oauth2/v1/tokeninfo', '/oauth2/v2/tokeninfo', '/oauth2/v3/tokeninfo'].flatMap((path) =>
        both('tokeninfo', path, (call) => tokenInfo(call, identity, clock)),
      ),
      ...['/oauth2/v3/userinfo', '/oauth2/v2/userinfo', '/v1/userinfo'].map((path) => route('userinfo', 'GET', path, userInfo)),
      ...both('revoke', '/revoke', async (call) => {
        await identity.sessions.end(call.query.get('token') ?? field(await readForm(call), 'token'))
        call.sendJson(200, {})
      }),
      route('certs', 'GET', '/oauth2/v3/certs', (call) => call.sendJson(200, identity.jwks(), KEYS)),
      route('certificates', 'GET', '/oauth2/v1/certs', (call) => call.sendJson(200, certificates(identity), KEYS)),
      route('accountCertificates', 'GET', '/robot/v1/metadata/x509/{email}', (call) => call.sendJson(200, certificates(identity), KEYS)),
      route('configuration', 'GET', '/.well-known/openid-configuration', (call) => call.sendJson(200, configuration(call.origin), KEYS)),
    ],
  }
}

const KEYS = { 'cache-control': `public, max-age=${KEYS_AGE_S}` }

async function token(call: Call, identity: IdentityService): Promise<void> {
  const form = await readForm(call)
  const grant = field(form, 'grant_type')
  if (grant === JWT_BEARER && identity.away.takesKey(keyIdOf(field(form, 'assertion')))) {
    const { status, body } = await identity.away.exchange(field(form, 'assertion'))
    return call.sendJson(status, body, NO_STORE)
  }
  if (grant === JWT_BEARER) {
    const from = { ownTokenUrl: `${call.origin}/token`, trusted: call.caller.kind !== 'anonymous' }
    return call.sendJson(200, await identity.exchangeAssertion(field(form, 'assertion'), from), NO_STORE)
  }
  if (grant === 'refresh_token') {
    const { user } = await identity.sessions.resume(field(form, 'refresh_token'))
    const subject = { principal: `user:${user.email}`, id: user.id, email: user.email }
    const access_token = await identity.tokens.issueAccess(subject, ACCESS_TOKEN_S)
    const id_token = await identity.tokens.issueIdentity(subject, form.get('client_id') ?? 'potoroo', ACCESS_TOKEN_S)
    return call.sendJson(200, { access_token, id_token, expires_in: ACCESS_TOKEN_S, token_type: 'Bearer' }, NO_STORE)
  }
  throw oauthFault('unsupported_grant_type', `Invalid grant_type: ${grant.slice(0, 100)}`)
}

function keyIdOf(assertion: string): string | undefined {
  try {
    return decodeProtectedHeader(assertion).kid
  } catch {
    return undefined // What it is instead is said when it is read.
  }
}

async function tokenInfo(call: Call, identity: IdentityService, clock: Clock): Promise<void> {
  const form = call.request.method === 'POST' ? await readForm(call) : new Map<string, string>()
  const parameter = (name: string) => call.query.get(name) ?? form.get(name)
  const identityToken = parameter('id_token')
  const left = (expires_ms: number) => ({ exp: String(Math.floor(expires_ms / 1000)), expires_in: String(Math.max(0, Math.floor((expires_ms - clock.now_ms()) / 1000))) })
  try {
    if (identityToken !== undefined) {
      const { id, email, audience, expires_ms } = await identity.tokens.readIdentity(identityToken)
      return call.sendJson(200, { iss: ISSUER, aud: audience, azp: id, sub: id, email, email_verified: 'true', ...left(expires_ms) }, NO_STORE)
    }
    const { id, email, scope, expires_ms } = await identity.tokens.readAccess(parameter('access_token') ?? '')
    const shown = { azp: id, aud: id, sub: id, scope: scope ?? CLOUD_SCOPE, email, email_verified: 'true', access_type: 'online' }
    call.sendJson(200, { ...shown, ...left(expires_ms) }, NO_STORE)
  } catch {
    // Google says no more than this about any bad token.
    throw oauthFault('invalid_token', 'Invalid Value')
  }
}

function userInfo(call: Call): void {
  const { account } = call.caller
  if (!account) throw oauthFault('invalid_request', 'Invalid Credentials', 401)
  call.sendJson(200, { sub: account.id, email: account.email, email_verified: true })
}

function certificates(identity: IdentityService) {
  return Object.fromEntries(identity.keys.all().map(({ id, certificate }) => [id, certificate]))
}

function configuration(origin: string) {
  return {
    issuer: ISSUER,
    token_endpoint: `${origin}/token`,
    revocation_endpoint: `${origin}/revoke`,
    userinfo_endpoint: `${origin}/v1/userinfo`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    response_types_supported: ['token', 'id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    grant_types_supported: [JWT_BEARER, 'refresh_token'],
  }
}
