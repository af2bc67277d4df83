/** The room's meaning, put together: workflows, executions, and the performer that runs them. */
import type { Ground } from '#ground/room.ts'
import { ExecutionService } from './executions.ts'
import { CourierCaller } from './http-caller.ts'
import { Performer } from './performer.ts'
import { graphOf, type Graph } from './graph.ts'
import { Programs } from './programs.ts'
import { ExecutionShelf } from './shelf.executions.ts'
import { WorkflowShelf } from './shelf.ts'
import type { Operation } from './types.ts'
import { Upkeep } from './upkeep.ts'
import { WorkflowService } from './workflows.ts'
import type { WorkflowPorts } from './room.ts'

export class WorkflowsRoomService {
  readonly workflows: WorkflowService
  readonly executions: ExecutionService
  readonly performer: Performer
  readonly upkeep: Upkeep
  private readonly programs: Programs

  constructor({ ledger, facts, clock, ids, log }: Pick<Ground, 'ledger' | 'facts' | 'clock' | 'ids' | 'log'>, ports: WorkflowPorts) {
    const programs = new Programs()
    this.programs = programs
    const workflowShelf = new WorkflowShelf(ledger, facts)
    const executionShelf = new ExecutionShelf(ledger, facts)
    this.performer = new Performer({
      workflows: workflowShelf, shelf: executionShelf, programs, clock, ids, log,
      caller: (serviceAccount) => new CourierCaller(ports.courier, ports.tokens, serviceAccount),
      writeLogs: (execution, lines) => ports.logs.write(execution, lines),
      callbackBase: () => ports.callbackBase(),
    })
    this.upkeep = new Upkeep({ executions: executionShelf, workflows: workflowShelf, clock })
    this.workflows = new WorkflowService({ shelf: workflowShelf, programs, clock, ids })
    this.executions = new ExecutionService({ shelf: executionShelf, workflows: workflowShelf, performer: this.performer, clock, ids })
  }

  async graph(name: string, revisionId?: string): Promise<Graph> {
    const { revision } = await this.workflows.get(name, revisionId)
    return graphOf(this.programs.check(revision.config.sourceContents), this.programs.prelude)
  }

  /** Removing a workflow ends and removes its executions too. */
  async removeWorkflow(name: string): Promise<Operation> {
    await this.executions.cancelAll(name)
    return this.workflows.remove(name)
  }
}
