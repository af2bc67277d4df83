/** From a deployment's source to code that was loaded once: fetch, unpack, environment, trial. Whether it then serves is `deployments.ts`'s. */
import type { Disk } from '#ground/disk.ts'
import { failpoint } from '#ground/failpoint.ts'
import { Fault } from '#ground/fault.ts'
import { loadFailed, noSource } from './faults.ts'
import { LOG_LINES_MAX } from './limits.ts'
import type { FunctionPorts } from './ports.ts'
import { isPython, prepareEnvironment } from './requirements.ts'
import type { Instance } from './runtime/instance.ts'
import type { Launcher } from './runtime/launcher.ts'
import { keepSource } from './source-file.ts'
import type { DeployedFunction, Revision, Source } from './types.ts'

export interface BuildParts {
  ports: FunctionPorts
  disk: Disk
  launcher: Launcher
}

export interface Built {
  revision: Revision
  /** It has loaded the code, and serves on. */
  instance: Instance
}

const CHUNK_BYTES = 1024 * 1024
export const uploadFile = (id: string): string => `upload-${id}.zip`

export class Builder {
  private readonly parts: BuildParts

  constructor(parts: BuildParts) {
    this.parts = parts
  }

  /** `revision.log` holds what was said, also where it fails. */
  async build(found: DeployedFunction, revision: Revision, stage: (name: string) => Promise<void>): Promise<Built> {
    const { ports, launcher } = this.parts
    const say = (line: string) => void (revision.log.length < LOG_LINES_MAX && revision.log.push(line))
    await stage('BUILD')
    await this.fetch(revision)
    await failpoint('functions.build.fetched')
    const bench = await ports.bench()
    await bench.code.remove(revision.id)
    await bench.code.unpacked(revision.id, launcher.archive(revision.id))
    revision.root = rootOf(await bench.code.files(revision.id), revision.config.runtime)
    if (revision.root !== '') say(`The code lies in the folder ${revision.root} of the archive; that folder is taken as its root.`)
    say(`Making the environment for ${revision.config.runtime} …`)
    const environment = await prepareEnvironment(bench, revision, say)
    if (environment.warning !== undefined) say(`Warning: ${environment.warning}`)
    await failpoint('functions.build.environment')
    await stage('SERVICE')
    const instance = await launcher.launch(found, revision, environment).catch((thrown) => Promise.reject(notLoaded(thrown)))
    say(`Loaded; ${revision.config.entryPoint} takes ${WORDS[instance.kind]}.`)
    return { revision: { ...revision, kind: instance.kind, state: 'ready' }, instance }
  }

  async discard(revision: string): Promise<void> {
    const { ports, disk } = this.parts
    await disk.remove('functions', `${revision}.zip`)
    await (await ports.bench()).code.remove(revision)
  }

  /** A copy of our own: what serves does not change when the object does. */
  private async fetch(revision: Revision): Promise<void> {
    const { disk } = this.parts
    const { source } = revision.config
    await keepSource(disk, `function-${revision.id}`, await this.bytesOf(source), `${revision.id}.zip`)
  }

  private async bytesOf(source: Source): Promise<AsyncIterable<Buffer>> {
    if (source.kind === 'upload') return this.uploaded(source.id)
    const bytes = await this.parts.ports.sources.read(source.bucket, source.object, source.generation)
    if (!bytes) throw noSource(`gs://${source.bucket}/${source.object}`)
    return bytes
  }

  private async *uploaded(id: string): AsyncGenerator<Buffer> {
    const { disk } = this.parts
    if ((await disk.size('functions', uploadFile(id))) === undefined) throw noSource('the upload')
    const handle = await disk.open('functions', uploadFile(id))
    try {
      for (let at = 0; ; ) {
        const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
        if (bytesRead === 0) return
        at += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  }
}

const WORDS = { http: 'requests', event: 'an event and its context', cloudevent: 'CloudEvents', typed: 'typed requests' }

/** Where the code lies: at the root, or in the one folder that encloses everything. */
function rootOf(files: string[], runtime: string): string {
  const wanted = isPython(runtime) ? ['main.py'] : ['package.json', 'index.js', 'function.js', 'index.mjs', 'index.cjs']
  if (files.some((file) => wanted.includes(file))) return ''
  const folders = new Set(files.filter((file) => !file.startsWith('__MACOSX/')).map((file) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')))
  const [only] = folders
  if (folders.size === 1 && only !== '' && only !== undefined && wanted.some((name) => files.includes(`${only}/${name}`))) return only
  throw loadFailed(`The source has no ${wanted[0]} at its root. It has: ${files.slice(0, 20).join(', ') || 'nothing'}.`)
}

function notLoaded(thrown: unknown): unknown {
  if (!(thrown instanceof Fault) || thrown.reason !== 'loadFailed') return thrown
  return loadFailed(`Function failed on loading user code. Error message: ${thrown.message}`)
}
