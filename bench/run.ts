/** `npm run bench`: every bench after another, or those named, each in a process of its own. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const COMMON = ['run.ts', 'figures.ts']
const wanted = process.argv.slice(2)
const all = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !COMMON.includes(file))
for (const file of all.filter((name) => wanted.length === 0 || wanted.includes(name.replace('.ts', '')))) {
  console.log(`\n${file}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file)], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
