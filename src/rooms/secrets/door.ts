/** The Secret Manager API v1, with and without a location in the names. */
import { crc32c } from '@node-rs/crc32'
import type { Call, Params, Resource, Route, Verb } from '#ground/door.ts'
import { invalid } from './faults.ts'
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from './limits.ts'
import { secretName } from './service.ts'
import type { SecretsService } from './service.ts'
import type { Secret, SecretVersion } from './types.ts'

type Json = Record<string, unknown>

/** Who may do what on a resource: kept by the identity room. */
export interface PolicyPort {
  read(resource: Resource): Promise<Json>
  write(resource: Resource, policy: Json): Promise<Json>
}

export function secretRoutes(service: SecretsService, policies: PolicyPort): Route[] {
  return [...routesAt(service, policies, '/v1/projects/{project}'), ...routesAt(service, policies, '/v1/projects/{project}/locations/{location}')]
}

const nameOf = ({ project, location, secret }: Params): string => secretName(project!, location ?? null, secret!)
const projectResource = ({ project }: Params): Resource => ({ type: 'project', name: project!, project: project! })
const secretResource = (params: Params): Resource => ({ type: 'secret', name: nameOf(params), project: params['project']! })

function routesAt(service: SecretsService, policies: PolicyPort, parent: string): Route[] {
  const secret = `${parent}/secrets/{secret}`
  const version = `${secret}/versions/{version}`
  const id = (method: string) => `secretmanager.projects${parent.includes('{location}') ? '.locations' : ''}.secrets.${method}`
  const turn = (verb: 'enable' | 'disable' | 'destroy', state: SecretVersion['state']): Route => ({
    id: id(`versions.${verb}`), verb: 'POST', path: `${version}:${verb}`, permission: `secretmanager.versions.${verb}`, resource: secretResource,
    async handle(call) {
      const { etag } = await call.readJson()
      const done = await service.setState(nameOf(call.params), call.params['version']!, state, etag as string | undefined)
      call.sendJson(200, versionResource(done.secret, done.version))
    },
  })
  return [
    {
      id: id('create'), verb: 'POST', path: `${parent}/secrets`, permission: 'secretmanager.secrets.create', resource: projectResource,
      async handle(call) {
        const { project, location } = call.params
        call.sendJson(200, secretResourceOf(await service.create(project!, location ?? null, call.query.get('secretId') ?? '', await call.readJson())))
      },
    },
    {
      id: id('list'), verb: 'GET', path: `${parent}/secrets`, permission: 'secretmanager.secrets.list', resource: projectResource,
      async handle(call) {
        const { project, location } = call.params
        const size = sizeOf(call)
        const found = await service.shelf.list(project!, location ?? null, textOf(call.query.get('pageToken')), size + 1)
        const page = found.slice(0, size)
        call.sendJson(200, { secrets: page.map(secretResourceOf), totalSize: await service.shelf.count(project!), ...(found.length > size && { nextPageToken: tokenOf(page.at(-1)!.secret) }) })
      },
    },
    { id: id('get'), verb: 'GET', path: secret, permission: 'secretmanager.secrets.get', resource: secretResource, handle: async (call) => call.sendJson(200, secretResourceOf(await service.get(nameOf(call.params)))) },
    {
      id: id('patch'), verb: 'PATCH', path: secret, permission: 'secretmanager.secrets.update', resource: secretResource,
      handle: async (call) => call.sendJson(200, secretResourceOf(await service.patch(nameOf(call.params), await call.readJson(), (call.query.get('updateMask') ?? '').split(',').filter(Boolean)))),
    },
    {
      id: id('delete'), verb: 'DELETE', path: secret, permission: 'secretmanager.secrets.delete', resource: secretResource,
      async handle(call) {
        await service.remove(nameOf(call.params), call.query.get('etag'))
        call.sendJson(200, {})
      },
    },
    {
      id: id('addVersion'), verb: 'POST', path: `${secret}:addVersion`, permission: 'secretmanager.versions.add', resource: secretResource,
      async handle(call) {
        const { payload } = await call.readJson()
        const { data, dataCrc32c } = (payload ?? {}) as Json
        if (typeof data !== 'string') throw invalid('payload.data is needed, in base64.')
        const name = nameOf(call.params)
        const added = await service.addVersion(name, Buffer.from(data, 'base64'), dataCrc32c === undefined ? undefined : String(dataCrc32c))
        call.sendJson(200, versionResource(await service.get(name), added))
      },
    },
    {
      id: id('versions.list'), verb: 'GET', path: `${secret}/versions`, permission: 'secretmanager.versions.list', resource: secretResource,
      async handle(call) {
        const found = await service.get(nameOf(call.params))
        const size = sizeOf(call)
        const versions = await service.shelf.versions(found.id, Number(textOf(call.query.get('pageToken')) || Number.MAX_SAFE_INTEGER), size + 1)
        const page = versions.slice(0, size)
        call.sendJson(200, { versions: page.map((one) => versionResource(found, one)), ...(versions.length > size && { nextPageToken: tokenOf(String(page.at(-1)!.number)) }) })
      },
    },
    {
      id: id('versions.get'), verb: 'GET', path: version, permission: 'secretmanager.versions.get', resource: secretResource,
      async handle(call) {
        const found = await service.get(nameOf(call.params))
        call.sendJson(200, versionResource(found, await service.version(found, call.params['version']!)))
      },
    },
    {
      id: id('versions.access'), verb: 'GET', path: `${version}:access`, permission: 'secretmanager.versions.access', resource: secretResource,
      async handle(call) {
        const { secret: found, version: which, data } = await service.access(nameOf(call.params), call.params['version']!)
        call.sendJson(200, { name: versionName(found, which), payload: { data: data.toString('base64'), dataCrc32c: String(crc32c(data)) } }, { 'cache-control': 'no-store' })
      },
    },
    turn('enable', 'ENABLED'),
    turn('disable', 'DISABLED'),
    turn('destroy', 'DESTROYED'),
    ...(['GET', 'POST'] as Verb[]).map((verb): Route => ({
      id: id('getIamPolicy'), verb, path: `${secret}:getIamPolicy`, permission: 'secretmanager.secrets.getIamPolicy', resource: secretResource, handle: async (call) => call.sendJson(200, await policies.read(secretResource(call.params))),
    })),
    {
      id: id('setIamPolicy'), verb: 'POST', path: `${secret}:setIamPolicy`, permission: 'secretmanager.secrets.setIamPolicy', resource: secretResource,
      async handle(call) {
        const { policy } = await call.readJson()
        call.sendJson(200, await policies.write(secretResource(call.params), (policy ?? {}) as Json))
      },
    },
    {
      id: id('testIamPermissions'), verb: 'POST', path: `${secret}:testIamPermissions`, permission: null,
      async handle(call) {
        const { permissions } = await call.readJson()
        const asked = Array.isArray(permissions) ? permissions.map(String).slice(0, 100) : []
        const held = await Promise.all(asked.map((one) => call.may(one, secretResource(call.params))))
        call.sendJson(200, { permissions: asked.filter((_, index) => held[index]) })
      },
    },
  ]
}

const time = (ms: number): string => new Date(ms).toISOString()

const versionName = (secret: Secret, { number }: SecretVersion): string => `${secret.name}/versions/${number}`

const secretResourceOf = (secret: Secret): Json => ({ name: secret.name, createTime: time(secret.created_ms), etag: secret.etag, ...secret.config })

const versionResource = (secret: Secret, version: SecretVersion): Json => ({
  name: versionName(secret, version), createTime: time(version.created_ms), ...(version.destroyed_ms !== null && { destroyTime: time(version.destroyed_ms) }), state: version.state,
  replicationStatus: { automatic: {} }, etag: version.etag, clientSpecifiedPayloadChecksum: true,
})

function sizeOf(call: Call): number {
  return Math.min(Number(call.query.get('pageSize') ?? 0) || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
}
const tokenOf = (text: string): string => Buffer.from(text).toString('base64url')
const textOf = (token: string | null): string => Buffer.from(token ?? '', 'base64url').toString()
