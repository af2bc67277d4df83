/**
 * Language environments for user code, each made once per set of requirements and runtime, and shared read-only.
 * A build happens in a scratch folder of the hatch and appears by one rename: half an environment never has a name.
 * Which code uses which environment is the rooms' business.
 */
import { createHash } from 'node:crypto'
import { chmod, lchown, lstat, mkdir, opendir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { relevantLines } from './envs-log.ts'
import { type MachineSettings, machineSettings } from './envs-machine.ts'
import { nodeBuild } from './envs-node.ts'
import { pythonBuilds } from './envs-python.ts'
import { type Runtime, Runtimes } from './envs-runtimes.ts'
import { Fault } from './fault.ts'
import type { Hatch, Order } from './hatch.ts'

export interface Wanted {
  /** As the cloud names them: `python311`, `nodejs20`. */
  runtime: string
  /** Python's requirements.txt, or Node's package.json. */
  requirements: string
  /** Node's package-lock.json. */
  lock?: string
}

export interface Environment {
  id: string
  runtime: Runtime
  /** Said when the runtime is not exactly the one that was asked for. */
  warning?: string | undefined
  /** The program that runs code in it. */
  program: string
  /** For `Order.readable`. */
  readable: readonly string[]
  /** For `Order.env`. */
  env: Readonly<Record<string, string>>
}

/** One way to make an environment under the hatch. */
export interface Build {
  order: Omit<Order, 'onLine' | 'harvest' | 'name'>
  /** Where it leaves what it made. */
  built: (scratch: string) => string
  /** Another way is tried when this one's log says that it cannot work. */
  unless?: (lines: readonly string[]) => boolean
}

export interface BuildPlan {
  hatch: Hatch
  runtime: Runtime
  wanted: Wanted
  /** Programs and caches of ours that builds share. */
  tools: string
  /** A folder for this build inside `tools`, on the same mount as the caches, so that files can be linked instead of copied. */
  staging: string
  machine: MachineSettings
  onLine: (line: string) => void
}

export const BUILDS = 'builds'
/** The id of an environment without packages. */
export const BARE = 'bare'

/** Part of every id: environments made by another recipe are not taken for ours. */
const RECIPE = 3
const BUILD_MS = 15 * 60_000
const BUILD_MEMORY_BYTES = 4 * 1024 ** 3
const LOG_LINES_MAX = 5_000
const REQUIREMENTS_CHARS_MAX = 1024 * 1024

export class Envs {
  readonly #hatch: Hatch
  readonly #runtimes: Runtimes
  readonly #machine: NodeJS.ProcessEnv
  readonly #making = new Map<string, Promise<void>>()

  /** Removes what builds of a killed house left, and makes nothing yet. */
  static async open(hatch: Hatch, machine: NodeJS.ProcessEnv = process.env): Promise<Envs> {
    await rm(join(hatch.root, 'tools', BUILDS), { recursive: true, force: true })
    return new Envs(hatch, machine)
  }

  private constructor(hatch: Hatch, machine: NodeJS.ProcessEnv) {
    this.#hatch = hatch
    this.#machine = machine
    this.#runtimes = new Runtimes(hatch)
  }

  /** What this machine has; looked up once. */
  runtimes(): Promise<readonly Runtime[]> {
    return this.#runtimes.all()
  }

  /** The runtime as it is, for code that needs no packages: nothing has to be made or fetched. */
  async bare(name: string): Promise<Environment> {
    const { runtime, warning } = await this.#runtimes.find(name)
    return { id: BARE, runtime, warning, program: runtime.program, readable: runtime.readable, env: runtime.language === 'python' ? { PYTHONUNBUFFERED: '1' } : {} }
  }

  /** The environment, made if it is not there yet. Several who want the same one wait for one build. */
  async prepare(wanted: Wanted, onLine: (line: string) => void = () => {}): Promise<Environment> {
    if (wanted.requirements.length > REQUIREMENTS_CHARS_MAX) {
      throw new Fault('INVALID_ARGUMENT', 'requirementsTooLong', `The requirements are over ${REQUIREMENTS_CHARS_MAX} characters.`)
    }
    const { runtime, warning } = await this.#runtimes.find(wanted.runtime)
    const id = idOf(runtime, wanted)
    const folder = join(await this.#folder(), id)
    if (!(await exists(folder))) {
      let making = this.#making.get(id)
      if (!making) {
        making = this.#make(runtime, wanted, id, folder, onLine).finally(() => this.#making.delete(id))
        this.#making.set(id, making)
      }
      await making
    }
    const now = new Date()
    await utimes(folder, now, now) // when it was last wanted, for whoever clears up
    return { id, runtime, warning, ...useOf(runtime, folder) }
  }

  async #make(runtime: Runtime, wanted: Wanted, id: string, folder: string, onLine: (line: string) => void): Promise<void> {
    const tools = join(this.#hatch.root, 'tools')
    await mkdir(join(tools, BUILDS), { recursive: true, mode: 0o755 })
    const plan = { hatch: this.#hatch, runtime, wanted, tools, staging: join(tools, BUILDS, id), machine: machineSettings(this.#machine), onLine }
    const builds = runtime.language === 'python' ? await pythonBuilds(plan) : [await nodeBuild(plan)]
    for (const build of builds) {
      const lines: string[] = []
      const run = await this.#hatch.start({
        name: `environment for ${wanted.runtime}`,
        ...build.order,
        limits: { wall_ms: BUILD_MS, memory_bytes: BUILD_MEMORY_BYTES },
        onLine: (line) => {
          if (lines.length < LOG_LINES_MAX) lines.push(line)
          onLine(line)
        },
        harvest: async (scratch, { reason, code }) => {
          if (reason === 'exit' && code === 0) await publish(build.built(scratch), folder)
        },
      })
      const ending = await run.ended
      await rm(plan.staging, { recursive: true, force: true })
      if (await exists(folder)) return
      if (build.unless?.(lines)) continue
      const told = relevantLines(lines)
      throw new Fault('FAILED_PRECONDITION', 'environmentFailed', `The environment for ${wanted.runtime} could not be made: ${told[0] ?? ending.message}`, {
        details: { log: told, ending: ending.message },
      })
    }
    throw new Fault('INTERNAL', 'noBuild', `No way is left to make an environment for ${wanted.runtime}.`)
  }

  async #folder(): Promise<string> {
    const folder = join(this.#hatch.root, 'envs')
    await mkdir(folder, { recursive: true, mode: 0o755 })
    return folder
  }
}

function idOf(runtime: Runtime, { requirements, lock = '' }: Wanted): string {
  const normal = requirements.replaceAll('\r\n', '\n').split('\n').map((line) => line.trimEnd()).join('\n').trim()
  const parts = [RECIPE, runtime.language, runtime.version, runtime.program, process.platform, process.arch, normal, lock.trim()]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

function useOf(runtime: Runtime, folder: string): Pick<Environment, 'program' | 'readable' | 'env'> {
  if (runtime.language === 'python') {
    return { program: join(folder, 'bin', 'python'), readable: [folder, ...runtime.readable], env: { VIRTUAL_ENV: folder, PYTHONUNBUFFERED: '1' } }
  }
  return { program: runtime.program, readable: [folder, ...runtime.readable], env: { NODE_PATH: join(folder, 'node_modules') } }
}

/** From here on nobody writes into it, also not its builder. */
async function publish(built: string, folder: string): Promise<void> {
  await closeToOthers(built)
  try {
    await rename(built, folder)
  } catch (error) {
    // Another house on the same root was first; theirs is as good.
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

async function closeToOthers(root: string): Promise<void> {
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  const settle = async (path: string) => {
    const found = await lstat(path)
    if (found.nlink > 1 && !found.isDirectory()) {
      // Linked from our own cache, and as it should be already. A stranger's link may be to a file that is none of his.
      if (found.uid === uid) return
      throw new Fault('PERMISSION_DENIED', 'linkInEnvironment', `The build left a hard link in its environment: ${path}`)
    }
    if (found.uid !== uid) await lchown(path, uid, gid)
    if (!found.isSymbolicLink()) await chmod(path, ((found.mode & 0o755) | (found.isDirectory() ? 0o555 : 0o444)) & ~0o022)
  }
  await settle(root)
  for await (const entry of await opendir(root, { recursive: true })) await settle(join(entry.parentPath, entry.name))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false)
}
