/** Every bound of the warehouse room, with its unit. Where BigQuery documents one, it is the same. */

// Names
export const DATASET_ID_CHARS_MAX = 1024
export const TABLE_ID_BYTES_MAX = 1024
export const JOB_ID_CHARS_MAX = 1024
export const FIELD_NAME_CHARS_MAX = 300
export const COLUMNS_MAX = 10_000
export const LABELS_MAX = 64
export const NESTING_MAX = 15
export const DESCRIPTION_CHARS_MAX = 16_384
export const CLUSTER_FIELDS_MAX = 4

// Requests and pages
export const REQUEST_BYTES_MAX = 20 * 1024 * 1024
/** A page of rows ends when its text has grown to this. */
export const PAGE_BYTES_MAX = 10 * 1024 * 1024
export const PAGE_ROWS_MAX = 100_000
export const LIST_PAGE_DEFAULT = 50
export const LIST_PAGE_MAX = 1000
export const INSERT_ROWS_MAX = 50_000
export const INSERT_ROW_BYTES_MAX = 10 * 1024 * 1024
export const INSERT_ID_CHARS_MAX = 128
/** How long an insertId is remembered. BigQuery says about a minute. */
export const INSERT_ID_AGE_MS = 10 * 60_000

// Jobs
export const QUERY_TIMEOUT_MS_DEFAULT = 10_000
export const QUERY_TIMEOUT_MS_MAX = 200_000
/** BigQuery ends a query after six hours. */
export const JOB_MS_MAX = 6 * 3600_000
export const REQUEST_ID_AGE_MS = 15 * 60_000
/** Anonymous result tables expire after this. */
export const RESULT_AGE_MS = 24 * 3600_000
export const RESULTS_MAX = 2000
export const SOURCE_URIS_MAX = 10_000
export const SOURCE_FILES_MAX = 10_000
export const LOAD_ERRORS_MAX = 10
export const JOBS_RUNNING_MAX = 300
/** Jobs are forgotten this long after their end; BigQuery keeps its history for six months. */
export const JOB_AGE_MS_MAX = 180 * 24 * 3600_000
export const UPLOAD_AGE_MS_MAX = 24 * 3600_000
export const UPLOADS_MAX = 1000
export const UPLOAD_BYTES_MAX = 5 * 1024 ** 4
export const JOB_METADATA_BYTES_MAX = 4 * 1024 * 1024

// Engine
/** Share of the machine's memory that the engine may hold before it spills. */
export const MEMORY_SHARE = 0.5
export const MEMORY_MIN_BYTES = 512 * 1024 * 1024
/** What one query is counted as at least, when it is decided how many may run side by side. */
export const QUERY_MEMORY_MIN_BYTES = 32 * 1024 * 1024
export const QUERIES_WAITING_MAX = 1000
export const CONNECTIONS_KEPT_MAX = 16
/** How long an answer waits for its checkpoint while others write. */
export const CHECKPOINT_WAIT_MS_MAX = 3000
export const ENGINE_READY_MS = 120_000
export const APPLIED_KEPT_MS = 24 * 3600_000
/** Rows that a table's size in bytes is estimated from. */
export const SIZE_SAMPLE_ROWS = 10_000
export const SCRIPT_VALUES_ROWS_MAX = 1_000_000

// Time travel
/** Replaced and dropped tables are kept this long; BigQuery's default window is seven days. */
export const TIME_TRAVEL_MS = 7 * 24 * 3600_000
export const VERSIONS_KEPT_MAX = 1000

export const UPKEEP_EVERY_MS = 5 * 60_000

// Detecting a file's shape
export const SNIFF_BYTES_MAX = 2 * 1024 * 1024
/** BigQuery looks at up to 500 rows. */
export const SNIFF_ROWS_MAX = 500
export const AVRO_BLOCK_BYTES_MAX = 256 * 1024 * 1024
export const APPEND_CHUNK_ROWS = 2048

// Storage Read and Write APIs
export const READ_STREAMS_MAX = 16
/** A stream is worth having only above this many rows. */
export const READ_STREAM_ROWS_MIN = 200_000
export const READ_SESSION_AGE_MS = 24 * 3600_000
export const READ_SESSIONS_MAX = 1000
export const ARROW_BATCH_ROWS = 16_384
export const WRITE_STREAMS_MAX = 1000
