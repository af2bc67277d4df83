/** The workflows room's plug: Google's Workflows and Workflow Executions APIs, and the machine behind them. */
import type { CourierAnswer, CourierRequest } from '#ground/courier.ts'
import type { Door } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { RunAgain } from '#ground/jobs.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { executionRoutes } from './door.executions.ts'
import { workflowsGrpcDoor } from './door.grpc.ts'
import { workflowRoutes } from './door.workflows.ts'
import type { LogLine } from './machine/host.ts'
import { PRUNE_EVERY_MS } from './limits.ts'
import { workflowMigrations } from './migrations.ts'
import { WorkflowsRoomService } from './service.ts'
import type { Execution } from './types.ts'

export interface CourierPort {
  send(request: CourierRequest): Promise<Pick<CourierAnswer, 'status' | 'headers' | 'bytes'>>
}

/** Credentials of a service account, given by its e-mail address, for `auth: OAuth2` and `auth: OIDC`. */
export interface TokenPort {
  access(email: string, scopes: readonly string[]): Promise<string>
  identity(email: string, audience: string): Promise<string>
}

/** Where `sys.log` goes. */
export interface LogPort {
  write(execution: Execution, lines: readonly LogLine[]): Promise<void>
}

export interface WorkflowPorts {
  courier: CourierPort
  tokens: TokenPort
  logs: LogPort
  /** Where callbacks reach the house: `http://127.0.0.1:4280`. */
  callbackBase(): string
}

export interface WorkflowsRoom extends Room {
  readonly service: WorkflowsRoomService
}

const UPKEEP = 'workflows.upkeep'

export function openWorkflows(ground: Ground, ports: WorkflowPorts): WorkflowsRoom {
  const service = new WorkflowsRoomService(ground, ports)
  let health: Health = { state: 'starting' }
  const door: Door = {
    name: 'workflows',
    hosts: ['workflows.googleapis.com', 'workflowexecutions.googleapis.com'],
    routes: [...workflowRoutes(service), ...executionRoutes(service)],
    renderFault: sendGoogleFault,
  }
  return {
    name: 'workflows',
    doors: [door],
    grpcDoors: [workflowsGrpcDoor(service)],
    service,
    async start() {
      await ground.ledger.migrate('workflows', workflowMigrations)
      const { jobs, ledger, clock } = ground
      jobs.work(UPKEEP, { concurrency: 1 }, async () => {
        await service.upkeep.prune()
        throw new RunAgain(clock.now_ms() + PRUNE_EVERY_MS)
      })
      await ledger.write(jobs.enqueue({ queue: UPKEEP, key: 'prune', payload: {} }))
      await service.performer.start()
      health = { state: 'ready' }
    },
    stop: () => service.performer.stop(),
    health: () => health,
  }
}
