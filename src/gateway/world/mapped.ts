/**
 * URLs of elsewhere that stand in a bucket: `https://raw.githubusercontent.com/org/repo/=gs://mirror/repo/`, so that a program that
 * reads them runs offline and unchanged. It only says which object is meant; the storage room's doors answer, and its rights hold.
 */
import type { Door } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'

export interface Mapping {
  host: string
  /** Begins with a slash, as it stands in the URL. */
  path: string
  bucket: string
  prefix: string
}

const UNMAPPED = '/potoroo/v1/unmapped'

export function parseMapping(entry: string): Mapping {
  const at = entry.lastIndexOf('=gs://')
  const url = URL.parse(at < 0 ? '' : entry.slice(0, at).trim())
  const [, bucket, prefix = ''] = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/(.*))?$/.exec(entry.slice(at + 1).trim()) ?? []
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || bucket === undefined) {
    throw new Fault('INVALID_ARGUMENT', 'usage', `--map is URL=gs://BUCKET/PREFIX, not ${JSON.stringify(entry)}.`, { hint: 'For example https://raw.githubusercontent.com/org/data/=gs://mirror/data/' })
  }
  return { host: url.hostname, path: url.pathname, bucket, prefix }
}

export function mappedDoor(mappings: readonly Mapping[]): Door {
  return {
    name: 'mapped',
    hosts: [...new Set(mappings.map(({ host }) => host))],
    renderFault: sendGoogleFault,
    routes: [
      {
        id: 'potoroo.unmapped', verb: 'GET', path: `${UNMAPPED}/{path=**}`, permission: null,
        handle(call) {
          throw new Fault('NOT_FOUND', 'notFound', `No --map setting says where this URL of ${call.host} lies.`)
        },
      },
    ],
    rewrite(host, path) {
      const found = mappings.filter((one) => one.host === host && path.startsWith(one.path)).sort((a, b) => b.path.length - a.path.length)[0]
      if (!found) return `${UNMAPPED}${path}`
      return `/${found.bucket}/${encodeURI(found.prefix)}${path.slice(found.path.length)}`
    },
  }
}
