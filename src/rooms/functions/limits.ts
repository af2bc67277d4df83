/** Every bound of the functions room, with its unit. The cloud's own figure is named where ours differs. */
import { availableParallelism } from '#ground/machine.ts'

export const TIMEOUT_S_DEFAULT = 60
export const TIMEOUT_S_MAX_GEN1 = 540
export const TIMEOUT_S_MAX_HTTP = 3_600
export const TIMEOUT_S_MAX_EVENT = 540
export const MEMORY_MB_DEFAULT = 256
export const MEMORY_MB_MIN = 128
export const MEMORY_MB_MAX = 32 * 1024
export const CONCURRENCY_MAX = 1_000
export const INSTANCES_MAX = 3_000
/** Of one function that names no bound itself. The cloud's is 100 or none; this is one machine. */
export const INSTANCES_DEFAULT = Math.max(4, 2 * availableParallelism)
/** Of the whole house. */
export const INSTANCES_HOUSE_MAX = 128
/** The cloud keeps an idle instance about a quarter of an hour. */
export const IDLE_MS = 15 * 60_000
/** From the start of an instance until it has loaded its code. */
export const LOAD_MS = 120_000
export const STOP_MS = 2_000
/** Requests that wait for an instance; the cloud answers 429 as well. */
export const WAITING_MAX = 2_000
export const WAIT_MS = 120_000
/** The cloud's: 10 MB in the first generation, 32 MB in the second. */
export const REQUEST_BYTES_MAX = 32 * 1024 * 1024
export const FRAME_BYTES_MAX = 64 * 1024 * 1024
export const EVENT_BYTES_MAX = 10 * 1024 * 1024
export const SOURCE_BYTES_MAX = 512 * 1024 * 1024
export const REQUIREMENTS_BYTES_MAX = 1024 * 1024
export const UPLOADS_KEPT_MS = 24 * 3600_000
export const FUNCTIONS_MAX = 1_000
export const VARIABLES_BYTES_MAX = 32 * 1024
export const LABELS_MAX = 64
export const LOG_LINES_MAX = 500
export const PAGE_SIZE_DEFAULT = 100
export const PAGE_SIZE_MAX = 1_000
export const REVISIONS_KEPT = 10
export const BUILDS_MAX = 2
export const BUILD_TRIES_MAX = 5

/** Back-off of events with `--retry`. */
export const RETRY_BASE_MS = 10_000
export const RETRY_MAX_MS = 600_000
export const RETRY_WINDOW_MS_GEN1 = 7 * 24 * 3600_000
export const RETRY_WINDOW_MS_GEN2 = 24 * 3600_000
/** Events of one function that are read in one go. */
export const EVENTS_BATCH = 50
export const EVENTS_KEPT_MS = 30 * 24 * 3600_000
export const RUNS_KEPT_MS = 30 * 24 * 3600_000
export const PRUNE_EVERY_MS = 3600_000
/** Rows about runs are written together, this long after the first. */
export const RUNS_FLUSH_MS = 250
export const RUNS_HELD_MAX = 5_000

/** Lines that belong together, such as a traceback, come within this time. */
export const ENTRY_JOIN_MS = 100
export const ENTRY_CHARS_MAX = 256 * 1024
