/**
 * The project `bigquery-public-data`: read-only tables that are made when they are first asked for. Their rows are made up, and their
 * descriptions say so: they have the shape of the real ones, so that a tutorial's query runs, and nothing else.
 */
import type { Clock } from '#ground/clock.ts'
import { columnOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Field, TablePath } from './types.ts'
import type { Writer } from './writer.ts'

export const PUBLIC_PROJECT = 'bigquery-public-data'
/** What the house itself does there. */
export const PUBLIC_JOB = 'public-data'
const MADE_UP = 'Made-up rows in the shape of the public dataset of this name; not the real figures.'

interface Sample {
  fields: Field[]
  description: string
  /** DuckDB text that gives its rows. */
  rows: string
}

const STATES = 'AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY'.split(' ')
const GIRLS = 'Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Betty Sandra Margaret Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Dorothy Rebecca Sharon Laura Cynthia'.split(' ')
const BOYS = 'James John Robert Michael William David Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Mark Donald Steven Paul Andrew Joshua Kenneth Kevin Brian George Timothy Ronald Edward Jason Jeffrey Ryan'.split(' ')

const SAMPLES: Record<string, Record<string, Sample>> = {
  usa_names: { usa_1910_current: usaNames(1910, 2021), usa_1910_2013: usaNames(1910, 2013) },
}

export class PublicData {
  private readonly shelf: WarehouseShelf
  private readonly writer: Writer
  private readonly clock: Clock
  private readonly made = new Map<string, Promise<void>>()

  constructor(parts: { shelf: WarehouseShelf; writer: Writer; clock: Clock }) {
    this.shelf = parts.shelf
    this.writer = parts.writer
    this.clock = parts.clock
  }

  /** Makes the dataset's tables where a name of this project is asked for; nothing for all others. */
  async prepare({ projectId, datasetId }: Pick<TablePath, 'projectId' | 'datasetId'>): Promise<void> {
    if (projectId !== PUBLIC_PROJECT || !Object.hasOwn(SAMPLES, datasetId)) return
    let making = this.made.get(datasetId)
    if (!making) {
      making = this.make(datasetId)
      this.made.set(datasetId, making)
      making.catch(() => this.made.delete(datasetId))
    }
    await making
  }

  async prepareAll(): Promise<void> {
    for (const datasetId of Object.keys(SAMPLES)) await this.prepare({ projectId: PUBLIC_PROJECT, datasetId })
  }

  private async make(datasetId: string): Promise<void> {
    const now_ms = this.clock.now_ms()
    if (!(await this.shelf.dataset({ projectId: PUBLIC_PROJECT, datasetId }))) {
      const dataset = { projectId: PUBLIC_PROJECT, datasetId, location: 'US', version: 1, created_ms: now_ms, updated_ms: now_ms, config: { description: MADE_UP } }
      await this.shelf.write([this.shelf.addDataset(dataset)], [])
    }
    for (const [tableId, { fields, rows, description }] of Object.entries(SAMPLES[datasetId]!)) {
      const path = { projectId: PUBLIC_PROJECT, datasetId, tableId }
      await this.writer.change({
        job: PUBLIC_JOB, path, operation: 'create', work: {},
        plan: (before) =>
          before ? undefined : { how: 'create', fields, config: { description: `${description} ${MADE_UP}` }, steps: (physical) => [{ kind: 'count', sql: `INSERT INTO ${physical} (${fields.map((field) => columnOf(field.name)).join(', ')}) ${rows}` }] },
      })
    }
  }
}

function usaNames(from: number, to: number): Sample {
  const list = (items: readonly string[]) => `[${items.map((item) => `'${item}'`).join(', ')}]`
  const names = (gender: string, all: readonly string[]) => `SELECT '${gender}' AS gender, name, place FROM (SELECT unnest(${list(all)}) AS name, unnest(range(${all.length})) AS place)`
  return {
    description: 'Names of newborns by state and year.',
    fields: [
      { name: 'state', type: 'STRING', mode: 'NULLABLE', description: '2-digit state code' },
      { name: 'gender', type: 'STRING', mode: 'NULLABLE', description: 'Sex (M=male or F=female)' },
      { name: 'year', type: 'INTEGER', mode: 'NULLABLE', description: '4-digit year of birth' },
      { name: 'name', type: 'STRING', mode: 'NULLABLE', description: 'Given name of a person at birth' },
      { name: 'number', type: 'INTEGER', mode: 'NULLABLE', description: 'Number of occurrences of the name' },
    ],
    // The same figures each time: a hash stands in for chance.
    rows: `SELECT state, gender, year, name, 5 + CAST(hash(state || gender || name || CAST(year AS VARCHAR)) % 400 AS BIGINT) * (40 - place) // 10 AS number
      FROM (SELECT unnest(${list(STATES)}) AS state), (${names('F', GIRLS)} UNION ALL ${names('M', BOYS)}), (SELECT unnest(range(${from}, ${to + 1})) AS year)
      ORDER BY state, gender, year, place`,
  }
}
