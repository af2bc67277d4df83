/** The laws of the house that a program can hold: who may import whom, and that only the ground touches the world. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const SRC = join(dirname(fileURLToPath(import.meta.url)), '..', 'src')

interface Source {
  /** Below src/, with slashes: `rooms/storage/door.ts`. */
  path: string
  text: string
  /** Without comments and the contents of strings: what is left is what runs. */
  code: string
  imports: { from: string; typeOnly: boolean }[]
}

const sources = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.m?ts$/.test(entry.name) && !/\.(test|corpus|fixture|bench)\.ts$/.test(entry.name) && !entry.parentPath.split(sep).includes('testing'))
  .map((entry) => read(relative(SRC, join(entry.parentPath, entry.name)).split(sep).join('/')))

function read(path: string): Source {
  const text = readFileSync(join(SRC, path), 'utf8')
  const imports = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm)].map((found) => ({
    typeOnly: found[1] !== undefined,
    from: resolved(path, (found[2] ?? found[3] ?? found[4])!),
  }))
  return { path, text, code: codeOf(text), imports }
}

/** `#ground/fault.ts` and `../ground/fault.ts` are both `ground/fault.ts`; packages stay as they are. */
function resolved(path: string, from: string): string {
  if (from.startsWith('.')) return posix.join(posix.dirname(path), from)
  return from.replace(/^#(?:src\/)?/, '')
}

function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (found) => (found.startsWith('/') ? '' : "''"))
}

/** Where a file stands: `ground`, `gateway`, `rooms/storage`, `doors/wallaroo`, `cli`, or the top, where the house is put together. */
function placeOf(path: string): string {
  const [first, second] = path.split('/')
  if (first === 'rooms' || first === 'doors') return `${first}/${second}`
  return path.includes('/') ? first! : 'top'
}

/** What may import what, from the bottom up. */
function mayImport(from: string, to: string): boolean {
  if (from === to || to === 'ground') return true
  if (from === 'top' || from === 'cli') return true
  if (from.startsWith('doors/')) return to.startsWith('rooms/')
  return false // Ground, gateway and rooms know nothing beside the ground; a room knows no other room.
}

describe('imports go down only: command line and composition, then gateway and doors, then rooms, then ground', () => {
  test('no file imports from beside or above', () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => sources.some((source) => source.path === from) && !mayImport(placeOf(path), placeOf(from)))
        .map(({ from }) => `${path} imports ${from}`),
    )
    expect(wrong).toEqual([])
  })

  test('every import of our own leads to a file', () => {
    const known = new Set(sources.map(({ path }) => path))
    const own = /^(?:ground|gateway|rooms|doors|cli|[\w-]+\.ts$)/
    const wrong = sources.flatMap(({ path, imports }) => imports.filter(({ from }) => own.test(from) && from.endsWith('.ts') && !known.has(from)).map(({ from }) => `${path} imports ${from}`))
    expect(wrong).toEqual([])
  })
})

/** What only the ground may touch, and how it looks in code. */
const WORLD: Record<string, { code?: RegExp; modules?: RegExp }> = {
  time: { code: /\bDate\.now\(|\bnew Date\(\s*\)|\bperformance\.now\(|(?<![.\w])set(?:Timeout|Interval)\(/, modules: /^node:timers/ },
  chance: { code: /\bMath\.random\(|\brandom(?:Bytes|UUID|Int|FillSync)\(|\bgetRandomValues\(/ },
  // A method of that name is declared, not called: a call stands behind one of these.
  sockets: { code: /(?:\bawait|\breturn|=>|[=(,[?:])\s*fetch\(|\bnew WebSocket\(/, modules: /^node:(?:net|tls|dgram|http|https|http2|dns)(?:\/|$)/ },
  processes: { modules: /^node:(?:child_process|cluster)$/ },
  files: { modules: /^node:fs(?:\/|$)/ },
  // A name that a user chose never becomes a path: outside of the ground nobody joins any.
  paths: { code: /(?<![.\w])(?:join|resolve)\(/, modules: /^(?:node:)?path(?:\/|$)/ },
}

/** Each with its reason. A folder stands for all that is in it. */
const EXCEPTIONS: { place: string; touches: string[]; because: string }[] = [
  { place: 'house.ts', touches: ['files'], because: 'makes the data folder before there is a disk, and removes a throw-away one after' },
  { place: 'inspect.ts', touches: ['paths'], because: 'names the ledger of a data folder that a person asked about' },
  { place: 'config.ts', touches: ['files', 'paths'], because: 'reads potoroo.toml before there is a house' },
  { place: 'gateway/world/front.ts', touches: ['sockets'], because: 'listens on loopback for one child of the house; what leaves goes by the ground’s tunnel' },
  { place: 'gateway/world/metadata.ts', touches: ['sockets'], because: 'listens on loopback for one child of the house' },
  { place: 'gateway/world/worlds.ts', touches: ['sockets'], because: 'asks Node for the certificates that this machine trusts' },
  { place: 'cli/exec.ts', touches: ['processes'], because: 'runs the command that a person wrote after it' },
  { place: 'cli', touches: ['time', 'sockets', 'files', 'paths'], because: 'a program of its own: it calls a house from outside, reads and writes the files that a person names' },
  { place: 'gateway/listener.ts', touches: ['sockets'], because: 'the one place where the house is called: it listens, and never connects' },
  { place: 'gateway/inner.ts', touches: ['sockets'], because: 'requests inside one call (batches) have the shape of those outside, without a socket' },
  { place: 'gateway/peer.ts', touches: ['files'], because: 'reads the kernel’s table of connections; no file of ours' },
  { place: 'rooms/warehouse/sql/analyzer/wasm.ts', touches: ['files', 'paths'], because: 'runs in the analyzer’s child, which reads what set-up fetched and nothing else' },
]

/** Joining paths is both: the module, and the call. The others are either. */
function touches(source: Source, what: string): boolean {
  const { code, modules } = WORLD[what]!
  const called = code?.test(source.code) ?? false
  const imported = modules !== undefined && source.imports.some(({ from, typeOnly }) => !typeOnly && modules.test(from))
  return what === 'paths' ? called && imported : called || imported
}

const excepted = (path: string, what: string) => EXCEPTIONS.some(({ place, touches }) => touches.includes(what) && (path === place || path.startsWith(`${place}/`)))

describe('only the ground touches the world', () => {
  test.each(Object.keys(WORLD))('%s', (what) => {
    const wrong = sources
      .filter(({ path }) => placeOf(path) !== 'ground' && !excepted(path, what))
      .filter((source) => touches(source, what))
      .map(({ path }) => path)
    expect(wrong).toEqual([])
  })

  test('every exception is still needed', () => {
    const below = (place: string) => sources.filter(({ path }) => path === place || path.startsWith(`${place}/`))
    const idle = EXCEPTIONS.flatMap((exception) =>
      exception.touches.filter((what) => !below(exception.place).some((source) => touches(source, what))).map((what) => `${exception.place}: ${what}`),
    )
    expect(idle).toEqual([])
  })
})

test('each file starts by saying what it is', () => {
  expect(sources.filter(({ text }) => !/^(?:#!.*\n)?\/(?:\*\*|\/)/.test(text)).map(({ path }) => path)).toEqual([])
})

test('the lock names the packages of every platform: without them `npm ci` refuses it', () => {
  execFileSync(process.execPath, [join(SRC, '..', 'scripts', 'complete-lock.mjs'), '--check'], { stdio: 'pipe' })
})
