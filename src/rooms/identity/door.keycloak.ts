/** The Keycloak-shaped endpoints of the Wallaroo SDK: realm `master`, public client `sdk-client`, and the few admin calls on users. */
import { createHash } from 'node:crypto'
import type { Call, Door, Route } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import { oauthFault } from './faults.ts'
import type { FirstStart } from './first-start.ts'
import { field, NO_STORE, readForm, sendOAuthFault } from './forms.ts'
import { DEVICE_CODE_S, DEVICE_POLL_S, FORM_BYTES_MAX, PAGE_MAX } from './limits.ts'
import type { UserRow } from './migrations.ts'
import type { IdentityService } from './service.ts'

const OPENID = '/auth/realms/master/protocol/openid-connect'
const USERS = '/auth/admin/realms/master/users'
const DEVICE_PAGE = '/auth/realms/master/device'
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

export function keycloakDoor(identity: IdentityService, first: FirstStart): Door {
  const open = (id: string, verb: Route['verb'], path: string, handle: Route['handle']): Route => ({
    id: `keycloak.${id}`, verb, path, permission: null, bodyBytesMax: FORM_BYTES_MAX, handle,
  })
  return {
    name: 'keycloak',
    hosts: [],
    renderFault: sendOAuthFault,
    routes: [
      open('token', 'POST', `${OPENID}/token`, (call) => token(call, identity)),
      open('device', 'POST', `${OPENID}/auth/device`, (call) => device(call, identity, first)),
      open('logout', 'POST', `${OPENID}/logout`, async (call) => {
        await identity.sessions.end(field(await readForm(call), 'refresh_token'))
        call.send(204)
      }),
      open('certs', 'GET', `${OPENID}/certs`, (call) => call.sendJson(200, identity.jwks())),
      open('userinfo', 'GET', `${OPENID}/userinfo`, (call) => {
        const { account } = signedIn(call).caller
        call.sendJson(200, { sub: account?.id, email: account?.email, preferred_username: account?.email, email_verified: true })
      }),
      open('configuration', 'GET', '/auth/realms/master/.well-known/openid-configuration', (call) => call.sendJson(200, configuration(call.origin))),
      open('devicePage', 'GET', DEVICE_PAGE, (call) => sendPage(call, 200, call.query.get('user_code') ?? '', '')),
      open('approveDevice', 'POST', DEVICE_PAGE, (call) => approve(call, identity)),
      open('users.list', 'GET', USERS, (call) => listUsers(call, identity)),
      open('users.get', 'GET', `${USERS}/{user}`, async (call) => signedIn(call).sendJson(200, userResource(await identity.users.get(call.params['user']!)))),
      { id: 'keycloak.users.update', verb: 'PUT', path: `${USERS}/{user}`, permission: 'potoroo.users.update', handle: (call) => updateUser(call, identity) },
    ],
  }
}

async function token(call: Call, identity: IdentityService): Promise<void> {
  const form = await readForm(call)
  const client = clientOf(call)
  const grant = field(form, 'grant_type')
  if (grant === 'password') {
    const user = await identity.users.logIn(field(form, 'username'), field(form, 'password'), addressOf(call))
    return call.sendJson(200, await identity.sdkTokens({ user, client }), NO_STORE)
  }
  if (grant === 'refresh_token') {
    const session = await identity.sessions.resume(field(form, 'refresh_token'))
    return call.sendJson(200, await identity.sdkTokens({ ...session, client: client ?? session.client }), NO_STORE)
  }
  if (grant === DEVICE_GRANT) {
    const session = await identity.sessions.finishDevice(field(form, 'device_code'))
    return call.sendJson(200, await identity.sdkTokens({ ...session, client: client ?? session.client }), NO_STORE)
  }
  throw oauthFault('unsupported_grant_type', `Unsupported grant_type ${grant.slice(0, 100)}`)
}

