/** What the rooms print, as entries of the log in the cloud's own shape. */
import type { FunctionLogEntry } from '#rooms/functions/ports.ts'
import { serviceName } from '#rooms/functions/names.ts'
import { SEVERITIES } from '#rooms/logs/types.ts'
import type { Severity } from '#rooms/logs/types.ts'
import type { NewEntry } from '#rooms/logs/service.ts'
import type { LogLine } from '#rooms/workflows/machine/host.ts'
import type { Execution } from '#rooms/workflows/types.ts'

/** The first generation has a resource of its own; the second is a revision of a Cloud Run service. */
export function functionEntry({ name, generation, revision, instance, time_ms, severity, text, json, execution, labels, trace }: FunctionLogEntry): NewEntry {
  const { project, location, id } = name
  const payload = json === undefined ? { textPayload: text ?? '' } : { jsonPayload: json }
  const common = { severity, timestamp: new Date(time_ms).toISOString(), ...payload, ...(trace !== undefined && { trace }) }
  const run = { ...labels, ...(execution !== undefined && { execution_id: execution }), ...(instance !== '' && { instance_id: instance }) }
  if (generation === 1) {
    return { ...common, logName: `projects/${project}/logs/cloudfunctions.googleapis.com%2Fcloud-functions`, resource: { type: 'cloud_function', labels: { function_name: id, region: location, project_id: project } }, labels: run }
  }
  const service = serviceName(id)
  return {
    ...common,
    logName: `projects/${project}/logs/run.googleapis.com%2F${severity === 'ERROR' ? 'stderr' : 'stdout'}`,
    resource: { type: 'cloud_run_revision', labels: { service_name: service, revision_name: revision, configuration_name: service, location, project_id: project } },
    labels: { 'goog-managed-by': 'cloudfunctions', 'goog-drz-cloudfunctions-id': id, ...run },
  }
}

/** What `sys.log` of a workflow wrote, and its call log. */
export function workflowEntry(execution: Execution, { at_ms, severity, payload, routine, step }: LogLine): NewEntry {
  const [, project, , location, , workflow, , id] = execution.name.split('/')
  const text = typeof payload === 'string' ? { textPayload: payload } : { jsonPayload: typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? (payload as Record<string, unknown>) : { value: payload } }
  return {
    logName: `projects/${project}/logs/workflows.googleapis.com%2Fexecution_logs`,
    resource: { type: 'workflows.googleapis.com/Workflow', labels: { workflow_id: workflow!, location: location!, project_id: project! } },
    severity: isSeverity(severity) ? severity : 'DEFAULT',
    timestamp: new Date(at_ms).toISOString(),
    labels: { 'workflows.googleapis.com/execution_id': id!, 'workflows.googleapis.com/revision_id': execution.revision, routine, step },
    ...text,
    ...(execution.trace !== null && { trace: execution.trace }),
  }
}

const isSeverity = (word: string): word is Severity => (SEVERITIES as readonly string[]).includes(word)
