/** The warehouse room's plug: datasets, tables and jobs that speak BigQuery's API, on DuckDB in a process of its own. */
import type { Door } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { RunAgain } from '#ground/jobs.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { datasetRoutes } from './door.datasets.ts'
import { discoveryRoute } from './door.discovery.ts'
import { jobRoutes } from './door.jobs.ts'
import { readDoor } from './door.read.ts'
import { routineRoutes } from './door.routines.ts'
import { tableRoutes } from './door.tables.ts'
import { uploadRoutes } from './door.upload.ts'
import { UPKEEP_EVERY_MS } from './limits.ts'
import { warehouseMigrations } from './migrations.ts'
import { recover } from './recovery.ts'
import { WarehouseService, type WarehousePorts } from './service.ts'
import { createCompiler } from './sql/compiler.ts'
import { Upkeep } from './upkeep.ts'

export interface WarehouseRoom extends Room {
  readonly warehouse: WarehouseService
}

export interface WarehouseOptions {
  /** Where set-up laid the GoogleSQL analyzer. */
  analyzerFolder: string
  durable: boolean
}

const QUEUE = 'warehouse.upkeep'

export function openWarehouse(ground: Ground, ports: WarehousePorts, options: WarehouseOptions): WarehouseRoom {
  const { ledger, jobs, clock, dice, log } = ground
  const compiler = createCompiler({ clock, dice, folder: options.analyzerFolder, onState: (state, why) => log.debug({ child: 'analyzer', state, why }, 'analyzer') })
  const warehouse = new WarehouseService(ground, ports, { compiler, durable: options.durable })
  const { engine, shelf, jobShelf, writer, files, uploads } = warehouse
  const upkeep = new Upkeep({ shelf, jobShelf, engine, writer, results: warehouse.results, clock })
  let trouble: string | undefined
  let started = false

  const routes = [...datasetRoutes(warehouse), ...tableRoutes(warehouse, ports.policies), ...routineRoutes(warehouse), ...jobRoutes(warehouse), ...uploadRoutes(warehouse)]
  const door: Door = {
    name: 'warehouse',
    hosts: ['bigquery.googleapis.com', '*.bigquery.googleapis.com', 'bigquerystorage.googleapis.com'],
    routes: [...routes, ...discoveryRoute(routes)],
    renderFault: sendGoogleFault,
  }

  return {
    name: 'warehouse',
    doors: [door],
    grpcDoors: [readDoor(warehouse.readSessions, log)],
    warehouse,
    async start() {
      await ledger.migrate('warehouse', warehouseMigrations)
      await files.clear()
      const aside = await engine.start()
      const recovered = await recover({ engine, shelf, jobShelf, writer, log, now_ms: clock.now_ms() })
      if (aside !== undefined) trouble = `The engine's log could not be replayed and was kept as ${aside}.`
      if (recovered.damaged.length > 0) trouble = `Rows that were acknowledged are missing from ${recovered.damaged.join(', ')}; run \`potoroo doctor\`.`
      if (recovered.rolledForward.length + recovered.interrupted + recovered.dropped > 0) log.info(recovered, 'the warehouse was brought up to what its engine had done')
      jobs.work(QUEUE, { concurrency: 1 }, async () => {
        await upkeep.run()
        throw new RunAgain(clock.now_ms() + UPKEEP_EVERY_MS)
      })
      await ledger.write(jobs.enqueue({ queue: QUEUE, key: 'upkeep', payload: {}, run_at_ms: clock.now_ms() + UPKEEP_EVERY_MS }))
      started = true
    },
    async stop() {
      await uploads.stop()
      await warehouse.jobs.stop()
      await compiler.stop()
      await engine.stop()
    },
    health(): Health {
      if (!started) return { state: 'starting' }
      if (engine.state === 'degraded') return { state: 'degraded', reason: `The query engine keeps ending: ${engine.why}` }
      return trouble === undefined ? { state: 'ready' } : { state: 'degraded', reason: trouble }
    },
  }
}
