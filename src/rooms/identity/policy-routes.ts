/** `:getIamPolicy`, `:setIamPolicy` and `:testIamPermissions`, which are the same on every resource. */
import type { Call, Params, Resource, Route } from '#ground/door.ts'
import { invalid } from './faults.ts'
import type { IdentityService } from './service.ts'

const PERMISSIONS_MAX = 100

export function policyRoutes(identity: IdentityService, of: { id: string; path: string; permission: string; resource(params: Params): Resource }): Route[] {
  const { id, path, permission, resource } = of
  const read = async (call: Call) => call.sendJson(200, await identity.policies.read(resource(call.params)))
  return [
    { id: `${id}.getIamPolicy`, verb: 'POST', path: `${path}:getIamPolicy`, permission: `${permission}.getIamPolicy`, resource, handle: read },
    { id: `${id}.getIamPolicy`, verb: 'GET', path: `${path}:getIamPolicy`, permission: `${permission}.getIamPolicy`, resource, handle: read },
    {
      id: `${id}.setIamPolicy`, verb: 'POST', path: `${path}:setIamPolicy`, permission: `${permission}.setIamPolicy`, resource,
      async handle(call) {
        const { policy } = await call.readJson()
        if (typeof policy !== 'object' || policy === null) throw invalid('policy is required.')
        call.sendJson(200, await identity.policies.write(resource(call.params), policy as Record<string, unknown>))
      },
    },
    {
      id: `${id}.testIamPermissions`, verb: 'POST', path: `${path}:testIamPermissions`, permission: null, resource,
      async handle(call) {
        const { permissions = [] } = await call.readJson()
        if (!Array.isArray(permissions) || permissions.length > PERMISSIONS_MAX) throw invalid(`permissions is a list of at most ${PERMISSIONS_MAX}.`)
        const held: string[] = []
        for (const asked of permissions.map(String)) if (await call.may(asked, resource(call.params))) held.push(asked)
        call.sendJson(200, held.length > 0 ? { permissions: held } : {})
      },
    },
  ]
}
