/** The identity room's plug: who is who, what they may do, and the tokens that say so. */
import type { Ground, Health, Room } from '#ground/room.ts'
import { oauthDoor } from './door.oauth.ts'
import { identityMigrations } from './migrations.ts'
import { policyMigrations } from './policies.ts'
import { IdentityService } from './service.ts'
import type { IdentityPorts, IdentitySettings } from './service.ts'

export interface IdentityRoom extends Room {
  readonly service: IdentityService
}

export function openIdentity(ground: Pick<Ground, 'ledger' | 'facts' | 'clock' | 'ids' | 'log'>, ports: IdentityPorts, settings: IdentitySettings): IdentityRoom {
  const service = new IdentityService(ground, ports, settings)
  let health: Health = { state: 'starting' }
  return {
    name: 'identity',
    doors: [oauthDoor(service, ground.clock)],
    service,
    async start() {
      await ground.ledger.migrate('policies', policyMigrations)
      await ground.ledger.migrate('identity', identityMigrations)
      await service.start()
      health = { state: 'ready' }
    },
    stop: () => service.audit.settled(),
    health: () => health,
  }
}
