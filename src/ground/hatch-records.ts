/** What the hatch has running, on disk, so that a house that starts after a kill finds what the killed one left. */
import { Disk } from './disk.ts'
import { Fault } from './fault.ts'
import { RECORDS_MAX } from './hatch-limits.ts'

export interface RunRecord {
  id: string
  name: string
  /** In the environment of the run's processes: unlike a process number it is known before they start. */
  token: string
  /** Of the machine's start: after another one nothing of the run can be alive, and its numbers are others'. */
  boot: string
  /** Absent in the moment between the record and the start. */
  pid?: number | undefined
  start_ticks?: number | undefined
  uid?: number | undefined
  scratch: string
}

const FOLDER = 'hatch-runs'

/** Small files, not the ledger: user code is ended before the ledger is opened. A power cut ends the processes too, so nothing is synced. */
export class RunRecords {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = new Disk(disk.root, { durable: false })
  }

  async write(record: RunRecord): Promise<void> {
    await this.#disk.writeWhole(JSON.stringify(record), 0o600, FOLDER, `${record.id}.json`)
  }

  async forget(id: string): Promise<void> {
    await this.#disk.remove(FOLDER, `${id}.json`)
  }

  async all(): Promise<RunRecord[]> {
    const files = await this.#disk.list(FOLDER)
    if (files.length > RECORDS_MAX) throw new Fault('INTERNAL', 'tooManyRuns', `${FOLDER} holds ${files.length} records of runs.`)
    const records: RunRecord[] = []
    for (const file of files) {
      // A kill in the middle of a write: the record of before it stands beside.
      if (!file.endsWith('.json')) {
        await this.#disk.remove(FOLDER, file)
        continue
      }
      const text = await this.#disk.readWhole(FOLDER, file)
      if (text) records.push(JSON.parse(text.toString()) as RunRecord)
    }
    return records
  }
}
