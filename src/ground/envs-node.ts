/** How a Node environment is made: by npm, without running any package's install script. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Build, BuildPlan } from './envs.ts'
import { Fault } from './fault.ts'

export async function nodeBuild({ runtime, wanted, tools, machine }: BuildPlan): Promise<Build> {
  if (!runtime.npm) throw new Fault('FAILED_PRECONDITION', 'npmMissing', 'This machine has no npm.', { hint: 'Install npm, and start the house again.' })
  const { requirements, lock } = wanted
  const cache = join(tools, 'npm-cache')
  await mkdir(cache, { recursive: true, mode: 0o755 })
  // Install scripts are user code, and the cache is shared: they do not meet here.
  const flags = ['--omit=dev', '--no-audit', '--no-fund', '--no-update-notifier', '--ignore-scripts', '--loglevel=http']
  return {
    built: (scratch) => join(scratch, 'env'),
    order: {
      command: ['/bin/sh', '-c', 'cd env && mkdir -p node_modules && exec "$@"', 'build', runtime.program, runtime.npm, lock === undefined ? 'install' : 'ci', ...flags],
      fill: async (scratch) => {
        await mkdir(join(scratch, 'env'))
        await writeFile(join(scratch, 'env', 'package.json'), requirements)
        if (lock !== undefined) await writeFile(join(scratch, 'env', 'package-lock.json'), lock)
      },
      env: { ...machine.env, npm_config_cache: cache },
      readable: [...machine.readable, ...runtime.readable],
      writable: [cache],
      asHouse: true,
    },
  }
}
