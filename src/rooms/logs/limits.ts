/** Every bound of the logs room, with its unit. */

/** The cloud's: 256 KB of one entry. */
export const ENTRY_BYTES_MAX = 256 * 1024
export const ENTRIES_WRITTEN_MAX = 1_000
/** Entries that wait to be written; more are dropped, and counted. */
export const HELD_MAX = 20_000
export const FLUSH_MS = 100
export const FLUSH_BATCH = 500
export const PAGE_SIZE_DEFAULT = 50
export const PAGE_SIZE_MAX = 1_000
/** Entries looked through for one page. */
export const SCAN_MAX = 200_000
export const SCAN_BATCH = 1_000
export const FILTER_CHARS_MAX = 20_000
export const FILTER_DEPTH_MAX = 50
export const KEPT_MS = 30 * 24 * 3600_000
export const ENTRIES_KEPT_MAX = 2_000_000
export const PRUNE_EVERY_MS = 3600_000
export const LOGS_LISTED_MAX = 1_000
export const REGEX_CHARS_MAX = 500
