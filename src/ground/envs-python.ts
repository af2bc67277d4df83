/** How a Python environment is made: by uv, brought along when the machine has none, else by venv and pip. */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Build, BuildPlan } from './envs.ts'
import { whichProgram } from './process-group.ts'

const FETCH_UV_MS = 120_000
const CACHE = 'uv-cache'

export async function pythonBuilds(plan: BuildPlan): Promise<Build[]> {
  const { runtime, wanted, tools, staging, machine } = plan
  const fill = (scratch: string) => writeFile(join(scratch, 'requirements.txt'), wanted.requirements)
  const inScratch = (scratch: string) => join(scratch, 'env')
  const readable = [...machine.readable, ...runtime.readable]
  const uv = await findUv(plan)
  if (!uv) {
    const command = ['/bin/sh', '-c', BY_PIP, 'build', runtime.program]
    return [{ built: inScratch, order: { command, fill, env: machine.env, readable } }]
  }
  await mkdir(join(tools, CACHE), { recursive: true, mode: 0o755 })
  const env = { ...machine.env, UV_NO_PROGRESS: '1', UV_PYTHON_DOWNLOADS: 'never' }
  const builds: Build[] = []
  if (isPlain(wanted.requirements)) {
    // Wheels only: no code of a package runs, so the shared cache stays ours and the house's user may fill it.
    builds.push({
      built: () => staging,
      order: {
        command: ['/bin/sh', '-c', BY_UV, 'build', uv, runtime.program, staging, '--only-binary', ':all:'],
        fill,
        env: { ...env, UV_CACHE_DIR: join(tools, CACHE) },
        readable,
        // One mount for both: a link cannot cross two, and copying pandas and its friends costs more than linking them.
        writable: [tools],
        asHouse: true,
      },
      unless: (lines) => lines.some((line) => /no wheels|only-binary|no-build|source dist|building .* is disabled|no usable wheels/i.test(line)),
    })
  }
  // Source packages run their own code to be built: as a stranger, with a cache that goes with it.
  builds.push({
    built: inScratch,
    order: { command: ['/bin/sh', '-c', BY_UV, 'build', uv, runtime.program, 'env'], fill, env: { ...env, UV_LINK_MODE: 'copy' }, readable: [...readable, dirname(uv)] },
  })
  return builds
}

const PLAIN_LINE_CHARS_MAX = 1_000
const PLAIN_LINES = [
  /^\s*(#.*)?$/,
  /^\s*[A-Za-z0-9][\w.-]*\s*(\[[\w\s,.-]*\])?\s*([<>=!~(][^@/\\;]*)?(;[^@/\\]*)?\\?$/,
  /^\s*--hash=[\w:]+\s*\\?\s*$/,
  /^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--no-index|--pre|--prefer-binary)\b/,
]

/** Names and versions only. A path, a link, an editable or an option of its own may ask for code to be run, whatever our flags say. */
export function isPlain(requirements: string): boolean {
  return requirements.split(/\r?\n/).every((line) => line.length <= PLAIN_LINE_CHARS_MAX && PLAIN_LINES.some((plain) => plain.test(line)))
}

/** Compiled now, because nobody may write into the environment later, and importing pandas uncompiled takes seconds each time. */
const BY_UV = `
uv=$1; python=$2; env=$3; shift 3
"$uv" venv --quiet --no-project --relocatable --python "$python" "$env" &&
"$uv" pip install --python "$env/bin/python" --compile-bytecode "$@" -r requirements.txt
`

const BY_PIP = `
"$1" -m venv env && env/bin/python -m pip install --no-input --progress-bar off -r requirements.txt
`

let fetching: Promise<string | undefined> | undefined

async function findUv(plan: BuildPlan): Promise<string | undefined> {
  const onPath = whichProgram('uv')
  if (onPath) return onPath
  const own = join(plan.tools, 'uv', 'bin', 'uv')
  if (existsSync(own)) return own
  fetching ??= fetchUv(plan, join(plan.tools, 'uv')).finally(() => (fetching = undefined))
  return fetching
}

/** From the machine's package index, into a folder of ours. Undefined when that cannot be done: pip does the work then. */
async function fetchUv({ hatch, runtime, machine, onLine }: BuildPlan, folder: string): Promise<string | undefined> {
  onLine('Fetching uv, once for all environments …')
  const run = await hatch.start({
    name: 'fetch of uv',
    command: ['/bin/sh', '-c', '"$1" -m pip install --quiet --no-input --only-binary :all: --target uv uv', 'fetch', runtime.program],
    env: { ...machine.env, PIP_ROOT_USER_ACTION: 'ignore' },
    readable: [...machine.readable, ...runtime.readable],
    limits: { wall_ms: FETCH_UV_MS },
    asHouse: true,
    onLine,
    harvest: async (scratch, { code }) => {
      if (code !== 0) return
      await rm(folder, { recursive: true, force: true })
      await rename(join(scratch, 'uv'), folder)
    },
  })
  await run.ended
  const uv = join(folder, 'bin', 'uv')
  if (existsSync(uv)) return uv
  onLine('uv could not be fetched; venv and pip are used, which takes longer.')
  return undefined
}
