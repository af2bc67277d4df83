/** Which hosts of the cloud the house stands in for, whoever asks: its proxy ends their TLS, its courier keeps requests to them inside. */

/** Each with everything below it. */
export const CLOUD_DOMAINS: readonly string[] = [
  'googleapis.com',
  'accounts.google.com',
  'storage.cloud.google.com',
  'metadata.google.internal',
  'cloudfunctions.net',
  'run.app',
  'wallaroocommunity.ninja',
]

export class Reroutes {
  private readonly domains: readonly string[]
  private readonly passthrough: readonly string[]

  /** `mapped` are hosts that settings add; `passthrough` those whose calls leave for the real cloud. */
  constructor(parts: { mapped: readonly string[]; passthrough: readonly string[] }) {
    this.domains = [...CLOUD_DOMAINS, ...parts.mapped]
    this.passthrough = parts.passthrough
  }

  /** What the certificate authority has to be able to speak for. */
  get all(): readonly string[] {
    return this.domains
  }

  endsHere(host: string): boolean {
    return within(host, this.domains) && !this.leaves(host)
  }

  leaves(host: string): boolean {
    return within(host, this.passthrough)
  }
}

function within(host: string, domains: readonly string[]): boolean {
  return domains.some((domain) => {
    const plain = domain.replace(/^\*\./, '')
    return host === plain || host.endsWith(`.${plain}`)
  })
}
