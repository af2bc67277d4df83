/** Which packages a function's code needs: its own, and those that its kind of call is made of. */
import type { Environment } from '#ground/envs.ts'
import type { Bench } from '#ground/workshop.ts'
import { loadFailed } from './faults.ts'
import { REQUIREMENTS_BYTES_MAX } from './limits.ts'
import type { Revision } from './types.ts'

/** What the functions framework brings along, and code therefore counts on. */
const PYTHON_BASE = ['flask', 'cloudevents']
const PYTHON_BASE_LINES: Readonly<Record<string, string>> = { flask: 'flask', cloudevents: 'cloudevents>=1.2,<2' }
const NODE_BASE: Readonly<Record<string, string>> = { express: '^4.21.2' }

export const isPython = (runtime: string): boolean => runtime.startsWith('python')

/** The environment of this revision's code, made if it is not there yet. */
export async function prepareEnvironment({ code, envs }: Bench, revision: Revision, onLine?: (line: string) => void): Promise<Environment> {
  const { config, root, id } = revision
  const below = (file: string) => code.text(id, root === '' ? file : `${root}/${file}`, REQUIREMENTS_BYTES_MAX)
  if (isPython(config.runtime)) return envs.prepare({ runtime: config.runtime, requirements: pythonRequirements((await below('requirements.txt')) ?? '') }, onLine)
  const manifest = nodeManifest((await below('package.json')) ?? '{}')
  const lock = await below('package-lock.json')
  // A lock that does not know what is added would be refused by `npm ci`.
  return envs.prepare({ runtime: config.runtime, requirements: manifest.text, ...(lock !== undefined && !manifest.added && { lock }) }, onLine)
}

export function pythonRequirements(text: string): string {
  const named = new Set(text.split(/\r?\n/).map((line) => /^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1]?.toLowerCase().replaceAll(/[-_.]+/g, '-')).filter(Boolean))
  const missing = named.has('functions-framework') ? [] : PYTHON_BASE.filter((name) => !named.has(name))
  return [text.trimEnd(), ...missing.map((name) => PYTHON_BASE_LINES[name])].filter((line) => line !== '').join('\n')
}

export function nodeManifest(text: string): { text: string; added: boolean } {
  let given: { dependencies?: Record<string, string>; name?: string; version?: string }
  try {
    given = JSON.parse(text) as typeof given
  } catch (cause) {
    throw loadFailed(`package.json is no JSON: ${(cause as Error).message}`)
  }
  const dependencies = { ...given.dependencies }
  const missing = dependencies['@google-cloud/functions-framework'] === undefined ? Object.entries(NODE_BASE).filter(([name]) => dependencies[name] === undefined) : []
  for (const [name, version] of missing) dependencies[name] = version
  if (missing.length === 0) return { text, added: false }
  return { text: JSON.stringify({ ...given, dependencies }), added: true }
}
