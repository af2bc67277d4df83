/**
 * A service's methods, as short tables that we write: `METHOD VERB path flags`. What the API's own discovery document says
 * is the source of each line; only what a call needs stands here. A parameter that is not in the path is a query parameter.
 */

export interface ConnectorMethod {
  /** `googleapis.bigquery.v2.jobs.insert` */
  name: string
  verb: string
  /** The whole URL, with `{name}` for one path segment and `{+name}` for several. */
  url: string
  /** Parameters in the order in which they may be given by position. */
  parameters: readonly string[]
  poll: PollKind | undefined
  /** Object names come already percent-encoded, as the samples pass them. */
  encoded: boolean
  /** Arguments without a place in the path are the body's fields when no body is given. */
  inline: boolean
  /** The body is the content itself, not JSON. */
  media: boolean
}

/** Which kind of long-running work a method starts. */
export type PollKind = 'operation' | 'bigquery' | 'compute' | 'execution'

const POLL_KINDS: ReadonlySet<string> = new Set<PollKind>(['operation', 'bigquery', 'compute', 'execution'])

export function describe(service: string, base: string, table: string): ConnectorMethod[] {
  return table.trim().split('\n').filter((line) => line.trim() !== '').map((line): ConnectorMethod => {
    const [method, verb, path, ...flags] = line.trim().split(/\s+/)
    if (!method || !verb || path === undefined) throw new Error(`connectors: ${service} has a line without verb or path: ${line}`)
    const poll = flags.find((flag) => flag.startsWith('poll='))?.slice('poll='.length)
    if (poll !== undefined && !POLL_KINDS.has(poll)) throw new Error(`connectors: ${service} knows no poll kind ${poll}`)
    const url = path.startsWith('https:') ? path : base + (path === '.' ? '' : path)
    return {
      name: `googleapis.${service}.${method}`, verb, url, poll: poll as PollKind | undefined,
      parameters: [...url.matchAll(/\{\+?(\w+)\}/g)].map((found) => found[1]!),
      encoded: flags.includes('encoded'), inline: flags.includes('inline'), media: flags.includes('media'),
    }
  })
}

/** The usual five of a resource whose names are paths: list, get, create, patch, delete. */
export function resource(prefix: string, version: string, collection: string, create = '', verbs = 'list get create patch delete'): string {
  const lines: Record<string, string> = {
    list: `${prefix}.list GET ${version}/{+parent}/${collection}`,
    get: `${prefix}.get GET ${version}/{+name}`,
    create: `${prefix}.create POST ${version}/{+parent}/${collection} ${create}`,
    patch: `${prefix}.patch PATCH ${version}/{+name} ${create}`,
    delete: `${prefix}.delete DELETE ${version}/{+name} ${create}`,
  }
  return verbs.split(' ').map((verb) => lines[verb]).join('\n')
}
