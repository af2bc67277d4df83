/** The few lines of a build's log that say why it failed. */

const TELLING = /\berror\b|failed|cannot|could not|no matching|not found|no solution|because |conflict|unsatisfiable|E404|ERESOLVE|ETARGET|requires|Traceback|\w+Error:/i
const NOISE = /^\s*$|npm error A complete log|npm (warn|notice)|^\s*hint: |DEPRECATION/i
const LINES_MAX = 30
const LINE_CHARS_MAX = 1_000

export function relevantLines(lines: readonly string[]): string[] {
  const plain = lines.map((line) => line.replaceAll(/\x1b\[[0-9;]*m/g, '').slice(0, LINE_CHARS_MAX)).filter((line) => !NOISE.test(line))
  const first = plain.findIndex((line) => TELLING.test(line))
  // What follows the first telling line explains it.
  return first < 0 ? plain.slice(-LINES_MAX) : plain.slice(first, first + LINES_MAX)
}
