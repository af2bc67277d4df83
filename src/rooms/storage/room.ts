/** The storage room's plug: buckets and objects that speak Cloud Storage's JSON and XML APIs. */
import type { Door, Route } from '#ground/door.ts'
import type { Fault } from '#ground/fault.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { RunAgain } from '#ground/jobs.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { corsRule } from './cors.ts'
import { batchRoutes } from './door.batch.ts'
import { bucketRoutes } from './door.buckets.ts'
import { objectRoutes } from './door.objects.ts'
import { uploadRoutes } from './door.upload.ts'
import { xmlDoor } from './door.xml.ts'
import { LIFECYCLE_EVERY_MS, SWEEP_EVERY_MS } from './limits.ts'
import { storageMigrations } from './migrations.ts'
import { StorageService } from './service.ts'
import type { StoragePorts } from './service.ts'
import { Upkeep } from './upkeep.ts'

export interface StorageRoom extends Room {
  readonly storage: StorageService
  readonly upkeep: Upkeep
  /** What the ledger names and the disk does not hold, for the doctor. */
  missingFiles(): Promise<string[]>
}

const QUEUE = 'storage.upkeep'
const CHECK_BATCH = 1000

export function openStorage(ground: Ground, ports: StoragePorts): StorageRoom {
  const { ledger, jobs, clock, log } = ground
  const storage = new StorageService(ground)
  const { shelf, uploadShelf, blobs, objects, uploads, buckets } = storage
  const upkeep = new Upkeep({ shelf, uploadShelf, blobs, objects, uploads, clock, log })
  let health: Health = { state: 'starting' }

  const json: Door = {
    name: 'storage',
    hosts: ['storage.googleapis.com', 'storage.cloud.google.com', 'commondatastorage.googleapis.com'],
    routes: withoutPrefix([...bucketRoutes(storage, ports.policies), ...objectRoutes(storage, ports.policies), ...uploadRoutes(storage), ...batchRoutes()]),
    renderFault(fault: Fault, call) {
      if (fault.httpStatus === 304) call.response.writeHead(304).end()
      else sendGoogleFault(fault, call)
    },
    cors: (call, origin, verb) => corsRule(storage, call, origin, verb),
  }

  return {
    name: 'storage',
    doors: [json, xmlDoor(storage, ports.signers, () => clock.now_ms())],
    storage,
    upkeep,
    async start() {
      await ledger.migrate('storage', storageMigrations)
      await upkeep.clearStaging()
      jobs.work(QUEUE, { concurrency: 1 }, async ({ payload }) => {
        const { task } = payload as { task: keyof typeof TASKS }
        await TASKS[task].run(upkeep)
        throw new RunAgain(clock.now_ms() + TASKS[task].every_ms)
      })
      for (const task of Object.keys(TASKS)) await ledger.write(jobs.enqueue({ queue: QUEUE, key: task, payload: { task } }))
      health = { state: 'ready' }
    },
    async stop() {
      await uploads.stop()
      await blobs.stop()
    },
    health: () => health,
    async missingFiles() {
      const missing: string[] = []
      let after = ''
      for (;;) {
        const files = await shelf.files(after, CHECK_BATCH)
        if (files.length === 0) return missing
        for (const { blob, size } of files) {
          const found = await blobs.size(blob)
          if (found !== size) missing.push(`${blob}: ${found === undefined ? 'missing' : `${found} bytes instead of ${size}`}`)
        }
        after = files.at(-1)!.blob
      }
    },
  }
}

const API = '/storage/v1'

/** The Node client leaves the API's prefix out where STORAGE_EMULATOR_HOST is set, and Python's does not. No bucket can be called `b`. */
function withoutPrefix(routes: Route[]): Route[] {
  const short = routes.filter(({ path }) => path.startsWith(`${API}/b`))
  return [...routes, ...short.map((route) => ({ ...route, path: route.path.slice(API.length) }))]
}

const TASKS = {
  sweep: { every_ms: SWEEP_EVERY_MS, run: (upkeep: Upkeep) => upkeep.sweep() },
  lifecycle: { every_ms: LIFECYCLE_EVERY_MS, run: (upkeep: Upkeep) => upkeep.runLifecycle() },
  orphans: { every_ms: LIFECYCLE_EVERY_MS, run: (upkeep: Upkeep) => upkeep.removeOrphans().then(() => undefined) },
}
