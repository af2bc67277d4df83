/**
 * The world that a child of the house lives in, such as a command under `potoroo exec`, a function or a task: an address of its own at
 * which it acts as one service account, its credentials, its metadata server, the proxy, and the variables that lead every client there.
 */
import type { Socket } from 'node:net'
import { getCACertificates, rootCertificates } from 'node:tls'
import type { Authority } from '#ground/authority.ts'
import type { Clock } from '#ground/clock.ts'
import type { Caller } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import { WorldFront } from './front.ts'
import type { FrontParts } from './front.ts'
import type { Reroutes } from './hosts.ts'
import type { Lent } from './lent.ts'
import { MetadataServer } from './metadata.ts'
import { rerouteVariables, variablesOf, wallarooVariables } from './variables.ts'
import type { Variable } from './variables.ts'

const WORLDS_MAX = 2000
const REGION = 'europe-west3'
/** The token that stands in a file for gcloud is not renewed while its command runs. */
const FILE_TOKEN_S = 12 * 3600

/** What the identity room offers for this. */
export interface AccountPort {
  /** The service account that acts for the developer. */
  readonly developer: string
  /** The account as a caller; made where it may appear by itself. */
  caller(email: string): Promise<Caller>
  accessToken(email: string, via: string, lifetime_s?: number): Promise<{ token: string; expires_s: number }>
  identityToken(email: string, audience: string): Promise<string>
  /** A key file in Google's form, for programs that want one. */
  keyFile(email: string, url: string): Promise<unknown>
  /** The developer's own login, where the house is open. */
  login(): Promise<{ user: string; password: string } | undefined>
}

export interface WorldsParts {
  accounts: AccountPort
  lent: Lent
  reroutes: Reroutes
  authority: Authority
  offline: boolean
  clock: Clock
  /** The house's address, and the rooms it has. */
  house(): { url: string; rooms: string[]; project: string }
  inject(socket: Socket, protocol: 'http1' | 'http2'): void
}

export interface WorldWish {
  /** The e-mail of a service account; the developer's otherwise. */
  as?: string | undefined
  project?: string | undefined
  region?: string | undefined
  /** For whom, in words: `function hello`. */
  via: string
  /** A person's own shell goes anywhere; the house's functions and tasks do not go inward. */
  reach: 'anywhere' | 'outward'
  /** A proxy that was there before. */
  upstream?: string | undefined
}

export interface World {
  /** The account it acts as. */
  readonly account: string
  /** Its address: emulator host and proxy in one. */
  readonly url: string
  /** To be put, private, into one folder that the child can read. */
  readonly files: Readonly<Record<'credentials.json' | 'certificates.pem' | 'token', string>>
  /** The environment of the child, once the files stand in this folder. */
  variables(folder: string): Record<string, string>
  close(): void
}

export class Worlds {
  private readonly parts: WorldsParts
  private readonly open_ = new Set<World>()

  constructor(parts: WorldsParts) {
    this.parts = parts
  }

  get developer(): string {
    return this.parts.accounts.developer
  }

  get count(): number {
    return this.open_.size
  }

  async open(wish: WorldWish): Promise<World> {
    if (this.open_.size >= WORLDS_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'tooManyWorlds', `${WORLDS_MAX} programs run in worlds of their own already.`)
    const { accounts, authority } = this.parts
    const { rooms, url, project: defaultProject } = this.parts.house()
    const email = wish.as ?? accounts.developer
    const caller: Caller = { ...(await accounts.caller(email)), via: wish.via }
    const project = wish.project ?? (wish.as === undefined ? defaultProject : (caller.project ?? defaultProject))
    const front = new WorldFront({ ...this.frontParts(wish), caller })
    const metadata = new MetadataServer({
      project,
      region: wish.region ?? REGION,
      email,
      accessToken: () => accounts.accessToken(email, wish.via),
      identityToken: (audience) => accounts.identityToken(email, audience),
    })
    try {
      const own = `http://127.0.0.1:${await front.listen()}`
      const metadataHost = `127.0.0.1:${await metadata.listen()}`
      const [key, { token }, login] = await Promise.all([accounts.keyFile(email, own), accounts.accessToken(email, wish.via, FILE_TOKEN_S), wish.as === undefined ? accounts.login() : undefined])
      const world: World = {
        account: email,
        url: own,
        files: { 'credentials.json': JSON.stringify(key, undefined, 2), 'certificates.pem': `${authority.certificate}${systemRoots()}`, token },
        variables: (folder) =>
          Object.fromEntries(
            [
              ...variablesOf({ url: own, project, rooms }),
              { name: 'POTOROO_URL', value: url },
              ...wallarooVariables(url, login),
              ...rerouteVariables({ proxy: own, bundle: `${folder}/certificates.pem`, metadata: metadataHost }),
              ...credentialVariables(folder),
            ].map(({ name, value }) => [name, value]),
          ),
        close: () => {
          this.open_.delete(world)
          front.close()
          metadata.close()
        },
      }
      this.open_.add(world)
      return world
    } catch (thrown) {
      front.close()
      metadata.close()
      throw thrown
    }
  }

  close(): void {
    for (const world of this.open_) world.close()
  }

  private frontParts({ reach, upstream }: WorldWish): Omit<FrontParts, 'caller'> {
    const { lent, reroutes, authority, inject, clock, offline, house } = this.parts
    return { lent, reroutes, authority, inject, clock, reach: offline ? 'nowhere' : reach, own: [new URL(house().url).host], upstream: upstream === undefined ? undefined : parseProxy(upstream) }
  }
}

function credentialVariables(folder: string): Variable[] {
  return [
    { name: 'GOOGLE_APPLICATION_CREDENTIALS', value: `${folder}/credentials.json` },
    { name: 'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE', value: `${folder}/token` },
    // Its own settings folder: a person's logins at the real cloud stay out of it, and are not touched.
    { name: 'CLOUDSDK_CONFIG', value: `${folder}/gcloud` },
    { name: 'CLOUDSDK_CORE_DISABLE_PROMPTS', value: '1' },
    { name: 'CLOUDSDK_CORE_DISABLE_USAGE_REPORTING', value: 'true' },
    { name: 'CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK', value: 'true' },
  ]
}

function parseProxy(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url?.protocol === 'http:') return url
  throw new Fault('INVALID_ARGUMENT', 'usage', `The proxy of the environment, ${text.slice(0, 200)}, cannot be chained: only http:// ones can.`)
}

let roots: string | undefined

/** What this machine trusts; where it does not say, what Node brings along. */
function systemRoots(): string {
  const system = (roots === undefined && getCACertificates('system')) || []
  return (roots ??= `${(system.length > 0 ? system : rootCertificates).join('\n')}\n`)
}
