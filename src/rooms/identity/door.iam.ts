/** Google's IAM API: service accounts, their keys, roles; and the IAM Credentials API, which lends tokens. */
import type { Call, Door, Params, Resource, Route } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { invalid } from './faults.ts'
import { ACCESS_TOKEN_S, ASKED_TOKEN_S_MAX, PAGE_MAX } from './limits.ts'
import type { AccountRow, KeyRow } from './migrations.ts'
import { policyRoutes } from './policy-routes.ts'
import { readPermissions } from './roles.ts'
import type { Role, RoleFields } from './roles.ts'
import type { IdentityService } from './service.ts'

const PROJECT = '/v1/projects/{project}'
const ACCOUNT = `${PROJECT}/serviceAccounts/{account}`
const KEY_UNTIL = '9999-12-31T23:59:59Z'

export function iamDoor(identity: IdentityService): Door {
  return {
    name: 'iam',
    hosts: ['iam.googleapis.com', 'iamcredentials.googleapis.com'],
    renderFault: sendGoogleFault,
    routes: [
      ...accountRoutes(identity),
      ...keyRoutes(identity),
      ...roleRoutes(identity),
      ...credentialRoutes(identity),
      ...policyRoutes(identity, { id: 'iam.projects.serviceAccounts', path: ACCOUNT, permission: 'iam.serviceAccounts', resource: accountOf }),
    ],
  }
}

/** By name alone: its project is the account's own, whatever the path says. */
const accountOf = (params: Params): Resource => ({ type: 'serviceAccount', name: params['account']! })
const projectOf = (params: Params): Resource => ({ type: 'project', name: params['project']!, project: params['project']! })

function accountRoutes({ accounts, projects }: IdentityService): Route[] {
  const one = (id: string, verb: Route['verb'], suffix: string, permission: string, handle: (call: Call, account: string) => Promise<void>): Route => ({
    id: `iam.projects.serviceAccounts.${id}`, verb, path: `${ACCOUNT}${suffix}`, permission: `iam.serviceAccounts.${permission}`, resource: accountOf,
    handle: (call) => handle(call, call.params['account']!),
  })
  const disable = (disabled: 0 | 1) => async (call: Call, account: string) => {
    await accounts.change(account, { disabled })
    call.sendJson(200, {})
  }
  return [
    {
      id: 'iam.projects.serviceAccounts.create', verb: 'POST', path: `${PROJECT}/serviceAccounts`, permission: 'iam.serviceAccounts.create', resource: projectOf,
      async handle(call) {
        const body = await call.readJson()
        const fields = object(body['serviceAccount'])
        const project = projects.idOf(call.params['project']!)
        const wish = { project, accountId: text(body['accountId']), displayName: text(fields['displayName']), description: text(fields['description']) }
        call.sendJson(200, accountResource(await accounts.create(wish)))
      },
    },
    {
      id: 'iam.projects.serviceAccounts.list', verb: 'GET', path: `${PROJECT}/serviceAccounts`, permission: 'iam.serviceAccounts.list', resource: projectOf,
      async handle(call) {
        const limit = pageSize(call)
        const found = await accounts.list(projects.idOf(call.params['project']!), call.query.get('pageToken') ?? '', limit + 1)
        const page = found.slice(0, limit)
        call.sendJson(200, { accounts: page.map(accountResource), ...(found.length > limit && { nextPageToken: page.at(-1)!.email }) })
      },
    },
    one('get', 'GET', '', 'get', async (call, account) => call.sendJson(200, accountResource(await accounts.get(account)))),
    one('patch', 'PATCH', '', 'update', async (call, account) => {
      const body = await call.readJson()
      const fields = object(body['serviceAccount'] ?? body)
      const mask = text(body['updateMask']) || Object.keys(fields).join()
      const wanted = (name: string, column: 'display_name' | 'description') => (mask.split(',').includes(name) ? { [column]: text(fields[name]) } : {})
      call.sendJson(200, accountResource(await accounts.change(account, { ...wanted('displayName', 'display_name'), ...wanted('description', 'description') })))
    }),
    one('delete', 'DELETE', '', 'delete', async (call, account) => {
      await accounts.remove(account)
      call.sendJson(200, {})
    }),
    one('enable', 'POST', ':enable', 'enable', disable(0)),
    one('disable', 'POST', ':disable', 'disable', disable(1)),
  ]
}

