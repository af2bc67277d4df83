/** Who is calling, and may they: what the gateway asks of every request. */
import type { Clock } from '#ground/clock.ts'
import type { Caller, Resource } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import type { Accounts } from './accounts.ts'
import { API_TOKEN_PREFIX } from './api-tokens.ts'
import type { ApiTokens } from './api-tokens.ts'
import type { Assertions } from './assertions.ts'
import type { Audit } from './audit.ts'
import { badToken } from './faults.ts'
import { VERIFIED_TOKEN_MS, VERIFIED_TOKENS_MAX } from './limits.ts'
import { HOUSE } from './policies.ts'
import type { Binding, Policies } from './policies.ts'
import type { Projects } from './projects.ts'
import type { Roles } from './roles.ts'
import type { Strangers } from './strangers.ts'
import type { Tokens } from './tokens.ts'
import type { Users } from './users.ts'

export type Mode = 'open' | 'closed'

export interface Knock {
  bearer: string | undefined
  /** Whose the connection is, on the machines that can tell. */
  peer(): Promise<'same' | 'other' | 'unknown'>
  /** The host that the client asked for, without its port. */
  host: string
}

export interface GateParts {
  mode: Mode
  /** Whether roles hold service accounts and users in open mode too. They always do in closed mode. */
  enforce: boolean
  accounts: Accounts
  users: Users
  tokens: Tokens
  apiTokens: ApiTokens
  assertions: Assertions
  policies: Policies
  roles: Roles
  projects: Projects
  strangers: Strangers
  audit: Audit
  clock: Clock
  /** The project of something whose name does not tell it, such as a bucket. */
  projectOf(resource: Resource): Promise<string | undefined>
}

interface Verified {
  caller: Caller
  until_ms: number
  /** Of an assertion or identity token used as a bearer: the audience, which depends on the request. */
  audience?: string
}

const NOBODY: Caller = { principal: 'allUsers', kind: 'anonymous' }
const DEVELOPER: Caller = { principal: 'owner', kind: 'owner' }

export class Gate {
  private readonly parts: GateParts
  private readonly verified = new Map<string, Verified>()

  constructor(parts: GateParts) {
    this.parts = parts
  }

  async identify({ bearer, peer, host }: Knock): Promise<Caller> {
    if (bearer === undefined) return this.parts.mode === 'open' && (await peer()) !== 'other' ? DEVELOPER : NOBODY
    const now_ms = this.parts.clock.now_ms()
    let known = this.verified.get(bearer)
    if (!known || known.until_ms <= now_ms) {
      this.verified.delete(bearer)
      known = await this.verify(bearer)
      this.keep(bearer, known, now_ms)
    }
    if (known.audience !== undefined && !isFor(known.audience, host)) throw badToken(`the token is for ${JSON.stringify(known.audience.slice(0, 200))}, not for ${host}.`)
    // Unverified is what the developer's own programs may be, not what another user of the machine may call himself.
    if (known.caller.kind === 'unverified' && (await peer()) === 'other') throw badToken('a key that this house never issued is taken from its own user only.')
    return known.caller
  }

  async may(caller: Caller, permission: string, resource: Resource | undefined): Promise<boolean> {
    const named = resource && projectNamed(resource)
    if (named !== undefined) await this.parts.projects.seen(this.parts.projects.idOf(named))
    if (this.isFree(caller)) return true // Without asking whose bucket it is: that is a look-up for every object.
    const project = await this.projectFor(resource)
    for (const place of places(resource, project)) {
      const bindings = await this.parts.policies.bindings(place)
      if (bindings.some((binding) => this.gives(binding, caller, permission))) return true
    }
    return false
  }

  denied(caller: Caller, permission: string, resource: Resource | undefined): void {
    this.parts.audit.denied(caller, permission, resource)
  }

  /** Called when anybody may do less than before. */
  forget(): void {
    this.verified.clear()
  }

