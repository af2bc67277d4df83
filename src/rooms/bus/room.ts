/** The bus room's plug: Google's Pub/Sub API over gRPC and REST, on logs of its own. */
import type { Door, Resource } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { busGrpcDoor } from './door.grpc.ts'
import { busRoutes } from './door.rest.ts'
import { busMigrations } from './migrations.ts'
import type { OutletPorts } from './outlets/outlets.ts'
import { BusService } from './service.ts'

/** Who may do what on a resource: kept by the identity room for all rooms. */
export interface PolicyPort {
  read(resource: Resource): Promise<Record<string, unknown>>
  write(resource: Resource, policy: Record<string, unknown>): Promise<Record<string, unknown>>
}

export interface BusPorts extends OutletPorts {
  policies: PolicyPort
  /** Whether `potoroo.…` names a fact of the house that can be subscribed to. */
  isHouseTopic(id: string): boolean
}

export interface BusRoom extends Room {
  readonly service: BusService
}

export function openBus(ground: Ground, ports: BusPorts): BusRoom {
  const service = new BusService(ground, ports, { isHouseTopic: ports.isHouseTopic })
  let health: Health = { state: 'starting' }
  const door: Door = { name: 'bus', hosts: ['pubsub.googleapis.com'], routes: busRoutes(service, ports.policies), renderFault: sendGoogleFault }
  const labels = ['subscription']
  const ages = ground.metrics.gauge('potoroo_bus_backlog_age_seconds', 'Since the oldest message that waits was published', labels)
  ground.metrics.gauge('potoroo_bus_backlog_messages', 'Messages that wait in a subscription', labels, async (messages) => {
    messages.reset()
    ages.reset()
    for (const [subscription, { messages: waiting, age_s }] of await service.backlogs()) {
      messages.set({ subscription }, waiting)
      ages.set({ subscription }, age_s)
    }
  })
  return {
    name: 'bus',
    doors: [door],
    grpcDoors: [busGrpcDoor(service, ports.policies, { log: ground.log, now_ms: () => ground.clock.now_ms() })],
    service,
    async start() {
      await ground.ledger.migrate('bus', busMigrations)
      await service.start()
      health = { state: 'ready' }
    },
    stop: () => service.stop(),
    health: () => (service.logs.failure ? { state: 'degraded', reason: `${service.logs.failure.message} ${service.logs.failure.hint ?? ''}` } : health),
  }
}
