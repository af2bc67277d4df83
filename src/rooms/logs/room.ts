/** The logs room's plug: Cloud Logging's entries, of functions, workflows and whoever writes some. */
import { sendGoogleFault } from '#ground/google-errors.ts'
import { RunAgain } from '#ground/jobs.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { logRoutes } from './door.ts'
import { PRUNE_EVERY_MS } from './limits.ts'
import { LogsService } from './service.ts'
import { LogShelf, logMigrations } from './shelf.ts'

export interface LogsRoom extends Room {
  readonly service: LogsService
}

const UPKEEP = 'logs.upkeep'

export function openLogs({ ledger, jobs, clock, ids, log }: Ground): LogsRoom {
  const service = new LogsService({ shelf: new LogShelf(ledger), clock, ids, log })
  let health: Health = { state: 'starting' }
  return {
    name: 'logs',
    doors: [{ name: 'logging', hosts: ['logging.googleapis.com'], routes: logRoutes(service), renderFault: sendGoogleFault }],
    service,
    async start() {
      await ledger.migrate('logs', logMigrations)
      jobs.work(UPKEEP, { concurrency: 1 }, async () => {
        await service.prune()
        throw new RunAgain(clock.now_ms() + PRUNE_EVERY_MS)
      })
      await ledger.write(jobs.enqueue({ queue: UPKEEP, key: 'prune', payload: {}, run_at_ms: clock.now_ms() + PRUNE_EVERY_MS }))
      health = { state: 'ready' }
    },
    stop: () => service.flush(),
    health: () => health,
  }
}
