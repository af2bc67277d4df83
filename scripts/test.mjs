/**
 * `npm test`: sets up what is missing, checks the types, runs every test, and ends with a line `N passed, N failed`.
 * What follows `--` goes to vitest: `npm test -- src/rooms/storage`.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { findNode24 } from './node24.mjs'
import { ROOT, fetchAnalyzer, setUp } from './set-up.mjs'

await setUp()
if (!fetchAnalyzer()) console.error('The tests of the SQL side will say that the analyzer is missing.')
const node = findNode24(ROOT)
if (node === undefined) throw new Error(`There is no Node 24 for ${process.platform}-${process.arch}; see the README.`)

const totals = { passed: 0, failed: 0 }
console.log('Types: tsc -p .')
count(run('typescript', 'tsc', ['-p', '.']) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })

const report = join(ROOT, '.cache', 'test', `report-${process.pid}.json`)
mkdirSync(dirname(report), { recursive: true })
const status = run('vitest', 'vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile=${report}`, ...process.argv.slice(2)])
count(readReport(status))
rmSync(report, { force: true })

console.log(`\n${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 ? 0 : 1)

function run(packageName, binary, args) {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'node_modules', packageName, 'package.json'), 'utf8'))
  const program = join(ROOT, 'node_modules', packageName, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[binary])
  // Whatever a test starts by the name `node` is Node 24 as well.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}` }
  return spawnSync(node, [program, ...args], { cwd: ROOT, stdio: 'inherit', env }).status
}

function count({ passed, failed }) {
  totals.passed += passed
  totals.failed += failed
}

/** A file that could not even be loaded has no tests to count, and an error outside of any test fails the run: each is one failure. */
function readReport(status) {
  let results
  try {
    results = JSON.parse(readFileSync(report, 'utf8'))
  } catch (error) {
    console.error(`vitest left no report (exit ${status}): ${error.message}`)
    return { passed: 0, failed: 1 }
  }
  const unloaded = results.testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'))
  const failed = results.numFailedTests + unloaded.length
  return { passed: results.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed }
}
