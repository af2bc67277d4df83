/** Text lines out of a byte stream, each line and the whole under a cap, so that a child that prints without end costs nothing. */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

export interface LineCaps {
  /** A longer line is cut here and its rest dropped. */
  line_bytes_max: number
  /** After so many bytes lines are counted, not kept. Unbounded when absent. */
  total_bytes_max?: number
}

export interface LineCount {
  bytes: number
  bytes_dropped: number
}

/** Calls `onLine` for each line; resolves with the figures when the stream ends. Reading goes on past the caps: the writer is never blocked. */
export function eachLine(stream: Readable, caps: LineCaps, onLine: (line: string) => void): Promise<LineCount> {
  const decoder = new StringDecoder('utf8')
  const count: LineCount = { bytes: 0, bytes_dropped: 0 }
  let line = ''
  let skipping = false

  const emit = () => {
    if (!skipping) onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
    line = ''
    skipping = false
  }
  const append = (text: string) => {
    if (skipping) return void (count.bytes_dropped += text.length)
    line += text
    if (line.length <= caps.line_bytes_max) return
    count.bytes_dropped += line.length - caps.line_bytes_max
    onLine(`${line.slice(0, caps.line_bytes_max)} … [line cut at ${caps.line_bytes_max} bytes]`)
    line = ''
    skipping = true
  }

  stream.on('data', (chunk: Buffer) => {
    const over = count.bytes >= (caps.total_bytes_max ?? Infinity)
    count.bytes += chunk.length
    if (over) return void (count.bytes_dropped += chunk.length)
    const pieces = decoder.write(chunk).split('\n')
    const rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      append(piece)
      emit()
    }
    append(rest)
  })
  return new Promise((resolve) => {
    stream.once('error', () => stream.destroy())
    stream.once('close', () => {
      append(decoder.end())
      if (line !== '') emit()
      if (count.bytes_dropped > 0) onLine(`[${count.bytes_dropped} bytes of output dropped: over the limit]`)
      resolve(count)
    })
  })
}
