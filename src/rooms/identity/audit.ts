/** Audit facts of calls that were refused. What is created or changed is announced where it happens, in the same write. */
import type { Clock } from '#ground/clock.ts'
import type { Caller, Resource } from '#ground/door.ts'
import type { Facts } from '#ground/facts.ts'
import type { Ledger } from '#ground/ledger.ts'
import type { Log } from '#ground/telemetry.ts'
import { AUDIT_EVERY_MS, AUDIT_KEYS_MAX } from './limits.ts'

export class Audit {
  private readonly ground: { ledger: Ledger; facts: Facts; clock: Clock; log: Log }
  private readonly last = new Map<string, { at_ms: number; left_out: number }>()
  private pending: Promise<void> = Promise.resolve()

  constructor(ground: Audit['ground']) {
    this.ground = ground
  }

  /** Bounded: a client that repeats a refused call fills neither the ledger nor the log. */
  denied(caller: Caller, permission: string, resource: Resource | undefined): void {
    const now_ms = this.ground.clock.now_ms()
    const key = `${caller.principal} ${permission}`
    const before = this.last.get(key)
    if (before && now_ms - before.at_ms < AUDIT_EVERY_MS) {
      before.left_out++
      return
    }
    if (this.last.size >= AUDIT_KEYS_MAX) this.last.clear()
    this.last.set(key, { at_ms: now_ms, left_out: 0 })
    const data = { principal: caller.principal, permission, resource, ...(before && before.left_out > 0 && { alsoDenied: before.left_out }) }
    const fact = this.ground.facts.append({ type: 'identity.access.denied', subject: resource ? `${resource.type}s/${resource.name}` : 'house', data })
    this.pending = this.pending
      .then(() => this.ground.ledger.write(fact))
      .then(
        () => undefined,
        (err: unknown) => this.ground.log.error({ err }, 'a refused call could not be recorded'),
      )
  }

  /** Resolves when everything told so far is written. */
  settled(): Promise<void> {
    return this.pending
  }
}
