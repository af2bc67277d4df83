/** The interpreters of the machine that user code can really be run with: each is tried under the hatch before it counts. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Fault } from './fault.ts'
import { inSystem } from './hatch-launch.ts'
import type { Hatch } from './hatch.ts'
import { whichProgram, whichPrograms } from './process-group.ts'

export interface Runtime {
  language: 'python' | 'node'
  /** Such as 3.11.7. */
  version: string
  /** The real program, links and shims resolved. */
  program: string
  /** For Node: npm's own program file. */
  npm?: string | undefined
  /** The folders it consists of. */
  readable: readonly string[]
}

const PYTHON_MINORS = [8, 9, 10, 11, 12, 13, 14]
const LOOK_MS = 10_000
const run = promisify(execFile)

export class Runtimes {
  readonly #hatch: Hatch
  #found: Promise<readonly Runtime[]> | undefined

  constructor(hatch: Hatch) {
    this.#hatch = hatch
  }

  all(): Promise<readonly Runtime[]> {
    return (this.#found ??= this.#look())
  }

  /** Exactly the version where there is one, else the nearest newer, else the newest; the warning says so. */
  async find(name: string): Promise<{ runtime: Runtime; warning?: string }> {
    const asked = parseName(name)
    const have = (await this.all()).filter(({ language }) => language === asked.language).sort((a, b) => rank(a) - rank(b))
    const newest = have.at(-1)
    if (!newest) {
      throw new Fault('FAILED_PRECONDITION', 'runtimeMissing', `This machine has no ${asked.language} that code can be run with.`, {
        hint: asked.language === 'python' ? 'Install Python 3.9 or newer where other users can read it.' : 'Install Node.js with npm.',
      })
    }
    const exact = have.findLast((one) => Math.trunc(rank(one)) === asked.rank)
    if (exact) return { runtime: exact }
    const runtime = have.find((one) => rank(one) >= asked.rank) ?? newest
    return { runtime, warning: `${name} is not on this machine; ${runtime.language} ${runtime.version} is used instead.` }
  }

  async #look(): Promise<readonly Runtime[]> {
    const candidates = [...(await pythons()), ...(await nodes())]
    const usable: Runtime[] = []
    for (const candidate of candidates) {
      if (usable.some(({ language, version }) => language === candidate.language && version === candidate.version)) continue
      if (await this.#works(candidate)) usable.push(candidate)
    }
    return usable
  }

  async #works({ program, readable }: Runtime): Promise<boolean> {
    const probe = await this.#hatch.start({ name: `probe of ${program}`, command: [program, '--version'], readable, limits: { wall_ms: LOOK_MS } })
    return (await probe.ended).code === 0
  }
}

function parseName(name: string): { language: Runtime['language']; rank: number } {
  const [, language, digits = ''] = /^(python|nodejs)(\d+)$/.exec(name) ?? []
  if (language === 'python' && digits.startsWith('3') && digits.length > 1) return { language, rank: Number(digits.slice(1)) }
  if (language === 'nodejs') return { language: 'node', rank: Number(digits) }
  throw new Fault('INVALID_ARGUMENT', 'badRuntime', `${name} is no runtime of this house.`, { hint: 'Runtimes are python39 to python313 and nodejs18 to nodejs24.' })
}

/** Python's minor or Node's major version, with the rest behind the point. */
function rank({ language, version }: Runtime): number {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return language === 'python' ? minor + patch / 1000 : major + minor / 1000
}

/** Asks each Python where it really lives: a name on the path may be a shim that works for nobody else. */
async function pythons(): Promise<Runtime[]> {
  const names = ['python3', ...PYTHON_MINORS.map((minor) => `python3.${minor}`)]
  const onPath = names.flatMap(whichPrograms)
  const asked = ['/usr/bin/python3', ...onPath, ...versionsOfPyenv()].filter((program) => existsSync(program))
  const told = await Promise.all([...new Set(asked)].map((program) => tell(program, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3]); print(sys.executable); print(sys.base_prefix)'])))
  return told.flatMap((lines) => {
    const [version, executable, prefix] = lines ?? []
    if (!version || !executable || !prefix || !PYTHON_MINORS.includes(Number(version.split('.')[1]))) return []
    const program = realpathSync(executable)
    return [{ language: 'python' as const, version, program, readable: inSystem(program) ? [] : [realpathSync(prefix)] }]
  })
}

function versionsOfPyenv(): string[] {
  const root = process.env['PYENV_ROOT']
  if (!root || !existsSync(join(root, 'versions'))) return []
  return readdirSync(join(root, 'versions')).map((version) => join(root, 'versions', version, 'bin', 'python3'))
}

async function nodes(): Promise<Runtime[]> {
  const npm = whichProgram('npm')
  const npmFile = npm && realpathSync(npm)
  const programs = [process.execPath, ...whichPrograms('node')].map((program) => realpathSync(program))
  const told = await Promise.all([...new Set(programs)].map(async (program) => ({ program, lines: await tell(program, ['--version']) })))
  const npmFolder = npmFile && !inSystem(npmFile) ? [dirname(dirname(npmFile))] : []
  return told.flatMap(({ program, lines }) => {
    const version = lines?.[0]?.replace(/^v/, '')
    if (!version) return []
    return [{ language: 'node' as const, version, program, npm: npmFile, readable: [...(inSystem(program) ? [] : [dirname(program)]), ...npmFolder] }]
  })
}

async function tell(program: string, args: string[]): Promise<string[] | undefined> {
  try {
    const { stdout } = await run(program, args, { timeout: LOOK_MS })
    return stdout.trim().split('\n')
  } catch {
    return undefined // a shim without its version, or a program that does not start: not a runtime
  }
}
