/**
 * Where unpacked user code lies, one folder for each of the rooms' identifiers, beside the scratch folders of the hatch so that every
 * rung can read it. Only a copy: the archive it came from is kept by its room, and a folder that is missing is made anew.
 */
import { copyFile, lstat, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzip } from './unzip.ts'

const IDENTIFIER = /^[a-z0-9-]{1,64}$/
const NEW = '.new'

export class CodeFolders {
  readonly #root: string
  readonly #making = new Map<string, Promise<string>>()

  constructor(hatchRoot: string) {
    this.#root = join(hatchRoot, 'code')
  }

  path(id: string): string {
    if (!IDENTIFIER.test(id)) throw new Error(`${JSON.stringify(id)} is not an identifier of ours and cannot be a path`)
    return join(this.#root, id)
  }

  /** The folder with the archive's files in it; it appears by one rename. */
  unpacked(id: string, archive: string): Promise<string> {
    const path = this.path(id)
    let making = this.#making.get(id)
    if (!making) {
      making = this.#unpack(path, archive).finally(() => this.#making.delete(id))
      this.#making.set(id, making)
    }
    return making
  }

  /** Files of our own program (runners), put where user code may read them. */
  async ours(id: string, files: readonly URL[]): Promise<string> {
    const path = this.path(id)
    await mkdir(path, { recursive: true, mode: 0o755 })
    for (const file of files) await copyFile(fileURLToPath(file), join(path, basename(fileURLToPath(file))))
    return path
  }

  /** The paths of an unpacked archive's files, as it named them. */
  async files(id: string): Promise<string[]> {
    const root = this.path(id)
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  }

  /** One of those files; undefined where there is none, or a larger one. */
  async text(id: string, file: string, bytes_max: number): Promise<string | undefined> {
    const known = (await this.files(id)).includes(file)
    const path = join(this.path(id), file)
    if (!known || (await stat(path)).size > bytes_max) return undefined
    return readFile(path, 'utf8')
  }

  /** Node's packages beside the code that asks for them, unless the archive brought its own. */
  async link(id: string, below: string, packages: string): Promise<void> {
    const place = join(this.path(id), below, 'node_modules')
    try {
      await symlink(packages, place)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
      if (!(await lstat(place)).isSymbolicLink() || (await readlink(place)) === packages) return
      // Its environment was made anew under another id.
      await rm(place)
      await symlink(packages, place)
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.path(id), { recursive: true, force: true })
    await rm(`${this.path(id)}${NEW}`, { recursive: true, force: true })
  }

  /** Removes all but these. */
  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      if (!ids.has(name)) await rm(join(this.#root, name), { recursive: true, force: true })
    }
  }

  async #unpack(path: string, archive: string): Promise<string> {
    if (await stat(path).then(() => true, () => false)) return path
    const fresh = `${path}${NEW}`
    await rm(fresh, { recursive: true, force: true })
    await mkdir(fresh, { recursive: true, mode: 0o755 })
    try {
      await unzip(archive, fresh)
      await rename(fresh, path)
    } catch (thrown) {
      await rm(fresh, { recursive: true, force: true })
      throw thrown
    }
    return path
  }
}

/** Files of ours into a run's scratch folder, private. Names are ours. */
export async function putFiles(scratch: string, folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const place = join(scratch, folder)
  await mkdir(place, { recursive: true, mode: 0o700 })
  for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content, { mode: 0o600 })
  return place
}
