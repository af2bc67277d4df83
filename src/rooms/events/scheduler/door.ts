/** The Cloud Scheduler API v1. App Engine's targets are not there. */
import type { Call, Params, Resource, Route } from '#ground/door.ts'
import type { Clock } from '#ground/clock.ts'
import { Fault, unimplemented } from '#ground/fault.ts'
import type { Scheduler } from './scheduler.ts'
import { checkTimeZone, nextTime, parseSchedule } from './timetable.ts'
import type { ScheduledJob, Target } from './types.ts'

type Json = Record<string, unknown>

const PARENT = '/v1/projects/{project}/locations/{location}'
const JOB = `${PARENT}/jobs/{job}`
const PAGE_SIZE_MAX = 500
const BODY_BYTES_MAX = 1024 * 1024
const DEADLINE_MS = 180_000
const DEADLINE_MS_MAX = 30 * 60_000
/** By their numbers, which the client libraries send. */
const METHODS = ['HTTP_METHOD_UNSPECIFIED', 'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']

const parentOf = ({ project, location }: Params): string => `projects/${project}/locations/${location}`
const nameOf = (params: Params): string => `${parentOf(params)}/jobs/${params['job']}`
const projectResource = ({ project }: Params): Resource => ({ type: 'project', name: project!, project: project! })

export function scheduleRoutes(scheduler: Scheduler, clock: Clock): Route[] {
  const { shelf } = scheduler
  const get = async (params: Params): Promise<ScheduledJob> => {
    const found = await shelf.find(nameOf(params))
    if (!found) throw new Fault('NOT_FOUND', 'notFound', `Job ${nameOf(params)} does not exist.`)
    return found
  }
  const save = async (call: Call, job: ScheduledJob) => {
    await shelf.change(job)
    scheduler.look()
    call.sendJson(200, jobResource(job))
  }
  const timed = (job: ScheduledJob): ScheduledJob => ({ ...job, next_ms: job.state === 'PAUSED' ? null : nextTime(job.schedule, job.timeZone, clock.now_ms(), job.created_ms) })
  return [
    {
      id: 'cloudscheduler.projects.locations.jobs.create', verb: 'POST', path: `${PARENT}/jobs`, permission: 'cloudscheduler.jobs.create', resource: projectResource,
      async handle(call) {
        const body = await call.readJson()
        const { project, location } = call.params
        const given = String(body['name'] ?? '')
        const id = /^projects\/[^/]+\/locations\/[^/]+\/jobs\/([a-zA-Z\d_-]{1,500})$/.exec(given)?.[1]
        if (given === '' ? false : id === undefined || !given.startsWith(`${parentOf(call.params)}/`)) throw invalid(`Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".`)
        const now_ms = clock.now_ms()
        const name = `${parentOf(call.params)}/jobs/${id ?? now_ms}`
        const job = timed({ ...readJob(body), name, project: project!, location: location!, state: 'ENABLED', created_ms: now_ms, updated_ms: now_ms, next_ms: null, lastAttempt_ms: null, status: null })
        await shelf.add(job)
        scheduler.look()
        call.sendJson(200, jobResource(job))
      },
    },
    {
      id: 'cloudscheduler.projects.locations.jobs.list', verb: 'GET', path: `${PARENT}/jobs`, permission: 'cloudscheduler.jobs.list', resource: projectResource,
      async handle(call) {
        const { project, location } = call.params
        const size = Math.min(Number(call.query.get('pageSize') ?? 0) || PAGE_SIZE_MAX, PAGE_SIZE_MAX)
        const found = await shelf.list(project!, location!, Buffer.from(call.query.get('pageToken') ?? '', 'base64url').toString(), size + 1)
        const page = found.slice(0, size)
        call.sendJson(200, { jobs: page.map(jobResource), ...(found.length > size && { nextPageToken: Buffer.from(page.at(-1)!.name).toString('base64url') }) })
      },
    },
    { id: 'cloudscheduler.projects.locations.jobs.get', verb: 'GET', path: JOB, permission: 'cloudscheduler.jobs.get', resource: projectResource, handle: async (call) => call.sendJson(200, jobResource(await get(call.params))) },
    {
      id: 'cloudscheduler.projects.locations.jobs.patch', verb: 'PATCH', path: JOB, permission: 'cloudscheduler.jobs.update', resource: projectResource,
      async handle(call) {
        const before = await get(call.params)
        const body = await call.readJson()
        const mask = (call.query.get('updateMask') ?? '').split(',').map((path) => path.split('.')[0]!.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).filter(Boolean)
        const names = mask.length > 0 ? mask : Object.keys(body)
        const merged: Json = jobResource(before)
        if (names.some((name) => name.endsWith('Target'))) for (const name of ['httpTarget', 'pubsubTarget', 'appEngineHttpTarget']) delete merged[name]
        for (const name of names) merged[name] = isJson(merged[name]) && isJson(body[name]) ? { ...merged[name], ...body[name] } : body[name]
        await save(call, timed({ ...before, ...readJob(merged), updated_ms: clock.now_ms() }))
      },
    },
    {
      id: 'cloudscheduler.projects.locations.jobs.delete', verb: 'DELETE', path: JOB, permission: 'cloudscheduler.jobs.delete', resource: projectResource,
      async handle(call) {
        await shelf.remove((await get(call.params)).name)
        call.sendJson(200, {})
      },
    },
    {
      id: 'cloudscheduler.projects.locations.jobs.pause', verb: 'POST', path: `${JOB}:pause`, permission: 'cloudscheduler.jobs.pause', resource: projectResource,
      handle: async (call) => save(call, timed({ ...(await get(call.params)), state: 'PAUSED' })),
    },
    {
      id: 'cloudscheduler.projects.locations.jobs.resume', verb: 'POST', path: `${JOB}:resume`, permission: 'cloudscheduler.jobs.enable', resource: projectResource,
      handle: async (call) => save(call, timed({ ...(await get(call.params)), state: 'ENABLED' })),
    },
    {
      id: 'cloudscheduler.projects.locations.jobs.run', verb: 'POST', path: `${JOB}:run`, permission: 'cloudscheduler.jobs.run', resource: projectResource,
      async handle(call) {
        const job = await get(call.params)
        await scheduler.runNow(job)
        call.sendJson(200, jobResource(job))
      },
    },
  ]
}

