/** Every bound of the workflows room, with its unit. The cloud's own figure is named where ours differs. */

export const SOURCE_BYTES_MAX = 128 * 1024
/** The cloud documents 400; a longer expression is no danger here, so ported code is not refused for it. */
export const EXPRESSION_CHARS_MAX = 4_000
export const EXPRESSION_DEPTH_MAX = 60
export const STEPS_RUN_MAX = 100_000
export const ASSIGNMENTS_MAX = 50
export const CONDITIONS_MAX = 50
export const BRANCHES_MAX = 10
export const PARALLEL_RUNNING_MAX = 20
export const PARALLEL_DEPTH_MAX = 2
export const BRANCH_ERRORS_MAX = 100
export const CALL_DEPTH_MAX = 20
export const MAIN_PARAMS_MAX = 1
export const SUBWORKFLOW_PARAMS_MAX = 10
export const STRING_BYTES_MAX = 256 * 1024
export const VARIABLES_BYTES_MAX = 512 * 1024
export const ARGUMENT_BYTES_MAX = 32 * 1024
/** One execution's result, and one http response's body. */
export const RESPONSE_BYTES_MAX = 2 * 1024 * 1024
export const HTTP_TIMEOUT_S_MAX = 1_800
export const SLEEP_S_MAX = 366 * 24 * 3600
export const CALLBACK_TIMEOUT_S_DEFAULT = 43_200
export const CONNECTOR_TIMEOUT_S_DEFAULT = 1_800
export const CONNECTOR_TIMEOUT_S_MAX = 31_536_000
export const CONNECTOR_RETRIES_MAX = 5
export const USER_ENV_VARS_MAX = 20
export const USER_ENV_VAR_BYTES_MAX = 4 * 1024
/** Nesting of a value: deeper JSON is refused before anything walks it. */
export const VALUE_DEPTH_MAX = 200
export const YAML_ALIASES_MAX = 100
/** Nodes of a source once its aliases are spelled out; 128 KB of text holds far fewer. */
export const SOURCE_NODES_MAX = 100_000
export const STEP_NESTING_MAX = 50
/** How many faults of a source one answer lists. */
export const PROBLEMS_LISTED_MAX = 10
/** Character-by-instruction steps that one regex call may take, so that no pattern holds the event loop for long. */
export const REGEX_STEPS_MAX = 20_000_000
/** Steps that one execution runs before it lets others have the event loop. */
export const SLICE_STEPS = 500
/** History entries that one row of the journal holds, give or take a slice. */
export const HISTORY_BATCH = 2_000
/** Executions that have a driver in memory at a time; the others stand in the ledger until one ends or sleeps. */
export const DRIVEN_MAX = 500
/** Overdue executions taken up in one go. */
export const DUE_BATCH = 100
/** Compiled revisions kept in memory. */
export const PROGRAMS_MAX = 200
export const PAGE_SIZE_DEFAULT = 100
export const PAGE_SIZE_MAX = 1_000
/** Executions looked through for one page of a filtered list. */
export const LIST_SCAN_MAX = 10_000
export const LABELS_MAX = 64
/** Ended executions and their histories are kept for as long as the cloud keeps them. */
export const EXECUTIONS_KEPT_MS = 90 * 24 * 3600 * 1000
export const PRUNE_BATCH = 200
export const PRUNE_EVERY_MS = 24 * 3600 * 1000