  /** The developer on a laptop, and what acts for them. */
  private isFree({ kind }: Caller): boolean {
    if (kind === 'owner' || kind === 'unverified') return this.parts.mode === 'open'
    return kind !== 'anonymous' && this.parts.mode === 'open' && !this.parts.enforce
  }

  private gives({ role, members }: Binding, caller: Caller, permission: string): boolean {
    return members.some((member) => includes(member, caller)) && this.parts.roles.allows(role, permission)
  }

  private async projectFor(resource: Resource | undefined): Promise<string | undefined> {
    if (!resource) return undefined
    const project = projectNamed(resource) ?? (await this.parts.projectOf(resource))
    return project === undefined ? undefined : this.parts.projects.idOf(project)
  }

  private async verify(bearer: string): Promise<Verified> {
    if (bearer.startsWith(API_TOKEN_PREFIX)) {
      const { principal, expires_ms } = await this.parts.apiTokens.read(bearer)
      return { caller: await this.callerOf(principal, undefined), until_ms: expires_ms }
    }
    const { typ, iss } = glance(bearer)
    if (typ === undefined) return this.opaque(bearer)
    if (iss?.endsWith('.gserviceaccount.com')) return this.verifyAssertion(bearer)
    if (typ === 'at+jwt') {
      const { expires_ms, client, via, ...subject } = await this.parts.tokens.readAccess(bearer)
      const caller = await this.callerOf(subject.principal, subject.id)
      return { caller: { ...caller, ...(client !== undefined && { client }), ...(via !== undefined && { via }) }, until_ms: expires_ms }
    }
    const { expires_ms, audience, ...subject } = await this.parts.tokens.readIdentity(bearer)
    return { caller: await this.callerOf(subject.principal, subject.id), until_ms: expires_ms, audience }
  }

  /**
   * A bearer that is no token of ours in form: the real cloud's access tokens, and what programs make up when they only need some.
   * On a laptop it stands for a stranger, like a key file that the house never issued; a closed house knows no strangers.
   */
  private opaque(bearer: string): Verified {
    if (this.parts.mode === 'closed' || !OPAQUE_FORM.test(bearer)) throw badToken('it is not a token that this house issued.', STRANGER_HINT)
    this.parts.strangers.note(OPAQUE, undefined)
    return { caller: { principal: `unverified:${OPAQUE}`, kind: 'unverified' }, until_ms: Number.POSITIVE_INFINITY }
  }

  /** Google's libraries sign for gRPC with the key itself, without asking for a token first. */
  private async verifyAssertion(bearer: string): Promise<Verified> {
    const assertion = await this.parts.assertions.read(bearer).catch((thrown: unknown) => {
      throw thrown instanceof Fault ? badToken(thrown.message) : thrown
    })
    const until_ms = assertion.expires_ms
    // With a scope in place of an audience it is for every Google API.
    const audience = assertion.audience === '' && assertion.scope !== undefined ? {} : { audience: assertion.audience }
    if (assertion.account) return { caller: await this.callerOf(`serviceAccount:${assertion.email}`, assertion.account.id), until_ms, ...audience }
    if (this.parts.mode === 'closed') throw badToken('the house does not know this service account.')
    this.parts.strangers.note(assertion.email, assertion.keyId)
    return { caller: { principal: `unverified:${assertion.email}`, kind: 'unverified' }, until_ms, ...audience }
  }

