/** What user code may use, and the bounds of the hatch itself. */

export interface RunLimits {
  /** Of all processes of the run together. */
  memory_bytes: number
  wall_ms: number
  /** Of all processes of the run together. */
  cpu_ms: number
  processes_max: number
  open_files_max: number
  /** Of one file. */
  file_bytes: number
  /** Of its scratch folder, looked at every second. */
  scratch_bytes: number
  log_bytes_max: number
  line_bytes_max: number
  /** From the polite signal to the hard one. */
  stop_ms: number
}

export const RUN_LIMITS: Readonly<RunLimits> = {
  memory_bytes: 512 * 1024 * 1024,
  wall_ms: 60 * 60_000,
  cpu_ms: 60 * 60_000,
  // Threads count as processes where the system does the counting: Node alone has a dozen.
  processes_max: 256,
  open_files_max: 1_024,
  file_bytes: 2 * 1024 ** 3,
  scratch_bytes: 8 * 1024 ** 3,
  log_bytes_max: 64 * 1024 * 1024,
  line_bytes_max: 64 * 1024,
  stop_ms: 5_000,
}

/** How often memory, CPU time and processes of running code are looked at. */
export const WATCH_EVERY_MS = 100

export const SCRATCH_LOOK_EVERY_MS = 1_000
/** A folder with more entries than this is over its limit, whatever they hold: counting them is work too. */
export const SCRATCH_ENTRIES_MAX = 500_000

/** Rounds of stopping and killing before the hatch says that it could not end a run. */
export const KILL_ROUNDS_MAX = 100
export const KILL_ROUND_MS = 20

export const RUNS_MAX = 512
export const RECORDS_MAX = 10_000
