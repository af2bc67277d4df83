/** `potoroo status`: what the house is doing and how safe the data is. */
import type { Command } from 'commander'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import type { HouseClient } from './house-client.ts'
import { bytesText, durationText, paint } from './terminal.ts'

export interface HouseStatus {
  version: string
  durability: string
  data: string
  since_ms: number
  project: string
  mode: string
  ready: boolean
  rooms: Record<string, { state: string; reason?: string }>
  failure?: string
  notes: string[]
  pid: number
  rss_bytes: number
}

export const readStatus = (house: HouseClient): Promise<HouseStatus> => house.json<HouseStatus>('GET', '/potoroo/v1/status')

export function statusCommand(): Command {
  return withHouse(verb('status', 'Say how the house is', ['status', 'status --json'])).action(async (options: CommonOptions) => {
    const house = houseOf(options)
    const status = await readStatus(house)
    terminalOf(options).show({ url: house.url, ...status }, () => statusText(house.url, status))
  })
}

function statusText(url: string, status: HouseStatus): string {
  const rooms = Object.entries(status.rooms).map(([name, { state, reason }]) => `  ${mark(state)} ${name}  ${state}${reason === undefined ? '' : `: ${reason}`}`)
  return [
    `${mark(status.ready ? 'ready' : 'starting')} Potoroo ${status.version} at ${url}, ${status.ready ? 'ready' : 'not ready'}`,
    ...(status.failure === undefined ? [] : [`  ${paint('red', '✗', process.stdout)} ${status.failure}`]),
    ...rooms,
    `  data        ${status.data}`,
    `  durability  ${status.durability}`,
    `  project     ${status.project}`,
    `  mode        ${status.mode}`,
    `  process     ${status.pid}, ${bytesText(status.rss_bytes)}, up ${durationText(Date.now() - status.since_ms)}`,
    ...status.notes.map((note) => `  note        ${note}`),
  ].join('\n')
}

function mark(state: string): string {
  if (state === 'ready') return paint('green', '✓', process.stdout)
  return state === 'degraded' ? paint('red', '✗', process.stdout) : paint('yellow', '…', process.stdout)
}
