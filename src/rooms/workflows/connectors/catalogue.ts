/** All connector methods by name, with the few helpers that are more than one request of the API. */
import type { ConnectorMethod } from './description.ts'
import { apis } from './services/apis.ts'
import { compute } from './services/compute.ts'
import { bigquery, storage } from './services/data.ts'
import { cloudscheduler, cloudtasks, pubsub, secretmanager } from './services/events.ts'
import { operations } from './services/operations.ts'

const METHODS: ReadonlyMap<string, ConnectorMethod> = new Map(
  [...bigquery, ...storage, ...pubsub, ...cloudscheduler, ...cloudtasks, ...secretmanager, ...compute, ...apis, ...operations].map((method) => [method.name, method]),
)

export const findMethod = (name: string): ConnectorMethod | undefined => METHODS.get(name)

/** The API documents a service as `projects.…` everywhere; these work on what such a method answers. */
export interface ConnectorHelper {
  parameters: readonly string[]
  /** The described method that does the work. */
  method: string
  inExpression: boolean
}

export const HELPERS: Readonly<Record<string, ConnectorHelper>> = {
  'googleapis.secretmanager.v1.projects.secrets.versions.accessString': {
    parameters: ['secret_id', 'version', 'project_id'], method: 'googleapis.secretmanager.v1.projects.secrets.versions.access', inExpression: true,
  },
  'googleapis.secretmanager.v1.projects.secrets.addVersionString': {
    parameters: ['secret_id', 'data', 'project_id'], method: 'googleapis.secretmanager.v1.projects.secrets.addVersion', inExpression: false,
  },
  'googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run': {
    parameters: ['workflow_id', 'location', 'project_id', 'argument'],
    method: 'googleapis.workflowexecutions.v1.projects.locations.workflows.executions.create', inExpression: false,
  },
}
