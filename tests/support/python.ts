/** Python with the public clients, where this machine has one: POTOROO_PYTHON names it. */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

const python = process.env['POTOROO_PYTHON'] ?? 'python3'

/** Why a test with these modules is skipped; undefined where it is not. */
export function missingModules(...modules: string[]): string | undefined {
  if (spawnSync(python, ['-c', modules.map((name) => `import ${name}`).join('\n')]).status === 0) return undefined
  return ` (skipped: ${modules.join(', ')} is not installed; POTOROO_PYTHON names a Python that has it)`
}

/** What the program prints. The house may answer in this very process, which must not stand still meanwhile. */
export async function runPython(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(python, ['-c', program, ...args], { encoding: 'utf8', timeout: 60_000 })
  return stdout.trim()
}
