/**
 * Writers to the warehouse that keep a history: streamed rows with insert ids, load jobs, statements and copies with job ids of their own.
 * What was acknowledged has to be there once; what was not is there whole or not at all, and a retry under the same id never doubles it.
 */

const BATCH_ROWS = 20
const LOAD_ROWS = 400
const SQL_ROWS = 100
const PROJECT = 'p'

interface Batch {
  kind: 'stream' | 'load' | 'sql' | 'copy'
  id: string
  rows: number
  acknowledged: boolean
}

export class WarehouseWorkload {
  private readonly batches: Batch[] = []
  private round = 0
  get acknowledgements(): number {
    return this.batches.filter(({ acknowledged }) => acknowledged).length
  }

  async prepare(url: string): Promise<void> {
    this.round += 1
    await post(url, `/projects/${PROJECT}/datasets`, { datasetReference: { datasetId: 'f' } })
    const schema = { fields: [{ name: 'batch', type: 'STRING', mode: 'REQUIRED' }, { name: 'n', type: 'INTEGER' }] }
    for (const tableId of ['stream', 'load', 'sql']) await post(url, `/projects/${PROJECT}/datasets/f/tables`, { tableReference: { tableId }, schema })
    if (this.round > 1) return
    await this.load(url, { kind: 'load', id: 'seed', rows: LOAD_ROWS, acknowledged: false })
    this.batches.push({ kind: 'load', id: 'seed', rows: LOAD_ROWS, acknowledged: true })
  }

  /** Runs until the house goes away, or `until` says so. */
  async run(url: string, until: () => boolean = () => false): Promise<void> {
    const kinds = ['stream', 'load', 'sql', 'copy', 'stream'] as const
    await Promise.all(
      kinds.map(async (kind, writer) => {
        for (let turn = 0; !until(); turn++) {
          const rows = { stream: BATCH_ROWS, load: LOAD_ROWS, sql: SQL_ROWS, copy: LOAD_ROWS }[kind]
          const batch: Batch = { kind, id: `${kind}_${this.round}_${writer}_${turn}`, rows, acknowledged: false }
          this.batches.push(batch)
          try {
            await this.send(url, batch)
            batch.acknowledged = true
          } catch (thrown) {
            if (!(thrown instanceof Refused)) return // The house has gone.
          }
        }
      }),
    )
  }

  /** Everything that had no answer is sent once more, under the same ids; after that it has to be there once. */
  async retry(url: string): Promise<string[]> {
    const wrong: string[] = []
    for (const batch of this.batches.filter(({ acknowledged }) => !acknowledged)) {
      try {
        await this.send(url, batch)
        batch.acknowledged = true
      } catch (thrown) {
        if (!(thrown instanceof Refused)) throw thrown
        // The job is known: it either did its work, or says that it was interrupted and did nothing.
        if (!/duplicate|interrupted|Already Exists/i.test(thrown.message)) wrong.push(`${batch.id}: ${thrown.message}`)
        const job = await get(url, `/projects/${PROJECT}/jobs/${batch.id}`)
        if (!job.status?.errorResult) batch.acknowledged = true
        else if (!/interrupted|ended during the job/.test(job.status.errorResult.message)) wrong.push(`${batch.id}: ${job.status.errorResult.message}`)
        else batch.rows = 0
      }
    }
    return wrong
  }

