/** How a room plugs into the house, and the ground that the house hands to it. */
import type { Clock } from './clock.ts'
import type { Dice } from './dice.ts'
import type { Disk } from './disk.ts'
import type { Door, GrpcDoor } from './door.ts'
import type { Facts } from './facts.ts'
import type { Ids } from './ids.ts'
import type { Jobs } from './jobs.ts'
import type { Ledger } from './ledger.ts'
import type { Log, Metrics } from './telemetry.ts'

export interface Ground {
  clock: Clock
  ids: Ids
  dice: Dice
  disk: Disk
  ledger: Ledger
  facts: Facts
  jobs: Jobs
  log: Log
  metrics: Metrics
}

export interface Health {
  state: 'ready' | 'starting' | 'degraded'
  /** Why it is not ready, and what helps. */
  reason?: string
}

export interface Room {
  name: string
  doors: Door[]
  grpcDoors?: GrpcDoor[]
  /** Brings its tables up to date, checks what a kill may have left, begins its work. The doors open after every room has started. */
  start(): Promise<void>
  stop(): Promise<void>
  health(): Health
}