function keyRoutes({ accounts }: IdentityService): Route[] {
  const keys = `${ACCOUNT}/keys`
  const common = { resource: accountOf }
  const email = async (call: Call) => (await accounts.get(call.params['account']!)).email
  const setDisabled = (disabled: boolean) => async (call: Call) => {
    await accounts.setKeyDisabled(await email(call), call.params['key']!, disabled)
    call.sendJson(200, {})
  }
  return [
    {
      id: 'iam.projects.serviceAccounts.keys.create', verb: 'POST', path: keys, permission: 'iam.serviceAccountKeys.create', ...common,
      async handle(call) {
        const { key, file } = await accounts.createKey(await email(call), call.origin)
        const privateKeyData = Buffer.from(JSON.stringify(file, undefined, 2)).toString('base64')
        const body = { ...keyResource(file.project_id, key), privateKeyType: 'TYPE_GOOGLE_CREDENTIALS_FILE', privateKeyData }
        call.sendJson(200, body, { 'cache-control': 'no-store' })
      },
    },
    {
      id: 'iam.projects.serviceAccounts.keys.list', verb: 'GET', path: keys, permission: 'iam.serviceAccountKeys.list', ...common,
      async handle(call) {
        const account = await accounts.get(call.params['account']!)
        call.sendJson(200, { keys: (await accounts.keys(account.email)).map((key) => keyResource(account.project, key)) })
      },
    },
    {
      id: 'iam.projects.serviceAccounts.keys.get', verb: 'GET', path: `${keys}/{key}`, permission: 'iam.serviceAccountKeys.get', ...common,
      async handle(call) {
        const account = await accounts.get(call.params['account']!)
        const key = await accounts.key(account.email, call.params['key']!)
        const withKey = call.query.get('publicKeyType') === 'TYPE_RAW_PUBLIC_KEY'
        call.sendJson(200, { ...keyResource(account.project, key), ...(withKey && { publicKeyData: Buffer.from(key.public_pem).toString('base64') }) })
      },
    },
    {
      id: 'iam.projects.serviceAccounts.keys.delete', verb: 'DELETE', path: `${keys}/{key}`, permission: 'iam.serviceAccountKeys.delete', ...common,
      async handle(call) {
        await accounts.removeKey(await email(call), call.params['key']!)
        call.sendJson(200, {})
      },
    },
    ...(['enable', 'disable'] as const).map(
      (word): Route => ({
        id: `iam.projects.serviceAccounts.keys.${word}`, verb: 'POST', path: `${keys}/{key}:${word}`, permission: `iam.serviceAccountKeys.${word}`, ...common,
        handle: setDisabled(word === 'disable'),
      }),
    ),
  ]
}

function roleRoutes({ roles }: IdentityService): Route[] {
  const parent = (call: Call) => `projects/${call.params['project']}`
  const nameOf = (call: Call) => `${parent(call)}/roles/${call.params['role']}`
  const custom = (id: string, verb: Route['verb'], path: string, permission: string, handle: (call: Call) => Promise<void>): Route => ({
    id: `iam.projects.roles.${id}`, verb, path: `${PROJECT}/roles${path}`, permission: `iam.roles.${permission}`, resource: projectOf, handle,
  })
  const answer = (call: Call, role: Role) => call.sendJson(200, roleResource(role, true))
  const full = (call: Call) => call.query.get('view') === 'FULL'
  return [
    {
      id: 'iam.roles.list', verb: 'GET', path: '/v1/roles', permission: null,
      handle: (call) => call.sendJson(200, { roles: roles.list().map((role) => roleResource(role, full(call))) }),
    },
    { id: 'iam.roles.get', verb: 'GET', path: '/v1/roles/{role}', permission: null, handle: async (call) => answer(call, await roles.get(`roles/${call.params['role']}`)) },
    custom('list', 'GET', '', 'list', async (call) => {
      const found = await roles.listCustom(parent(call), call.query.get('showDeleted') === 'true')
      call.sendJson(200, { roles: found.map((role) => roleResource(role, full(call))) })
    }),
    custom('get', 'GET', '/{role}', 'get', async (call) => answer(call, await roles.get(nameOf(call)))),
    custom('create', 'POST', '', 'create', async (call) => {
      const body = await call.readJson()
      answer(call, await roles.create(parent(call), text(body['roleId']), roleFields(object(body['role']))))
    }),
    custom('patch', 'PATCH', '/{role}', 'update', async (call) => {
      const fields = masked(roleFields(await call.readJson()), call.query.get('updateMask'))
      answer(call, await roles.change(nameOf(call), fields))
    }),
    custom('delete', 'DELETE', '/{role}', 'delete', async (call) => answer(call, await roles.setDeleted(nameOf(call), true))),
    custom('undelete', 'POST', '/{role}:undelete', 'undelete', async (call) => answer(call, await roles.setDeleted(nameOf(call), false))),
    {
      id: 'iam.permissions.queryTestablePermissions', verb: 'POST', path: '/v1/permissions:queryTestablePermissions', permission: null,
      handle(call) {
        const names = new Set(roles.list().flatMap(({ permissions }) => permissions.filter((permission) => !permission.endsWith('*'))))
        call.sendJson(200, { permissions: [...names].sort().map((name) => ({ name, stage: 'GA' })) })
      },
    },
  ]
}

