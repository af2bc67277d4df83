/** The process entry: settings in, a running house out, signals back. */
import { readConfig } from './config.ts'
import type { Flags } from './config.ts'
import { openHouse } from './house.ts'
import type { House } from './house.ts'

/** Runs the house until a signal ends it. */
export async function runHouse(flags: Flags, announce: (house: House) => void): Promise<void> {
  const { config } = readConfig(flags, process.env, process.cwd())
  const house = await openHouse(config)
  announce(house)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await house.stop()
}
