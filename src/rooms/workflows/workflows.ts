/** Workflows and their revisions: deploy, read, change, remove. Running them is executions.ts. */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import { projectNumber } from '#ground/project-number.ts'
import { invalid, noOperation, noRevision, noWorkflow } from './faults.ts'
import { workflowFact } from './facts.ts'
import { newWorkflowName, workflowPath } from './names.ts'
import type { Programs } from './programs.ts'
import type { WorkflowShelf } from './shelf.ts'
import type { Operation, Revision, Workflow } from './types.ts'
import { readRevisionConfig, readWorkflowConfig, type Body } from './workflow-config.ts'
import { workflowResource } from './wire.ts'

export interface Deployed {
  workflow: Workflow
  revision: Revision
  operation: Operation
}

const REVISION_FIELDS = ['sourceContents', 'serviceAccount', 'userEnvVars', 'cryptoKeyName']
const REVISION_LETTERS = 'abcdefghijkmnpqrstuvwxyz0123456789'

export class WorkflowService {
  readonly shelf: WorkflowShelf
  private readonly programs: Programs
  private readonly clock: Clock
  private readonly ids: Ids

  constructor(parts: { shelf: WorkflowShelf; programs: Programs; clock: Clock; ids: Ids }) {
    this.shelf = parts.shelf
    this.programs = parts.programs
    this.clock = parts.clock
    this.ids = parts.ids
  }

  async create(parent: string, id: string, body: Body): Promise<Deployed> {
    const name = newWorkflowName(parent, id)
    const now_ms = this.clock.now_ms()
    const config = this.revisionConfig(name, body)
    this.programs.check(config.sourceContents)
    const revision: Revision = { workflow: name, id: this.revisionId(1), number: 1, created_ms: now_ms, config }
    const workflow: Workflow = { name, parent, revision: revision.id, revisions: 1, created_ms: now_ms, updated_ms: now_ms, config: readWorkflowConfig(body) }
    const operation = this.operation(parent, 'create', name, workflowResource(workflow, revision))
    await this.shelf.add(workflow, revision, operation, workflowFact('deployed', name, revision.id))
    return { workflow, revision, operation }
  }

  async get(name: string, revisionId?: string): Promise<{ workflow: Workflow; revision: Revision }> {
    const workflow = await this.shelf.workflow(name)
    if (!workflow) throw noWorkflow(name)
    const revision = await this.shelf.revision(name, revisionId || workflow.revision)
    if (!revision) throw noRevision(name, revisionId || workflow.revision)
    return { workflow, revision }
  }

  async list(parent: string, after: string, limit: number): Promise<{ workflow: Workflow; revision: Revision }[]> {
    const workflows = await this.shelf.workflows(parent, after, limit)
    return Promise.all(workflows.map(async (workflow) => ({ workflow, revision: (await this.shelf.revision(workflow.name, workflow.revision))! })))
  }

  /** `mask` names the fields to take from the body; without one, those that the body has. */
  async patch(name: string, body: Body, mask: readonly string[]): Promise<Deployed> {
    const before = await this.get(name)
    const known = workflowResource(before.workflow, before.revision)
    const fields = mask.length > 0 ? mask.map(camelCase) : Object.keys(body)
    const wanted: Record<string, unknown> = { ...known }
    for (const field of fields) {
      if (mask.length > 0 && !(field in known) && !CHANGEABLE.has(field)) throw invalid(`updateMask names the unknown field ${field.slice(0, 80)}.`)
      wanted[field] = body[field]
    }
    const now_ms = Math.max(this.clock.now_ms(), before.workflow.updated_ms + 1)
    const isNew = fields.some((field) => REVISION_FIELDS.includes(field))
    const config = isNew ? this.revisionConfig(name, wanted) : before.revision.config
    if (isNew) this.programs.check(config.sourceContents)
    const number = before.workflow.revisions + (isNew ? 1 : 0)
    const revision: Revision = isNew ? { workflow: name, id: this.revisionId(number), number, created_ms: now_ms, config } : before.revision
    const workflow: Workflow = { ...before.workflow, revision: revision.id, revisions: number, updated_ms: now_ms, config: readWorkflowConfig(wanted) }
    const operation = this.operation(workflow.parent, 'update', name, workflowResource(workflow, revision))
    await this.shelf.change(before.workflow, workflow, isNew ? revision : undefined, operation, workflowFact('deployed', name, revision.id))
    return { workflow, revision, operation }
  }

  /** What runs of it must have ended before; executions.ts sees to that. */
  async remove(name: string): Promise<Operation> {
    const { workflow } = await this.get(name)
    const operation = this.operation(workflow.parent, 'delete', name, {})
    await this.shelf.remove(name, operation, workflowFact('deleted', name, workflow.revision))
    this.programs.forget(name)
    return operation
  }

  async revisions(name: string, before: number, limit: number): Promise<{ workflow: Workflow; revisions: Revision[] }> {
    const { workflow } = await this.get(name)
    return { workflow, revisions: await this.shelf.revisions(name, before, limit) }
  }

  async getOperation(name: string): Promise<Operation> {
    const operation = await this.shelf.operation(name)
    if (!operation) throw noOperation(name)
    return operation
  }

  async removeOperation(name: string): Promise<void> {
    if (!(await this.shelf.removeOperation(name))) throw noOperation(name)
  }

  private revisionConfig(name: string, body: Body) {
    const { project } = workflowPath(name)
    return readRevisionConfig(body, project, `${projectNumber(project)}-compute@developer.gserviceaccount.com`)
  }

  private revisionId(number: number): string {
    const chance = [...Buffer.from(this.ids.secret()).subarray(0, 3)].map((byte) => REVISION_LETTERS[byte % REVISION_LETTERS.length]).join('')
    return `${String(number).padStart(6, '0')}-${chance}`
  }

  private operation(parent: string, verb: Operation['verb'], target: string, response: object): Operation {
    return { name: `${parent}/operations/operation-${this.ids.next()}`, parent, created_ms: this.clock.now_ms(), verb, target, response: JSON.stringify(response) }
  }
}

const CHANGEABLE = new Set([...REVISION_FIELDS, 'description', 'labels', 'tags', 'callLogLevel', 'executionHistoryLevel'])

const camelCase = (field: string): string => field.trim().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
