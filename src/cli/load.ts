/** `potoroo load`: a local file or objects into a table. */
import { createReadStream, statSync } from 'node:fs'
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, terminalOf, verb, withHouse } from './command.ts'
import { isGsUrl } from './gs-url.ts'
import { answerOf } from './house-client.ts'
import { bytesText } from './terminal.ts'
import { fieldsIn } from './table.ts'
import { API, ended, projectOf, tableNameIn, type ProjectOptions, type WarehouseJob } from './warehouse.ts'

interface LoadOptions extends ProjectOptions {
  sourceFormat?: string
  schema?: string
  replace?: boolean
  skipLeadingRows?: string
}

const FORMATS: Record<string, string> = { csv: 'CSV', json: 'NEWLINE_DELIMITED_JSON', jsonl: 'NEWLINE_DELIMITED_JSON', ndjson: 'NEWLINE_DELIMITED_JSON', parquet: 'PARQUET', avro: 'AVRO' }

export function loadCommand(): Command {
  return withHouse(verb('load', 'Load files into a table', ['load sales.orders orders.csv', "load sales.orders 'gs://lake/orders/*.parquet'", 'load sales.orders orders.csv --replace --schema id:INTEGER,at:TIMESTAMP']))
    .argument('<table>', 'DATASET.TABLE; made where it is not there')
    .argument('<files...>', 'one local file, or gs:// URLs')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('--source-format <format>', 'csv, json, parquet or avro; told from the name otherwise')
    .option('--schema <schema>', 'NAME:TYPE,… or a JSON file; found out otherwise')
    .option('--skip-leading-rows <count>', 'lines before the first row')
    .option('--replace', 'in place of the rows that are there')
    .action(async (given: string, files: string[], options: LoadOptions) => {
      const house = houseOf(options)
      const terminal = terminalOf(options)
      const project = await projectOf(house, options)
      const configuration = {
        destinationTable: tableNameIn(given, project), sourceFormat: formatOf(options.sourceFormat, files[0]!), writeDisposition: options.replace ? 'WRITE_TRUNCATE' : 'WRITE_APPEND',
        ...(options.schema === undefined ? { autodetect: true } : { schema: { fields: fieldsIn(options.schema) } }), ...(options.skipLeadingRows !== undefined && { skipLeadingRows: options.skipLeadingRows }),
      }
      const begun = files.every(isGsUrl)
        ? await house.json<WarehouseJob>('POST', `${API}/projects/${project}/jobs`, { json: { configuration: { load: { ...configuration, sourceUris: files } } } })
        : await upload(house, project, configuration, files)
      const job = await ended(house, begun, terminal, `load into ${given}`)
      const load = job.statistics['load'] as { outputRows: string; inputFileBytes: string }
      terminal.show(job, () => `${load.outputRows} rows from ${bytesText(Number(load.inputFileBytes))}`)
    })
}

async function upload(house: ReturnType<typeof houseOf>, project: string, configuration: object, files: string[]): Promise<WarehouseJob> {
  const [file] = files
  if (files.length !== 1 || file === undefined || isGsUrl(file)) throw new Fault('INVALID_ARGUMENT', 'usage', 'Give one local file, or only gs:// URLs.')
  const size = statSync(file).size
  const session = await house.send('POST', `/upload${API}/projects/${project}/jobs`, { query: { uploadType: 'resumable' }, json: { configuration: { load: configuration } } })
  const { pathname, searchParams } = new URL(session.headers.get('location')!)
  const answer = await house.exchange('PUT', pathname, {
    query: Object.fromEntries(searchParams), body: size === 0 ? '' : (createReadStream(file) as never), headers: { 'content-length': String(size), 'content-range': size === 0 ? 'bytes */0' : `bytes 0-${size - 1}/${size}` },
  })
  return answerOf<WarehouseJob>(answer)
}

function formatOf(given: string | undefined, file: string): string {
  const name = given?.toLowerCase() ?? file.replace(/\.gz$/i, '').split('.').at(-1)!.toLowerCase()
  const format = FORMATS[name]
  if (format) return format
  throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(name)} is no format that can be loaded.`, { hint: 'Name one with --source-format: csv, json, parquet or avro.' })
}
