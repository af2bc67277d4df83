/** The metadata server of one child, as a machine in the cloud has it: its project, its place, its one service account and tokens for it. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asFault, Fault } from '#ground/fault.ts'
import { projectNumber } from '#ground/project-number.ts'

export interface MetadataParts {
  project: string
  region: string
  email: string
  accessToken(): Promise<{ token: string; expires_s: number }>
  identityToken(audience: string): Promise<string>
}

const SCOPES = ['https://www.googleapis.com/auth/cloud-platform', 'https://www.googleapis.com/auth/userinfo.email']
const ROOT = '/computeMetadata/v1'
const HEADERS_MS = 10_000

type Making = (query: URLSearchParams) => Promise<unknown>
/** A value, a list, a way to make a value, or a folder of these. */
type Tree = string | readonly string[] | Making | { [name: string]: Tree }

export class MetadataServer {
  private readonly parts: MetadataParts
  private readonly http: Server

  constructor(parts: MetadataParts) {
    this.parts = parts
    this.http = createServer({ headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS }, (request, response) => void this.answer(request, response))
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.http.once('error', reject)
      this.http.listen(0, '127.0.0.1', () => resolve((this.http.address() as AddressInfo).port))
    })
  }

  close(): void {
    this.http.close()
    this.http.closeAllConnections()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://metadata.google.internal')
    // A web page cannot set this header, and a forwarded request carries the other: neither gets a token.
    if (request.method !== 'GET' || request.headers['metadata-flavor'] !== 'Google' || request.headers['x-forwarded-for'] !== undefined || request.headers.origin !== undefined) {
      return send(response, 403, 'Missing required header: Metadata-Flavor: Google\n', 'text/plain')
    }
    try {
      await this.look(url, response)
    } catch (thrown) {
      const { httpStatus, message } = asFault(thrown)
      send(response, httpStatus, `${message}\n`, 'text/plain')
    }
  }

  private async look(url: URL, response: ServerResponse): Promise<void> {
    if (url.pathname === '/' || url.pathname === '/computeMetadata' || url.pathname === '/computeMetadata/') return send(response, 200, 'computeMetadata/\n', 'application/text')
    let found: Tree | undefined = url.pathname.startsWith(`${ROOT}/`) ? this.tree() : undefined
    for (const name of url.pathname.slice(ROOT.length).split('/').filter(Boolean)) {
      found = isFolder(found) && Object.hasOwn(found, name) ? found[name] : undefined
    }
    if (found === undefined) return send(response, 404, 'Not Found\n', 'text/html; charset=UTF-8')
    const value = typeof found === 'function' ? await found(url.searchParams) : found
    if (typeof value === 'string') return send(response, 200, value, 'application/text')
    if (isList(value)) return send(response, 200, `${value.join('\n')}\n`, 'application/text')
    if (typeof found === 'function' || url.searchParams.get('recursive')?.toLowerCase() === 'true') return send(response, 200, JSON.stringify(plain(value as Tree)), 'application/json')
    const names = Object.entries(value as object).map(([name, below]) => (isFolder(below as Tree) ? `${name}/` : name))
    send(response, 200, `${names.join('\n')}\n`, 'application/text')
  }

  private tree(): Tree {
    const { project, region, email } = this.parts
    const account = {
      aliases: ['default'],
      email,
      scopes: SCOPES,
      token: async () => {
        const { token, expires_s } = await this.parts.accessToken()
        return { access_token: token, expires_in: expires_s, token_type: 'Bearer' }
      },
      identity: async (query: URLSearchParams) => {
        const audience = query.get('audience') ?? ''
        if (audience === '') throw new Fault('INVALID_ARGUMENT', 'badRequest', 'non-empty audience parameter required')
        return this.parts.identityToken(audience)
      },
    }
    const number = projectNumber(project)
    return {
      project: { 'project-id': project, 'numeric-project-id': number, attributes: {} },
      instance: { id: number, zone: `projects/${number}/zones/${region}-a`, region: `projects/${number}/regions/${region}`, name: 'potoroo', attributes: {}, 'service-accounts': { default: account, [email]: account } },
      universe: { 'universe-domain': 'googleapis.com', universe_domain: 'googleapis.com' },
    }
  }
}

/** Tokens are asked for by name only. In JSON the names are written the way of JSON. */
function plain(tree: Tree): unknown {
  if (!isFolder(tree)) return tree
  const entries = Object.entries(tree).filter(([, below]) => typeof below !== 'function')
  return Object.fromEntries(entries.map(([name, below]) => [name.includes('@') ? name : name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()), plain(below)]))
}

const isList = (value: unknown): value is readonly string[] => Array.isArray(value)
const isFolder = (tree: Tree | undefined): tree is { [name: string]: Tree } => typeof tree === 'object' && !isList(tree)

function send(response: ServerResponse, status: number, body: string, type: string): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, 'metadata-flavor': 'Google', server: 'Metadata Server for VM', 'cache-control': 'no-store' })
  response.end(bytes)
}