function credentialRoutes(identity: IdentityService): Route[] {
  const lend = (verb: string, permission: string, handle: (call: Call, email: string, body: Record<string, unknown>) => Promise<unknown>): Route => ({
    id: `iamcredentials.projects.serviceAccounts.${verb}`, verb: 'POST', path: `${ACCOUNT}:${verb}`, permission: `iam.serviceAccounts.${permission}`, resource: accountOf,
    async handle(call) {
      const { email } = await identity.accounts.get(call.params['account']!)
      call.sendJson(200, await handle(call, email, await call.readJson()), { 'cache-control': 'no-store' })
    },
  })
  return [
    lend('generateAccessToken', 'getAccessToken', async (_call, email, body) => {
      const lifetime_s = body['lifetime'] === undefined ? ACCESS_TOKEN_S : Number(/^(\d{1,6})s$/.exec(text(body['lifetime']))?.[1])
      if (!(lifetime_s >= 1 && lifetime_s <= ASKED_TOKEN_S_MAX)) throw invalid(`lifetime has to be 1s to ${ASKED_TOKEN_S_MAX}s.`)
      const scopes = Array.isArray(body['scope']) ? body['scope'].map(String) : []
      const { token, expires_s } = await identity.accessToken(email, { lifetime_s, scope: scopes.join(' ') })
      return { accessToken: token, expireTime: new Date(identity.now_ms() + expires_s * 1000).toISOString() }
    }),
    lend('generateIdToken', 'getOpenIdToken', async (_call, email, body) => ({ token: await identity.identityToken(email, required(body, 'audience')) })),
    lend('signBlob', 'signBlob', async (_call, email, body) => {
      const { keyId, signature } = await identity.signBlob(email, Buffer.from(required(body, 'payload'), 'base64'))
      return { keyId, signedBlob: signature.toString('base64') }
    }),
  ]
}

export function accountResource({ email, id, project, display_name, description, disabled }: AccountRow) {
  return {
    name: `projects/${project}/serviceAccounts/${email}`, projectId: project, uniqueId: id, email, etag: 'MDEwMjE5MjA=', oauth2ClientId: id,
    ...(display_name !== '' && { displayName: display_name }),
    ...(description !== '' && { description }),
    ...(disabled === 1 && { disabled: true }),
  }
}

function keyResource(project: string, { id, email, created_ms, disabled }: Pick<KeyRow, 'id' | 'email' | 'created_ms' | 'disabled'>) {
  return {
    name: `projects/${project}/serviceAccounts/${email}/keys/${id}`, validAfterTime: new Date(created_ms).toISOString(), validBeforeTime: KEY_UNTIL,
    keyAlgorithm: 'KEY_ALG_RSA_2048', keyOrigin: 'GOOGLE_PROVIDED', keyType: 'USER_MANAGED', ...(disabled === 1 && { disabled: true }),
  }
}

function roleResource({ permissions, deleted, ...role }: Role, withPermissions: boolean) {
  return { ...role, ...(withPermissions && { includedPermissions: permissions }), ...(deleted && { deleted }) }
}

function roleFields(body: Record<string, unknown>): RoleFields {
  const permissions = body['includedPermissions']
  if (permissions !== undefined && !Array.isArray(permissions)) throw invalid('includedPermissions is a list of permissions.')
  const word = (name: 'title' | 'description' | 'stage') => (body[name] === undefined ? {} : { [name]: text(body[name]) })
  return { ...word('title'), ...word('description'), ...word('stage'), ...(permissions && { permissions: readPermissions(permissions.map(String)) }) }
}

function masked(fields: RoleFields, mask: string | null): RoleFields {
  if (mask === null || mask === '') return fields
  const names = mask.split(',').map((name) => (name === 'includedPermissions' ? 'permissions' : name))
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)))
}

function pageSize(call: Call): number {
  const asked = Number(call.query.get('pageSize') ?? 100)
  if (!Number.isInteger(asked) || asked < 0) throw invalid('pageSize has to be a whole number.')
  return Math.min(asked || 100, PAGE_MAX)
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const object = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {})

function required(body: Record<string, unknown>, name: string): string {
  const value = text(body[name])
  if (value === '') throw invalid(`${name} is required.`)
  return value
}
