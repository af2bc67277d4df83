/** Keeps a place on disk: those who want it written while it is being written share the next write. */
import type { Clock } from '#ground/clock.ts'
import { SAVE_MANY_EVERY_MS } from '../limits.ts'

export interface KeeperParts {
  clock: Clock
  /** Writes the place as it is now. */
  save(): Promise<void>
  /** Whether the place is so large that writing it at every turn would be work in vain. */
  isLarge(): boolean
}

export class Keeper {
  private readonly parts: KeeperParts
  private changed = false
  private stopped = false
  private running: Promise<void> | undefined
  private following: Promise<void> | undefined

  constructor(parts: KeeperParts) {
    this.parts = parts
  }

  /** The place has changed; it need not be written at once. */
  note(): void {
    this.changed = true
  }

  /** Resolves once the present place is on disk. */
  kept(): Promise<void> {
    this.changed = true
    if (!this.running) return (this.running = this.run())
    const next = () => {
      this.following = undefined
      return (this.running = this.run())
    }
    return (this.following ??= this.running.then(next, next))
  }

  /** Writes the place if it has changed since. */
  async tidy(): Promise<void> {
    if (this.changed) await this.kept()
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.running?.catch(() => {})
    await this.following?.catch(() => {})
    await this.tidy()
  }

  private async run(): Promise<void> {
    try {
      if (this.parts.isLarge() && !this.stopped) await this.parts.clock.sleep(SAVE_MANY_EVERY_MS)
      this.changed = false
      await this.parts.save()
    } catch (thrown) {
      this.changed = true
      throw thrown
    } finally {
      if (!this.following) this.running = undefined
    }
  }
}
