/** The operator's two settings for outgoing requests, parsed: what is allowed although it looks inward, and what goes elsewhere. */
import { Fault } from './fault.ts'

export const EGRESS_ALLOW_VARIABLE = 'POTOROO_EGRESS_ALLOW'
export const HOST_MAP_VARIABLE = 'POTOROO_HOST_MAP'

export interface EgressSettings {
  /** `host` or `host:port`, comma-separated: the address check is left out for these. */
  allow?: string | undefined
  /** `host=base-url`, `*.domain=base-url`, `*=base-url`, comma-separated; `house` for a base-url keeps a name inside that `*` would send away. */
  hostMap?: string | undefined
}

const HOUSE = 'house'

export class Egress {
  readonly #allowed = new Set<string>()
  readonly #mapped = new Map<string, URL | typeof HOUSE>()

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

  /** Where the setting sends a host: by its name, by its domain, or with all others. Undefined where it says nothing, or says that the house answers. */
  mapped(url: URL): URL | undefined {
    const base = this.#baseOf(url)
    return base === undefined || base === HOUSE ? undefined : into(base, url)
  }

  #baseOf(url: URL): URL | typeof HOUSE | undefined {
    const exact = this.#mapped.get(url.host) ?? this.#mapped.get(url.hostname)
    if (exact) return exact
    const labels = url.hostname.split('.')
    for (let from = 1; from < labels.length; from++) {
      const base = this.#mapped.get(`*.${labels.slice(from).join('.')}`)
      if (base) return base
    }
    return isOwnAddress(url.hostname) ? undefined : this.#mapped.get('*')
  }
}

export function portOf(url: URL): number {
  return url.port ? Number(url.port) : url.protocol === 'https:' ? 443 : 80
}

/** Where the house and its callbacks are reached by address: `*` stands for names. */
function isOwnAddress(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host.startsWith('[') || /^[\d.]+$/.test(host)
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

function mapping(entry: string): [host: string, base: URL | typeof HOUSE] {
  const at = entry.indexOf('=')
  const host = entry.slice(0, Math.max(at, 0)).trim().toLowerCase()
  const given = entry.slice(at + 1).trim()
  if (host && given === HOUSE) return [host, HOUSE]
  const base = URL.parse(given)
  if (!host || !base || !/^https?:$/.test(base.protocol)) {
    throw new Fault('INVALID_ARGUMENT', 'badHostMap', `${HOST_MAP_VARIABLE} has an entry that is not host=base-url: ${entry}`, {
      hint: 'For example: api.example.com=http://127.0.0.1:9000,*=http://127.0.0.1:9001',
    })
  }
  return [host, base]
}
