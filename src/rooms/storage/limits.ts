/** Every bound of the storage room, with its unit. Where Cloud Storage documents one, it is the same. */

export const OBJECT_NAME_BYTES_MAX = 1024
export const BUCKET_NAME_CHARS_MIN = 3
export const BUCKET_NAME_CHARS_MAX = 63
/** With dots, a bucket name may be longer as a whole. */
export const BUCKET_DOTTED_CHARS_MAX = 222
/** 5 TiB. */
export const OBJECT_BYTES_MAX = 5 * 1024 ** 4
/** Keys and values of customer metadata together. */
export const METADATA_BYTES_MAX = 8 * 1024
export const LABELS_MAX = 64
export const LIST_PAGE_MAX = 1000
/** Rows that one page may look at while a glob lets few through; the page then ends early, with a token. */
export const LIST_SCAN_MAX = 20_000
export const COMPOSE_SOURCES_MAX = 32
export const BATCH_CALLS_MAX = 100
export const BATCH_BYTES_MAX = 10 * 1024 * 1024
export const PARTS_MAX = 10_000
export const NOTIFICATIONS_MAX = 100
/** A resumable upload is forgotten this long after it began. */
export const UPLOAD_AGE_MS_MAX = 7 * 24 * 3600_000
/** Bodies up to this size are taken, hashed, written and read in one piece; longer ones stream, and are hashed in a thread. */
export const SMALL_BYTES_MAX = 256 * 1024
/** A file that no row names is taken for an orphan once it is older than this. */
export const ORPHAN_AGE_MS = 60 * 60_000
export const SWEEP_EVERY_MS = 5 * 60_000
export const SWEEP_BATCH = 500
export const LIFECYCLE_EVERY_MS = 60 * 60_000
export const LIFECYCLE_BATCH = 500
export const SIGNED_URL_EXPIRES_S_MAX = 604_800
/** How far a signed URL's date may lie in the future. */
export const SIGNED_URL_SKEW_MS_MAX = 15 * 60_000
