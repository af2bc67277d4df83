/** The operator's two settings for outgoing requests, parsed: what is allowed although it looks inward, and what goes elsewhere. */
import { Fault } from './fault.ts'

export const EGRESS_ALLOW_VARIABLE = 'POTOROO_EGRESS_ALLOW'
export const HOST_MAP_VARIABLE = 'POTOROO_HOST_MAP'

export interface EgressSettings {
  /** `host` or `host:port`, comma-separated: the address check is left out for these. */
  allow?: string | undefined
  /** `host=base-url`, `*.domain=base-url`, `*=base-url`, comma-separated. */
  hostMap?: string | undefined
}

export class Egress {
  readonly #allowed = new Set<string>()
  readonly #mapped = new Map<string, URL>()

  constructor({ allow = '', hostMap = '' }: EgressSettings) {
    for (const entry of entries(allow)) this.#allowed.add(allowedHost(entry))
    for (const entry of entries(hostMap)) {
      const [host, base] = mapping(entry)
      this.#mapped.set(host, base)
    }
  }

  allows(url: URL): boolean {
    return this.#allowed.has(url.hostname) || this.#allowed.has(`${url.hostname}:${portOf(url)}`)
  }

  /** Where the setting sends a host that it names. */
  named(url: URL): URL | undefined {
    const exact = this.#mapped.get(url.host) ?? this.#mapped.get(url.hostname)
    if (exact) return into(exact, url)
    const labels = url.hostname.split('.')
    for (let from = 1; from < labels.length; from++) {
      const base = this.#mapped.get(`*.${labels.slice(from).join('.')}`)
      if (base) return into(base, url)
    }
    return undefined
  }

  /** Where the setting sends every host that it does not name and that is not the house's own. */
  others(url: URL): URL | undefined {
    const base = this.#mapped.get('*')
    return base && into(base, url)
  }
}

export function portOf(url: URL): number {
  return url.port ? Number(url.port) : url.protocol === 'https:' ? 443 : 80
}

/** The request for host H and path P goes to base-url/H/P. */
function into(base: URL, url: URL): URL {
  return new URL(`${base.href.replace(/\/$/, '')}/${url.host}${url.pathname}${url.search}`)
}

function entries(text: string): string[] {
  return text.split(',').map((entry) => entry.trim()).filter(Boolean)
}

/** In the spelling that a parsed URL has, so that `LOCALHOST` and `127.1` mean what they mean there. */
function allowedHost(entry: string): string {
  const url = URL.parse(`http://${entry}`)
  if (!url || url.pathname !== '/' || url.search || url.username) {
    throw new Fault('INVALID_ARGUMENT', 'badEgressAllow', `${EGRESS_ALLOW_VARIABLE} has an entry that is neither host nor host:port: ${entry}`)
  }
  // Port 80 is dropped by the parser as http's own, yet it was asked for.
  const port = /:(\d+)$/.exec(entry)?.[1]
  return port === undefined ? url.hostname : `${url.hostname}:${Number(port)}`
}

function mapping(entry: string): [host: string, base: URL] {
  const at = entry.indexOf('=')
  const host = entry.slice(0, Math.max(at, 0)).trim().toLowerCase()
  const base = URL.parse(entry.slice(at + 1).trim())
  if (!host || !base || !/^https?:$/.test(base.protocol)) {
    throw new Fault('INVALID_ARGUMENT', 'badHostMap', `${HOST_MAP_VARIABLE} has an entry that is not host=base-url: ${entry}`, {
      hint: 'For example: api.example.com=http://127.0.0.1:9000,*=http://127.0.0.1:9001',
    })
  }
  return [host, base]
}
