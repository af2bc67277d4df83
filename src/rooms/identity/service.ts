/** The identity room's meaning as one thing: what its doors call, and what other rooms are given through their ports. */
import { constants, createHash, createVerify, sign } from 'node:crypto'
import type { Clock } from '#ground/clock.ts'
import type { Resource } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import type { Ground } from '#ground/room.ts'
import type { Vault } from '#ground/vault.ts'
import { Accounts } from './accounts.ts'
import { ApiTokens } from './api-tokens.ts'
import { Assertions } from './assertions.ts'
import type { Assertion } from './assertions.ts'
import { Audit } from './audit.ts'
import { invalidGrant, notFound } from './faults.ts'
import { Gate } from './gate.ts'
import type { Mode } from './gate.ts'
import { ACCESS_TOKEN_S, ID_TOKEN_S, REFRESH_TOKEN_S, SDK_TOKEN_S } from './limits.ts'
import type { AccountRow } from './migrations.ts'
import { Passwords } from './passwords.ts'
import { Policies } from './policies.ts'
import { Projects } from './projects.ts'
import { Roles } from './roles.ts'
import { Sessions } from './sessions.ts'
import type { Session } from './sessions.ts'
import { SigningKeys } from './signing-keys.ts'
import { Strangers } from './strangers.ts'
import { Tokens } from './tokens.ts'
import type { Subject } from './tokens.ts'
import { Users } from './users.ts'

export interface IdentitySettings {
  mode: Mode
  enforce: boolean
  defaultProject: string
}

export interface JsonWebKeys {
  keys: Record<string, unknown>[]
}

export interface IdentityPorts {
  vault: Vault
  /** The project of a resource whose name does not tell it. */
  projectOf(resource: Resource): Promise<string | undefined>
  /** The real cloud's token endpoint, for keys that the settings let through to it. */
  away: { takesKey(keyId: string | undefined): boolean; exchange(assertion: string): Promise<{ status: number; body: unknown }> }
}

type IdentityGround = Pick<Ground, 'ledger' | 'facts' | 'clock' | 'ids' | 'log'>

/** Audiences that assertions carry, whatever the key file's `token_uri` says. */
const GOOGLE_TOKEN_URLS = ['https://oauth2.googleapis.com/token', 'https://www.googleapis.com/oauth2/v4/token', 'https://www.googleapis.com/oauth2/v3/token', 'https://accounts.google.com/o/oauth2/token']

export interface SdkTokens {
  access_token: string
  expires_in: number
  refresh_token: string
  refresh_expires_in: number
  token_type: 'Bearer'
}

export class IdentityService {
  readonly settings: IdentitySettings
  readonly keys: SigningKeys
  readonly tokens: Tokens
  readonly accounts: Accounts
  readonly users: Users
  readonly sessions: Sessions
  readonly apiTokens: ApiTokens
  readonly projects: Projects
  readonly roles: Roles
  readonly policies: Policies
  readonly strangers: Strangers
  readonly audit: Audit
  readonly gate: Gate
  private readonly assertions: Assertions
  private readonly clock: Clock
  readonly away: IdentityPorts['away']

  constructor(ground: IdentityGround, ports: IdentityPorts, settings: IdentitySettings) {
    const { clock, ids, log } = ground
    const forget = () => this.gate.forget()
    this.settings = settings
    this.clock = clock
    this.away = ports.away
    this.keys = new SigningKeys({ ...ground, vault: ports.vault })
    this.tokens = new Tokens({ keys: this.keys, clock, ids })
    this.accounts = new Accounts({ ...ground, vault: ports.vault }, forget)
    this.users = new Users(ground, new Passwords(clock), forget)
    this.sessions = new Sessions(ground, this.users)
    this.apiTokens = new ApiTokens(ground, forget)
    this.projects = new Projects(ground, { appearByThemselves: settings.mode === 'open' })
    this.roles = new Roles(ground, forget)
    this.policies = new Policies(ground)
    this.strangers = new Strangers(log)
    this.audit = new Audit(ground)
    this.assertions = new Assertions(this.accounts, clock)
    const { accounts, users, tokens, apiTokens, assertions, policies, roles, projects, strangers, audit } = this
    const projectOf = async (resource: Resource) => (resource.type === 'serviceAccount' ? (await accounts.find(resource.name))?.project : ports.projectOf(resource))
    this.gate = new Gate({ ...settings, accounts, users, tokens, apiTokens, assertions, policies, roles, projects, strangers, audit, clock, projectOf })
  }

  now_ms(): number {
    return this.clock.now_ms()
  }

  jwks(): JsonWebKeys {
    return { keys: this.keys.all().map(({ id, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid: id, alg: 'RS256', use: 'sig' })) }
  }

  async start(): Promise<void> {
    await this.keys.start()
    await this.roles.start()
    await this.projects.start(this.settings.defaultProject)
  }

  /** An access token for a service account that the house knows; those of the cloud's own making appear when first used. */
  async accessToken(email: string, options: { lifetime_s?: number; scope?: string; via?: string } = {}): Promise<{ token: string; expires_s: number }> {
    const account = await this.enabledAccount(email)
    const expires_s = options.lifetime_s ?? ACCESS_TOKEN_S
    const token = await this.tokens.issueAccess(subjectOf(account), expires_s, { ...(options.scope !== undefined && { scope: options.scope }), ...(options.via !== undefined && { via: options.via }) })
    return { token, expires_s }
  }

