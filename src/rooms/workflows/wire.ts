/** The room's things as the APIs' JSON resources. */
import type { StepRecord } from './machine/history.ts'
import type { Execution, Operation, Revision, Workflow } from './types.ts'

const time = (ms: number): string => new Date(ms).toISOString()

export function workflowResource({ name, created_ms, updated_ms, config }: Workflow, revision: Revision): Record<string, unknown> {
  return {
    name,
    ...(config.description !== '' && { description: config.description }),
    state: 'ACTIVE',
    revisionId: revision.id,
    createTime: time(created_ms),
    updateTime: time(updated_ms),
    revisionCreateTime: time(revision.created_ms),
    ...(Object.keys(config.labels).length > 0 && { labels: config.labels }),
    ...(Object.keys(config.tags).length > 0 && { tags: config.tags }),
    serviceAccount: revision.config.serviceAccount,
    sourceContents: revision.config.sourceContents,
    ...(revision.config.cryptoKeyName !== undefined && { cryptoKeyName: revision.config.cryptoKeyName }),
    callLogLevel: config.callLogLevel,
    ...(Object.keys(revision.config.userEnvVars).length > 0 && { userEnvVars: revision.config.userEnvVars }),
    executionHistoryLevel: config.executionHistoryLevel,
  }
}

export function operationResource({ name, created_ms, verb, target, response }: Operation): Record<string, unknown> {
  const type = verb === 'delete' ? 'google.protobuf.Empty' : 'google.cloud.workflows.v1.Workflow'
  return {
    name,
    metadata: {
      '@type': 'type.googleapis.com/google.cloud.workflows.v1.OperationMetadata', createTime: time(created_ms), endTime: time(created_ms), target, verb, apiVersion: 'v1',
    },
    done: true,
    response: { '@type': `type.googleapis.com/${type}`, ...(JSON.parse(response) as object) },
  }
}

export type View = 'BASIC' | 'FULL'

export function executionResource(execution: Execution, view: View, currentSteps?: readonly { routine: string; step: string }[]): Record<string, unknown> {
  const { name, created_ms, ended_ms, state, argument, result, error, revision, labels, callLogLevel, executionHistoryLevel } = execution
  const basic = {
    name,
    createTime: time(created_ms),
    startTime: time(created_ms),
    ...(ended_ms !== null && { endTime: time(ended_ms), duration: durationText(ended_ms - created_ms) }),
    state,
    workflowRevisionId: revision,
    ...(Object.keys(labels).length > 0 && { labels }),
  }
  if (view === 'BASIC') return basic
  return {
    ...basic,
    ...(argument !== null && { argument }),
    ...(result !== null && { result }),
    ...(error !== null && { error: { payload: error.payload, context: error.context, stackTrace: { elements: error.trace.map(traceElement) } } }),
    callLogLevel,
    executionHistoryLevel,
    status: { currentSteps: currentSteps ?? lastStep(execution) },
  }
}

const traceElement = ({ step, routine, line, column, length }: NonNullable<Execution['error']>['trace'][number]) => ({
  step, routine, position: { line: String(line), column: String(column), length: String(length) },
})

const lastStep = ({ error }: Execution) => (error?.trace ?? []).toReversed().map(({ routine, step }) => ({ routine, step }))

/** Milliseconds as `1.200s`. */
export const durationText = (ms: number): string => `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}s`

export function stepEntryResource(execution: string, record: StepRecord, neighbours: { children: number[]; previous?: number; next?: number }): Record<string, unknown> {
  return {
    name: `${execution}/stepEntries/${record.id}`,
    createTime: time(record.opened_ms),
    updateTime: time(record.closed_ms ?? record.opened_ms),
    routine: record.routine,
    step: record.step,
    stepType: record.type,
    state: record.state,
    ...(record.exception !== undefined && { exception: { payload: record.exception } }),
    entryId: String(record.id),
    navigationInfo: {
      ...(neighbours.children.length > 0 && { children: neighbours.children.map(String) }),
      ...(record.parent !== 0 && { parent: String(record.parent) }),
      ...(neighbours.previous !== undefined && { previous: String(neighbours.previous) }),
      ...(neighbours.next !== undefined && { next: String(neighbours.next) }),
    },
    stepEntryMetadata: { threadId: String(record.thread) },
    ...(record.variables !== undefined && { variableData: { variables: JSON.parse(record.variables) as object } }),
  }
}
