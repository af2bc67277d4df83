/**
 * After a change of dependencies: adds to package-lock.json the packages of other platforms that npm left out because the registry at hand does
 * not carry them. Without them `npm ci` refuses the lock everywhere. Run: node scripts/complete-lock.mjs [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PATH = join(fileURLToPath(new URL('..', import.meta.url)), 'package-lock.json')
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/
const PLATFORM = /(linux|darwin|win32|win|android|freebsd|openharmony)-(x64|arm64|arm|ia32|riscv64|s390x|ppc64|loong64)/

const lock = JSON.parse(readFileSync(PATH, 'utf8'))
const missing = []
for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (lock.packages[`node_modules/${name}`] === undefined && EXACT.test(version)) missing.push([name, version])
  }
}
if (process.argv.includes('--check')) {
  if (missing.length > 0) console.error(`package-lock.json lacks ${missing.map(([name]) => name).join(', ')}. Run: node scripts/complete-lock.mjs`)
  process.exit(missing.length === 0 ? 0 : 1)
}
for (const [name, version] of missing) {
  const [, os, cpu] = PLATFORM.exec(name) ?? []
  lock.packages[`node_modules/${name}`] = { version, optional: true, ...(os && { os: [os === 'win' ? 'win32' : os], cpu: [cpu] }) }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(PATH, `${JSON.stringify(lock, null, 2)}\n`)
console.log(missing.length === 0 ? 'The lock is complete.' : `Added ${missing.map(([name, version]) => `${name} ${version}`).join(', ')}.`)
