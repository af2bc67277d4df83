/** A zip of sources on its way to disk: whole and synced under a name of ours, or not there at all. */
import type { Disk } from '#ground/disk.ts'
import { invalid } from './faults.ts'
import { SOURCE_BYTES_MAX } from './limits.ts'

export async function keepSource(disk: Disk, id: string, chunks: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  const staged = await disk.stage(id)
  try {
    for await (const chunk of chunks) {
      await staged.write(chunk)
      if (staged.size > SOURCE_BYTES_MAX) throw invalid(`The source is larger than ${SOURCE_BYTES_MAX} bytes.`)
    }
    await staged.sync()
  } catch (thrown) {
    await disk.discard(staged.id)
    throw thrown
  } finally {
    await staged.close()
  }
  await disk.publish(staged.id, 'functions', file)
}
