/** Every bound of the identity room, with its unit. Where Google documents one, it is the same. */

export const ACCESS_TOKEN_S = 3600
export const ID_TOKEN_S = 3600
/** Keycloak's answers to the Wallaroo SDK; it refreshes when under ten seconds remain. */
export const SDK_TOKEN_S = 600
export const REFRESH_TOKEN_S = 30 * 60
/** Tokens asked for with a lifetime of their own: Google allows up to twelve hours. */
export const ASKED_TOKEN_S_MAX = 12 * 3600
export const API_TOKEN_DAYS_MAX = 3650

/** The longest a signed assertion may live, and how far a client's clock may be off. */
export const ASSERTION_S_MAX = 3600
export const CLOCK_SKEW_S = 300
export const TOKEN_CHARS_MAX = 16 * 1024
export const FORM_BYTES_MAX = 64 * 1024

/** Callers of tokens that were checked, so that a token is verified once and then looked up. */
export const VERIFIED_TOKENS_MAX = 10_000
/** After this a token is checked again: another node may have taken its principal away. */
export const VERIFIED_TOKEN_MS = 60_000
export const CACHED_POLICIES_MAX = 10_000
export const CACHED_POLICY_MS = 5_000

export const SERVICE_ACCOUNTS_PER_PROJECT_MAX = 1000
export const KEYS_PER_ACCOUNT_MAX = 10
export const USERS_MAX = 10_000
export const API_TOKENS_MAX = 10_000
export const CUSTOM_ROLES_MAX = 300
export const PERMISSIONS_PER_ROLE_MAX = 3000
export const PROJECTS_MAX = 10_000
export const PAGE_MAX = 1000

export const PASSWORD_CHARS_MIN = 8
export const PASSWORD_CHARS_MAX = 1024
/** Wrong passwords for one user from one address within the window, and from one address for anybody. */
export const LOGIN_FAILURES_MAX = 10
export const LOGIN_FAILURES_PER_ADDRESS_MAX = 100
export const LOGIN_WINDOW_MS = 60_000
export const LOGIN_KEYS_MAX = 10_000
/** Password checks at once; each takes 19 MB for some twenty milliseconds. */
export const PASSWORD_CHECKS_MAX = 4
export const PASSWORD_WAITERS_MAX = 100

export const DEVICE_CODE_S = 600
export const DEVICE_POLL_S = 5
export const DEVICE_CODES_MAX = 1000

/** Denied calls of one principal for one permission are one audit fact within this time. */
export const AUDIT_EVERY_MS = 10_000
export const AUDIT_KEYS_MAX = 10_000
/** Unknown principals that `status` names. */
export const STRANGERS_MAX = 100
