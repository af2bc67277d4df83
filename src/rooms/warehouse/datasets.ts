/** Datasets: made, read, changed, removed with or without what they hold. */
import type { Clock } from '#ground/clock.ts'
import type { Engine } from './engine/engine.ts'
import { conditionNotMet, datasetInUse, invalid, noDataset, readOnly } from './faults.ts'
import { fingerprint } from './fingerprint.ts'
import { DATASET_ID_CHARS_MAX, DESCRIPTION_CHARS_MAX, LABELS_MAX } from './limits.ts'
import { PUBLIC_PROJECT, type PublicData } from './public-data.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Dataset, DatasetRef, Json } from './types.ts'
import { tableFact } from './writer.ts'

const TABLES_MAX = 100_000
/** Set by the house, never by a request. */
const FIXED = new Set(['kind', 'id', 'etag', 'selfLink', 'datasetReference', 'location', 'creationTime', 'lastModifiedTime', 'type'])

export class Datasets {
  private readonly shelf: WarehouseShelf
  private readonly engine: Engine
  private readonly clock: Clock
  private readonly publicData: PublicData

  constructor(parts: { shelf: WarehouseShelf; engine: Engine; clock: Clock; publicData: PublicData }) {
    this.shelf = parts.shelf
    this.engine = parts.engine
    this.clock = parts.clock
    this.publicData = parts.publicData
  }

  async get(ref: DatasetRef): Promise<Dataset> {
    await this.publicData.prepare(ref)
    const dataset = await this.shelf.dataset(ref)
    if (!dataset) throw noDataset(ref)
    return dataset
  }

  async list(projectId: string, after: string, limit: number): Promise<Dataset[]> {
    if (projectId === PUBLIC_PROJECT) await this.publicData.prepareAll()
    return this.shelf.datasets(projectId, after, limit)
  }

  async create(ref: DatasetRef, body: Json): Promise<Dataset> {
    refusePublic(ref.projectId)
    if (!/^\w+$/.test(ref.datasetId) || ref.datasetId.length > DATASET_ID_CHARS_MAX) {
      throw invalid(`Invalid dataset ID "${ref.datasetId.slice(0, 100)}". Dataset IDs must be alphanumeric (plus underscores) and must be at most ${DATASET_ID_CHARS_MAX} characters long.`)
    }
    const now_ms = this.clock.now_ms()
    const location = typeof body['location'] === 'string' && body['location'] !== '' ? body['location'] : 'US'
    const dataset: Dataset = { ...ref, location, version: 1, created_ms: now_ms, updated_ms: now_ms, config: readConfig({}, body) }
    await this.shelf.write([this.shelf.addDataset(dataset)], [datasetFact(dataset, 'create')])
    return dataset
  }

  /** `replace` is PUT: what the body leaves out is gone. */
  async change(ref: DatasetRef, body: Json, options: { replace: boolean; etag: string | undefined }): Promise<Dataset> {
    refusePublic(ref.projectId)
    const before = await this.get(ref)
    if (options.etag !== undefined && options.etag !== datasetEtag(before)) throw conditionNotMet()
    const after = { ...before, config: readConfig(options.replace ? {} : before.config, body), version: before.version + 1, updated_ms: this.clock.now_ms() }
    await this.shelf.write([this.shelf.changeDataset(before, after)], [datasetFact(after, 'update')])
    return after
  }

  async remove(ref: DatasetRef, withContents: boolean): Promise<void> {
    refusePublic(ref.projectId)
    const dataset = await this.get(ref)
    if (!withContents) {
      const inside = [...(await this.shelf.tables(ref, { limit: 1 })), ...(await this.shelf.routines(ref, '', 1))]
      if (inside.length > 0) throw datasetInUse(ref)
    }
    await dropDataset({ shelf: this.shelf, engine: this.engine }, dataset, '')
  }
}

/** The ledger forgets first; the engine's tables follow, now or with the next sweep. */
export async function dropDataset({ shelf, engine }: { shelf: WarehouseShelf; engine: Engine }, dataset: Dataset, job: string): Promise<void> {
  refusePublic(dataset.projectId)
  const tables = await shelf.tables(dataset, { limit: TABLES_MAX })
  const physicals = tables.flatMap(({ physical }) => (physical === null ? [] : [physical]))
  await shelf.write(
    [...tables.map((table) => shelf.removeTable(table)), ...physicals.map((physical) => shelf.forgetVersions(physical)), ...shelf.removeDataset(dataset)],
    [...tables.map((table) => tableFact(table, 'delete', job)), datasetFact(dataset, 'delete')],
  )
  if (physicals.length > 0) engine.call('drop', { relations: physicals }).catch(() => undefined)
}

export const datasetEtag = ({ projectId, datasetId, version, created_ms }: Dataset): string => fingerprint(`${projectId}:${datasetId}.${created_ms}.${version}`)

export function refusePublic(projectId: string): void {
  if (projectId === PUBLIC_PROJECT) throw readOnly(projectId)
}

/** Patch semantics of this API: what is null goes, what is absent stays; labels are merged key by key. */
export function readConfig(before: Json, body: Json, fixed: ReadonlySet<string> = FIXED): Json {
  const config = { ...before }
  for (const [key, value] of Object.entries(body)) {
    if (fixed.has(key)) continue
    if (value === null || value === undefined) delete config[key]
    else if (key === 'labels') config[key] = mergedLabels(config[key] as Record<string, string> | undefined, value as Record<string, string | null>)
    else config[key] = value
  }
  const description = config['description']
  if (typeof description === 'string' && description.length > DESCRIPTION_CHARS_MAX) throw invalid(`The description is longer than ${DESCRIPTION_CHARS_MAX} characters.`, 'description')
  return config
}

function mergedLabels(before: Record<string, string> | undefined, given: Record<string, string | null>): Record<string, string> {
  const labels: Record<string, string> = { ...before }
  for (const [key, value] of Object.entries(given)) {
    if (value === null) {
      delete labels[key]
      continue
    }
    if (!/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key) || !/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(value)) throw invalid(`Label "${key.slice(0, 70)}": "${value.slice(0, 70)}" is not valid: at most 63 lower-case letters, digits, dashes and underscores, beginning with a letter.`, 'labels')
    labels[key] = value
  }
  if (Object.keys(labels).length > LABELS_MAX) throw invalid(`At most ${LABELS_MAX} labels are allowed.`, 'labels')
  return labels
}

function datasetFact({ projectId, datasetId }: DatasetRef, operation: string) {
  return { type: 'warehouse.dataset.changed', subject: `projects/${projectId}/datasets/${datasetId}`, data: { project: projectId, dataset: datasetId, operation } }
}