  async identityToken(email: string, audience: string): Promise<string> {
    return this.tokens.issueIdentity(subjectOf(await this.enabledAccount(email)), audience, ID_TOKEN_S)
  }

  /** Google's jwt-bearer grant. Only who is trusted without proof may bring a key that the house never issued. */
  async exchangeAssertion(text: string, { ownTokenUrl, trusted }: { ownTokenUrl: string; trusted: boolean }): Promise<{ access_token: string; expires_in: number; token_type: 'Bearer'; scope?: string } | { id_token: string }> {
    const assertion = await this.assertions.read(text)
    if (![...GOOGLE_TOKEN_URLS, ownTokenUrl].includes(assertion.audience)) {
      throw invalidGrant(`Invalid JWT: the audience has to be ${GOOGLE_TOKEN_URLS[0]}.`)
    }
    const subject = assertion.account ? subjectOf(assertion.account) : this.stranger(assertion, trusted)
    if (assertion.targetAudience !== undefined) return { id_token: await this.tokens.issueIdentity(subject, assertion.targetAudience, ID_TOKEN_S) }
    const { scope } = assertion
    const access_token = await this.tokens.issueAccess(subject, ACCESS_TOKEN_S, scope === undefined ? {} : { scope })
    return { access_token, expires_in: ACCESS_TOKEN_S, token_type: 'Bearer', ...(scope !== undefined && { scope }) }
  }

  /** The four fields that the Wallaroo SDK needs. */
  async sdkTokens(session: Session, refreshToken?: string): Promise<SdkTokens> {
    const { user, client } = session
    const subject: Subject = { principal: `user:${user.email}`, id: user.id, email: user.email }
    return {
      access_token: await this.tokens.issueAccess(subject, SDK_TOKEN_S, client === undefined ? {} : { client }),
      expires_in: SDK_TOKEN_S,
      refresh_token: refreshToken ?? (await this.sessions.begin(session)),
      refresh_expires_in: REFRESH_TOKEN_S,
      token_type: 'Bearer',
    }
  }

  /** Whether a signature is this account's: by one of its keys, or by the house in its name (signBlob). */
  async verifySignature(email: string, payload: string, signature: Buffer): Promise<'right' | 'wrong' | 'unknown'> {
    const account = await this.accounts.find(email)
    if (!account) return this.settings.mode === 'open' ? 'unknown' : 'wrong'
    if (account.disabled) return 'wrong'
    const keys = [...(await this.accounts.verifiers(email)), ...this.keys.all()]
    const right = keys.some(({ publicKey }) => createVerify('RSA-SHA256').update(payload).verify(publicKey, signature))
    return right ? 'right' : 'wrong'
  }

  async signBlob(email: string, payload: Buffer): Promise<{ keyId: string; signature: Buffer }> {
    await this.enabledAccount(email)
    const { id, privateKey } = this.keys.current
    return { keyId: id, signature: sign('sha256', payload, { key: privateKey, padding: constants.RSA_PKCS1_PADDING }) }
  }

  /** `user:…` or `serviceAccount:…`, of somebody who is there. */
  async knownPrincipal(text: string): Promise<string> {
    const [, kind, email] = /^(user|serviceAccount):(.+)$/.exec(text) ?? []
    const found = kind === 'user' ? await this.users.findByEmail(email!) : kind === 'serviceAccount' ? await this.accounts.find(email!) : undefined
    if (!found) throw notFound(`Principal ${text.slice(0, 200)}`)
    return `${kind}:${found.email}`
  }

  /** The account, also where the cloud would have made it by itself and nobody here did yet. */
  async enabledAccount(email: string): Promise<AccountRow> {
    const account = (await this.accounts.find(email)) ?? (await this.ownAccount(email))
    if (account.disabled) throw new Fault('FAILED_PRECONDITION', 'failedPrecondition', `Service account ${email} is disabled.`)
    return account
  }

  private async ownAccount(email: string): Promise<AccountRow> {
    const project = this.projectOfOwnAccount(email)
    if (project === undefined) throw notFound(`Service account ${email.slice(0, 200)}`)
    return this.accounts.ensure(email, project, 'Made by the house')
  }

  /** `NUMBER-compute@developer…` and `PROJECT@appspot…` exist in every project; in open mode every other account does, too. */
  private projectOfOwnAccount(email: string): string | undefined {
    const known = (name: string | undefined) => (name !== undefined && (this.settings.mode === 'open' || this.projects.isProject(name)) ? this.projects.idOf(name) : undefined)
    const compute = /^(\d+)-compute@developer\.gserviceaccount\.com$/.exec(email)?.[1]
    if (compute !== undefined) return known(compute)
    const engine = /^([^@]+)@appspot\.gserviceaccount\.com$/.exec(email)?.[1]
    if (engine !== undefined) return known(engine)
    return this.settings.mode === 'open' ? /@([^@]+)\.iam\.gserviceaccount\.com$/.exec(email)?.[1] : undefined
  }

  private stranger({ email, keyId }: Assertion, trusted: boolean): Subject {
    if (this.settings.mode === 'closed' || !trusted) throw invalidGrant('Invalid grant: account not found')
    this.strangers.note(email, keyId)
    return { principal: `unverified:${email}`, id: createHash('sha256').update(email).digest('hex').slice(0, 21), email }
  }
}

export function subjectOf({ email, id }: AccountRow): Subject {
  return { principal: `serviceAccount:${email}`, id, email }
}
