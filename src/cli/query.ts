/** `potoroo query`: a GoogleSQL text, its rows on stdout. */
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import { bytesText } from './terminal.ts'
import { API, formatIn, nextPage, projectOf, rowsText, runQuery, type ProjectOptions } from './warehouse.ts'

interface QueryOptions extends ProjectOptions {
  format?: string
  dryRun?: boolean
  rows?: string
}

export function queryCommand(): Command {
  return withHouse(verb('query', 'Run GoogleSQL', ["query 'SELECT 1 AS x'", "query 'SELECT * FROM sales.orders' --format csv > orders.csv", 'query - < report.sql', "query 'SELECT * FROM sales.orders' --dry-run"]))
    .argument('<sql>', 'the text, or - for stdin')
    .option('--project <project>', 'project it runs in (GOOGLE_CLOUD_PROJECT)')
    .option('--format <format>', 'pretty, json (a line a row) or csv')
    .option('-n, --rows <count>', 'show at most so many rows')
    .option('--dry-run', 'only say what it would read')
    .action(async (given: string, options: QueryOptions) => {
      const house = houseOf(options)
      const terminal = terminalOf(options)
      const project = await projectOf(house, options)
      const sql = given === '-' ? await readAll(process.stdin) : given
      if (options.dryRun) {
        const dry = await house.json<{ totalBytesProcessed: string }>('POST', `${API}/projects/${project}/queries`, { json: { query: sql, useLegacySql: false, dryRun: true } })
        return terminal.show(dry, () => `would read about ${bytesText(Number(dry.totalBytesProcessed))}`)
      }
      const format = formatIn(options.format, options.json)
      let page = await runQuery(house, project, sql, terminal)
      const { schema } = page
      if (!schema) return terminal.show(page, () => (page.numDmlAffectedRows === undefined ? 'done' : `${page.numDmlAffectedRows} rows changed`))
      let left = options.rows === undefined ? Infinity : Number(options.rows)
      for (let first = true; ; first = false) {
        const rows = (page.rows ?? []).slice(0, left)
        left -= rows.length
        const text = rowsText(schema.fields, rows, format, first)
        if (text !== '') process.stdout.write(`${text}\n`)
        if (page.pageToken === undefined || left <= 0) return
        page = await nextPage(house, page, page.pageToken)
      }
    })
}
