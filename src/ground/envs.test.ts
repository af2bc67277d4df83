import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { Disk } from './disk.ts'
import { Envs, type Environment } from './envs.ts'
import { relevantLines } from './envs-log.ts'
import { machineSettings } from './envs-machine.ts'
import { isPlain } from './envs-python.ts'
import { Hatch } from './hatch.ts'
import { systemIds } from './ids.ts'

const clock = systemClock()
let folder: string
let links: string
let hatch: Hatch
let envs: Envs

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-envs-'))
  links = mkdtempSync(join(tmpdir(), 'potoroo-links-'))
  chmodSync(links, 0o755) // a package folder that every user of the machine may read
  hatch = await Hatch.open({ disk: new Disk(folder, { durable: false }), clock, ids: systemIds(clock) })
  envs = await Envs.open(hatch, { ...process.env, PIP_FIND_LINKS: links })
  writeFileSync(join(links, 'tiny_wheel-1.0-py3-none-any.whl'), wheel())
  writeFileSync(join(links, 'tiny_source-1.0.zip'), sourcePackage())
  writeFileSync(join(folder, 'house-secret'), 'the secret of the house', { mode: 0o600 })
})
afterAll(async () => {
  await hatch.close()
  for (const one of [folder, links]) await rm(one, { recursive: true, force: true })
})

const bytes = (text: string) => new TextEncoder().encode(text)

function wheel(name = 'tiny_wheel', code = 'answer = 42\n'): Uint8Array {
  const info = `${name}-1.0.dist-info`
  return zipSync({
    [`${name}/__init__.py`]: bytes(code),
    [`${info}/METADATA`]: bytes(`Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`),
    [`${info}/WHEEL`]: bytes('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    [`${info}/RECORD`]: bytes(`${name}/__init__.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`),
  })
}

/** A package that builds itself with code of its own, which looks around while it does. */
function sourcePackage(): Uint8Array {
  const built = Buffer.from(wheel('tiny_source', 'from .seen import seen\n')).toString('base64')
  const backend = `
import base64, os, zipfile
def look():
    try: return open(${JSON.stringify(join(folder, 'house-secret'))}).read()
    except OSError as error: return type(error).__name__
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = 'tiny_source-1.0-py3-none-any.whl'
    with open(os.path.join(directory, name), 'wb') as file: file.write(base64.b64decode('${built}'))
    with zipfile.ZipFile(os.path.join(directory, name), 'a') as wheel: wheel.writestr('tiny_source/seen.py', 'seen = ' + repr(look()))
    return name
`
  return zipSync({
    'tiny_source-1.0/PKG-INFO': bytes('Metadata-Version: 2.1\nName: tiny_source\nVersion: 1.0\n'),
    'tiny_source-1.0/pyproject.toml': bytes('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "tiny_source"\nversion = "1.0"\n'),
    'tiny_source-1.0/backend.py': bytes(backend),
  })
}

async function print(environment: Environment, ...code: string[]): Promise<string[]> {
  const lines: string[] = []
  const run = await hatch.start({ name: 'use', command: [environment.program, ...code], env: environment.env, readable: environment.readable, onLine: (line) => lines.push(line) })
  await run.ended
  return lines
}

/** `--no-index`: these tests ask no package index, apart from fetching uv where the machine has none and lets us. */
const python = (requirements: string) => ({ runtime: 'python311', requirements: `--no-index\n${requirements}` })

describe('a Python environment', () => {
  it('has what was required, and is made once', { timeout: 120_000 }, async () => {
    const logs: string[][] = [[], []]
    const [one, two] = await Promise.all(logs.map((log) => envs.prepare(python('tiny_wheel==1.0\n'), (line) => log.push(line))))
    if (!one || !two) return expect.unreachable()
    expect(await print(one, '-c', 'import tiny_wheel; print(tiny_wheel.answer)')).toEqual(['42'])
    expect(two.id).toBe(one.id)
    expect(logs.filter((log) => log.length > 0)).toHaveLength(1)
    const again: string[] = []
    expect((await envs.prepare(python('tiny_wheel==1.0   \r\n\r\n'), (line) => again.push(line))).id).toBe(one.id)
    expect(again).toEqual([])
  })

  it('is not another\'s', { timeout: 120_000 }, async () => {
    const bare = await envs.prepare(python(''))
    expect((await print(bare, '-c', 'import tiny_wheel')).at(-1)).toContain('No module named')
  })

  it('cannot be written by the code that uses it, from rung 1 on', { timeout: 120_000 }, async (context) => {
    if (hatch.rung.level === 0) return context.skip(hatch.rung.reason)
    const environment = await envs.prepare(python('tiny_wheel==1.0\n'))
    expect((await print(environment, '-c', 'import tiny_wheel; open(tiny_wheel.__file__, "a")')).at(-1)).toMatch(/Permission denied|Read-only file system/)
  })

  it('of a source package is built by a stranger who cannot read the house\'s files', { timeout: 120_000 }, async () => {
    for (const requirements of ['tiny_source==1.0\n', '--no-binary tiny_source\ntiny_source==1.0\n', `tiny_source @ file://${links}/tiny_source-1.0.zip\n`]) {
      const environment = await envs.prepare(python(requirements))
      const seen = await print(environment, '-c', 'import tiny_source; print(tiny_source.seen)')
      if (hatch.rung.level > 0) expect(seen, requirements).toEqual([expect.stringMatching(/^(FileNotFoundError|PermissionError)$/)])
      else expect(seen, requirements).toEqual(['the secret of the house'])
    }
  })

  it.each(['pandas==2.2.3', 'requests[socks,x]>=2,<3 ; python_version > "3.8"', '# note', '', '--index-url https://i.test/simple', '-f /opt/wheels', 'a==1 \\', '    --hash=sha256:00ff \\', 'scikit-learn', 'a ~= 1.0  # why'])(
    'of %j is plain',
    (line) => expect(isPlain(line)).toBe(true),
  )

  it.each(['-e .', './pkg', 'pkg.zip/', 'a @ https://x/a.zip', 'git+https://x/a', 'https://x/a.whl', '--no-binary :all:', '--config-settings a=b', '-r other.txt', '-c x', 'a==1 @ file:///x', 'C:\\x'])('of %j is not plain', (line) => {
    expect(isPlain(`pandas\n${line}\n`)).toBe(false)
  })

  it('that cannot be made says why, and leaves nothing', { timeout: 120_000 }, async () => {
    const before = readdirSync(join(hatch.root, 'envs'))
    await expect(envs.prepare(python('no-such-package-of-ours==3\n'))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'environmentFailed',
      details: { log: expect.arrayContaining([expect.stringContaining('no-such-package-of-ours')]) },
    })
    expect(readdirSync(join(hatch.root, 'envs'))).toEqual(before)
    expect(readdirSync(join(hatch.root, 'tools', 'builds'))).toEqual([])
  })

  it('half built by a killed house is gone at the next start', async () => {
    const half = join(hatch.root, 'tools', 'builds', 'half')
    mkdirSync(half, { recursive: true })
    await Envs.open(hatch)
    expect(existsSync(half)).toBe(false)
  })
})

