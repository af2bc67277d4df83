/**
 * The house's certificate authority, for TLS that ends in the house. Made at the first start, its key never leaves the data folder, and
 * it can speak for the given names only: clients refuse anything else that a stolen key would sign.
 */
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { authorityCertificate, hostCertificate } from './certificates.ts'
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import { keyPairFromPem, newEcKeyPair, privatePem } from './key-pairs.ts'
import type { KeyPair } from './key-pairs.ts'

const FILE = 'authority.json'
const DAY_MS = 24 * 3600_000
const AUTHORITY_MS = 5 * 365 * DAY_MS
/** Made anew when it would end this soon. */
const RENEW_MS = 90 * DAY_MS
const HOST_MS = 30 * DAY_MS
const HOST_RENEW_MS = 7 * DAY_MS
const HOSTS_MAX = 1000

interface Stored {
  name: string
  domains: string[]
  until_ms: number
  key: string
  certificate: string
}

export class Authority {
  private readonly clock: Clock
  private readonly stored: Stored
  private readonly issuer: KeyPair
  /** One for all hosts, new at each start. */
  private readonly hostKey: KeyPair
  private readonly contexts = new Map<string, { context: SecureContext; until_ms: number }>()

  /** Keeps the authority of before unless it ends soon or cannot speak for one of these domains. */
  static async open({ disk, clock, domains }: { disk: Disk; clock: Clock; domains: readonly string[] }): Promise<Authority> {
    const text = await disk.readWhole(FILE)
    const before = text === undefined ? undefined : (JSON.parse(text.toString('utf8')) as Stored)
    const now_ms = clock.now_ms()
    const stored = before && before.until_ms - RENEW_MS > now_ms && sameDomains(before.domains, domains) ? before : await make(now_ms, domains)
    if (stored !== before) await disk.writeWhole(JSON.stringify(stored), 0o600, FILE)
    return new Authority(stored, await newEcKeyPair(), clock)
  }

  private constructor(stored: Stored, hostKey: KeyPair, clock: Clock) {
    this.stored = stored
    this.hostKey = hostKey
    this.clock = clock
    this.issuer = keyPairFromPem(stored.key)
  }

  get certificate(): string {
    return this.stored.certificate
  }

  speaksFor(host: string): boolean {
    return this.stored.domains.some((domain) => host === domain || host.endsWith(`.${domain}`))
  }

  /** What a TLS server shows for this host; undefined where the authority cannot speak for it. */
  contextFor(host: string): SecureContext | undefined {
    if (!this.speaksFor(host)) return undefined
    const now_ms = this.clock.now_ms()
    const kept = this.contexts.get(host)
    if (kept && kept.until_ms - HOST_RENEW_MS > now_ms) return kept.context
    if (this.contexts.size >= HOSTS_MAX) this.contexts.clear()
    const valid = { from_ms: now_ms, until_ms: Math.min(now_ms + HOST_MS, this.stored.until_ms) }
    const certificate = hostCertificate({ host, publicKey: this.hostKey.publicKey, authority: { name: this.stored.name, privateKey: this.issuer.privateKey }, valid })
    const context = createSecureContext({ key: privatePem(this.hostKey.privateKey), cert: certificate + this.certificate, minVersion: 'TLSv1.2' })
    this.contexts.set(host, { context, until_ms: valid.until_ms })
    return context
  }
}

async function make(now_ms: number, domains: readonly string[]): Promise<Stored> {
  const { privateKey } = await newEcKeyPair()
  const until_ms = now_ms + AUTHORITY_MS
  // The time in the name tells an old authority from a new one where both are in a bundle.
  const name = `Potoroo on this machine ${new Date(now_ms).toISOString()}`
  return { name, domains: [...domains], until_ms, key: privatePem(privateKey), certificate: authorityCertificate({ name, domains, privateKey, valid: { from_ms: now_ms, until_ms } }) }
}

/** Exactly the same: it should not go on speaking for a host that was taken out of the settings. */
function sameDomains(before: readonly string[], now: readonly string[]): boolean {
  return before.length === now.length && now.every((domain) => before.includes(domain))
}
