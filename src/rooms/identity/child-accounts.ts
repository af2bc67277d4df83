/** The service accounts that children of the house act as, for those who make their worlds. */
import type { Caller } from '#ground/door.ts'
import type { KeyFile } from './accounts.ts'
import type { Developer, FirstStart } from './first-start.ts'
import type { IdentityService } from './service.ts'

export class ChildAccounts {
  private readonly identity: IdentityService
  private readonly first: FirstStart

  constructor(identity: IdentityService, first: FirstStart) {
    this.identity = identity
    this.first = first
  }

  get developer(): string {
    return this.first.developerAccount
  }

  async caller(email: string): Promise<Caller> {
    const { id, project } = await this.identity.enabledAccount(email)
    return { principal: `serviceAccount:${email}`, kind: 'serviceAccount', project, account: { id, email } }
  }

  accessToken(email: string, via: string, lifetime_s?: number): Promise<{ token: string; expires_s: number }> {
    return this.identity.accessToken(email, { via, ...(lifetime_s !== undefined && { lifetime_s }) })
  }

  identityToken(email: string, audience: string): Promise<string> {
    return this.identity.identityToken(email, audience)
  }

  keyFile(email: string, url: string): Promise<KeyFile> {
    return this.identity.accounts.childKey(email, url)
  }

  async login(): Promise<Developer | undefined> {
    return this.identity.settings.mode === 'open' ? this.first.developerLogin() : undefined
  }
}
