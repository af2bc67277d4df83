/** Tar files, the plain kind that every `tar` reads: names of ours up to 100 characters, sizes of any length. No links, no folders. */

const BLOCK = 512
/** What eleven octal digits can say; beyond it the size is written in binary, as GNU tar does. */
const OCTAL_MAX = 8 ** 11 - 1
const NAME_BYTES_MAX = 100

export interface TarEntry {
  name: string
  size: number
  /** Has to be read to its end before the next entry is asked for. */
  bytes: AsyncIterable<Uint8Array>
}

export async function* writeTar(entries: AsyncIterable<TarEntry>, time_s: number): AsyncGenerator<Uint8Array> {
  for await (const { name, size, bytes } of entries) {
    yield header(name, size, time_s)
    let written = 0
    for await (const chunk of bytes) {
      written += chunk.length
      yield chunk
    }
    if (written !== size) throw new Error(`${name} was to have ${size} bytes and had ${written}`)
    yield Buffer.alloc(padding(size))
  }
  yield Buffer.alloc(2 * BLOCK)
}

export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const bytes = new ByteReader(source)
  for (;;) {
    const block = await bytes.exactly(BLOCK)
    if (block.every((byte) => byte === 0)) return
    const { name, size } = parseHeader(block)
    const body = bytes.some(size)
    yield { name, size, bytes: body }
    for await (const _ of body); // What was not read is passed over.
    await bytes.exactly(padding(size))
  }
}

const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK

function header(name: string, size: number, time_s: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new Error(`${name} is too long a name for a tar entry`)
  block.write(name, 0)
  block.write(octal(0o600, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  if (size <= OCTAL_MAX) block.write(octal(size, 11), 124)
  else {
    block[124] = 0x80
    block.writeBigUInt64BE(BigInt(size), 128)
  }
  block.write(octal(time_s, 11), 136)
  block.write('0', 156)
  block.write('ustar\0' + '00', 257)
  block.write(octal(checksum(block), 6) + '\0 ', 148)
  return block
}

function parseHeader(block: Buffer): { name: string; size: number } {
  const told = parseInt(block.toString('latin1', 148, 156), 8)
  if (told !== checksum(block)) throw new Error('a tar header is damaged')
  const name = block.toString('utf8', 0, NAME_BYTES_MAX).replace(/\0.*$/s, '')
  const size = block[124] === 0x80 ? Number(block.readBigUInt64BE(128)) : parseInt(block.toString('latin1', 124, 136), 8)
  if (!Number.isSafeInteger(size)) throw new Error(`the tar entry ${name} has no size`)
  return { name, size }
}

/** The sum of all bytes, with the sum's own field as blanks. */
function checksum(block: Buffer): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0)
}

const octal = (value: number, digits: number): string => Math.floor(value).toString(8).padStart(digits, '0')

class ByteReader {
  private readonly source: AsyncIterator<Uint8Array>
  private rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.source = source[Symbol.asyncIterator]()
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of this.some(size)) parts.push(part)
    return Buffer.concat(parts)
  }

  async *some(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (this.rest.length === 0) {
        const next = await this.source.next()
        if (next.done) throw new Error('the tar file ends too early')
        this.rest = Buffer.from(next.value)
        continue
      }
      const part = this.rest.subarray(0, left)
      this.rest = this.rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }
}
