/**
 * Who may even knock. A web page that a person happens to look at must not drive the house on their machine:
 * unknown Host headers (DNS rebinding) and requests from other origins are refused before any door sees them.
 */
import type { IncomingMessage } from 'node:http'
import { Fault } from '#ground/fault.ts'

export class HostList {
  private readonly exact = new Set(['localhost', '127.0.0.1', '[::1]', 'host.docker.internal'])
  private readonly suffixes = ['.localhost']

  /** `*.example.com` allows every name below it. */
  allow(host: string): void {
    if (host.startsWith('*.')) this.suffixes.push(host.slice(1).toLowerCase())
    else this.exact.add(host.toLowerCase())
  }

  has(host: string): boolean {
    return this.exact.has(host) || this.suffixes.some((suffix) => host.endsWith(suffix))
  }
}

/** The host without its port, in lower case. */
export function hostOf(request: IncomingMessage): string {
  const header = request.headers.host ?? ''
  return header.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase()
}

export function refuseUnknownHost(host: string, hosts: HostList): void {
  if (hosts.has(host)) return
  throw new Fault('PERMISSION_DENIED', 'forbidden', `The house does not answer for the host ${JSON.stringify(host)}.`, {
    hint: 'If this name is yours, start the house with --allow-host NAME.',
    httpStatus: 421,
  })
}

/** The other origin that sent this, or undefined where it is no web page or one of our own. */
export function foreignOrigin(request: IncomingMessage): string | undefined {
  const origin = request.headers.origin
  if (origin !== undefined) return origin === `http://${request.headers.host}` || origin === `https://${request.headers.host}` ? undefined : origin
  // Browsers leave Origin out of plain GETs, but say where they come from. A person following a link is no attack.
  const crossSite = request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-mode'] !== 'navigate'
  return crossSite ? 'another site' : undefined
}

export function originFault(origin: string): Fault {
  return new Fault('PERMISSION_DENIED', 'forbidden', `A web page of ${origin} may not call this house.`, {
    hint: 'Give the bucket CORS rules that name this origin, or call from a program.',
  })
}
