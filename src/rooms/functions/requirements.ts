/** Which packages a function's code needs: its own, and those that its kind of call is made of. */
import type { Environment } from '#ground/envs.ts'
import type { Bench } from '#ground/workshop.ts'
import { loadFailed } from './faults.ts'
import { REQUIREMENTS_BYTES_MAX } from './limits.ts'
import type { Revision } from './types.ts'

/** What the functions framework brings along, and code therefore counts on. */
const PYTHON_BASE_LINES: Readonly<Record<string, string>> = { flask: 'flask', cloudevents: 'cloudevents>=1.2,<2' }
const FRAMEWORK = '@google-cloud/functions-framework'
const NODE_BASE: Readonly<Record<string, string>> = { express: '^4.21.2' }

export const isPython = (runtime: string): boolean => runtime.startsWith('python')

/** The environment of this revision's code, made if it is not there yet. */
export async function prepareEnvironment({ code, envs }: Bench, revision: Revision, onLine?: (line: string) => void): Promise<Environment> {
  const { config, root, id } = revision
  const below = (file: string) => code.text(id, root === '' ? file : `${root}/${file}`, REQUIREMENTS_BYTES_MAX)
  const http = config.trigger.kind === 'http'
  if (isPython(config.runtime)) {
    const wantsCloudEvents = /cloud_?event/i.test((await below('main.py')) ?? '')
    const requirements = pythonRequirements((await below('requirements.txt')) ?? '', [...(http ? ['flask'] : []), ...(http || wantsCloudEvents ? ['cloudevents'] : [])])
    if (requirements.split('\n').every((line) => line.trim() === '' || line.trim().startsWith('#'))) return envs.bare(config.runtime)
    return envs.prepare({ runtime: config.runtime, requirements }, onLine)
  }
  const manifest = nodeManifest((await below('package.json')) ?? '{}', http)
  if (!manifest.any) return envs.bare(config.runtime)
  const lock = await below('package-lock.json')
  // A lock that does not know what is added would be refused by `npm ci`.
  return envs.prepare({ runtime: config.runtime, requirements: manifest.text, ...(lock !== undefined && !manifest.added && { lock }) }, onLine)
}

export function pythonRequirements(text: string, base: readonly string[]): string {
  const named = new Set(text.split(/\r?\n/).map((line) => /^\s*([A-Za-z0-9][\w.-]*)/.exec(line)?.[1]?.toLowerCase().replaceAll(/[-_.]+/g, '-')).filter(Boolean))
  const missing = named.has('functions-framework') ? [] : base.filter((name) => !named.has(name))
  return [text.trimEnd(), ...missing.map((name) => PYTHON_BASE_LINES[name])].filter((line) => line !== '').join('\n')
}

/** The framework itself is stood in for by the runner: where it is all that is asked for, nothing is. */
export function nodeManifest(text: string, http: boolean): { text: string; added: boolean; any: boolean } {
  let given: { dependencies?: Record<string, string>; name?: string; version?: string }
  try {
    given = JSON.parse(text) as typeof given
  } catch (cause) {
    throw loadFailed(`package.json is no JSON: ${(cause as Error).message}`)
  }
  const dependencies = { ...given.dependencies }
  const framework = dependencies[FRAMEWORK] !== undefined
  if (!http && Object.keys(dependencies).every((name) => name === FRAMEWORK)) return { text, added: false, any: false }
  const missing = http && !framework ? Object.entries(NODE_BASE).filter(([name]) => dependencies[name] === undefined) : []
  for (const [name, version] of missing) dependencies[name] = version
  if (missing.length === 0) return { text, added: false, any: true }
  return { text: JSON.stringify({ ...given, dependencies }), added: true, any: true }
}