describe('a Node environment', () => {
  it('is made from its package.json, and a broken one says why', { timeout: 60_000 }, async (context) => {
    const node = (await envs.runtimes()).find(({ language, npm }) => language === 'node' && npm)
    if (!node) return context.skip('this machine has no npm')
    const environment = await envs.prepare({ runtime: 'nodejs24', requirements: '{"name":"f","version":"1.0.0","dependencies":{}}' })
    expect(await print(environment, '-p', 'process.versions.node')).toEqual([environment.runtime.version])
    await expect(envs.prepare({ runtime: 'nodejs24', requirements: '{"dependencies":' })).rejects.toMatchObject({ reason: 'environmentFailed', message: expect.stringMatching(/JSON/) })
  })
})

describe('runtimes', () => {
  it('that the machine lacks are replaced with a warning, and nonsense is refused', async () => {
    expect((await envs.prepare({ runtime: 'python37', requirements: '--no-index\n' })).warning).toMatch(/python37 is not on this machine; python 3\.\d+\.\d+ is used instead/)
    for (const runtime of ['ruby33', 'python2', 'python', '../x']) await expect(envs.prepare({ runtime, requirements: '' })).rejects.toMatchObject({ reason: 'badRuntime' })
  })
})

it('the machine\'s index settings reach pip, uv and npm, its secrets do not', () => {
  const { env, readable } = machineSettings({ PIP_INDEX_URL: 'https://index.test/simple', PIP_EXTRA_INDEX_URL: 'https://a.test https://b.test', PIP_FIND_LINKS: links, HTTPS_PROXY: 'http://p:1', PIP_CACHE_DIR: '/home/x', AWS_SECRET: 's', POTOROO_VAULT_KEY: 'k' })
  expect(env).toMatchObject({ PIP_INDEX_URL: 'https://index.test/simple', UV_DEFAULT_INDEX: 'https://index.test/simple', UV_INDEX: 'https://a.test,https://b.test', HTTPS_PROXY: 'http://p:1' })
  expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['AWS_SECRET']))
  expect(env).not.toHaveProperty('POTOROO_VAULT_KEY')
  expect(env).not.toHaveProperty('PIP_CACHE_DIR')
  expect(readable).toEqual([links])
})

it('the telling lines of a log are found among many', () => {
  const log = ['Collecting a', 'Using cached a.whl', '\x1b[31mERROR: No matching distribution found for b==9\x1b[0m', '', 'hint', ...Array<string>(100).fill('more')]
  expect(relevantLines(log)[0]).toBe('ERROR: No matching distribution found for b==9')
  expect(relevantLines(log).length).toBeLessThanOrEqual(30)
  expect(relevantLines(['all', 'is', 'quiet'])).toEqual(['all', 'is', 'quiet'])
})
