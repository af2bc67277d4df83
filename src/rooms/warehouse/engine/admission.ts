/** Lets in as much work as memory allows, in the order of arrival. What asks for more than there is gets all of it, alone. */
import { Fault } from '#ground/fault.ts'

interface Waiter {
  bytes: number
  enter: () => void
}

export class Admission {
  readonly #bytes_max: number
  readonly #waiting_max: number
  readonly #waiting: Waiter[] = []
  #taken_bytes = 0

  constructor(bytes_max: number, waiting_max: number) {
    this.#bytes_max = bytes_max
    this.#waiting_max = waiting_max
  }

  /** Resolves with the way out, which has to be called once. */
  async enter(wanted_bytes: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    const bytes = Math.min(wanted_bytes, this.#bytes_max)
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, signal)
    else this.#taken_bytes += bytes
    return () => {
      this.#taken_bytes -= bytes
      this.#next()
    }
  }

  get waiting(): number {
    return this.#waiting.length
  }

  #fits(bytes: number): boolean {
    return this.#taken_bytes + bytes <= this.#bytes_max
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#waiting_max) {
      throw new Fault('RESOURCE_EXHAUSTED', 'rateLimitExceeded', `Exceeded rate limits: ${this.#waiting_max} queries wait for memory already.`, { httpStatus: 403 })
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { bytes, enter: () => (signal?.removeEventListener('abort', onAbort), resolve()) }
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal?.reason)
        this.#next()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiter)
    })
  }

  #next(): void {
    for (let first = this.#waiting[0]; first && this.#fits(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken_bytes += first.bytes
      first.enter()
    }
  }
}
