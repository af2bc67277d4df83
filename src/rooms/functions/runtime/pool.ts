/** The instances of one revision: warm ones first, new ones up to the bound, the rest of the calls in a queue; idle ones end. */
import type { Clock } from '#ground/clock.ts'
import type { Log } from '#ground/telemetry.ts'
import { overloaded } from '../faults.ts'
import { IDLE_MS, WAIT_MS, WAITING_MAX } from '../limits.ts'
import type { Instance } from './instance.ts'

export interface PoolOptions {
  name: string
  instances_min: number
  instances_max: number
  /** Calls that one instance has at a time. */
  concurrency: number
  clock: Clock
  log: Log
  start(): Promise<Instance>
  /** Room in the house for one more; false where there is none now. One that runs already is counted `anyway`. */
  admit(anyway?: boolean): boolean
  released(): void
}

interface Waiting {
  resolve(instance: Instance): void
  reject(reason: unknown): void
  cancel: () => void
}

export class Pool {
  readonly #options: PoolOptions
  readonly #instances = new Set<Instance>()
  readonly #waiting: Waiting[] = []
  #starting = 0
  readonly #reserved = new Map<Instance, number>()
  #closed = false
  #cancelIdle: (() => void) | undefined

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#instances.size + this.#starting
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Calls that could begin at once, now or as soon as instances are started. */
  get room(): number {
    const { instances_max, concurrency } = this.#options
    return instances_max * concurrency - [...this.#reserved.values()].reduce((sum, calls) => sum + calls, 0) - this.#waiting.length
  }

  /** One that was started elsewhere, such as the one a build tried the code with. */
  adopt(instance: Instance): void {
    this.#options.admit(true)
    this.#welcome(instance)
  }

  /** Runs `use` with an instance that has room for it. */
  async with<T>(use: (instance: Instance) => Promise<T>): Promise<T> {
    const instance = await this.#take()
    try {
      return await use(instance)
    } finally {
      this.#giveBack(instance)
    }
  }

  /** Starts what the deployment wants warm. */
  warm(): void {
    while (this.size < this.#options.instances_min && this.#begin());
  }

  /** Another pool of the house needs room: an idle instance goes. */
  evictIdle(): boolean {
    if (this.#instances.size <= this.#options.instances_min) return false
    const idle = [...this.#instances].find((instance) => !this.#reserved.get(instance))
    if (!idle) return false
    this.#dismiss(idle)
    return true
  }

  /** Those that wait are tried again: there may be room now. */
  retry(): void {
    this.#serveWaiting()
  }

  /** Takes no more calls; ends when those under way have. */
  async close(options: { now: boolean }): Promise<void> {
    this.#closed = true
    this.#cancelIdle?.()
    for (const waiting of this.#waiting.splice(0)) {
      waiting.cancel()
      waiting.reject(overloaded(this.#options.name))
    }
    const ends = [...this.#instances].filter((instance) => options.now || !this.#reserved.get(instance)).map((instance) => instance.stop())
    await Promise.all(ends)
  }

  #take(): Promise<Instance> {
    const free = this.#free()
    if (free) return Promise.resolve(this.#reserve(free))
    if (this.#closed || this.#waiting.length >= WAITING_MAX) return Promise.reject(overloaded(this.#options.name))
    const { promise, resolve, reject } = Promise.withResolvers<Instance>()
    const waiting: Waiting = { resolve, reject, cancel: () => {} }
    waiting.cancel = this.#options.clock.after(WAIT_MS, () => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      reject(overloaded(this.#options.name))
    })
    this.#waiting.push(waiting)
    this.#grow()
    return promise
  }

  /** The fullest that still has room, so that the others may idle. */
  #free(): Instance | undefined {
    let best: Instance | undefined
    for (const instance of this.#instances) {
      const calls = this.#reserved.get(instance) ?? 0
      if (!instance.alive || calls >= this.#options.concurrency) continue
      if (!best || calls > (this.#reserved.get(best) ?? 0)) best = instance
    }
    return best
  }

  #reserve(instance: Instance): Instance {
    this.#reserved.set(instance, (this.#reserved.get(instance) ?? 0) + 1)
    return instance
  }

  #giveBack(instance: Instance): void {
    const calls = (this.#reserved.get(instance) ?? 1) - 1
    if (calls > 0) this.#reserved.set(instance, calls)
    else this.#reserved.delete(instance)
    instance.idleSince_ms = this.#options.clock.elapsed_ms()
    if (this.#closed && calls === 0) return this.#dismiss(instance)
    this.#serveWaiting()
    this.#watchIdle()
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const free = this.#free()
      if (!free) break
      const waiting = this.#waiting.shift()!
      waiting.cancel()
      waiting.resolve(this.#reserve(free))
    }
    this.#grow()
  }

  /** As many as the waiting calls need, within the bounds. */
  #grow(): void {
    const { instances_max, concurrency } = this.#options
    while (!this.#closed && this.#starting * concurrency < this.#waiting.length && this.size < instances_max && this.#begin());
  }

  #begin(): boolean {
    const { admit, released, start, log, name } = this.#options
    if (!admit()) return false
    this.#starting++
    start().then(
      (instance) => {
        this.#starting--
        if (this.#closed) {
          released()
          return void instance.stop()
        }
        this.#welcome(instance)
        this.#serveWaiting()
      },
      (reason) => {
        this.#starting--
        released()
        log.warn({ function: name, err: reason }, 'an instance could not be started')
        // Who has waited longest hears why; the others have a try of their own.
        const waiting = this.#waiting.shift()
        waiting?.cancel()
        waiting?.reject(reason)
        this.#grow()
      },
    )
    return true
  }

  #welcome(instance: Instance): void {
    instance.idleSince_ms = this.#options.clock.elapsed_ms()
    this.#instances.add(instance)
    void instance.ended.then(() => {
      if (this.#instances.delete(instance)) this.#options.released()
      this.#reserved.delete(instance)
      if (!this.#closed) {
        this.warm()
        this.#grow()
      }
    })
    this.#watchIdle()
  }

  #dismiss(instance: Instance): void {
    if (this.#instances.delete(instance)) this.#options.released()
    void instance.stop()
  }

  #watchIdle(): void {
    if (this.#cancelIdle || this.#closed) return
    this.#cancelIdle = this.#options.clock.after(IDLE_MS, () => {
      this.#cancelIdle = undefined
      const before_ms = this.#options.clock.elapsed_ms() - IDLE_MS
      for (const instance of [...this.#instances]) {
        if (this.#instances.size > this.#options.instances_min && !this.#reserved.get(instance) && instance.idleSince_ms <= before_ms) this.#dismiss(instance)
      }
      if (this.#instances.size > this.#options.instances_min) this.#watchIdle()
    })
  }
}
