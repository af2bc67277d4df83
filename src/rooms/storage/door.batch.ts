/** The batch endpoint: several calls in one request, each answered on its own. */
import type { Call, Route } from '#ground/door.ts'
import { boundaryOf, collect, readMultipart } from '#ground/http/multipart.ts'
import { invalid } from './faults.ts'
import { BATCH_BYTES_MAX, BATCH_CALLS_MAX } from './limits.ts'
import { header } from './requests.ts'

export function batchRoutes(): Route[] {
  return ['/batch/storage/v1', '/batch'].map((path) => ({ id: 'storage.batch', verb: 'POST', path, permission: null, handle: batch }))
}

async function batch(call: Call): Promise<void> {
  const boundary = `batch_${call.requestId}`
  const answers: string[] = []
  for await (const part of readMultipart(call.request, boundaryOf(header(call.request, 'content-type')))) {
    if (answers.length >= BATCH_CALLS_MAX) throw invalid(`A batch holds at most ${BATCH_CALLS_MAX} calls.`)
    const inner = readInner(await collect(part.body, BATCH_BYTES_MAX))
    const answer = await call.inner(inner)
    const id = part.headers.get('content-id')?.replace(/^<(.*)>$/, '$1')
    const contentId = id === undefined ? '' : `Content-ID: <response-${id}>\r\n`
    answers.push(`--${boundary}\r\nContent-Type: application/http\r\n${contentId}\r\n${answer.toString('utf8')}\r\n`)
  }
  call.send(200, `${answers.join('')}--${boundary}--\r\n`, { 'content-type': `multipart/mixed; boundary=${boundary}` })
}

/** An HTTP request as text: its line, its headers, its body. */
function readInner(bytes: Buffer): { verb: string; target: string; headers: Record<string, string>; body: Buffer } {
  const text = bytes.toString('latin1')
  const blank = /\r?\n\r?\n/.exec(text)
  const head = bytes.toString('utf8', 0, blank?.index ?? bytes.length).trimStart().split(/\r?\n/)
  const line = /^([A-Z]+) (\S+)(?: HTTP\/[\d.]+)?$/.exec(head[0]?.trim() ?? '')
  if (!line) throw invalid('A part of the batch is not an HTTP request.', 'badRequest')
  const headers: Record<string, string> = {}
  for (const entry of head.slice(1)) {
    const colon = entry.indexOf(':')
    if (colon > 0) headers[entry.slice(0, colon).trim().toLowerCase()] = entry.slice(colon + 1).trim()
  }
  return { verb: line[1]!, target: line[2]!, headers, body: blank ? bytes.subarray(blank.index + blank[0].length) : Buffer.alloc(0) }
}
