/** Puts a revision's code, environment, world and secrets together into an instance. */
import type { Clock } from '#ground/clock.ts'
import { putFiles } from '#ground/code-folders.ts'
import type { Disk } from '#ground/disk.ts'
import { BARE } from '#ground/envs.ts'
import type { Environment } from '#ground/envs.ts'
import type { Ids } from '#ground/ids.ts'
import { projectNumber } from '#ground/project-number.ts'
import type { Bench } from '#ground/workshop.ts'
import { STOP_MS } from '../limits.ts'
import { serviceName } from '../names.ts'
import type { FunctionPorts, FunctionWorld } from '../ports.ts'
import { prepareEnvironment } from '../requirements.ts'
import type { DeployedFunction, FunctionConfig, Revision } from '../types.ts'
import { Instance } from './instance.ts'

/** An instance lives for as long as it is wanted; what bounds it is each call's time. */
const LIFE_MS = 30 * 24 * 3600_000
const LOG_BYTES_MAX = 256 * 1024 * 1024
const MB = 1024 * 1024

const PYTHON_FILES = [new URL('../../../../python/functions/runner.py', import.meta.url), new URL('../../../../python/functions/functions_framework.py', import.meta.url)]
const NODE_FILES = [new URL('../runners/node-runner.cjs', import.meta.url)]

export interface LauncherParts {
  ports: FunctionPorts
  disk: Disk
  clock: Clock
  ids: Ids
}

export class Launcher {
  private readonly parts: LauncherParts
  private readonly worlds = new Map<string, Promise<FunctionWorld>>()
  private runner: Promise<string> | undefined

  constructor(parts: LauncherParts) {
    this.parts = parts
  }

  /** The archive's place on the disk. */
  archive(revision: string): string {
    return this.parts.disk.path('functions', `${revision}.zip`)
  }

  async launch(found: DeployedFunction, revision: Revision, prepared?: Environment): Promise<Instance> {
    const { ports, clock, ids } = this.parts
    const bench = await ports.bench()
    const folder = await bench.code.unpacked(revision.id, this.archive(revision.id))
    const source = revision.root === '' ? folder : `${folder}/${revision.root}`
    const environment = prepared ?? (await prepareEnvironment(bench, revision))
    const [runner, world, secrets] = await Promise.all([this.runnerFolder(bench), this.world(found, revision.config), this.secretsOf(revision.config)])
    const { config } = revision
    const python = environment.runtime.language === 'python'
    // Modules look for their packages beside themselves.
    if (!python && environment.id !== BARE) await bench.code.link(revision.id, revision.root, environment.env['NODE_PATH'] ?? '')
    const id = ids.next()
    const env: Record<string, string> = {}
    return Instance.start({
      generation: found.generation,
      clock,
      init: {
        source,
        shims: runner,
        target: config.entryPoint,
        trigger: config.trigger.kind,
        concurrency: config.concurrency,
      },
      print: (entry) => ports.logs.write({ ...entry, name: found.name, generation: found.generation, revision: revisionName(found, revision), instance: id, time_ms: clock.now_ms() }),
      start: (onLine) =>
        bench.hatch.start({
          name: `function ${found.name.id}`,
          // Without an environment of its own it sees none of the machine's packages.
          command: python ? [environment.program, ...(environment.id === BARE ? ['-S'] : []), `${runner}/runner.py`] : [environment.program, `${runner}/node-runner.cjs`],
          env,
          readable: [folder, runner, ...environment.readable],
          limits: { memory_bytes: config.memory_mb * MB, wall_ms: LIFE_MS, cpu_ms: LIFE_MS, log_bytes_max: LOG_BYTES_MAX, stop_ms: STOP_MS },
          talk: true,
          onLine,
          // Where its scratch folder lies is known only now, and the environment is read after this.
          fill: async (scratch) => {
            const files = await putFiles(scratch, 'world', world.files)
            const mounted = await this.mount(scratch, secrets.files)
            Object.assign(env, environment.env, world.variables(files), config.env, secrets.env, mounted, systemVariables(found, revision))
          },
        }),
    })
  }

