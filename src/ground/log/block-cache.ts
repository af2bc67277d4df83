/** Recently read blocks of records, shared by all logs of a house: bounded in bytes, the least recently used goes first. */
import type { LogRecord } from './frames.ts'

interface Block {
  records: LogRecord[]
  bytes: number
}

export class BlockCache {
  private readonly bytesMax: number
  private readonly blocks = new Map<string, Block>()
  private readonly loading = new Map<string, Promise<LogRecord[]>>()
  private bytes = 0

  constructor(bytesMax = 8 * 1024 * 1024) {
    this.bytesMax = bytesMax
  }

  put(key: string, records: LogRecord[], bytes: number): void {
    if (bytes > this.bytesMax / 2 || this.blocks.has(key)) return
    this.blocks.set(key, { records, bytes })
    this.bytes += bytes
    for (const [oldest, block] of this.blocks) {
      if (this.bytes <= this.bytesMax) return
      this.blocks.delete(oldest)
      this.bytes -= block.bytes
    }
  }

  /** The block, loaded once however many ask for it. A block that has grown since is loaded again. */
  async get(key: string, bytes: number, load: () => Promise<LogRecord[]>): Promise<LogRecord[]> {
    const known = this.blocks.get(key)
    if (known && known.bytes === bytes) {
      this.blocks.delete(key)
      this.blocks.set(key, known)
      return known.records
    }
    if (known) {
      this.blocks.delete(key)
      this.bytes -= known.bytes
    }
    let loading = this.loading.get(key)
    if (!loading) {
      loading = load()
      this.loading.set(key, loading)
      const done = () => void this.loading.delete(key)
      loading.then(done, done)
    }
    const records = await loading
    this.put(key, records, bytes)
    return records
  }
}
