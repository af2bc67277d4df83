/**
 * `npm run pack`: the release as a tarball. tsc emits JavaScript, because Node does not strip types below node_modules. With `--try` it is
 * also installed into an empty folder and started there, as someone would who has only the tarball.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { findNode24 } from './node24.mjs'
import { ROOT, setUp } from './set-up.mjs'

const START_MS_MAX = 30_000

await setUp()
const node = findNode24(ROOT)
const staging = join(ROOT, '.cache', 'release')
const tarball = pack()
console.log(tarball)
if (process.argv.includes('--try')) await tryOut(tarball)

function pack() {
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { recursive: true })
  emit()
  for (const path of ['bin', 'python', 'LICENSE', 'README.md', 'COMPAT.md', 'CHANGELOG.md', 'SECURITY.md']) {
    if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(staging, path), { recursive: true })
  }
  mkdirSync(join(staging, 'scripts'))
  for (const script of ['node24.mjs', 'fetch-analyzer.mjs']) {
    if (existsSync(join(ROOT, 'scripts', script))) cpSync(join(ROOT, 'scripts', script), join(staging, 'scripts', script))
  }
  copyData(join(ROOT, 'src'), join(staging, 'dist'))
  writeFileSync(join(staging, 'package.json'), JSON.stringify(manifest(), null, 2))
  const [{ filename }] = JSON.parse(npm(staging, ['pack', '--json', '--pack-destination', ROOT]))
  return join(ROOT, basename(filename))
}

/** Types were checked by `npm test`; here only JavaScript is wanted. */
function emit() {
  const config = join(staging, 'tsconfig.json')
  const compilerOptions = { noEmit: false, noCheck: true, rewriteRelativeImportExtensions: true, rootDir: join(ROOT, 'src'), outDir: join(staging, 'dist'), declaration: false, sourceMap: false }
  const exclude = ['test', 'test-support', 'corpus', 'fixture'].map((kind) => join(ROOT, 'src', '**', `*.${kind}.ts`))
  writeFileSync(config, JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [join(ROOT, 'src')], exclude }))
  const compiler = join(ROOT, 'node_modules', 'typescript')
  const { bin } = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8'))
  const { status } = spawnSync(node, [join(compiler, bin.tsc), '-p', config], { cwd: ROOT, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('tsc could not emit the release; its words are above')
  rmSync(config)
}

/** What a program reads beside its code, such as .json, .sql or .py files. */
function copyData(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyData(source, target)
    else if (!/\.(ts|md)$/.test(entry.name)) {
      mkdirSync(dirname(target), { recursive: true })
      cpSync(source, target)
    }
  }
}

function manifest() {
  const { name, version, description, license, type, bin, dependencies, optionalDependencies, imports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  // Sources name each other with `.ts`; what was emitted ends in `.js`.
  const emitted = Object.entries(imports).map(([alias, target]) => [alias.replace('*', '*.ts'), target.replace('./src/', './dist/').replace('*', '*.js')])
  return { name, version, description, license, type, engines: { node: '>=18' }, bin, imports: Object.fromEntries(emitted), dependencies, optionalDependencies }
}

function npm(cwd, args) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 2], shell: process.platform === 'win32' })
}

async function tryOut(path) {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-release-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    console.log(`installing it into ${folder}`)
    npm(folder, ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', path])
    const program = join(folder, 'node_modules', '.bin', 'potoroo')
    const house = spawn(program, ['up', '--port', '0', '--ephemeral', '--data', join(folder, 'data'), '--json'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => house.once('exit', resolve))
    try {
      const { url } = JSON.parse(await firstLine(house))
      const answer = await fetch(`${url}/readyz`)
      if (!answer.ok) throw new Error(`the installed house answers ${answer.status}: ${await answer.text()}`)
      const bucket = execFileSync(program, ['bucket', 'create', 'gs://from-the-release', '--url', url], { cwd: folder, encoding: 'utf8' })
      console.log(`the installed house is ready at ${url} and made ${bucket.trim()}`)
    } finally {
      house.kill('SIGTERM')
      await ended
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = ''
    const late = setTimeout(() => reject(new Error('the installed house did not start in time')), START_MS_MAX)
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (!text.includes('\n')) return
      clearTimeout(late)
      resolve(text.split('\n')[0])
    })
    child.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`the installed house ended with ${code}`))
    })
  })
}
