/** `potoroo extract`: a table into objects. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import { API, ended, projectOf, tableNameIn, type ProjectOptions, type WarehouseJob } from './warehouse.ts'

interface ExtractOptions extends ProjectOptions {
  destinationFormat?: string
  gzip?: boolean
}

const FORMATS: Record<string, string> = { csv: 'CSV', json: 'NEWLINE_DELIMITED_JSON', parquet: 'PARQUET' }

export function extractCommand(): Command {
  return withHouse(verb('extract', 'Write a table to objects', ['extract sales.orders gs://lake/orders.csv', "extract sales.orders 'gs://lake/orders-*.parquet'"]))
    .argument('<table>', 'DATASET.TABLE')
    .argument('<url>', 'gs://BUCKET/NAME; a * becomes the number of the file')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('--destination-format <format>', 'csv, json or parquet; told from the name otherwise')
    .option('--gzip', 'compressed')
    .action(async (given: string, url: string, options: ExtractOptions) => {
      const house = houseOf(options)
      const terminal = terminalOf(options)
      const project = await projectOf(house, options)
      const name = options.destinationFormat?.toLowerCase() ?? url.replace(/\.gz$/i, '').split('.').at(-1)!.toLowerCase()
      const destinationFormat = FORMATS[name]
      if (!destinationFormat) throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(name)} is no format that can be written.`, { hint: 'Name one with --destination-format: csv, json or parquet.' })
      const extract = { sourceTable: tableNameIn(given, project), destinationUris: [url], destinationFormat, ...(options.gzip && { compression: 'GZIP' }) }
      const begun = await house.json<WarehouseJob>('POST', `${API}/projects/${project}/jobs`, { json: { configuration: { extract } } })
      const job = await ended(house, begun, terminal, `extract of ${given}`)
      const counts = (job.statistics['extract'] as { destinationUriFileCounts: string[] }).destinationUriFileCounts
      terminal.show(job, () => `${counts.join(', ')} file${counts.join() === '1' ? '' : 's'} at ${url}`)
    })
}
