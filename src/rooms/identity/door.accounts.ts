/** The house's own methods on its accounts, for the command line and the console: who am I, people, API tokens, grants. */
import type { Call, Door, Resource, Route } from '#ground/door.ts'
import type { Ids } from '#ground/ids.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { invalid, notFound } from './faults.ts'
import { PAGE_MAX } from './limits.ts'
import type { ApiTokenRow, UserRow } from './migrations.ts'
import { HOUSE } from './policies.ts'
import type { IdentityService } from './service.ts'

const OWN = '/potoroo/v1'
const LOGIN_DAYS = 30
const TOKEN_DAYS = 90

export function accountsDoor(identity: IdentityService, ids: Ids): Door {
  return {
    name: 'accounts',
    hosts: [],
    renderFault: sendGoogleFault,
    routes: [...loginRoutes(identity), ...userRoutes(identity, ids), ...tokenRoutes(identity), ...grantRoutes(identity)],
  }
}

function loginRoutes(identity: IdentityService): Route[] {
  return [
    {
      id: 'potoroo.whoami', verb: 'GET', path: `${OWN}/whoami`, permission: null,
      handle(call) {
        const { principal, kind, account, project, via } = call.caller
        call.sendJson(200, { principal, kind, account, project, via, mode: identity.settings.mode })
      },
    },
    {
      id: 'potoroo.login', verb: 'POST', path: `${OWN}/login`, permission: null,
      async handle(call) {
        const body = await call.readJson()
        const user = await identity.users.logIn(text(body, 'email'), text(body, 'password'), call.request.socket.remoteAddress ?? 'unknown')
        const { token, row } = await identity.apiTokens.create(`user:${user.email}`, 'login', LOGIN_DAYS)
        call.sendJson(200, { token, principal: row.principal, expires: new Date(row.expires_ms).toISOString() }, NO_STORE)
      },
    },
    {
      id: 'potoroo.devices.approve', verb: 'POST', path: `${OWN}/devices:approve`, permission: null,
      async handle(call) {
        const { caller } = call
        if (caller.kind !== 'user' || !caller.account) throw invalid('A device is let in by a person who is logged in.', '`potoroo login` logs you in.')
        await identity.sessions.approveDevice(text(await call.readJson(), 'userCode'), caller.account.id)
        call.sendJson(200, {})
      },
    },
    {
      id: 'potoroo.signingKeys.rotate', verb: 'POST', path: `${OWN}/signingKeys:rotate`, permission: 'potoroo.signingKeys.rotate',
      handle: async (call) => call.sendJson(200, { id: await identity.keys.rotate() }),
    },
  ]
}

function userRoutes({ users }: IdentityService, ids: Ids): Route[] {
  const byName = async (call: Call) => {
    const name = call.params['user']!
    const row = name.includes('@') ? await users.findByEmail(name) : await users.find(name)
    if (!row) throw notFound(`User ${name.slice(0, 200)}`)
    return row
  }
  return [
    {
      id: 'potoroo.users.create', verb: 'POST', path: `${OWN}/users`, permission: 'potoroo.users.create',
      async handle(call) {
        const body = await call.readJson()
        const given = body['password']
        const password = typeof given === 'string' ? given : ids.secret()
        const user = await users.add(text(body, 'email'), password)
        call.sendJson(200, { ...userResource(user), ...(given === undefined && { password }) }, NO_STORE)
      },
    },
    {
      id: 'potoroo.users.list', verb: 'GET', path: `${OWN}/users`, permission: 'potoroo.users.list',
      handle: async (call) => call.sendJson(200, { users: (await users.list('', PAGE_MAX)).map(userResource) }),
    },
    {
      id: 'potoroo.users.setPassword', verb: 'POST', path: `${OWN}/users/{user}:setPassword`, permission: 'potoroo.users.update',
      async handle(call) {
        await users.setPassword((await byName(call)).id, text(await call.readJson(), 'password'))
        call.sendJson(200, {})
      },
    },
    {
      id: 'potoroo.users.delete', verb: 'DELETE', path: `${OWN}/users/{user}`, permission: 'potoroo.users.delete',
      async handle(call) {
        await users.remove((await byName(call)).id)
        call.sendJson(200, {})
      },
    },
  ]
}