  /** The principal as it is now: gone, disabled, or replaced by another of the same name, its tokens are worth nothing. */
  private async callerOf(principal: string, id: string | undefined): Promise<Caller> {
    const [kind, email] = splitPrincipal(principal)
    if (kind === 'unverified') {
      if (this.parts.mode === 'closed') throw badToken('it was issued to an unverified principal while the house was open.')
      return { principal, kind: 'unverified' }
    }
    if (kind === 'serviceAccount') {
      const account = await this.parts.accounts.find(email)
      if (!account || account.disabled || (id !== undefined && account.id !== id)) throw badToken('its service account is gone or disabled.')
      return { principal, kind: 'serviceAccount', project: account.project, account: { id: account.id, email } }
    }
    const user = await this.parts.users.findByEmail(email)
    if (!user?.enabled || (id !== undefined && user.id !== id)) throw badToken('its user is gone or disabled.')
    return { principal, kind: 'user', account: { id: user.id, email } }
  }

  private keep(bearer: string, verified: Verified, now_ms: number): void {
    if (this.verified.size >= VERIFIED_TOKENS_MAX) this.verified.delete(this.verified.keys().next().value!)
    this.verified.set(bearer, { ...verified, until_ms: Math.min(verified.until_ms, now_ms + VERIFIED_TOKEN_MS) })
  }
}

/** How a bearer that names nobody is called. */
const OPAQUE = 'bearer'
/** Not so much as a word is a mistake of the sender's. */
const OPAQUE_FORM = /^\w[\w.~+/=-]*$/

const STRANGER_HINT = 'A token of the real cloud is no good here. Run the program under `potoroo exec`, or take a token from `potoroo token create`.'

/** The project that a resource names itself; `_` and `-` stand for any. */
function projectNamed({ type, name, project }: Resource): string | undefined {
  const named = project ?? /^projects\/([^/]+)/.exec(name)?.[1] ?? (type === 'project' ? name : undefined)
  return named === '_' || named === '-' ? undefined : named
}

/** What a token claims before it is verified: only to choose how to verify it. */
function glance(token: string): { typ?: string; iss?: string } {
  const parts = token.split('.')
  if (parts.length !== 3) return {}
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part!, 'base64url').toString()) as Record<string, unknown>)
    return { typ: String(header!['typ'] ?? 'JWT'), ...(typeof claims!['iss'] === 'string' && { iss: claims!['iss'] }) }
  } catch {
    return {}
  }
}

function splitPrincipal(principal: string): [kind: string, email: string] {
  const at = principal.indexOf(':')
  return [principal.slice(0, at), principal.slice(at + 1)]
}

function includes(member: string, caller: Caller): boolean {
  if (member === 'allUsers') return true
  if (caller.kind === 'anonymous' || caller.kind === 'unverified') return false
  if (member === 'allAuthenticatedUsers') return true
  if (member.startsWith('domain:')) return caller.kind === 'user' && caller.principal.endsWith(`@${member.slice('domain:'.length)}`)
  return member === caller.principal
}

/** Where a binding for this may stand: on the thing, on what holds it, on its project, on the house. */
function places(resource: Resource | undefined, project: string | undefined): Resource[] {
  const found: Resource[] = []
  if (resource && resource.type !== 'project' && resource.type !== 'house') {
    const own = { ...resource, ...(project !== undefined && { project }) }
    found.push(own, ...holders(own))
  }
  if (project !== undefined) found.push({ type: 'project', name: project, project })
  return [...found, HOUSE]
}

/** A table's dataset, an execution's workflow: what stands before it in its own name. */
function holders({ type, name, project }: Resource): Resource[] {
  const within = HOLDERS[type]
  if (!within) return []
  const cut = name.lastIndexOf(`/${type}s/`)
  const holder = cut > 0 ? name.slice(0, cut) : /^([^./]+)[./]/.exec(name)?.[1]
  return holder === undefined ? [] : [{ type: within, name: holder, ...(project !== undefined && { project }) }]
}

const HOLDERS: Readonly<Record<string, string>> = { table: 'dataset', routine: 'dataset', model: 'dataset', object: 'bucket', execution: 'workflow', version: 'secret' }

/** The audience of a token may be the address of the service or function it is shown to. */
function isFor(audience: string, host: string): boolean {
  const url = URL.parse(audience)
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && url.hostname === host
}
