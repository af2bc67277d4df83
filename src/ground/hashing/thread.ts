/** The body of the hashing thread: chunks of several uploads come in, go back, and at the end a digest. */
import { parentPort } from 'node:worker_threads'
import { InlineHasher } from '../hashing.ts'
import type { HashAnswer, HashRequest } from '../hashing.ts'

const open = new Map<number, InlineHasher>()

parentPort?.on('message', async (request: HashRequest) => {
  const hasher = open.get(request.id) ?? new InlineHasher()
  if (request.kind === 'update') {
    open.set(request.id, hasher)
    hasher.add(new Uint8Array(request.chunk, 0, request.length))
    parentPort!.postMessage({ id: request.id, chunk: request.chunk } satisfies HashAnswer, [request.chunk])
    return
  }
  open.delete(request.id)
  if (request.kind === 'digest') parentPort!.postMessage({ id: request.id, digest: await hasher.digest() } satisfies HashAnswer)
})