function tokenRoutes(identity: IdentityService): Route[] {
  const { apiTokens } = identity
  return [
    {
      id: 'potoroo.tokens.create', verb: 'POST', path: `${OWN}/tokens`, permission: 'potoroo.tokens.create',
      async handle(call) {
        const body = await call.readJson()
        const principal = await identity.knownPrincipal(text(body, 'principal'))
        const { row, token } = await apiTokens.create(principal, text(body, 'name'), Number(body['days'] ?? TOKEN_DAYS))
        call.sendJson(200, { ...tokenResource(row), token }, NO_STORE)
      },
    },
    {
      id: 'potoroo.tokens.list', verb: 'GET', path: `${OWN}/tokens`, permission: 'potoroo.tokens.list',
      handle: async (call) => call.sendJson(200, { tokens: (await apiTokens.list()).map(tokenResource) }),
    },
    {
      id: 'potoroo.tokens.revoke', verb: 'DELETE', path: `${OWN}/tokens/{token}`, permission: 'potoroo.tokens.revoke',
      async handle(call) {
        await apiTokens.revoke(call.params['token']!)
        call.sendJson(200, {})
      },
    },
  ]
}

function grantRoutes(identity: IdentityService): Route[] {
  const route = (verb: 'grant' | 'revoke'): Route => ({
    id: `potoroo.policies.${verb}`, verb: 'POST', path: `${OWN}/policies:${verb}`, permission: null,
    async handle(call) {
      const body = await call.readJson()
      const resource = await resourceOf(call, identity, text(body, 'type'), text(body, 'name'), 'setIamPolicy')
      const role = text(body, 'role')
      if (verb === 'grant' && !identity.roles.exists(role)) throw notFound(`Role ${role.slice(0, 100)}`)
      call.sendJson(200, await identity.policies[verb](resource, role, text(body, 'member')))
    },
  })
  return [
    route('grant'),
    route('revoke'),
    {
      id: 'potoroo.policies.show', verb: 'GET', path: `${OWN}/policies`, permission: null,
      async handle(call) {
        const resource = await resourceOf(call, identity, call.query.get('type') ?? HOUSE.type, call.query.get('name') ?? HOUSE.name, 'getIamPolicy')
        call.sendJson(200, await identity.policies.read(resource))
      },
    },
  ]
}

/** The permissions that guard a policy, by the kind of resource it stands on. */
const GUARDED: Readonly<Record<string, string>> = {
  house: 'potoroo.house',
  project: 'resourcemanager.projects',
  bucket: 'storage.buckets',
  dataset: 'bigquery.datasets',
  table: 'bigquery.tables',
  topic: 'pubsub.topics',
  subscription: 'pubsub.subscriptions',
  function: 'cloudfunctions.functions',
  service: 'run.services',
  workflow: 'workflows.workflows',
  secret: 'secretmanager.secrets',
  serviceAccount: 'iam.serviceAccounts',
}

async function resourceOf(call: Call, { projects }: IdentityService, type: string, name: string, right: 'getIamPolicy' | 'setIamPolicy'): Promise<Resource> {
  const guard = GUARDED[type]
  if (guard === undefined) throw invalid(`${JSON.stringify(type.slice(0, 60))} is not a kind of resource with a policy.`, `These are: ${Object.keys(GUARDED).join(', ')}.`)
  const resource = type === 'project' ? { type, name: projects.idOf(name), project: projects.idOf(name) } : { type, name }
  await call.require(`${guard}.${right}`, resource)
  return resource
}

function userResource({ id, email, enabled, created_ms }: UserRow) {
  return { id, email, enabled: enabled === 1, created: new Date(created_ms).toISOString() }
}

function tokenResource({ id, name, principal, created_ms, expires_ms }: ApiTokenRow) {
  return { id, name, principal, created: new Date(created_ms).toISOString(), expires: new Date(expires_ms).toISOString() }
}

function text(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '') throw invalid(`${name} is required.`)
  return value
}

const NO_STORE = { 'cache-control': 'no-store' }
