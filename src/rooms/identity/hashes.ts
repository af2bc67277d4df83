/** How a token is kept: never itself. Tokens are long and random, so a plain hash is enough; passwords are not, and have argon2id. */
import { createHash } from 'node:crypto'

export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
