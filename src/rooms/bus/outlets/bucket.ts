/** Cloud Storage subscriptions: messages become lines of text objects. */
import type { Delivered } from '../delivery/delivered.ts'
import { seconds } from '../durations.ts'
import { OBJECT_BYTES_MAX_DEFAULT, OBJECT_MESSAGES_MAX_DEFAULT, OBJECT_SECONDS_MAX_DEFAULT } from '../limits.ts'
import type { CloudStorageConfig } from '../types.ts'
import { decodeMessage } from '../wire/message.ts'
import type { GatherBounds } from './gatherer.ts'

/** Where objects go. */
export interface BucketPort {
  exists(bucket: string): Promise<boolean>
  write(bucket: string, name: string, bytes: Buffer, contentType: string): Promise<void>
}

export function objectBounds(config: CloudStorageConfig): GatherBounds {
  return {
    messages: Math.min(Number(config.maxMessages ?? OBJECT_MESSAGES_MAX_DEFAULT), OBJECT_MESSAGES_MAX_DEFAULT * 10),
    bytes: Math.min(Number(config.maxBytes ?? OBJECT_BYTES_MAX_DEFAULT), OBJECT_BYTES_MAX_DEFAULT),
    gather_ms: (config.maxDuration === undefined ? OBJECT_SECONDS_MAX_DEFAULT : seconds(config.maxDuration)) * 1000,
  }
}

export async function writeObject(port: BucketPort, config: CloudStorageConfig, batch: Delivered[], now_ms: number, id: string): Promise<{ refused: Set<string> }> {
  const lines = batch.flatMap(({ record }) => [decodeMessage(record.payload).data, NEWLINE])
  const name = `${config.filenamePrefix ?? ''}${datetime(config.filenameDatetimeFormat ?? 'YYYY-MM-DD/hh_mm_ssZ', now_ms)}_${id}${config.filenameSuffix ?? ''}`
  await port.write(config.bucket, name, Buffer.concat(lines), 'text/plain')
  return { refused: new Set() }
}

const NEWLINE = Buffer.from('\n')

function datetime(format: string, now_ms: number): string {
  const [, year, month, day, hour, minute, second] = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/.exec(new Date(now_ms).toISOString())!
  const parts: Record<string, string> = { YYYY: year!, MM: month!, DD: day!, hh: hour!, mm: minute!, ss: second! }
  return format.replace(/YYYY|MM|DD|hh|mm|ss/g, (word) => parts[word]!)
}
