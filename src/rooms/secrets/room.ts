/** The secrets room's plug: Secret Manager, with values sealed by the house's vault. */
import { sendGoogleFault } from '#ground/google-errors.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import type { Vault } from '#ground/vault.ts'
import { secretRoutes } from './door.ts'
import type { PolicyPort } from './door.ts'
import { SecretsService } from './service.ts'
import { SecretShelf, secretMigrations } from './shelf.ts'

export interface SecretPorts {
  policies: PolicyPort
}

export interface SecretsRoom extends Room {
  readonly service: SecretsService
}

export function openSecrets({ ledger, facts, clock, ids }: Ground, vault: Vault, ports: SecretPorts): SecretsRoom {
  const service = new SecretsService({ shelf: new SecretShelf(ledger, facts), vault, clock, ids })
  let health: Health = { state: 'starting' }
  return {
    name: 'secrets',
    doors: [{ name: 'secretmanager', hosts: ['secretmanager.googleapis.com'], routes: secretRoutes(service, ports.policies), renderFault: sendGoogleFault }],
    service,
    async start() {
      await ledger.migrate('secrets', secretMigrations)
      // A rotated vault key takes effect here too; nothing is done where there is none.
      await service.reseal()
      health = { state: 'ready' }
    },
    async stop() {},
    health: () => health,
  }
}
