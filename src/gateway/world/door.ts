/**
 * `POST /potoroo/v1/worlds`: a world for a command on this machine. It lives as long as the answer is held open, so that nothing is
 * left behind by a command that was killed.
 */
import type { Call, Door } from '#ground/door.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { WORLD_BODY_BYTES_MAX } from '../limits.ts'
import type { Worlds } from './worlds.ts'

/** Stands for the folder in the variables, until the command that asks has made one. */
const FOLDER = '{folder}'

export function worldsDoor(worlds: Worlds): Door {
  return {
    name: 'worlds',
    hosts: [],
    renderFault: sendGoogleFault,
    routes: [{ id: 'potoroo.worlds.create', verb: 'POST', path: '/potoroo/v1/worlds', permission: null, bodyBytesMax: WORLD_BODY_BYTES_MAX, handle: (call) => create(call, worlds) }],
  }
}

async function create(call: Call, worlds: Worlds): Promise<void> {
  const body = await call.readJson()
  const text = (name: string) => (typeof body[name] === 'string' && body[name] !== '' ? body[name] : undefined)
  const as = text('as')
  // Whoever is given a world is given its account: that is what has to be allowed.
  await call.require('iam.serviceAccounts.actAs', { type: 'serviceAccount', name: as ?? worlds.developer })
  const world = await worlds.open({ as, project: text('project'), upstream: text('upstream'), via: text('via') ?? 'potoroo exec', reach: 'anywhere' })
  if (call.response.destroyed) return world.close()
  call.response.once('close', () => world.close())
  call.signal.addEventListener('abort', () => call.response.end(), { once: true })
  call.response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8', 'cache-control': 'no-store' })
  call.response.write(`${JSON.stringify({ account: world.account, url: world.url, folder: FOLDER, files: world.files, variables: world.variables(FOLDER) })}\n`)
}
