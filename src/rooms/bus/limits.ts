/** Every bound of the bus room, with its unit. Where Pub/Sub documents one, it is the same. */

export const MESSAGE_BYTES_MAX = 10_000_000
/** All messages of one publish. */
export const PUBLISH_BYTES_MAX = 10_000_000
export const PUBLISH_MESSAGES_MAX = 1000
/** A publish over REST: base64 and its JSON around 10 MB. */
export const PUBLISH_BODY_BYTES_MAX = 16 * 1024 * 1024
export const ATTRIBUTES_MAX = 100
export const ATTRIBUTE_KEY_BYTES_MAX = 256
export const ATTRIBUTE_VALUE_BYTES_MAX = 1024
export const ORDERING_KEY_BYTES_MAX = 1024

export const ACK_DEADLINE_S_DEFAULT = 10
export const ACK_DEADLINE_S_MIN = 10
export const ACK_DEADLINE_S_MAX = 600
export const RETENTION_S_DEFAULT = 7 * 86_400
export const RETENTION_S_MIN = 600
/** Pub/Sub keeps unacknowledged messages for at most 31 days. */
export const RETENTION_S_MAX = 31 * 86_400
export const EXPIRATION_S_DEFAULT = 31 * 86_400
export const EXPIRATION_S_MIN = 86_400
export const BACKOFF_S_MIN_DEFAULT = 10
export const BACKOFF_S_MAX_DEFAULT = 600
export const BACKOFF_S_MAX = 600
export const DELIVERY_ATTEMPTS_DEFAULT = 5
export const DELIVERY_ATTEMPTS_MIN = 5
export const DELIVERY_ATTEMPTS_MAX = 100
export const FILTER_BYTES_MAX = 256
/** Parentheses in a filter of 256 bytes; deeper ones are refused before anything walks them. */
export const FILTER_DEPTH_MAX = 64
export const LABELS_MAX = 64
export const SNAPSHOT_AGE_S_MAX = 7 * 86_400
/** A snapshot that could not live this long is refused. */
export const SNAPSHOT_AGE_S_MIN = 3600
/** Pub/Sub allows 10,000 of each in a project; here for the whole house. */
export const TOPICS_MAX = 10_000
export const SUBSCRIPTIONS_MAX = 10_000
export const SNAPSHOTS_MAX = 5000

export const PULL_MESSAGES_MAX = 1000
/** How long a pull waits for a message when there is none. */
export const PULL_WAIT_MS = 10_000
/** Answered this much before the client's own deadline, so that what was leased also arrives. */
export const PULL_MARGIN_MS = 100
/** One answer of a pull or stream ends at the message that reaches this. */
export const BATCH_BYTES_MAX = 1024 * 1024
export const BATCH_MESSAGES_MAX = 1000
/** What a stream without limits of its own may have out. */
export const STREAM_MESSAGES_MAX = 10_000
export const STREAM_BYTES_MAX = 64 * 1024 * 1024
export const ACK_IDS_MAX = 10_000
export const STREAMS_MAX = 4000

/** Messages of one subscription that are out with subscribers or wait to go out again; reading on waits for some of them to be acknowledged. */
export const PENDING_MAX = 50_000
/** Above this many, the row that notes them is written at most every so often. */
export const PENDING_MANY = 20_000
export const SAVE_MANY_EVERY_MS = 10
/** After a failure of ours (a disk, a port) delivery tries again. */
export const DELIVERY_RETRY_MS = 1000
/** A deadline that was set may fire this late: leases are looked at in steps. */
export const LEASE_STEP_MS = 10

export const PUSH_WINDOW_START = 10
export const PUSH_WINDOW_MAX = 200
/** Between tries to an endpoint that refuses, where the subscription has no retry policy. */
export const PUSH_BACKOFF_MS_MIN = 100
export const PUSH_BACKOFF_MS_MAX = 60_000
/** So many refusals in a row speak of the endpoint rather than of a message. */
export const PUSH_REFUSALS_MANY = 5
export const PUSH_ANSWER_BYTES_MAX = 64 * 1024
export const PUSH_HEADER_BYTES_MAX = 8 * 1024
export const SINK_MESSAGES_MAX = 1000
/** Rows to a table go in one call per this long, or when the batch is full. */
export const TABLE_GATHER_MS = 100
export const OBJECT_MESSAGES_MAX_DEFAULT = 1000
export const OBJECT_SECONDS_MAX_DEFAULT = 300
export const OBJECT_BYTES_MAX_DEFAULT = 16 * 1024 * 1024

export const UPKEEP_EVERY_MS = 5000
export const PAGE_SIZE_DEFAULT = 100
export const PAGE_SIZE_MAX = 1000
export const SCHEMA_BYTES_MAX = 300 * 1024
export const SCHEMA_REVISIONS_MAX = 20
export const SCHEMA_DEPTH_MAX = 50
/** Nesting of a value that is checked against a schema. */
export const VALUE_DEPTH_MAX = 100
export const PEEK_MESSAGES_MAX = 100
