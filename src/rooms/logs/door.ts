/** The Cloud Logging API v2: entries, and the names of logs. `entries:tail` is a stream of JSON lines here; over gRPC it is the API's own. */
import type { Call, Route } from '#ground/door.ts'
import { invalid } from './faults.ts'
import { LOGS_LISTED_MAX } from './limits.ts'
import type { LogsService, NewEntry } from './service.ts'
import type { LogEntry } from './types.ts'

type Json = Record<string, unknown>
const onProject = (project: string) => ({ type: 'project', name: project, project })

export function logRoutes(service: LogsService): Route[] {
  return [
    {
      id: 'logging.entries.list', verb: 'POST', path: '/v2/entries:list', permission: null,
      async handle(call) {
        const body = await call.readJson()
        const { filter = '', orderBy = '', pageSize = 0, pageToken = '' } = body
        const resourceNames = await readable(call, body)
        call.sendJson(200, await service.list({ resourceNames, filter: String(filter), orderBy: String(orderBy), pageSize: Number(pageSize), pageToken: String(pageToken) }))
      },
    },
    {
      id: 'logging.entries.tail', verb: 'POST', path: '/v2/entries:tail', permission: null,
      async handle(call) {
        const body = await call.readJson()
        const resourceNames = await readable(call, body)
        const { response, signal } = call
        service.follow(resourceNames, String(body['filter'] ?? ''), (entry) => void response.write(`${JSON.stringify(entry)}\n`), signal)
        response.writeHead(200, { 'content-type': 'application/x-ndjson' })
        response.flushHeaders()
        await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
        response.end()
      },
    },
    {
      id: 'logging.entries.write', verb: 'POST', path: '/v2/entries:write', permission: null,
      async handle(call) {
        const entries = entriesIn(await call.readJson())
        for (const project of new Set(entries.map(({ logName }) => logName.split('/')[1]!))) await call.require('logging.logEntries.create', onProject(project))
        await service.writeAll(entries)
        call.sendJson(200, {})
      },
    },
    {
      id: 'logging.projects.logs.list', verb: 'GET', path: '/v2/projects/{project}/logs', permission: 'logging.logs.list', resource: ({ project }) => onProject(project!),
      handle: async (call) => call.sendJson(200, { logNames: await service.shelf.names(call.params['project']!, LOGS_LISTED_MAX) }),
    },
    {
      id: 'logging.projects.logs.delete', verb: 'DELETE', path: '/v2/projects/{project}/logs/{log}', permission: 'logging.logs.delete', resource: ({ project }) => onProject(project!),
      async handle(call) {
        await service.flush()
        await service.shelf.removeLog(`projects/${call.params['project']}/logs/${encodeURIComponent(call.params['log']!)}`)
        call.sendJson(200, {})
      },
    },
  ]
}

async function readable(call: Call, { resourceNames, projectIds }: Json): Promise<string[]> {
  const names = [...(Array.isArray(resourceNames) ? resourceNames.map(String) : []), ...(Array.isArray(projectIds) ? projectIds.map((id) => `projects/${String(id)}`) : [])]
  if (names.length === 0) throw invalid('resourceNames names no project.', 'For example projects/my-project.')
  for (const name of names) await call.require('logging.logEntries.list', onProject(name.split('/')[1] ?? ''))
  return names
}

/** What stands beside the list holds for every entry that says nothing else. */
export function entriesIn({ entries, logName, resource, labels }: Json): NewEntry[] {
  if (!Array.isArray(entries) || entries.length === 0) throw invalid('The request has no entries.')
  return entries.map((given: Json) => {
    const name = given['logName'] ?? logName
    if (typeof name !== 'string' || !/^(projects|organizations|folders|billingAccounts)\/[^/]+\/logs\/[^/]+$/.test(name)) throw invalid('logName has the form projects/P/logs/ID, the id percent-encoded.')
    const { resource: own, labels: ownLabels, ...rest } = given as Partial<LogEntry>
    const where = (own ?? resource ?? { type: 'global', labels: {} }) as LogEntry['resource']
    const all = { ...(labels as Record<string, string> | undefined), ...ownLabels }
    return { ...rest, logName: name, resource: { type: where.type, labels: where.labels ?? {} }, ...(Object.keys(all).length > 0 && { labels: all }) }
  })
}
