/** The process entry: settings in, a running house out, signals back. */
import { readConfig } from './config.ts'
import type { Flags } from './config.ts'
import { openHouse } from './house.ts'
import type { House } from './house.ts'

/** A terminal, npm and a supervisor may each send their own copy of one signal; what comes this much later is meant. */
const AGAIN_MS = 500
/** What shells call a program that was interrupted. */
const INTERRUPTED = 130

/** Runs the house until a signal ends it; a second one, once it is stopping, ends it at once. */
export async function runHouse(flags: Flags, announce: (house: House) => void): Promise<void> {
  const { config } = readConfig(flags, process.env, process.cwd())
  const house = await openHouse(config)
  const told = signalled(house) // Before it is announced: whoever hears of the house may stop it at once.
  announce(house)
  await told
  house.ground.log.info('stopping: what is under way is finished first')
  await house.stop()
}

function signalled({ ground: { clock } }: House): Promise<void> {
  let first_ms: number | undefined
  return new Promise((resolve) => {
    const hear = () => {
      first_ms ??= clock.elapsed_ms()
      resolve()
      if (clock.elapsed_ms() - first_ms > AGAIN_MS) process.exit(INTERRUPTED)
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hear)
  })
}
