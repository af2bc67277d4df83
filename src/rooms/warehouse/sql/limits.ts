/** Bounds of the SQL side, each with BigQuery's own value where it has one. */

/** Unresolved query text (BigQuery: 1 MB). */
export const QUERY_CHARS_MAX = 1_048_576
/** One text in the analyzer, then SIGKILL. */
export const ANALYZE_MS = 15_000
/** Names within names: views in views and their routines. */
export const ROUNDS_MAX = 40
/** Compiled texts kept, by their size. */
export const CACHE_CHARS_MAX = 64_000_000
/** The analyzer's process is ended after this long without a question. */
export const IDLE_MS = 5 * 60_000

/** Steps of one script: a bound for a LOOP that never leaves. */
export const SCRIPT_STEPS_MAX = 1_000_000
/** Statements that a script runs as child jobs. */
export const SCRIPT_STATEMENTS_MAX = 100_000
/** Procedures in procedures (BigQuery: 50). */
export const CALL_DEPTH_MAX = 50
/** Rows of a FOR loop, and of an array read into a variable. */
export const SCRIPT_ROWS_MAX = 1_000_000
/** A variable's value as text (BigQuery: 1 MB, 10 MB for all). */
export const VARIABLE_CHARS_MAX = 10_000_000

/** One chunk of rows (2,048) in a JavaScript function: the engine waits for it. */
export const JS_CALL_MS_MAX = 5_000
/** A call that ran out of time or memory is not tried again for so long. */
export const JS_EXHAUSTED_MS = 1_000
export const JS_MEMORY_BYTES_MAX = 64 * 1024 * 1024
export const JS_STACK_BYTES_MAX = 512 * 1024
/** Functions kept loaded, each with a memory of its own. */
export const JS_CONTEXTS_MAX = 8
/** Different functions of one engine's life: they cannot be taken out of it again. */
export const JS_FUNCTIONS_MAX = 10_000

/** Steps of one regular expression over one value; the engine waits for it. */
export const REGEX_STEPS_MAX = 50_000_000
