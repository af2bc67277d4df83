/** IAM policies of topics, subscriptions, snapshots and schemas over REST. */
import type { Call, Resource, Route } from '#ground/door.ts'
import { invalid } from './faults.ts'
import { isObject, textsOf } from './json.ts'
import { checkName } from './names.ts'
import type { Kind } from './names.ts'
import type { PolicyPort } from './room.ts'
import type { BusService } from './service.ts'

const KINDS: { kind: Kind; type: string }[] = [
  { kind: 'topics', type: 'topic' },
  { kind: 'subscriptions', type: 'subscription' },
  { kind: 'snapshots', type: 'snapshot' },
  { kind: 'schemas', type: 'schema' },
]
export const PERMISSIONS_MAX = 100

/** The resource of that name; throws where there is none. */
export async function policyResource(bus: BusService, name: string): Promise<Resource> {
  const found = KINDS.find(({ kind }) => name.split('/')[2] === kind)
  if (!found) throw invalid(`Invalid resource name given (name=${name.slice(0, 300)}).`)
  checkName(found.kind, name)
  if (found.kind === 'topics') bus.topics.get(name)
  else if (found.kind === 'subscriptions') bus.subscriptions.get(name)
  else if (found.kind === 'snapshots') bus.seek.get(name)
  else await bus.schemas.get(name)
  return { type: found.type, name, project: name.split('/')[1]! }
}

export function iamRoutes(bus: BusService, policies: PolicyPort): Route[] {
  return KINDS.flatMap(({ kind, type }): Route[] => {
    const path = `/v1/projects/{project}/${kind}/{resource}`
    const nameOf = (call: Call) => `projects/${call.params['project']}/${kind}/${call.params['resource']}`
    const resource = (params: Readonly<Record<string, string>>) => ({ type, name: `projects/${params['project']}/${kind}/${params['resource']}`, project: params['project']! })
    return [
      {
        id: `pubsub.projects.${kind}.getIamPolicy`, verb: 'GET', path: `${path}:getIamPolicy`, permission: `pubsub.${kind}.getIamPolicy`, resource,
        handle: async (call) => call.sendJson(200, await policies.read(await policyResource(bus, nameOf(call)))),
      },
      {
        id: `pubsub.projects.${kind}.setIamPolicy`, verb: 'POST', path: `${path}:setIamPolicy`, permission: `pubsub.${kind}.setIamPolicy`, resource,
        async handle(call) {
          const { policy } = await call.readJson()
          if (!isObject(policy)) throw invalid('A policy is wanted.')
          call.sendJson(200, await policies.write(await policyResource(bus, nameOf(call)), policy))
        },
      },
      {
        id: `pubsub.projects.${kind}.testIamPermissions`, verb: 'POST', path: `${path}:testIamPermissions`, permission: null,
        async handle(call) {
          const wanted = textsOf((await call.readJson())['permissions'] ?? [], 'permissions', PERMISSIONS_MAX)
          const on = await policyResource(bus, nameOf(call))
          const held: string[] = []
          for (const permission of wanted) if (await call.may(permission, on)) held.push(permission)
          call.sendJson(200, held.length > 0 ? { permissions: held } : {})
        },
      },
    ]
  })
}
