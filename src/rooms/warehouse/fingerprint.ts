/** A short text that differs where the values do: for etags and for the versions of compiled texts. */
import { createHash } from 'node:crypto'

export function fingerprint(value: unknown): string {
  return createHash('sha1').update(typeof value === 'string' ? value : JSON.stringify(value)).digest('base64url')
}
