/** Bounds of a regular expression. */

export const REGEX_CHARS_MAX = 2_000
/** Instructions of one compiled regular expression: `x{1000}{1000}` ends here. */
export const REGEX_INSTRUCTIONS_MAX = 20_000
/** Patterns kept compiled. */
export const PATTERNS_KEPT_MAX = 400
