/** Executions: begin, look at, list, cancel, call back, resume. What runs them is performer.ts. */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import { currentTrace } from '#ground/trace.ts'
import { callbackMethod, callbackPending, invalid, noCallback, noExecution, notActive, notFailed, noWorkflow, stillActive } from './faults.ts'
import { readFilter } from './filter.ts'
import { NotJson, parseJson } from './language/json.ts'
import { mapOf, type Value } from './language/values.ts'
import { ARGUMENT_BYTES_MAX, LABELS_MAX, LIST_SCAN_MAX, PAGE_SIZE_MAX } from './limits.ts'
import { resumedAt } from './machine/resume.ts'
import { readState, writeState } from './machine/state-json.ts'
import type { Callback } from './machine/state.ts'
import type { Performer } from './performer.ts'
import type { ExecutionShelf, HistoryBatch, Journalled } from './shelf.executions.ts'
import type { WorkflowShelf } from './shelf.ts'
import type { Execution, Workflow } from './types.ts'
import { CALL_LOG_LEVELS, HISTORY_LEVELS, oneOf, texts, type Body } from './workflow-config.ts'

export class ExecutionService {
  private readonly shelf: ExecutionShelf
  private readonly workflows: WorkflowShelf
  private readonly performer: Performer
  private readonly clock: Clock
  private readonly ids: Ids

  constructor(parts: { shelf: ExecutionShelf; workflows: WorkflowShelf; performer: Performer; clock: Clock; ids: Ids }) {
    this.shelf = parts.shelf
    this.workflows = parts.workflows
    this.performer = parts.performer
    this.clock = parts.clock
    this.ids = parts.ids
  }

  async create(workflowName: string, body: Body): Promise<Execution> {
    const workflow = await this.workflow(workflowName)
    const argument = argumentIn(body)
    const execution: Execution = {
      ...this.fresh(workflow),
      argument,
      labels: { ...workflow.config.labels, ...texts(body, 'labels', LABELS_MAX) },
      callLogLevel: chosen(oneOf(body, 'callLogLevel', CALL_LOG_LEVELS), workflow.config.callLogLevel),
      executionHistoryLevel: chosen(oneOf(body, 'executionHistoryLevel', HISTORY_LEVELS), workflow.config.executionHistoryLevel),
    }
    await this.shelf.add(execution)
    this.performer.drive(execution.name)
    return execution
  }

  private fresh({ name, revision, config }: Workflow): Execution {
    return {
      name: `${name}/executions/${this.ids.uuid()}`, workflow: name, revision, state: 'ACTIVE', argument: null, result: null, error: null, labels: config.labels,
      callLogLevel: config.callLogLevel, executionHistoryLevel: config.executionHistoryLevel, created_ms: this.clock.now_ms(), ended_ms: null,
      trace: currentTrace()?.traceId ?? null,
    }
  }

  /** What a push subscription, or an Eventarc trigger, starts: the event is the argument. */
  triggerByPubsub(workflow: string, body: Body): Promise<Execution> {
    const { message, subscription, deliveryAttempt, GCPCloudEventsMode: mode } = body
    if (typeof message !== 'object' || message === null) throw invalid('The body has no message.')
    const data = { message, ...(typeof subscription === 'string' && { subscription }), ...(typeof deliveryAttempt === 'number' && { deliveryAttempt }) }
    const { messageId = '', publishTime, topic } = message as Record<string, unknown>
    const event = {
      specversion: '1.0', id: messageId, type: 'google.cloud.pubsub.topic.v1.messagePublished', datacontenttype: 'application/json', data,
      source: `//pubsub.googleapis.com/${typeof topic === 'string' ? topic : ''}`, ...(typeof publishTime === 'string' && { time: publishTime }),
    }
    return this.create(workflow, { argument: JSON.stringify(mode === undefined || mode === '' ? data : event) })
  }

  async get(name: string): Promise<{ execution: Execution; steps?: { routine: string; step: string }[] }> {
    const known = await this.known(name)
    const seen = await this.performer.look(known)
    return { execution: known.execution, ...(seen && { steps: seen.steps }) }
  }

  /** The newest first; `cursor` is what the page before ended with. */
  async list(workflowName: string, options: { filter: string; cursor: string; limit: number }): Promise<{ page: Execution[]; cursor?: string }> {
    await this.workflow(workflowName)
    const test = readFilter(options.filter)
    const page: Execution[] = []
    let before = readCursor(options.cursor)
    for (let scanned = 0; scanned < LIST_SCAN_MAX; ) {
      const batch = await this.shelf.executions(workflowName, before, PAGE_SIZE_MAX)
      for (const execution of batch) {
        if (page.length === options.limit) return { page, cursor: cursorOf(before!) }
        before = { created_ms: execution.created_ms, name: execution.name }
        if (test(execution)) page.push(execution)
      }
      scanned += batch.length
      if (batch.length < PAGE_SIZE_MAX) return { page }
    }
    return { page, cursor: cursorOf(before!) }
  }

