/** The first lines of a CSV text as cells. For looking at a file's shape; the files themselves are read by DuckDB. */

export interface CsvSample {
  delimiter: string
  quote: string
  rows_max: number
  /** False where the text is cut off at its end: an unfinished last line is then left out. */
  whole: boolean
}

export function parseCsv(text: string, { delimiter, quote, rows_max, whole }: CsvSample): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  let at = 0
  const endRow = () => {
    row.push(cell)
    cell = ''
    // An empty line is no row.
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  for (; at < text.length && rows.length < rows_max; at++) {
    const char = text[at]!
    if (quoted) {
      if (char !== quote) cell += char
      else if (text[at + 1] === quote) cell += text[++at]
      else quoted = false
    } else if (quote !== '' && char === quote && cell === '') quoted = true
    else if (char === delimiter) {
      row.push(cell)
      cell = ''
    } else if (char === '\n' || char === '\r') {
      if (char === '\r' && text[at + 1] === '\n') at++
      endRow()
    } else cell += char
  }
  if (whole && rows.length < rows_max && (cell !== '' || row.length > 0)) endRow()
  return rows
}
