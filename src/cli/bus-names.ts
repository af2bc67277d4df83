/** Names of the bus as people write them: `news`, or whole as `projects/P/topics/news`. */
import { Fault } from '#ground/fault.ts'
import type { CommonOptions } from './command.ts'
import type { HouseClient } from './house-client.ts'
import { readStatus } from './status.ts'

export interface ProjectOptions extends CommonOptions {
  project?: string
}

export async function projectOf(house: HouseClient, { project }: ProjectOptions): Promise<string> {
  return project ?? (process.env['GOOGLE_CLOUD_PROJECT'] || (await readStatus(house)).project)
}

export async function wholeName(house: HouseClient, kind: 'topics' | 'subscriptions' | 'snapshots', given: string, options: ProjectOptions): Promise<string> {
  if (given.startsWith('projects/')) return given
  return `projects/${await projectOf(house, options)}/${kind}/${given}`
}

export const pathOf = (name: string): string => `/v1/${name.split('/').map(encodeURIComponent).join('/')}`

export const lastOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1)

export async function* listNamed<T>(house: HouseClient, project: string, kind: 'topics' | 'subscriptions'): AsyncGenerator<T> {
  let pageToken: string | undefined
  do {
    const page = await house.json<Record<string, T[] | undefined> & { nextPageToken?: string }>('GET', `/v1/projects/${encodeURIComponent(project)}/${kind}`, { query: { pageToken } })
    yield* page[kind] ?? []
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
}

export function pairsOf(pairs: string[] = [], what: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const mark = pair.indexOf('=')
      if (mark > 0) return [pair.slice(0, mark), pair.slice(mark + 1)]
      throw new Fault('INVALID_ARGUMENT', 'usage', `${what} is written key=value, not ${JSON.stringify(pair)}.`)
    }),
  )
}
