/** The room's meaning, put together: workflows, executions, and the performer that runs them. */
import type { Ground } from '#ground/room.ts'
import { ExecutionService } from './executions.ts'
import { CourierCaller } from './http-caller.ts'
import { Performer } from './performer.ts'
import { Programs } from './programs.ts'
import { ExecutionShelf } from './shelf.executions.ts'
import { WorkflowShelf } from './shelf.ts'
import type { Operation } from './types.ts'
import { WorkflowService } from './workflows.ts'
import type { WorkflowPorts } from './room.ts'

export class WorkflowsRoomService {
  readonly workflows: WorkflowService
  readonly executions: ExecutionService
  readonly performer: Performer

  constructor({ ledger, facts, clock, ids, log }: Pick<Ground, 'ledger' | 'facts' | 'clock' | 'ids' | 'log'>, ports: WorkflowPorts) {
    const programs = new Programs()
    const workflowShelf = new WorkflowShelf(ledger, facts)
    const executionShelf = new ExecutionShelf(ledger, facts)
    this.performer = new Performer({
      workflows: workflowShelf, shelf: executionShelf, programs, clock, ids, log,
      caller: (serviceAccount) => new CourierCaller(ports.courier, ports.tokens, serviceAccount),
      writeLogs: (execution, lines) => ports.logs.write(execution, lines),
      callbackBase: () => ports.callbackBase(),
    })
    this.workflows = new WorkflowService({ shelf: workflowShelf, programs, clock, ids })
    this.executions = new ExecutionService({ shelf: executionShelf, workflows: workflowShelf, performer: this.performer, clock, ids })
  }

  /** Removing a workflow ends and removes its executions too. */
  async removeWorkflow(name: string): Promise<Operation> {
    await this.executions.cancelAll(name)
    return this.workflows.remove(name)
  }
}
