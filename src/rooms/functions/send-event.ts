/** An event in the shape that the code takes: both at once for background and CloudEvent functions, a request for the others. */
import type { RequestHead } from './runtime/instance.ts'
import type { FunctionEvent, SignatureKind } from './types.ts'

export function sendEvent(event: FunctionEvent, kind: SignatureKind): { request?: RequestHead; body: Uint8Array } {
  if (kind === 'event' || kind === 'cloudevent') return { body: Buffer.from(JSON.stringify(event)) }
  const { datacontenttype, ...attributes } = event.attributes
  const headers = Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[`ce-${name}`, value] as const]))
  return {
    request: { method: 'POST', target: '/', headers: [...headers, ['content-type', datacontenttype]], host: 'localhost', scheme: 'http', client: '127.0.0.1' },
    body: Buffer.from(JSON.stringify(event.data)),
  }
}