  /** What the house holds now against the history; an empty list is what is promised. */
  async check(url: string): Promise<string[]> {
    const wrong: string[] = []
    for (const kind of ['stream', 'load', 'sql'] as const) {
      const answer = await post(url, `/projects/${PROJECT}/queries`, { query: `SELECT batch, COUNT(*) AS c, COUNT(DISTINCT n) AS d FROM f.${kind} GROUP BY batch`, useLegacySql: false, timeoutMs: 20_000 })
      const found = new Map<string, [number, number]>((answer.rows ?? []).map(({ f }: any) => [f[0].v, [Number(f[1].v), Number(f[2].v)]]))
      for (const batch of this.batches.filter((each) => each.kind === kind)) {
        const [count, distinct] = found.get(batch.id) ?? [0, 0]
        if (count !== distinct) wrong.push(`${batch.id}: ${count} rows, ${distinct} of them different`)
        const allowed = batch.acknowledged ? [batch.rows] : [0, batch.rows]
        if (!allowed.includes(count)) wrong.push(`${batch.id}: ${count} rows, ${batch.acknowledged ? 'acknowledged' : 'sent'} ${batch.rows}`)
      }
    }
    for (const batch of this.batches.filter(({ kind, acknowledged, rows }) => kind === 'copy' && acknowledged && rows > 0)) {
      const table = await get(url, `/projects/${PROJECT}/datasets/f/tables/${batch.id}`)
      const answer = await post(url, `/projects/${PROJECT}/queries`, { query: `SELECT COUNT(*) FROM f.${batch.id} WHERE batch = 'seed'`, useLegacySql: false })
      if (answer.rows?.[0]?.f[0].v !== String(LOAD_ROWS) || Number(table.numRows) < LOAD_ROWS) wrong.push(`${batch.id}: ${JSON.stringify(answer.rows ?? answer).slice(0, 200)}`)
    }
    return wrong
  }

  private async send(url: string, batch: Batch): Promise<void> {
    switch (batch.kind) {
      case 'stream': {
        const rows = Array.from({ length: batch.rows }, (_, n) => ({ insertId: `${batch.id}.${n}`, json: { batch: batch.id, n } }))
        const answer = await post(url, `/projects/${PROJECT}/datasets/f/tables/stream/insertAll`, { rows })
        if (answer.error) throw new Refused(answer.error.message)
        return
      }
      case 'load':
        return this.load(url, batch)
      case 'sql':
        return this.job(url, batch.id, { query: { query: `INSERT INTO f.sql (batch, n) SELECT '${batch.id}', n FROM UNNEST(GENERATE_ARRAY(1, ${SQL_ROWS})) AS n`, useLegacySql: false } })
      case 'copy':
        return this.job(url, batch.id, { copy: { sourceTable: { projectId: PROJECT, datasetId: 'f', tableId: 'load' }, destinationTable: { projectId: PROJECT, datasetId: 'f', tableId: batch.id }, writeDisposition: 'WRITE_TRUNCATE' } })
    }
  }

  private async load(url: string, { id }: Batch): Promise<void> {
    const csv = Array.from({ length: LOAD_ROWS }, (_, n) => `${id},${n}\n`).join('')
    const job = { jobReference: { projectId: PROJECT, jobId: id }, configuration: { load: { destinationTable: { projectId: PROJECT, datasetId: 'f', tableId: 'load' }, sourceFormat: 'CSV', writeDisposition: 'WRITE_APPEND' } } }
    const body = `--x\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(job)}\r\n--x\r\ncontent-type: */*\r\n\r\n${csv}\r\n--x--\r\n`
    const answer = await fetch(`${url}/upload/bigquery/v2/projects/${PROJECT}/jobs?uploadType=multipart`, { method: 'POST', headers: { 'content-type': 'multipart/related; boundary=x' }, body })
    const begun = (await answer.json()) as any
    if (begun.error) throw new Refused(begun.error.message)
    return this.ended(url, id)
  }

  private async job(url: string, jobId: string, configuration: object): Promise<void> {
    const begun = await post(url, `/projects/${PROJECT}/jobs`, { jobReference: { projectId: PROJECT, jobId }, configuration })
    if (begun.error) throw new Refused(begun.error.message)
    return this.ended(url, jobId)
  }

  private async ended(url: string, jobId: string): Promise<void> {
    for (;;) {
      const job = await get(url, `/projects/${PROJECT}/jobs/${jobId}`)
      if (job.error) throw new Refused(job.error.message)
      if (job.status.state === 'DONE') {
        if (job.status.errorResult) throw new Refused(job.status.errorResult.message)
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** The house answered, and the answer was no. */
class Refused extends Error {}

export async function post(url: string, path: string, body: unknown): Promise<any> {
  const answer = await fetch(`${url}/bigquery/v2${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return answer.json()
}

export async function get(url: string, path: string): Promise<any> {
  return (await fetch(`${url}/bigquery/v2${path}`)).json()
}
