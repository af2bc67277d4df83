/** Creating, changing and deleting functions: each is an operation that is written down first and done by a job, so that it survives a kill. */
import type { Clock } from '#ground/clock.ts'
import { failpoint } from '#ground/failpoint.ts'
import { Fault, GRPC_STATUS, asFault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Job, Jobs } from '#ground/jobs.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Builder } from './build.ts'
import { noFunction, noOperation, tooManyFunctions } from './faults.ts'
import type { Fleet } from './fleet.ts'
import { BUILDS_MAX, BUILD_TRIES_MAX, FUNCTIONS_MAX, REVISIONS_KEPT } from './limits.ts'
import type { FunctionPorts } from './ports.ts'
import type { Launcher } from './runtime/launcher.ts'
import type { FunctionShelf } from './shelf.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, FunctionConfig, FunctionName, Generation, Operation, Revision } from './types.ts'

export interface DeploymentParts {
  shelf: FunctionShelf
  builder: Builder
  launcher: Launcher
  fleet: Fleet
  ports: FunctionPorts
  jobs: Jobs
  clock: Clock
  ids: Ids
  log: Log
  /** Its events may begin now. */
  onActive(functionId: string): void
}

const QUEUE = 'functions.operations'
/** House and machine, not the code: worth another try. */
const PASSING = new Set(['UNAVAILABLE', 'INTERNAL', 'ABORTED'])
const MESSAGE_CHARS_MAX = 10_000

export class Deployments {
  private readonly parts: DeploymentParts

  constructor(parts: DeploymentParts) {
    this.parts = parts
  }

  work(): void {
    this.parts.jobs.work(QUEUE, { concurrency: BUILDS_MAX }, (job) => this.perform(job))
  }

  async create(name: FunctionName, generation: Generation, config: FunctionConfig, api: 'v1' | 'v2'): Promise<Operation> {
    const { shelf, ids, clock } = this.parts
    if ((await shelf.count()) >= FUNCTIONS_MAX) throw tooManyFunctions(FUNCTIONS_MAX)
    const now_ms = clock.now_ms()
    const found: DeployedFunction = { id: ids.next(), name, generation, state: 'deploying', config, revision: null, traffic: null, version: 0, created_ms: now_ms, updated_ms: now_ms, message: null }
    return this.begin(found, config, api, 'create')
  }

  async update(found: DeployedFunction, config: FunctionConfig, api: 'v1' | 'v2'): Promise<Operation> {
    return this.begin(found, config, api, 'update')
  }

  async remove(found: DeployedFunction, api: 'v1' | 'v2'): Promise<Operation> {
    const { shelf, jobs } = this.parts
    const operation = this.operation(found, api, 'delete', null)
    await shelf.beginRemoval(found, operation, jobs.enqueue({ queue: QUEUE, payload: { operation: operation.id }, tries_max: BUILD_TRIES_MAX }))
    return operation
  }

  async get(id: string): Promise<Operation> {
    const operation = await this.parts.shelf.operation(id)
    if (!operation) throw noOperation(id)
    return operation
  }

  private async begin(found: DeployedFunction, config: FunctionConfig, api: 'v1' | 'v2', verb: 'create' | 'update'): Promise<Operation> {
    const { shelf, jobs, ids, clock } = this.parts
    const [newest] = await shelf.revisions(found.id, 1)
    const revision: Revision = { id: ids.next(), function: found.id, number: (newest?.number ?? 0) + 1, state: 'building', config, kind: null, root: '', log: [], created_ms: clock.now_ms() }
    const operation = this.operation(found, api, verb, revision.id)
    await shelf.begin(found, revision, operation, jobs.enqueue({ queue: QUEUE, payload: { operation: operation.id }, tries_max: BUILD_TRIES_MAX }))
    return operation
  }

  private operation(found: DeployedFunction, api: 'v1' | 'v2', verb: Operation['verb'], revision: string | null): Operation {
    const { ids, clock } = this.parts
    return { id: `fn-${ids.next()}`, api, function: found.id, name: found.name, verb, revision, done: false, stage: '', error: null, created_ms: clock.now_ms(), ended_ms: null }
  }

  private async perform({ payload, attempt, tries_max }: Job): Promise<void> {
    const { shelf } = this.parts
    const { operation: id } = payload as { operation: string }
    const operation = await shelf.operation(id)
    if (!operation || operation.done) return
    const found = await shelf.byId(operation.function)
    if (!found) throw noFunction(fullName(operation.name))
    if (operation.verb === 'delete') return this.delete(found, operation)
    const revision = await shelf.revision(operation.revision ?? '')
    if (!revision) throw noOperation(id)
    await this.deploy(found, { ...revision, log: [] }, operation, attempt >= tries_max)
  }

  private async deploy(found: DeployedFunction, revision: Revision, operation: Operation, last: boolean): Promise<void> {
    const { shelf, builder, fleet, ports, clock, log } = this.parts
    try {
      const built = await builder.build(found, revision, (name) => shelf.stage(operation.id, name))
      await shelf.stage(operation.id, 'TRIGGER')
      await this.setTrigger(found, revision.config)
      await failpoint('functions.deploy.before-commit')
      await shelf.activate(found, built.revision, operation, clock.now_ms())
      fleet.adopt(found, built.revision, built.instance)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (PASSING.has(fault.code) && !last) throw thrown
      if (fault.code === 'INTERNAL') log.error({ function: fullName(found.name), err: fault.cause ?? fault }, 'a deployment met an error of ours')
      const error = { code: GRPC_STATUS[fault.code], message: messageOf(fault).slice(0, MESSAGE_CHARS_MAX) }
      await shelf.fail(found, { ...revision, log: [...revision.log, error.message] }, operation, error, clock.now_ms())
      await builder.discard(revision.id)
      return
    }
    if (found.revision !== null) await fleet.retire(found.revision)
    await this.parts.launcher.forgetUnless(found, revision.config)
    await this.dropOld(found)
    this.parts.onActive(found.id)
  }

  private async delete(found: DeployedFunction, operation: Operation): Promise<void> {
    const { shelf, fleet, launcher, ports, builder, clock } = this.parts
    await ports.triggers.clear(found.id)
    const revisions = await shelf.revisions(found.id, Number.MAX_SAFE_INTEGER)
    for (const { id } of revisions) await fleet.retire(id, { now: true })
    await shelf.remove(found, operation, clock.now_ms())
    await launcher.forget(found.id)
    for (const { id } of revisions) await builder.discard(id)
  }

  private async setTrigger(found: DeployedFunction, { trigger }: FunctionConfig): Promise<void> {
    const { triggers } = this.parts.ports
    if (trigger.kind === 'event') await triggers.set(found.id, found.name, trigger)
    else await triggers.clear(found.id)
  }

  /** Old revisions stay for a while, for a way back; failed ones only as rows. */
  private async dropOld(found: DeployedFunction): Promise<void> {
    const { shelf, builder } = this.parts
    const revisions = await shelf.revisions(found.id, Number.MAX_SAFE_INTEGER)
    for (const { id } of revisions.slice(REVISIONS_KEPT)) {
      await builder.discard(id)
      await shelf.forgetRevision(id)
    }
  }
}

/** With the lines of the build's log that say why. */
function messageOf(fault: Fault): string {
  const log = fault.details['log']
  return Array.isArray(log) ? `${fault.message}\n${log.join('\n')}` : fault.message
}
