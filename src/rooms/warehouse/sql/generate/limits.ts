/** Bounds of the generator. */

/** Nesting of tree nodes in one statement; the analyzer's own stack ends a little later. */
export const NODE_DEPTH_MAX = 1500
/** Text of one generated statement; views and functions multiply. BigQuery resolves at most 12 MB of query text. */
export const DUCK_SQL_CHARS_MAX = 16_000_000
/** Views in views, functions in functions (BigQuery: 16). */
export const INLINE_DEPTH_MAX = 16
