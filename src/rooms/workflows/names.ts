/** Names of resources: parsed once at the door, then plain text that is known to be well-formed. */
import { invalid } from './faults.ts'

const WORKFLOW_ID = /^[a-zA-Z](?:[a-zA-Z0-9_-]{0,62}[a-zA-Z0-9])?$/
const PART = /^[\w.:-]{1,200}$/

export function parentName(project: string, location: string): string {
  if (!PART.test(project)) throw invalid(`Not a project: ${project.slice(0, 80)}`)
  if (!PART.test(location)) throw invalid(`Not a location: ${location.slice(0, 80)}`)
  return `projects/${project}/locations/${location}`
}

export function newWorkflowName(parent: string, id: string): string {
  if (!WORKFLOW_ID.test(id)) {
    throw invalid(`Not a workflow id: ${JSON.stringify(id.slice(0, 80))}`, 'A workflow id has 1 to 64 letters, digits, hyphens and underscores, begins with a letter and ends with a letter or digit.')
  }
  return `${parent}/workflows/${id}`
}

export interface WorkflowPath {
  project: string
  location: string
  workflow: string
}

export function workflowPath(name: string): WorkflowPath {
  const found = /^projects\/([^/]+)\/locations\/([^/]+)\/workflows\/([^/]+)/.exec(name)
  if (!found) throw invalid(`Not a workflow's name: ${name.slice(0, 200)}`, 'It has the form projects/P/locations/L/workflows/W.')
  return { project: found[1]!, location: found[2]!, workflow: found[3]! }
}

export const lastSegment = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
