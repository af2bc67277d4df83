/** `potoroo wait`: holds a script until the house is ready. */
import { Option } from 'commander'
import type { Command } from 'commander'
import { systemClock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'

const LOOK_MS = 100

interface WaitOptions extends CommonOptions {
  for: 'ready' | 'live'
  timeout: string
}

export function waitCommand(): Command {
  return withHouse(verb('wait', 'Wait until the house is ready', ['wait --for ready --timeout 30s']))
    .addOption(new Option('--for <state>', 'what to wait for').choices(['ready', 'live']).default('ready'))
    .option('--timeout <time>', 'how long at most, such as 500ms, 30s or 2m', '30s')
    .action((options: WaitOptions) => wait(options))
}

async function wait(options: WaitOptions): Promise<void> {
  const clock = systemClock()
  const timeout_ms = parseDuration(options.timeout)
  const started_ms = clock.elapsed_ms()
  for (;;) {
    const found = await look(options)
    const waited_ms = Math.round(clock.elapsed_ms() - started_ms)
    if ('url' in found) return terminalOf(options).show({ url: found.url, waited_ms }, () => `${options.for}: ${found.url}`)
    if (waited_ms + LOOK_MS > timeout_ms) {
      throw new Fault('DEADLINE_EXCEEDED', 'timeout', `The house was not ${options.for} within ${options.timeout}: ${found.why}`, {
        hint: 'Wait longer with --timeout, or look at what it prints.',
      })
    }
    await keepAlive(clock.sleep(LOOK_MS))
  }
}

async function look(options: WaitOptions): Promise<{ url: string } | { why: string }> {
  try {
    const house = houseOf(options)
    const response = await house.exchange('GET', options.for === 'ready' ? '/readyz' : '/livez')
    if (response.ok) return { url: house.url }
    return { why: await response.text() }
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'UNAVAILABLE') return { why: thrown.message }
    throw thrown
  }
}

/** The clock's timers do not keep a process running; a waiting command has nothing else that does. */
export async function keepAlive(waiting: Promise<void>): Promise<void> {
  const hold = setInterval(() => {}, 2 ** 30)
  try {
    await waiting
  } finally {
    clearInterval(hold)
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

export function parseDuration(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  if (!found) throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(text)} is not a time; write it like 500ms, 30s or 2m.`)
  return Number(found[1]) * UNIT_MS[found[2] ?? 's']!
}
