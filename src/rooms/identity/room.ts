/** The identity room's plug: who is who, what they may do, and the tokens that say so. */
import type { Ground, Health, Room } from '#ground/room.ts'
import { accountsDoor } from './door.accounts.ts'
import { iamDoor } from './door.iam.ts'
import { keycloakDoor } from './door.keycloak.ts'
import { oauthDoor } from './door.oauth.ts'
import { projectsDoor } from './door.projects.ts'
import { ChildAccounts } from './child-accounts.ts'
import { FirstStart } from './first-start.ts'
import { identityMigrations } from './migrations.ts'
import { policyMigrations } from './policies.ts'
import { IdentityService } from './service.ts'
import type { IdentityPorts, IdentitySettings } from './service.ts'

export interface IdentityRoom extends Room {
  readonly service: IdentityService
  readonly first: FirstStart
  readonly children: ChildAccounts
  /** The administrator's token, at the first start of a closed house only. */
  readonly firstToken: string | undefined
}

export function openIdentity(ground: Pick<Ground, 'ledger' | 'facts' | 'clock' | 'ids' | 'log' | 'disk'>, ports: IdentityPorts, settings: IdentitySettings): IdentityRoom {
  const service = new IdentityService(ground, ports, settings)
  const first = new FirstStart({ identity: service, disk: ground.disk, ids: ground.ids })
  let firstToken: string | undefined
  let health: Health = { state: 'starting' }
  return {
    name: 'identity',
    doors: [oauthDoor(service, ground.clock), keycloakDoor(service, first), iamDoor(service), projectsDoor(service), accountsDoor(service, ground.ids)],
    service,
    first,
    children: new ChildAccounts(service, first),
    get firstToken() {
      return firstToken
    },
    async start() {
      await ground.ledger.migrate('policies', policyMigrations)
      await ground.ledger.migrate('identity', identityMigrations)
      // Side by side: each of the two makes a key pair at the first start, and that takes a while.
      const [, token] = await Promise.all([service.start(), first.run()])
      firstToken = token
      health = { state: 'ready' }
    },
    stop: () => service.audit.settled(),
    health: () => health,
  }
}
