/** Names of functions: parsed once at the door, then plain text that is known to be well-formed. */
import { invalid } from './faults.ts'
import type { FunctionName } from './types.ts'

const PART = /^[\w.:-]{1,200}$/
const FUNCTION_ID = /^[a-zA-Z](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?$/

export function functionName(project: string, location: string, id: string): FunctionName {
  if (!PART.test(project)) throw invalid(`Not a project: ${project.slice(0, 80)}`)
  if (!PART.test(location)) throw invalid(`Not a location: ${location.slice(0, 80)}`)
  if (!FUNCTION_ID.test(id)) {
    throw invalid(`Not a function name: ${JSON.stringify(id.slice(0, 80))}`, 'A function name has 1 to 63 letters, digits, hyphens and underscores, begins with a letter and ends with a letter or digit.')
  }
  return { project, location, id }
}

export function parseFullName(text: string): FunctionName {
  const found = /^projects\/([^/]+)\/locations\/([^/]+)\/functions\/([^/]+)$/.exec(text)
  if (!found) throw invalid(`Not a function's name: ${text.slice(0, 200)}`, 'It has the form projects/P/locations/L/functions/F.')
  return functionName(found[1]!, found[2]!, found[3]!)
}

/** The second generation's service: no capitals, no underscores. */
export const serviceName = (id: string): string => id.toLowerCase().replaceAll('_', '-')

/** `REGION-PROJECT.cloudfunctions.net`: regions end in a digit, projects begin with a letter. */
export function parseHost(host: string): { location: string; project: string } | undefined {
  const found = /^([a-z]+(?:-[a-z]+)+\d+)-([a-z][a-z0-9.:-]*)$/.exec(host)
  return found ? { location: found[1]!, project: found[2]! } : undefined
}

export const hostOf = ({ project, location }: FunctionName): string => `${location}-${project}.cloudfunctions.net`
