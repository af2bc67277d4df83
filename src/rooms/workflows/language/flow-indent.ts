/**
 * Moves the continuation lines of flow collections (`{ … }`, `[ … ]` inside a block) to the right, so that a closing
 * brace at its parent's column is read as the cloud reads it. It changes only white space at the start of such lines
 * and says by how much, so that positions still name the user's own columns.
 */

export function indentFlows(text: string): { text: string; shifts: Map<number, number> } {
  const shifts = new Map<number, number>()
  const out: string[] = []
  let depth = 0
  let quote = ''
  let base = 0

  for (const [i, line] of text.split('\n').entries()) {
    if (depth > 0 && quote === '') {
      const indent = line.length - line.trimStart().length
      const missing = Math.max(0, base + 1 - indent)
      if (missing > 0) shifts.set(i + 1, missing)
      out.push(' '.repeat(missing) + line)
    } else out.push(line)

    if (depth === 0) base = keyColumn(line)
    let tokenStart = true
    for (let at = 0; at < line.length; at++) {
      const char = line[at]!
      if (quote) {
        if (char === '\\' && quote === '"') at++
        else if (char === quote) quote = ''
        continue
      }
      if (char === '#' && (at === 0 || /\s/.test(line[at - 1]!))) break
      if (depth === 0) {
        if ((char === '{' || char === '[') && tokenStart) depth++
        else if ((char === '"' || char === "'") && tokenStart) quote = char
        if (!/[\s:-]/.test(char)) tokenStart = false
        else if (char === ' ' && /[:-]/.test(line[at - 1] ?? '')) tokenStart = true
        continue
      }
      if (char === '"' || char === "'") quote = char
      else if (char === '{' || char === '[') depth++
      else if (char === '}' || char === ']') depth--
    }
  }
  return { text: out.join('\n'), shifts }
}

/** Where the key of a line starts, past any `- `. */
function keyColumn(line: string): number {
  return /^[\s-]*/.exec(line)![0].length
}
