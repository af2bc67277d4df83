/** Passwords: argon2id, a bounded number of checks at once, and a bound on wrong ones. Whose they are is `users.ts`'s. */
import { hash, verify } from '@node-rs/argon2'
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { invalid, oauthFault } from './faults.ts'
import {
  LOGIN_FAILURES_MAX,
  LOGIN_FAILURES_PER_ADDRESS_MAX,
  LOGIN_KEYS_MAX,
  LOGIN_WINDOW_MS,
  PASSWORD_CHARS_MAX,
  PASSWORD_CHARS_MIN,
  PASSWORD_CHECKS_MAX,
  PASSWORD_WAITERS_MAX,
} from './limits.ts'

export class Passwords {
  private readonly failures: FailureCounts
  private readonly waiting: (() => void)[] = []
  private checks = 0
  /** What a user who is not there is compared with, so that the answer takes as long. */
  private nobody: Promise<string> | undefined

  constructor(clock: Clock) {
    this.failures = new FailureCounts(clock)
  }

  hash(password: string): Promise<string> {
    if (password.length < PASSWORD_CHARS_MIN || password.length > PASSWORD_CHARS_MAX) {
      throw invalid(`A password has ${PASSWORD_CHARS_MIN} to ${PASSWORD_CHARS_MAX} characters.`)
    }
    return this.seated(() => hash(password))
  }

  /** Whether this is the password behind the hash; refuses to look after too many wrong ones. */
  async check(attempt: { user: string; password: string; address: string; hash: string | undefined }): Promise<boolean> {
    const { user, password, address } = attempt
    const counted = [
      { key: `${address} ${user.toLowerCase().slice(0, 320)}`, max: LOGIN_FAILURES_MAX },
      { key: address, max: LOGIN_FAILURES_PER_ADDRESS_MAX },
    ]
    for (const { key, max } of counted) if (this.failures.of(key) >= max) throw tooManyAttempts()
    if (password.length > PASSWORD_CHARS_MAX) return false
    // Counted before anything is awaited: attempts that arrive together must not all slip through.
    for (const { key } of counted) this.failures.add(key)
    const expected = attempt.hash ?? (await (this.nobody ??= this.hash('nobody has this one')))
    const right = (await this.seated(() => verify(expected, password))) && attempt.hash !== undefined
    if (right) this.failures.forget(counted[0]!.key)
    if (right) this.failures.takeBack(address)
    return right
  }

  private async seated<T>(work: () => Promise<T>): Promise<T> {
    if (this.checks >= PASSWORD_CHECKS_MAX) {
      if (this.waiting.length >= PASSWORD_WAITERS_MAX) throw tooManyAttempts()
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    } else this.checks++
    try {
      return await work()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.checks--
    }
  }
}

/** Wrong attempts by key within the last window. */
class FailureCounts {
  private readonly clock: Clock
  private readonly counts = new Map<string, { count: number; until_ms: number }>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  of(key: string): number {
    const entry = this.counts.get(key)
    if (!entry || entry.until_ms <= this.clock.now_ms()) return 0
    return entry.count
  }

  add(key: string): void {
    const count = this.of(key) + 1
    const until_ms = count === 1 ? this.clock.now_ms() + LOGIN_WINDOW_MS : this.counts.get(key)!.until_ms
    if (!this.counts.has(key)) this.makeRoom()
    this.counts.set(key, { count, until_ms })
  }

  takeBack(key: string): void {
    const entry = this.counts.get(key)
    if (entry && --entry.count <= 0) this.counts.delete(key)
  }

  forget(key: string): void {
    this.counts.delete(key)
  }

  private makeRoom(): void {
    if (this.counts.size < LOGIN_KEYS_MAX) return
    const now_ms = this.clock.now_ms()
    for (const [key, { until_ms }] of this.counts) if (until_ms <= now_ms) this.counts.delete(key)
    // Full of live ones: somebody tries many names at once, and nobody logs in until the window ends.
    if (this.counts.size >= LOGIN_KEYS_MAX) throw tooManyAttempts()
  }
}

function tooManyAttempts(): Fault {
  return oauthFault('slow_down', 'Too many wrong passwords; try again in a minute.', 429)
}
