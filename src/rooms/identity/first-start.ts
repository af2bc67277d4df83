/**
 * What a house has from its first start on: in open mode a developer, with a random password in a private file, and a service account
 * that acts for them; in closed mode one administrator's token, shown once. There is no default password.
 */
import type { Disk } from '#ground/disk.ts'
import type { Ids } from '#ground/ids.ts'
import { API_TOKEN_DAYS_MAX } from './limits.ts'
import { HOUSE } from './policies.ts'
import type { IdentityService } from './service.ts'

const DEVELOPER = 'developer@potoroo.local'
const DEVELOPER_FILE = 'developer.json'
const KEY_FILE = 'service-account.json'
const ADMIN = 'admin@potoroo.local'
const OWNER = 'roles/owner'

export interface Developer {
  user: string
  password: string
}

export class FirstStart {
  private readonly identity: IdentityService
  private readonly disk: Disk
  private readonly ids: Ids

  constructor(parts: { identity: IdentityService; disk: Disk; ids: Ids }) {
    this.identity = parts.identity
    this.disk = parts.disk
    this.ids = parts.ids
  }

  /** The administrator's token where this is the first closed start. */
  async run(): Promise<string | undefined> {
    if (this.identity.settings.mode === 'open') {
      await this.developer()
      return undefined
    }
    return this.administrator()
  }

  /** The service account that acts for the developer when a program asks for no other. */
  get developerAccount(): string {
    return `developer@${this.identity.settings.defaultProject}.iam.gserviceaccount.com`
  }

  async developerUserId(): Promise<string | undefined> {
    return (await this.identity.users.findByEmail(DEVELOPER))?.id
  }

  async developerLogin(): Promise<Developer | undefined> {
    const text = await this.disk.readWhole(DEVELOPER_FILE)
    return text === undefined ? undefined : (JSON.parse(text.toString('utf8')) as Developer)
  }

  /** Written anew at each start, because it names the address of this run. */
  async writeKeyFile(url: string): Promise<string> {
    const key = await this.identity.accounts.childKey(this.developerAccount, url)
    await this.disk.writeWhole(JSON.stringify(key, undefined, 2), 0o600, KEY_FILE)
    return this.disk.path(KEY_FILE)
  }

  private async developer(): Promise<void> {
    const { users, accounts, settings } = this.identity
    const user = await users.findByEmail(DEVELOPER)
    // The file is the only place where the password stands: without it the password is of no use to anyone.
    if (!user || (await this.developerLogin()) === undefined) {
      const password = this.ids.secret()
      await this.disk.writeWhole(JSON.stringify({ user: DEVELOPER, password } satisfies Developer), 0o600, DEVELOPER_FILE)
      if (user) await users.setPassword(user.id, password)
      else await users.add(DEVELOPER, password)
    }
    await accounts.ensure(this.developerAccount, settings.defaultProject, 'Acts for the developer')
    // Its key is made at the first start, beside everything else: whoever asks for it later should not wait.
    await Promise.all([accounts.childKey(this.developerAccount, ''), this.makeOwners([`user:${DEVELOPER}`, `serviceAccount:${this.developerAccount}`])])
  }

  private async makeOwners(members: string[]): Promise<void> {
    const { policies } = this.identity
    for (const member of members) {
      const { bindings } = await policies.read(HOUSE)
      if (!bindings.some(({ role, members: bound }) => role === OWNER && bound.includes(member))) await policies.grant(HOUSE, OWNER, member)
    }
  }

  private async administrator(): Promise<string | undefined> {
    const { users, policies, apiTokens } = this.identity
    if (await users.findByEmail(ADMIN)) return undefined
    await users.add(ADMIN, this.ids.secret())
    await policies.grant(HOUSE, OWNER, `user:${ADMIN}`)
    return (await apiTokens.create(`user:${ADMIN}`, 'first administrator', API_TOKEN_DAYS_MAX)).token
  }
}