  async cancel(name: string): Promise<Execution> {
    const { execution } = await this.known(name)
    if (execution.state !== 'ACTIVE') throw notActive(name, execution.state)
    await this.performer.cancel(name)
    return (await this.known(name)).execution
  }

  /** Before a workflow goes, its executions end. */
  async cancelAll(workflow: string): Promise<void> {
    for (const name of await this.shelf.active(workflow)) await this.performer.cancel(name)
  }

  async history(name: string): Promise<HistoryBatch[]> {
    await this.known(name)
    return this.shelf.history(name)
  }

  /** The steps and log lines of an ended execution; its result stays. */
  async removeHistory(name: string): Promise<void> {
    const { execution } = await this.known(name)
    if (execution.state === 'ACTIVE') throw stillActive(name)
    await this.shelf.removeHistory(name)
  }

  async callbacks(name: string): Promise<{ id: string; callback: Callback; waiting: boolean }[]> {
    const seen = await this.performer.look(await this.known(name))
    if (!seen) return []
    const waits = Object.values(seen.state.threads).map(({ wait }) => (wait?.kind === 'callback' ? wait.callback : undefined))
    return Object.entries(seen.state.callbacks).map(([id, callback]) => ({ id, callback, waiting: waits.includes(id) }))
  }

  /** `request` becomes what the workflow gets, with the time of its arrival. */
  async callBack(name: string, id: string, method: string, request: Readonly<Record<string, Value>>): Promise<void> {
    const callback = (await this.callbacks(name)).find((known) => known.id === id)
    if (!callback) throw noCallback(`${name}/callbacks/${id}`)
    if (callback.callback.method !== method) throw callbackMethod(callback.callback.method)
    const answer = await this.performer.deliverCallback(name, id, mapOf({ ...request, received_time: new Date(this.clock.now_ms()).toISOString() }))
    if (answer === 'pending') throw callbackPending()
    if (answer === 'unknown') throw noCallback(`${name}/callbacks/${id}`)
  }

  /** A new execution that goes on where a failed one stood, from a step of `main`, with the variables it had. */
  async resume(name: string, step: string): Promise<Execution> {
    const { execution, machine } = await this.known(name)
    if (execution.state !== 'FAILED' || machine === null) throw notFailed(name, execution.state)
    const state = resumedAt(await this.performer.programOf(execution), readState(machine), step)
    if (!state) throw invalid(`main has no step ${JSON.stringify(step)} to resume from.`, 'Name a step of main that stands in no loop, try block or branch.')
    const workflow = await this.workflow(execution.workflow)
    const next: Execution = { ...execution, ...this.fresh(workflow), revision: execution.revision, argument: execution.argument, labels: execution.labels }
    await this.shelf.add(next, writeState(state))
    this.performer.drive(next.name)
    return next
  }

  private async workflow(name: string): Promise<Workflow> {
    const workflow = await this.workflows.workflow(name)
    if (!workflow) throw noWorkflow(name)
    return workflow
  }

  private async known(name: string): Promise<Journalled> {
    const known = await this.shelf.journalled(name)
    if (!known) throw noExecution(name)
    return known
  }
}

function argumentIn({ argument }: Body): string | null {
  if (argument === undefined || argument === null || argument === '') return null
  if (typeof argument !== 'string') throw invalid('argument must be JSON text.')
  if (Buffer.byteLength(argument) > ARGUMENT_BYTES_MAX) throw invalid(`The argument is longer than ${ARGUMENT_BYTES_MAX} bytes.`)
  try {
    parseJson(argument)
  } catch (error) {
    if (error instanceof NotJson) throw invalid(`The argument is not JSON: ${error.message}`)
    throw error
  }
  return argument
}

/** What the execution says, unless it says nothing. */
const chosen = <T extends string>(own: T, inherited: T): T => (own.endsWith('_UNSPECIFIED') ? inherited : own)

interface Cursor {
  created_ms: number
  name: string
}

const cursorOf = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function readCursor(token: string): Cursor | undefined {
  if (token === '') return undefined
  try {
    const { created_ms, name } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Cursor
    if (typeof created_ms === 'number' && typeof name === 'string') return { created_ms, name }
  } catch {
    // Falls through to the same answer as a token of another shape.
  }
  throw invalid('The page token is not one of ours.')
}