/** In open mode the house's own user is let in without asking: the program runs as them already. */
async function device(call: Call, identity: IdentityService, first: FirstStart): Promise<void> {
  const trusted = identity.settings.mode === 'open' && call.caller.kind !== 'anonymous'
  const { deviceCode, userCode } = await identity.sessions.beginDevice(clientOf(call), trusted ? await first.developerUserId() : undefined)
  const page = `${call.origin}${DEVICE_PAGE}`
  const answer = {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${userCode}`,
    expires_in: DEVICE_CODE_S,
    interval: trusted ? 1 : DEVICE_POLL_S,
  }
  call.sendJson(200, answer, NO_STORE)
}

async function approve(call: Call, identity: IdentityService): Promise<void> {
  const form = await readForm(call)
  const code = field(form, 'user_code')
  try {
    const user = await identity.users.logIn(field(form, 'username'), field(form, 'password'), addressOf(call))
    await identity.sessions.approveDevice(code, user.id)
    sendPage(call, 200, code, 'The program is logged in. This page can be closed.')
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    sendPage(call, thrown.httpStatus, code, thrown.message)
  }
}

async function listUsers(call: Call, identity: IdentityService): Promise<void> {
  signedIn(call)
  const email = call.query.get('email') ?? call.query.get('username') ?? call.query.get('search')
  const found = email === null ? await identity.users.list('', PAGE_MAX) : [await identity.users.findByEmail(email)].filter((row) => row !== undefined)
  call.sendJson(200, found.map(userResource))
}

async function updateUser(call: Call, identity: IdentityService): Promise<void> {
  const { enabled } = await call.readJson()
  if (typeof enabled !== 'boolean') throw oauthFault('invalid_request', 'Only `enabled` can be changed, and it is true or false.')
  await identity.users.setEnabled(call.params['user']!, enabled)
  call.send(204)
}

function userResource({ id, email, enabled, created_ms }: UserRow) {
  return { id, username: email, email, enabled: enabled === 1, emailVerified: true, createdTimestamp: created_ms }
}

function signedIn(call: Call): Call {
  if (call.caller.kind === 'anonymous') throw oauthFault('unauthorized', 'HTTP 401 Unauthorized', 401)
  return call
}

/** Every SDK names itself here and nowhere else; the token carries it on. */
function clientOf(call: Call): string | undefined {
  return /\bWallarooSDK\/[\w.+-]{1,40}/.exec(call.request.headers['user-agent'] ?? '')?.[0]
}

const addressOf = (call: Call): string => call.request.socket.remoteAddress ?? 'unknown'

function configuration(origin: string) {
  return {
    issuer: `${origin}/auth/realms/master`,
    token_endpoint: `${origin}${OPENID}/token`,
    device_authorization_endpoint: `${origin}${OPENID}/auth/device`,
    jwks_uri: `${origin}${OPENID}/certs`,
    userinfo_endpoint: `${origin}${OPENID}/userinfo`,
    end_session_endpoint: `${origin}${OPENID}/logout`,
    grant_types_supported: ['password', 'refresh_token', DEVICE_GRANT],
  }
}

const STYLE = [
  'body{font:16px/1.6 system-ui;max-width:26rem;margin:12vh auto;padding:0 1rem;color-scheme:light dark}',
  'label{display:block;margin:.8rem 0}',
  'input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}',
  'button{font:inherit;padding:.4rem 1.2rem}',
].join('')

function sendPage(call: Call, status: number, code: string, message: string): void {
  const page = [
    '<!doctype html><html lang="en"><title>Potoroo: log a program in</title><meta name="viewport" content="width=device-width">',
    `<style>${STYLE}</style><h1>Log a program in</h1><p role="status">${escaped(message)}</p><form method="post">`,
    `<label>Code<input name="user_code" value="${escaped(code)}" required></label>`,
    '<label>E-mail<input name="username" autocomplete="username" required></label>',
    '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>',
    '<button>Log the program in</button></form></html>',
  ].join('')
  const styleHash = createHash('sha256').update(STYLE).digest('base64')
  call.send(status, page, {
    ...NO_STORE,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