  /** A revision that acts as another account lives in another world. */
  async forgetUnless(found: DeployedFunction, next: FunctionConfig): Promise<void> {
    if (accountOf(found, found.config) !== accountOf(found, next)) await this.forget(found.id)
  }

  async forget(functionId: string): Promise<void> {
    const world = this.worlds.get(functionId)
    this.worlds.delete(functionId)
    ;(await world?.catch(() => undefined))?.close()
  }

  async close(): Promise<void> {
    await Promise.all([...this.worlds.keys()].map((id) => this.forget(id)))
  }

  private runnerFolder({ code }: Bench): Promise<string> {
    return (this.runner ??= code.ours('runners', [...PYTHON_FILES, ...NODE_FILES]))
  }

  private world({ id, name, generation }: DeployedFunction, config: FunctionConfig): Promise<FunctionWorld> {
    let world = this.worlds.get(id)
    if (!world) {
      world = this.parts.ports.worlds.open({ as: accountOf({ name, generation }, config), project: name.project, region: name.location, via: `function ${name.id}` })
      this.worlds.set(id, world)
      world.catch(() => this.worlds.delete(id))
    }
    return world
  }

  private async secretsOf({ secretEnv, secretFiles }: FunctionConfig) {
    const { secrets } = this.parts.ports
    const values = (uses: FunctionConfig['secretEnv']) => Promise.all(uses.map(async (use) => [use.as, await secrets.value(use.project, use.secret, use.version)] as const))
    const env = (await values(secretEnv)).map(([name, value]) => [name, value.toString('utf8')] as const)
    return { env: Object.fromEntries(env) as Record<string, string>, files: await values(secretFiles) }
  }

  /** Secrets wanted as files lie in the instance's own folder; a variable tells each path, for the jail has no `/etc/secrets` of its own. */
  private async mount(scratch: string, files: readonly (readonly [string, Buffer])[]): Promise<Record<string, string>> {
    const paths: Record<string, string> = {}
    for (const [index, [path, value]] of files.entries()) {
      const folder = await putFiles(scratch, 'secrets', { [`secret-${index}`]: value })
      paths[`SECRET_FILE_${path.replaceAll(/[^A-Za-z0-9]+/g, '_').replace(/^_/, '').toUpperCase()}`] = `${folder}/secret-${index}`
    }
    return paths
  }
}

/** What the cloud sets, and the older names that code still asks for. */
function systemVariables({ name, generation }: DeployedFunction, revision: Revision): Record<string, string> {
  const { entryPoint, trigger, memory_mb, timeout_s } = revision.config
  const service = generation === 1 ? name.id : serviceName(name.id)
  return {
    K_SERVICE: service,
    K_REVISION: generation === 1 ? String(revision.number) : `${service}-${String(revision.number).padStart(5, '0')}`,
    K_CONFIGURATION: service,
    FUNCTION_TARGET: entryPoint,
    FUNCTION_SIGNATURE_TYPE: revision.kind ?? (trigger.kind === 'http' ? 'http' : 'cloudevent'),
    FUNCTION_REGION: name.location,
    FUNCTION_NAME: name.id,
    FUNCTION_MEMORY_MB: String(memory_mb),
    FUNCTION_TIMEOUT_SEC: String(timeout_s),
    ENTRY_POINT: entryPoint,
    GCP_PROJECT: name.project,
    GCLOUD_PROJECT: name.project,
    PORT: '8080',
  }
}

export const revisionName = ({ name, generation }: DeployedFunction, { number }: Pick<Revision, 'number'>): string => (generation === 1 ? String(number) : `${serviceName(name.id)}-${String(number).padStart(5, '0')}`)

const accountOf = ({ name, generation }: Pick<DeployedFunction, 'name' | 'generation'>, { serviceAccount }: FunctionConfig): string => serviceAccount ?? defaultAccount(name.project, generation)

/** The account that a function acts as where its deployment names none. */
export function defaultAccount(project: string, generation: 1 | 2): string {
  return generation === 1 ? `${project}@appspot.gserviceaccount.com` : `${projectNumber(project)}-compute@developer.gserviceaccount.com`
}