type Given = Pick<ScheduledJob, 'description' | 'schedule' | 'timeZone' | 'target' | 'retry' | 'attemptDeadline_ms'>

function readJob(body: Json): Given {
  const schedule = String(body['schedule'] ?? '')
  const timeZone = String(body['timeZone'] || 'Etc/UTC')
  checkTimeZone(timeZone)
  parseSchedule(schedule)
  const retry = (body['retryConfig'] ?? {}) as Json
  const attemptDeadline_ms = duration_ms(body['attemptDeadline'], DEADLINE_MS)
  if (attemptDeadline_ms > DEADLINE_MS_MAX) throw invalid(`The attempt deadline is at most ${DEADLINE_MS_MAX / 1000} seconds.`)
  return {
    description: String(body['description'] ?? ''), schedule, timeZone, target: readTarget(body), attemptDeadline_ms,
    retry: {
      retryCount: count(retry['retryCount'], 0, 5), maxRetry_ms: duration_ms(retry['maxRetryDuration'], 0), minBackoff_ms: duration_ms(retry['minBackoffDuration'], 5_000),
      maxBackoff_ms: duration_ms(retry['maxBackoffDuration'], 3600_000), maxDoublings: count(retry['maxDoublings'], 5, 16),
    },
  }
}

function readTarget({ httpTarget, pubsubTarget, appEngineHttpTarget }: Json): Target {
  if (appEngineHttpTarget !== undefined) throw unimplemented('cloudscheduler jobs with appEngineHttpTarget')
  if (isJson(pubsubTarget)) {
    const { topicName, data, attributes } = pubsubTarget
    if (typeof topicName !== 'string' || !/^projects\/[^/]+\/topics\/[^/]+$/.test(topicName)) throw invalid('pubsubTarget.topicName has the form projects/P/topics/T.')
    if (data === undefined && attributes === undefined) throw invalid('A message has data or attributes.')
    return { kind: 'pubsub', pubsub: { topicName, ...(data !== undefined && { data: base64(data) }), ...(attributes !== undefined && { attributes: attributes as Record<string, string> }) } }
  }
  if (!isJson(httpTarget)) throw invalid('A job needs a target: httpTarget or pubsubTarget.')
  const { uri, httpMethod = 'POST', headers = {}, body, oidcToken, oauthToken } = httpTarget
  if (typeof uri !== 'string' || !/^https?:\/\//.test(uri) || !URL.canParse(uri)) throw invalid('httpTarget.uri is an http or https URL.')
  const given = typeof httpMethod === 'number' ? METHODS[httpMethod] : String(httpMethod)
  if (given === undefined || !METHODS.includes(given)) throw invalid(`httpTarget.httpMethod is one of ${METHODS.slice(1).join(', ')}.`)
  const method = given === METHODS[0] ? 'POST' : given
  return {
    kind: 'http',
    http: { uri, httpMethod: method, headers: headers as Record<string, string>, ...(body !== undefined && { body: base64(body) }), ...(isJson(oidcToken) && { oidcToken }), ...(isJson(oauthToken) && { oauthToken }) },
  }
}

function jobResource({ name, description, schedule, timeZone, target, retry, attemptDeadline_ms, state, updated_ms, next_ms, lastAttempt_ms, status }: ScheduledJob): Json {
  return {
    name,
    ...(description !== '' && { description }),
    ...(target.kind === 'http' ? { httpTarget: target.http } : { pubsubTarget: target.pubsub }),
    schedule,
    timeZone,
    userUpdateTime: new Date(updated_ms).toISOString(),
    state,
    ...(status !== null && { status }),
    ...(next_ms !== null && { scheduleTime: new Date(next_ms).toISOString() }),
    ...(lastAttempt_ms !== null && { lastAttemptTime: new Date(lastAttempt_ms).toISOString() }),
    retryConfig: {
      ...(retry.retryCount > 0 && { retryCount: retry.retryCount }), maxRetryDuration: seconds(retry.maxRetry_ms), minBackoffDuration: seconds(retry.minBackoff_ms), maxBackoffDuration: seconds(retry.maxBackoff_ms), maxDoublings: retry.maxDoublings,
    },
    attemptDeadline: seconds(attemptDeadline_ms),
  }
}

const seconds = (ms: number): string => `${ms / 1000}s`

function duration_ms(given: unknown, fallback_ms: number): number {
  if (given === undefined || given === null || given === '') return fallback_ms
  const found = /^(\d+(?:\.\d+)?)s$/.exec(String(given))
  if (!found) throw invalid(`Not a duration: ${String(given).slice(0, 40)}`)
  return Number(found[1]) * 1000
}

function count(given: unknown, fallback: number, max: number): number {
  const value = Number(given ?? fallback)
  if (!Number.isInteger(value) || value < 0 || value > max) throw invalid(`A count of retries is from 0 to ${max}.`)
  return value
}

function base64(given: unknown): string {
  if (typeof given !== 'string' || given.length > BODY_BYTES_MAX) throw invalid(`A body is base64 of at most ${BODY_BYTES_MAX} characters.`)
  return given
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const invalid = (message: string) => new Fault('INVALID_ARGUMENT', 'invalid', message)
