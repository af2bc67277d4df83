/** Where HTTP functions are called: the cloud's own host names, the same as a path below our address, and a short one. */
import type { Call, Params, Route, Verb } from '#ground/door.ts'
import { notServing } from './faults.ts'
import { REQUEST_BYTES_MAX } from './limits.ts'
import { functionName, parseHost } from './names.ts'
import type { FunctionsService } from './service.ts'
import { fullName } from './types.ts'
import type { FunctionName } from './types.ts'

const VERBS: Verb[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
export const CALL_HOST = '.cloudfunctions.net'

/** Not the house's host: a browser trusts what comes from here no more than any stranger's page. */
const isOwnHost = (host: string): boolean => host.endsWith(CALL_HOST)

export function callRoutes(service: FunctionsService): Route[] {
  const at = (path: string, locate: (params: Params) => FunctionName | undefined, depth: number): Route[] =>
    VERBS.flatMap((verb) =>
      [path, `${path}/{rest=**}`].map((whole): Route => ({ id: 'functions.call', verb, path: whole, permission: null, bodyBytesMax: REQUEST_BYTES_MAX, handle: (call) => answer(service, call, locate(call.params), depth) })),
    )
  return [...at(`/{where}${CALL_HOST}/{function}`, byHost, 2), ...at('/functions/{project}/{location}/{function}', byPath, 4)]
}

/** The path of a function's own host, as it is below our address. */
export function rewriteCall(host: string, path: string): string | undefined {
  return isOwnHost(host) ? `/${host}${path}` : undefined
}

export function locateCall(params: Params): FunctionName | undefined {
  return params['where'] === undefined ? byPath(params) : byHost(params)
}

function byHost({ where, function: id }: Params): FunctionName | undefined {
  const place = parseHost(where!)
  return place && functionName(place.project, place.location, id!)
}

const byPath = ({ project, location, function: id }: Params): FunctionName => functionName(project!, location!, id!)

async function answer(service: FunctionsService, call: Call, name: FunctionName | undefined, depth: number): Promise<void> {
  const found = name && (await service.find(name))
  if (!found) throw notServing(name ? fullName(name) : call.params['where']!)
  await service.requireInvoker(call, found)
  const body = await call.readBody()
  const { request, response } = call
  const own = isOwnHost(call.host)
  const ran = await service.callHttp(found, {
    request: { method: request.method ?? 'GET', target: below(request.url ?? '/', own ? 1 : depth), headers: headersOf(call), host: request.headers.host ?? call.host, scheme: call.origin.startsWith('https') ? 'https' : 'http', client: request.socket.remoteAddress ?? '127.0.0.1' },
    body,
    sink: {
      head(status, headers) {
        if (response.headersSent) return
        for (const [header, value] of headers) if (!CONNECTION_HEADERS.has(header.toLowerCase())) response.appendHeader(header, value)
        if (!own) {
          // On the console's host a function's page may run no script.
          response.setHeader('content-security-policy', 'sandbox')
          response.setHeader('x-content-type-options', 'nosniff')
        }
        response.writeHead(status)
      },
      chunk: (bytes) => void response.write(bytes),
    },
    execution: call.requestId,
  })
  if (ran.error !== undefined && !response.headersSent) return call.send(500, `${ran.error}\n`, { 'content-type': 'text/plain; charset=utf-8', 'x-google-status': 'crash', 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' })
  if (ran.error !== undefined) return void response.destroy()
  response.end()
}

/** Those of one connection are ours; a body's length is known by its end. */
const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'proxy-authenticate'])

/** What the function sees of the path: what follows its own name. The query stays. */
function below(target: string, depth: number): string {
  const local = target.replace(/^https?:\/\/[^/]*/, '')
  const mark = local.indexOf('?')
  const path = mark < 0 ? local : local.slice(0, mark)
  const rest = path.split('/').slice(depth + 1).join('/')
  return `/${rest}${mark < 0 ? '' : local.slice(mark)}`
}

function headersOf(call: Call): [string, string][] {
  const { rawHeaders, socket } = call.request
  const headers: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (!CONNECTION_HEADERS.has(name) && name !== 'expect') headers.push([name, rawHeaders[at + 1]!])
  }
  const had = new Set(headers.map(([name]) => name))
  if (!had.has('x-forwarded-for')) headers.push(['x-forwarded-for', socket.remoteAddress ?? '127.0.0.1'])
  if (!had.has('x-forwarded-proto')) headers.push(['x-forwarded-proto', call.origin.startsWith('https') ? 'https' : 'http'])
  headers.push(['function-execution-id', call.requestId])
  return headers
}
