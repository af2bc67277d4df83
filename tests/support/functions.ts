/** Functions for tests: zipped, uploaded and deployed by plain requests. The code uses the runtimes' own libraries only, so no package is fetched. */
import { zipSync } from 'fflate'

export const PROJECT = 'p'
export const LOCATION = 'europe-west3'
export const functionPath = (name: string): string => `projects/${PROJECT}/locations/${LOCATION}/functions/${name}`

export async function ask<T = Record<string, any>>(url: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return (text === '' ? {} : JSON.parse(text)) as T
}

export const makeBucket = (url: string, name: string) => ask(url, 'POST', `/storage/v1/b?project=${PROJECT}`, { name })

export async function putObject(url: string, bucket: string, name: string, bytes: Uint8Array | string): Promise<void> {
  const response = await fetch(`${url}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`, { method: 'POST', body: bytes as NonNullable<RequestInit['body']> })
  if (!response.ok) throw new Error(`the upload of ${name} was answered with ${response.status}`)
}

export async function objectNames(url: string, bucket: string): Promise<string[]> {
  const { items = [] } = await ask<{ items?: { name: string }[] }>(url, 'GET', `/storage/v1/b/${bucket}/o`)
  return items.map(({ name }) => name)
}

export const zipOf = (files: Record<string, string>): Uint8Array => zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])))

export interface Deployment {
  name: string
  files: Record<string, string>
  runtime?: string
  entryPoint?: string
  trigger?: { bucket: string; retry?: boolean } | { topic: string; retry?: boolean } | 'http'
  service?: Record<string, unknown>
}

/** The operation's name; the bucket `zips` must be there. */
export async function beginDeploy(url: string, { name, files, runtime = 'python311', entryPoint = 'main', trigger = 'http', service = {} }: Deployment, verb: 'POST' | 'PATCH' = 'POST'): Promise<string> {
  await putObject(url, 'zips', `${name}.zip`, zipOf(files))
  const eventTrigger =
    trigger === 'http'
      ? undefined
      : {
          ...('bucket' in trigger
            ? { eventType: 'google.cloud.storage.object.v1.finalized', eventFilters: [{ attribute: 'bucket', value: trigger.bucket }] }
            : { eventType: 'google.cloud.pubsub.topic.v1.messagePublished', pubsubTopic: `projects/${PROJECT}/topics/${trigger.topic}` }),
          retryPolicy: trigger.retry ? 'RETRY_POLICY_RETRY' : 'RETRY_POLICY_DO_NOT_RETRY',
        }
  const body = { buildConfig: { runtime, entryPoint, source: { storageSource: { bucket: 'zips', object: `${name}.zip` } } }, serviceConfig: service, ...(eventTrigger && { eventTrigger }) }
  const path = verb === 'POST' ? `/v2/projects/${PROJECT}/locations/${LOCATION}/functions?functionId=${name}` : `/v2/${functionPath(name)}`
  return (await ask<{ name: string }>(url, verb, path, body)).name
}

export interface Ended {
  done?: boolean
  error?: { code: number; message: string }
}

export function untilDone(url: string, operation: string): Promise<Ended> {
  return until(`${operation} is done`, async () => {
    const found = await ask<Ended>(url, 'GET', `/v2/${operation}`)
    return found.done ? found : undefined
  })
}

export async function deploy(url: string, deployment: Deployment, verb?: 'POST' | 'PATCH'): Promise<void> {
  const { error } = await untilDone(url, await beginDeploy(url, deployment, verb))
  if (error) throw new Error(error.message)
}

export interface EventShown {
  id: string
  eventId: string
  state: string
  attempts: number
  subject?: string
  error?: string
}

export const eventsOf = async (url: string, name: string): Promise<EventShown[]> => (await ask<{ events: EventShown[] }>(url, 'GET', `/v1/${functionPath(name)}/events?pageSize=1000`)).events

const PATIENCE_MS = 60_000
const LOOK_MS = 50

/** The first answer that is one. Bounded, and no measure of speed. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const since = performance.now()
  for (let last: unknown; ; ) {
    try {
      const found = await look()
      if (found) return found
      last = undefined
    } catch (thrown) {
      last = thrown
    }
    if (performance.now() - since > PATIENCE_MS) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** A background function that leaves one object in `proofs` for each run, by the standard library alone. */
export const PROVING = `
import os, time, urllib.request, uuid

def main(event, context):
    time.sleep(float(os.environ.get("TAKES_S", "0")))
    name = "%s-%s" % (event.get("name", "message"), uuid.uuid4())
    request = urllib.request.Request(os.environ["STORAGE_EMULATOR_HOST"] + "/upload/storage/v1/b/proofs/o?uploadType=media&name=" + name, data=context.event_id.encode(), method="POST")
    urllib.request.urlopen(request).read()
`
