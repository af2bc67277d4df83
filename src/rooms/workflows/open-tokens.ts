/** Credentials while nobody checks them: they name the service account and prove nothing. With accounts, the identity room's take their place. */
import type { TokenPort } from './room.ts'

export const openTokens: TokenPort = {
  access: async (serviceAccount) => `potoroo-open.${encoded(serviceAccount)}`,
  identity: async (serviceAccount, audience) => `potoroo-open.${encoded(serviceAccount)}.${encoded(audience)}`,
}

const encoded = (text: string): string => Buffer.from(text).toString('base64url')
