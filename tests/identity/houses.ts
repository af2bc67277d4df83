/** Houses for the tests of identity: in this process, on a free port, gone with the test. */
import { openHouse } from '#src/house.ts'
import type { House } from '#src/house.ts'
import { readConfig } from '#src/config.ts'
import type { Flags } from '#src/config.ts'
import { onTestFinished } from 'vitest'
import { testFolder } from '../support/folder.ts'

export async function openTestHouse(flags: Flags = {}, folder = testFolder()): Promise<House> {
  const { config } = readConfig({ port: 0, data: folder, durability: 'relaxed', 'log-level': 'silent', ...flags }, {}, folder)
  const house = await openHouse(config)
  onTestFinished(() => house.stop())
  return house
}

const ANSWER_MS_MAX = 10_000

export type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<{ status: number; text: string; json: any }>

/** Requests as the bearer of this token, or as nobody. */
export function asker(url: string, token?: string): Ask {
  return async (method, path, body, headers = {}) => {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(`${url}${path}`, { method, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS_MAX), headers: { 'content-type': 'application/json', ...authorization, ...headers }, ...sent })
    // An answer that is held open has said by its status what it is.
    const text = await response.text().catch(() => '')
    return { status: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
  }
}

/** A person with one role somewhere, and a token for them. */
export async function personWith(admin: Ask, email: string, role: string, place: { type: string; name: string }): Promise<string> {
  await admin('POST', '/potoroo/v1/users', { email })
  await admin('POST', '/potoroo/v1/policies:grant', { ...place, role, member: `user:${email}` })
  const { json } = await admin('POST', '/potoroo/v1/tokens', { name: 'test', principal: `user:${email}` })
  return json.token
}
