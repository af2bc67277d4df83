/** A light reading of GoogleSQL text: tokens enough to tell statements apart and to see which names are called. Not a parser. */

export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol'
  /** Words in upper case; quoted identifiers as they mean. */
  text: string
  start: number
  end: number
}

/** Strings, comments, back-quoted names, words, symbols. Broken text ends where it breaks: the analyzer tells the user. */
export function tokens(sql: string): Token[] {
  const out: Token[] = []
  const pattern = /\s+|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|((?:[rR][bB]?|[bB][rR]?)?(?:'''(?:\\[\s\S]|(?!''')[\s\S])*'''|"""(?:\\[\s\S]|(?!""")[\s\S])*"""|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"))|(`(?:\\[\s\S]|[^`\\])*`)|([A-Za-z_][A-Za-z0-9_]*)|(\d[\w.]*)|([\s\S])/gy
  for (let match = pattern.exec(sql); match; match = pattern.exec(sql)) {
    const at = { start: match.index, end: pattern.lastIndex }
    if (match[1] !== undefined) out.push({ kind: 'string', text: match[1], ...at })
    else if (match[2] !== undefined) out.push({ kind: 'quoted', text: match[2].slice(1, -1).replace(/\\(.)/g, '$1'), ...at })
    else if (match[3] !== undefined) out.push({ kind: 'word', text: match[3].toUpperCase(), ...at })
    else if (match[4] !== undefined) out.push({ kind: 'number', text: match[4], ...at })
    else if (match[5] !== undefined) out.push({ kind: 'symbol', text: match[5], ...at })
  }
  return out
}

const SCRIPT_WORDS = new Set(['DECLARE', 'SET', 'IF', 'LOOP', 'WHILE', 'REPEAT', 'FOR', 'CALL', 'EXECUTE', 'RETURN', 'RAISE', 'BREAK', 'LEAVE', 'CONTINUE', 'ITERATE', 'CASE', 'ASSERT'])

/**
 * True when the text is more than one statement, or one that only a script may hold. CREATE TEMP FUNCTION before one other
 * statement does not make a script in BigQuery either; that is decided by `leadingFunctions`.
 */
export function isScript(sql: string, all = tokens(sql)): boolean {
  const first = all.find((token) => token.text !== ';')
  if (!first) return false
  if (first.kind === 'word' && SCRIPT_WORDS.has(first.text)) return true
  const next = all[all.indexOf(first) + 1]
  if (first.text === 'BEGIN' && next && next.text !== ';' && next.text !== 'TRANSACTION') return true
  if (next?.text === ':' ) return true
  const statements = splitStatements(sql, all)
  return statements.length > 1
}

/** Top-level statements by ';' outside BEGIN … END (of procedures) and parentheses. Good enough to count them. */
export function splitStatements(sql: string, all = tokens(sql)): string[] {
  const out: string[] = []
  let depth = 0
  let blocks = 0
  let start = 0
  let seen = false
  all.forEach((token, i) => {
    if (token.kind === 'symbol' && (token.text === '(' || token.text === '[')) depth++
    else if (token.kind === 'symbol' && (token.text === ')' || token.text === ']')) depth--
    else if (token.kind === 'word' && token.text === 'BEGIN' && seen && all[i + 1]?.text !== 'TRANSACTION' && all[i + 1]?.text !== ';') blocks++
    else if (token.kind === 'word' && blocks > 0 && ['IF', 'CASE', 'LOOP', 'WHILE', 'FOR', 'REPEAT'].includes(token.text) && all[i - 1]?.text !== 'END' && startsStatement(all, i)) blocks++
    else if (token.kind === 'word' && blocks > 0 && token.text === 'CASE' && all[i - 1]?.text !== 'END') blocks++
    else if (token.kind === 'word' && blocks > 0 && token.text === 'END') blocks--
    if (token.text === ';' && token.kind === 'symbol' && depth <= 0 && blocks === 0) {
      if (seen) out.push(sql.slice(start, token.start))
      start = token.end
      seen = false
    } else seen = true
  })
  if (seen) out.push(sql.slice(start))
  return out
}

const startsStatement = (all: readonly Token[], i: number) => [';', 'BEGIN', 'THEN', 'ELSE', 'DO', 'LOOP', 'REPEAT', ':'].includes(all[i - 1]?.text ?? ';')

/** Paths followed by '(' : calls of functions, table functions and procedures; each as its parts. */
export function calledNames(all: readonly Token[]): string[][] {
  const out = new Map<string, string[]>()
  for (let i = 0; i < all.length; i++) {
    if (all[i]!.text !== '(' || all[i]!.kind !== 'symbol') continue
    const parts: string[] = []
    let at = i - 1
    for (;;) {
      const token = all[at]
      if (!token || (token.kind !== 'word' && token.kind !== 'quoted')) break
      parts.unshift(token.kind === 'quoted' ? token.text : token.text)
      if (all[at - 1]?.text !== '.' || all[at - 1]?.kind !== 'symbol') break
      at -= 2
    }
    if (parts.length) out.set(parts.join('\u0000'), written(all, i, parts.length))
  }
  return [...out.values()]
}

/** The parts as the user wrote them, case kept. */
function written(all: readonly Token[], paren: number, count: number): string[] {
  const parts: string[] = []
  for (let k = 0, at = paren - 1; k < count; k++, at -= 2) parts.unshift(originals.get(all[at]!) ?? all[at]!.text)
  return parts
}

const originals = new WeakMap<Token, string>()

/** Tokens that remember how their words were written. */
export function writtenTokens(sql: string): Token[] {
  const all = tokens(sql)
  for (const token of all) if (token.kind === 'word') originals.set(token, sql.slice(token.start, token.end))
  return all
}

const OBJECT_WORDS = new Set(['TABLE', 'VIEW', 'MATERIALIZED', 'IF', 'EXISTS', 'SNAPSHOT', 'EXTERNAL'])

/** Tables that a DDL statement resolves and that the analyzer's own extraction leaves out: of ALTER, LIKE, CLONE, COPY, REFERENCES, ON. */
export function ddlTableNames(all: readonly Token[], known: readonly (readonly string[])[]): string[][] {
  const [first, second] = all
  if (first?.text !== 'ALTER' && first?.text !== 'CREATE') return []
  const out: string[][] = []
  const take = (at: number) => {
    const parts: string[] = []
    for (;;) {
      const token = all[at]
      if (!token || (token.kind !== 'word' && token.kind !== 'quoted')) break
      parts.push(token.kind === 'quoted' ? token.text : (originals.get(token) ?? token.text))
      if (all[at + 1]?.text !== '.') break
      at += 2
    }
    const key = parts.join('.').toLowerCase()
    if (parts.length && ![...known, ...out].some((each) => each.join('.').toLowerCase() === key)) out.push(parts)
  }
  if (first.text === 'ALTER' && second && OBJECT_WORDS.has(second.text)) {
    let at = 1
    while (all[at]?.kind === 'word' && OBJECT_WORDS.has(all[at]!.text)) at++
    take(at)
  }
  all.forEach((token, i) => {
    if (token.kind !== 'word') return
    if (token.text === 'REFERENCES' || (first.text === 'CREATE' && (token.text === 'LIKE' || token.text === 'CLONE' || token.text === 'COPY') && i < 14)) take(i + 1)
    if (first.text === 'CREATE' && token.text === 'ON' && i < 16 && all.slice(0, i).some((each) => each.text === 'INDEX' || each.text === 'POLICY')) take(i + 1)
  })
  return out
}

/** @@name: known to the interpreter only, so a text with one is a script of one statement. */
export const namesSystemVariable = (all: readonly Token[]): boolean => all.some((token, i) => token.text === '@' && all[i + 1]?.text === '@' && all[i + 1]!.start === token.end)
