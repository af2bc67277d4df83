/** A whole house in the test's own process, on a free port, with a folder of its own; stopped when the test file is done. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { readConfig } from '../../src/config.ts'
import type { Flags } from '../../src/config.ts'
import { openHouse } from '../../src/house.ts'
import type { House } from '../../src/house.ts'

/** Call it at the top of a test file. */
export async function houseHere(flags: Flags = {}): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-test-'))
  const { config } = readConfig({ port: 0, data: join(folder, 'data'), 'log-level': 'error', ...flags }, {}, folder)
  const house = await openHouse(config)
  afterAll(async () => {
    await house.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return house
}
