/** `potoroo table`: create, ls, show, head, rm. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import { bytesText, table } from './terminal.ts'
import { API, formatIn, projectOf, rowsText, tableNameIn, tablePath, type ProjectOptions, type WarehouseField } from './warehouse.ts'

interface Resource {
  id: string
  type: string
  numRows?: string
  numBytes?: string
  description?: string
  lastModifiedTime: string
  schema?: { fields: (WarehouseField & { description?: string })[] }
}

interface Item {
  tableReference: { tableId: string }
  type: string
  creationTime: string
}

export function tableCommand(): Command {
  return noun('table', 'Make, list, look at and remove tables').addCommand(createCommand()).addCommand(listCommand()).addCommand(showCommand()).addCommand(headCommand()).addCommand(removeCommand())
}

function createCommand(): Command {
  return withHouse(verb('create', 'Make a table', ['table create sales.orders --schema id:INTEGER,at:TIMESTAMP', 'table create sales.orders --schema orders.json']))
    .argument('<table>', 'DATASET.TABLE')
    .requiredOption('--schema <schema>', 'NAME:TYPE,… or a JSON file with a list of fields')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('--description <text>', 'what it holds')
    .action(async (given: string, options: ProjectOptions & { schema: string; description?: string }) => {
      const house = houseOf(options)
      const name = tableNameIn(given, await projectOf(house, options))
      const made = await house.json<Resource>('POST', `${API}/projects/${name.projectId}/datasets/${name.datasetId}/tables`, {
        json: { tableReference: name, schema: { fields: fieldsIn(options.schema) }, ...(options.description !== undefined && { description: options.description }) },
      })
      terminalOf(options).show(made, () => made.id)
    })
}

export function fieldsIn(given: string): unknown[] {
  if (!given.endsWith('.json')) {
    return given.split(',').map((pair) => {
      const [name, type = 'STRING', mode] = pair.trim().split(':')
      return { name, type: type.toUpperCase(), ...(mode !== undefined && { mode: mode.toUpperCase() }) }
    })
  }
  const fields = JSON.parse(readFileSync(given, 'utf8')) as unknown
  const list = Array.isArray(fields) ? fields : (fields as { fields?: unknown }).fields
  if (!Array.isArray(list)) throw new Fault('INVALID_ARGUMENT', 'usage', `${given} holds no list of fields.`)
  return list
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List the tables of a dataset', ['table ls sales']))
    .argument('<dataset>', 'its name')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .action(async (dataset: string, options: ProjectOptions) => {
      const house = houseOf(options)
      const project = await projectOf(house, options)
      const items: Item[] = []
      for (let pageToken: string | undefined; ; ) {
        const page = await house.json<{ tables?: Item[]; nextPageToken?: string }>('GET', `${API}/projects/${project}/datasets/${encodeURIComponent(dataset)}/tables`, { query: { pageToken, maxResults: '1000' } })
        items.push(...(page.tables ?? []))
        if (page.nextPageToken === undefined) break
        pageToken = page.nextPageToken
      }
      const made = (item: Item) => new Date(Number(item.creationTime)).toISOString().slice(0, 19)
      terminalOf(options).show(items, () => (items.length === 0 ? `No tables in ${dataset} yet.` : table(['table', 'kind', 'created'], items.map((item) => [item.tableReference.tableId, item.type.toLowerCase(), made(item)]))))
    })
}

function showCommand(): Command {
  return withHouse(verb('show', 'Show a table’s columns and size', ['table show sales.orders']))
    .argument('<table>', 'DATASET.TABLE')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .action(async (given: string, options: ProjectOptions) => {
      const house = houseOf(options)
      const found = await house.json<Resource>('GET', tablePath(tableNameIn(given, await projectOf(house, options))))
      terminalOf(options).show(found, () => {
        const size = found.numRows === undefined ? found.type.toLowerCase() : `${found.numRows} rows, about ${bytesText(Number(found.numBytes))}`
        const columns = (found.schema?.fields ?? []).map(({ name, type, mode = 'NULLABLE', description = '' }) => [name, type, mode, description])
        return [`${found.id}: ${size}`, ...(found.description === undefined ? [] : [found.description]), '', table(['column', 'type', 'mode', 'description'], columns)].join('\n')
      })
    })
}

function headCommand(): Command {
  return withHouse(verb('head', 'Show a table’s first rows', ['table head sales.orders', 'table head sales.orders -n 100 --format csv']))
    .argument('<table>', 'DATASET.TABLE')
    .option('-n, --rows <count>', 'how many', '10')
    .option('--format <format>', 'pretty, json or csv')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .action(async (given: string, options: ProjectOptions & { rows: string; format?: string }) => {
      const house = houseOf(options)
      const path = tablePath(tableNameIn(given, await projectOf(house, options)))
      const { schema } = await house.json<Resource>('GET', path)
      const { rows = [] } = await house.json<{ rows?: { f: { v: unknown }[] }[] }>('GET', `${path}/data`, { query: { maxResults: options.rows, 'formatOptions.useInt64Timestamp': 'true' } })
      process.stdout.write(`${rowsText(schema?.fields ?? [], rows, formatIn(options.format, options.json), true)}\n`)
    })
}

function removeCommand(): Command {
  return withHouse(verb('rm', 'Remove a table', ['table rm sales.orders']))
    .argument('<table>', 'DATASET.TABLE')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .action(async (given: string, options: ProjectOptions) => {
      const house = houseOf(options)
      await house.send('DELETE', tablePath(tableNameIn(given, await projectOf(house, options))))
      terminalOf(options).show({ removed: given }, () => `removed ${given}`)
    })
}
