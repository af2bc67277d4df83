/** The only source of time. Services are given a `Clock`; tests give them one that they move by hand. */

export interface Clock {
  /** Milliseconds since 1970, as wall time. */
  now_ms(): number
  /** Microseconds since 1970, never the same twice and never backwards within one process. */
  unique_us(): number
  /** Monotonic milliseconds, for measuring. */
  elapsed_ms(): number
  /** Resolves after `delay_ms`, or rejects with the signal's reason. */
  sleep(delay_ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `run` once after `delay_ms`; the returned function cancels it. Does not keep the process alive. */
  after(delay_ms: number, run: () => void): () => void
}

/** Node's timers take at most this; a longer wait is made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1

export function systemClock(): Clock {
  let last_us = 0
  const clock: Clock = {
    now_ms: () => Date.now(),
    unique_us() {
      last_us = Math.max(last_us + 1, Date.now() * 1000)
      return last_us
    },
    elapsed_ms: () => performance.now(),
    sleep(delay_ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const onAbort = () => {
          cancel()
          reject(signal?.reason)
        }
        const cancel = clock.after(delay_ms, () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        })
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
    after(delay_ms, run) {
      const due_ms = performance.now() + delay_ms
      let timer: NodeJS.Timeout
      const arm = () => {
        const left_ms = due_ms - performance.now()
        if (left_ms <= 0) return run()
        timer = setTimeout(arm, Math.min(Math.ceil(left_ms), TIMER_MS_MAX))
        timer.unref()
      }
      timer = setTimeout(arm, Math.min(Math.max(0, Math.ceil(delay_ms)), TIMER_MS_MAX))
      timer.unref()
      return () => clearTimeout(timer)
    },
  }
  return clock
}

export interface FakeClock extends Clock {
  /** Moves time forward, firing what falls due in order and letting its promises settle in between. */
  advance(by_ms: number): Promise<void>
  /** When the next timer falls due, if any is set. */
  next_ms(): number | undefined
}

export function fakeClock(start_ms = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start_ms
  let last_us = 0
  const timers = new Set<{ due: number; run: () => void }>()
  const earliest = () => [...timers].reduce<{ due: number; run: () => void } | undefined>((a, b) => (a && a.due <= b.due ? a : b), undefined)

  const clock: FakeClock = {
    now_ms: () => now,
    unique_us() {
      last_us = Math.max(last_us + 1, now * 1000)
      return last_us
    },
    elapsed_ms: () => now - start_ms,
    after(delay_ms, run) {
      const timer = { due: now + Math.max(0, delay_ms), run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    sleep(delay_ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const cancel = clock.after(delay_ms, resolve)
        signal?.addEventListener('abort', () => (cancel(), reject(signal.reason)), { once: true })
      })
    },
    next_ms: () => earliest()?.due,
    async advance(by_ms) {
      const until = now + by_ms
      await settle()
      for (let next = earliest(); next && next.due <= until; next = earliest()) {
        timers.delete(next)
        now = Math.max(now, next.due)
        next.run()
        await settle()
      }
      now = until
      await settle()
    },
  }
  return clock
}

/** Lets everything that is ready to run do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
