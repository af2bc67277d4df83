/** What the workflows room announces: executions that start and end, and the steps that have ended in between. */
import type { NewFact } from '#ground/facts.ts'
import type { StepClosing, StepRecord } from './machine/history.ts'
import type { Execution } from './types.ts'

export const WORKFLOW_FACTS = {
  deployed: 'workflows.workflow.deployed',
  deleted: 'workflows.workflow.deleted',
  started: 'workflows.execution.started',
  steps: 'workflows.steps.finished',
  finished: 'workflows.execution.finished',
  failed: 'workflows.execution.failed',
  cancelled: 'workflows.execution.cancelled',
} as const

/** A loop of thousands of assignments is one line of news, not thousands. */
const STEPS_TOLD_MAX = 50

export const workflowFact = (kind: 'deployed' | 'deleted', name: string, revision: string): NewFact => ({
  type: WORKFLOW_FACTS[kind], subject: name, data: { workflow: name, revision },
})

export function executionFact(kind: 'started' | 'finished' | 'failed' | 'cancelled', { name, workflow, revision }: Execution, more: Record<string, unknown> = {}): NewFact {
  return { type: WORKFLOW_FACTS[kind], subject: name, data: { execution: name, workflow, revision, ...more } }
}

export function stepsFact(execution: string, records: readonly StepRecord[], closings: readonly StepClosing[]): NewFact | undefined {
  const ended = records.filter(({ closed_ms }) => closed_ms !== null)
  const count = ended.length + closings.length
  if (count === 0) return undefined
  const steps = ended.slice(-STEPS_TOLD_MAX).map(({ step, routine, state }) => ({ step, routine, state }))
  return { type: WORKFLOW_FACTS.steps, subject: execution, data: { execution, count, steps } }
}
