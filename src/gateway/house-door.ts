/** The house's own pages: is it alive, is it ready, what does it measure, what does it offer. */
import type { Call, Door } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import type { Room } from '#ground/room.ts'
import type { Metrics } from '#ground/telemetry.ts'
import { openApi } from './openapi.ts'

export interface HouseFigures {
  version: string
  /** `full` or `relaxed`. */
  durability: string
  data: string
  since_ms: number
  project: string
  /** `open` or `closed`, and whether roles bind in it. */
  mode: string
  notes(): string[]
}

export function houseDoor(parts: { rooms: Room[]; doors: () => Door[]; metrics: Metrics; figures: HouseFigures; failure(): string | undefined }): Door {
  const readiness = () => {
    const rooms = Object.fromEntries(parts.rooms.map((room) => [room.name, room.health()]))
    const failure = parts.failure()
    const ready = failure === undefined && Object.values(rooms).every(({ state }) => state !== 'starting')
    return { ready, rooms, ...(failure !== undefined && { failure }) }
  }
  const ready = (call: Call) => {
    const answer = readiness()
    call.sendJson(answer.ready ? 200 : 503, answer)
  }
  return {
    name: 'house',
    hosts: [],
    renderFault: sendGoogleFault,
    routes: [
      { id: 'house.livez', verb: 'GET', path: '/livez', permission: null, handle: (call) => call.sendJson(200, { alive: true }) },
      { id: 'house.readyz', verb: 'GET', path: '/readyz', permission: null, handle: ready },
      { id: 'house.healthz', verb: 'GET', path: '/healthz', permission: null, handle: ready },
      {
        id: 'house.status',
        verb: 'GET',
        path: '/potoroo/v1/status',
        permission: 'potoroo.house.get',
        handle(call) {
          const { notes, ...figures } = parts.figures
          call.sendJson(200, { ...figures, ...readiness(), notes: notes(), pid: process.pid, rss_bytes: process.memoryUsage.rss() })
        },
      },
      {
        id: 'house.metrics',
        verb: 'GET',
        path: '/metrics',
        permission: 'potoroo.house.get',
        async handle(call) {
          call.send(200, await parts.metrics.registry.metrics(), { 'content-type': parts.metrics.registry.contentType })
        },
      },
      {
        id: 'house.openapi',
        verb: 'GET',
        path: '/openapi.json',
        permission: null,
        handle: (call) => call.sendJson(200, openApi(parts.doors(), call.origin, parts.figures.version)),
      },
      { id: 'house.home', verb: 'GET', path: '/', permission: null, handle: (call) => call.send(200, homePage(parts.figures), PAGE_HEADERS) },
    ],
  }
}

const PAGE_HEADERS = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'", 'x-content-type-options': 'nosniff' }

function homePage({ version, durability }: HouseFigures): string {
  return `<!doctype html><html lang="en"><title>Potoroo</title><meta name="viewport" content="width=device-width">
<style>body{font:16px/1.6 system-ui;max-width:38rem;margin:10vh auto;padding:0 1rem;color-scheme:light dark}code{background:#8882;padding:.1em .3em;border-radius:.3em}</style>
<h1>Potoroo is running</h1>
<p>Version ${version}, durability <b>${durability}</b>. Clients reach every service on this port; <code>eval "$(./bin/potoroo env)"</code> points them here.</p>
<p><a href="/readyz">readiness</a> · <a href="/metrics">metrics</a> · <a href="/openapi.json">methods</a></p></html>`
}
