/** Keys and accounts that the house never issued and that were used against it all the same: named, so that nobody takes them for known ones. */
import type { Log } from '#ground/telemetry.ts'
import { STRANGERS_MAX } from './limits.ts'

export class Strangers {
  private readonly log: Log
  private readonly seen = new Map<string, string | undefined>()

  constructor(log: Log) {
    this.log = log
  }

  note(email: string, keyId: string | undefined): void {
    if (this.seen.has(email) || this.seen.size >= STRANGERS_MAX) return
    this.seen.set(email, keyId)
    this.log.warn({ principal: email, keyId }, 'a key that this house never issued is used against it: it acts as the developer, unverified; nothing of this reaches the real cloud')
  }

  notes(): string[] {
    return [...this.seen].map(([email, keyId]) => `Unverified: ${email}${keyId === undefined ? '' : ` (key ${keyId.slice(0, 40)})`} uses a key that this house never issued, and acts as the developer.`)
  }
}
