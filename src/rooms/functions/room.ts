/** The functions room's plug: Cloud Functions v1 and v2, the calls of HTTP functions, and the neighbours' methods that deploying needs. */
import type { Door } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { RunAgain } from '#ground/jobs.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { callRoutes, locateCall, rewriteCall } from './door.calls.ts'
import { ownRoutes } from './door.own.ts'
import { artifactRoutes, buildRoutes, runRoutes, serviceUsageRoutes } from './door.platform.ts'
import { v1Routes } from './door.v1.ts'
import { v2Routes } from './door.v2.ts'
import { PRUNE_EVERY_MS } from './limits.ts'
import { functionMigrations } from './migrations.ts'
import type { FunctionPorts } from './ports.ts'
import { FunctionsService } from './service.ts'

export type { FunctionLogEntry, FunctionPorts } from './ports.ts'
export type { FunctionEvent } from './types.ts'

export interface FunctionsRoom extends Room {
  readonly service: FunctionsService
  /** Begins to build and to call, once the house has an address. */
  begin(): Promise<void>
}

const UPKEEP = 'functions.upkeep'

export function openFunctions(ground: Ground, ports: FunctionPorts): FunctionsRoom {
  const service = new FunctionsService(ground, ports)
  let health: Health = { state: 'starting' }
  const door = (name: string, hosts: string[], routes: Door['routes']): Door => ({ name, hosts, routes, renderFault: sendGoogleFault })
  const calls: Door = {
    ...door('functions.calls', ['*.cloudfunctions.net'], callRoutes(service)),
    rewrite: rewriteCall,
    // What a web page of another site may do here is the function's own affair, where it is open to all.
    async cors(call) {
      const name = locateCall(call.params)
      const found = name && (await service.find(name))
      return found && (await service.openToAll(found)) ? 'own' : undefined
    },
  }
  return {
    name: 'functions',
    doors: [
      door('cloudfunctions', ['cloudfunctions.googleapis.com'], [...v1Routes(service), ...v2Routes(service), ...ownRoutes(service)]),
      door('run', ['run.googleapis.com'], runRoutes(service)),
      door('serviceusage', ['serviceusage.googleapis.com'], serviceUsageRoutes()),
      door('cloudbuild', ['cloudbuild.googleapis.com'], buildRoutes()),
      door('artifactregistry', ['artifactregistry.googleapis.com'], artifactRoutes()),
      calls,
    ],
    service,
    async start() {
      const { ledger, jobs, clock } = ground
      await ledger.migrate('functions', functionMigrations)
      await ports.clearUp()
      await service.clearUp()
      jobs.work(UPKEEP, { concurrency: 1 }, async () => {
        await service.clearUp()
        throw new RunAgain(clock.now_ms() + PRUNE_EVERY_MS)
      })
      await ledger.write(jobs.enqueue({ queue: UPKEEP, key: 'prune', payload: {}, run_at_ms: clock.now_ms() + PRUNE_EVERY_MS }))
      health = { state: 'ready' }
    },
    async begin() {
      service.deployments.work()
      await service.events.start()
      await service.warmUp()
    },
    async stop() {
      service.events.halt()
      await service.fleet.close()
      await service.events.settled()
      await service.runs.stop()
      await service.launcher.close()
    },
    health: () => health,
  }
}
