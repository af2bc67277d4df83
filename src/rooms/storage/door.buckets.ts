/** Buckets over the JSON API, with their IAM policies, access lists and notification settings. */
import type { Call, Route } from '#ground/door.ts'
import { selectFields } from '#ground/http/fields.ts'
import { projectNumber } from '#ground/project-number.ts'
import { invalid, noNotification, required } from './faults.ts'
import { NOTIFICATIONS_MAX } from './limits.ts'
import { readPreconditions, wholeNumber } from './preconditions.ts'
import { maxResults, textField } from './requests.ts'
import type { PolicyPort, StorageService } from './service.ts'
import type { AclEntry, Bucket, Notification } from './types.ts'
import { bucketAclEntry, bucketResource, defaultBucketAcl, defaultDefaultObjectAcl, notificationResource } from './wire.ts'

export const bucketOf = (params: Readonly<Record<string, string>>) => ({ type: 'bucket', name: params['bucket']! })

export function bucketRoutes(storage: StorageService, policies: PolicyPort): Route[] {
  const answer = (call: Call, bucket: Bucket) =>
    call.sendJson(200, selectFields(bucketResource(bucket, call.origin, call.query.get('projection')), call.query.get('fields')))
  const B = '/storage/v1/b/{bucket}'

  return [
    {
      id: 'storage.buckets.insert',
      verb: 'POST',
      path: '/storage/v1/b',
      permission: null,
      async handle(call) {
        const project = projectOf(call)
        await call.require('storage.buckets.create', { type: 'project', name: project, project })
        const bucket = await storage.buckets.create(project, await call.readJson())
        // A bucket of this name may have been here before: whoever had rights on that one has none on this.
        const place = { type: 'bucket', name: bucket.name }
        if (((await policies.read(place))['bindings'] as unknown[]).length > 0) await policies.write(place, { bindings: [] })
        answer(call, bucket)
      },
    },
    {
      id: 'storage.buckets.list',
      verb: 'GET',
      path: '/storage/v1/b',
      permission: null,
      async handle(call) {
        const project = projectOf(call)
        await call.require('storage.buckets.list', { type: 'project', name: project, project })
        const limit = maxResults(call.query)
        const found = await storage.buckets.list(project, { prefix: call.query.get('prefix') ?? '', after: call.query.get('pageToken') ?? '', limit: limit + 1 })
        const page = found.slice(0, limit)
        const body = {
          kind: 'storage#buckets',
          items: page.map((bucket) => bucketResource(bucket, call.origin, call.query.get('projection'))),
          ...(found.length > limit && { nextPageToken: page.at(-1)!.name }),
        }
        call.sendJson(200, selectFields(body, call.query.get('fields')))
      },
    },
    {
      id: 'storage.buckets.get',
      verb: 'GET',
      path: B,
      permission: 'storage.buckets.get',
      resource: bucketOf,
      handle: async (call) => answer(call, await storage.buckets.get(call.params['bucket']!, readPreconditions(call.query))),
    },
    {
      id: 'storage.buckets.patch',
      verb: 'PATCH',
      path: B,
      permission: 'storage.buckets.update',
      resource: bucketOf,
      handle: async (call) => answer(call, await storage.buckets.change(call.params['bucket']!, await call.readJson(), 'merge', readPreconditions(call.query))),
    },
    {
      id: 'storage.buckets.update',
      verb: 'PUT',
      path: B,
      permission: 'storage.buckets.update',
      resource: bucketOf,
      handle: async (call) => answer(call, await storage.buckets.change(call.params['bucket']!, await call.readJson(), 'replace', readPreconditions(call.query))),
    },
    {
      id: 'storage.buckets.delete',
      verb: 'DELETE',
      path: B,
      permission: 'storage.buckets.delete',
      resource: bucketOf,
      async handle(call) {
        await storage.removeBucket(call.params['bucket']!, readPreconditions(call.query))
        call.send(204)
      },
    },
    {
      id: 'storage.buckets.lockRetentionPolicy',
      verb: 'POST',
      path: `${B}/lockRetentionPolicy`,
      permission: 'storage.buckets.update',
      resource: bucketOf,
      async handle(call) {
        const metageneration = call.query.get('ifMetagenerationMatch')
        if (metageneration === null) throw required('ifMetagenerationMatch')
        answer(call, await storage.buckets.lockRetention(call.params['bucket']!, wholeNumber(metageneration, 'ifMetagenerationMatch')))
      },
    },
    {
      id: 'storage.buckets.getStorageLayout',
      verb: 'GET',
      path: `${B}/storageLayout`,
      permission: 'storage.objects.list',
      resource: bucketOf,
      async handle(call) {
        const bucket = await storage.buckets.get(call.params['bucket']!)
        const { location, locationType } = bucketResource(bucket, call.origin, null)
        call.sendJson(200, { kind: 'storage#storageLayout', bucket: bucket.name, location, locationType, hierarchicalNamespace: { enabled: false } })
      },
    },
    // No bucket here has a hierarchy of folders; clients ask before they remove one.
    ...(['managedFolders', 'folders'] as const).map(
      (kind): Route => ({
        id: `storage.${kind}.list`,
        verb: 'GET',
        path: `${B}/${kind}`,
        permission: 'storage.objects.list',
        resource: bucketOf,
        async handle(call) {
          await storage.buckets.get(call.params['bucket']!)
          call.sendJson(200, { kind: `storage#${kind}`, items: [] })
        },
      }),
    ),
    ...iamRoutes(storage, policies),
    ...aclRoutes(storage, 'acl', 'bucketAccessControl'),
    ...aclRoutes(storage, 'defaultObjectAcl', 'objectAccessControl'),
    ...notificationRoutes(storage),
    {
      id: 'storage.projects.serviceAccount.get',
      verb: 'GET',
      path: '/storage/v1/projects/{project}/serviceAccount',
      permission: 'resourcemanager.projects.get',
      resource: ({ project }) => ({ type: 'project', name: project!, project: project! }),
      handle(call) {
        const email = `service-${projectNumber(call.params['project']!)}@gs-project-accounts.iam.gserviceaccount.com`
        call.sendJson(200, { kind: 'storage#serviceAccount', email_address: email })
      },
    },
  ]
}

function projectOf(call: Call): string {
  const project = call.query.get('project')
  if (project === null || project === '') throw required('project')
  return project
}

function iamRoutes(storage: StorageService, policies: PolicyPort): Route[] {
  const path = '/storage/v1/b/{bucket}/iam'
  const resource = async (call: Call) => {
    const bucket = await storage.buckets.get(call.params['bucket']!)
    return { type: 'bucket', name: bucket.name, project: bucket.project }
  }
  const shown = (call: Call, policy: Record<string, unknown>) =>
    call.sendJson(200, { kind: 'storage#policy', resourceId: `projects/_/buckets/${call.params['bucket']}`, version: 1, ...policy })
  return [
    {
      id: 'storage.buckets.getIamPolicy',
      verb: 'GET',
      path,
      permission: 'storage.buckets.getIamPolicy',
      resource: bucketOf,
      handle: async (call) => shown(call, await policies.read(await resource(call))),
    },
    {
      id: 'storage.buckets.setIamPolicy',
      verb: 'PUT',
      path,
      permission: 'storage.buckets.setIamPolicy',
      resource: bucketOf,
      handle: async (call) => shown(call, await policies.write(await resource(call), await call.readJson())),
    },
    {
      id: 'storage.buckets.testIamPermissions',
      verb: 'GET',
      path: `${path}/testPermissions`,
      permission: null,
      async handle(call) {
        const bucket = await resource(call)
        const permissions = []
        for (const permission of call.query.getAll('permissions')) if (await call.may(permission, bucket)) permissions.push(permission)
        call.sendJson(200, { kind: 'storage#testIamPermissionsResponse', permissions })
      },
    },
  ]
}

/** Access lists are kept and given back; who may do what is decided by IAM, as with uniform bucket-level access. */
function aclRoutes(storage: StorageService, key: 'acl' | 'defaultObjectAcl', kind: 'bucketAccessControl' | 'objectAccessControl'): Route[] {
  const method = key === 'acl' ? 'bucketAccessControls' : 'defaultObjectAccessControls'
  const path = `/storage/v1/b/{bucket}/${key}`
  const list = (bucket: Bucket): AclEntry[] => bucket.config[key] ?? ((key === 'acl' ? defaultBucketAcl(bucket) : defaultDefaultObjectAcl(bucket)) as unknown as AclEntry[])
  const save = (bucket: Bucket, entries: AclEntry[]) => storage.buckets.change(bucket.name, { [key]: entries }, 'merge', {})
  const find = (bucket: Bucket, entity: string) => {
    const entry = list(bucket).find((candidate) => candidate.entity === entity)
    if (!entry) throw noNotification(entity)
    return entry
  }
  const put = async (call: Call, entry: AclEntry) => {
    const bucket = await storage.buckets.get(call.params['bucket']!)
    await save(bucket, [...list(bucket).filter(({ entity }) => entity !== entry.entity), entry])
    call.sendJson(200, bucketAclEntry(bucket, entry, kind))
  }
  const common = { permission: 'storage.buckets.update', resource: bucketOf }
  return [
    {
      id: `storage.${method}.list`,
      verb: 'GET',
      path,
      ...common,
      async handle(call) {
        const bucket = await storage.buckets.get(call.params['bucket']!)
        call.sendJson(200, { kind: `storage#${kind}s`, items: list(bucket).map((entry) => bucketAclEntry(bucket, entry, kind)) })
      },
    },
    {
      id: `storage.${method}.insert`,
      verb: 'POST',
      path,
      ...common,
      handle: async (call) => put(call, readAclEntry(await call.readJson())),
    },
    {
      id: `storage.${method}.get`,
      verb: 'GET',
      path: `${path}/{entity}`,
      ...common,
      async handle(call) {
        const bucket = await storage.buckets.get(call.params['bucket']!)
        call.sendJson(200, bucketAclEntry(bucket, find(bucket, call.params['entity']!), kind))
      },
    },
    ...(['PUT', 'PATCH'] as const).map(
      (verb): Route => ({
        id: `storage.${method}.${verb === 'PUT' ? 'update' : 'patch'}`,
        verb,
        path: `${path}/{entity}`,
        ...common,
        handle: async (call) => put(call, readAclEntry({ ...(await call.readJson()), entity: call.params['entity'] })),
      }),
    ),
    {
      id: `storage.${method}.delete`,
      verb: 'DELETE',
      path: `${path}/{entity}`,
      ...common,
      async handle(call) {
        const bucket = await storage.buckets.get(call.params['bucket']!)
        const gone = find(bucket, call.params['entity']!)
        await save(bucket, list(bucket).filter((entry) => entry !== gone))
        call.send(204)
      },
    },
  ]
}

export function readAclEntry(body: Record<string, unknown>): AclEntry {
  const entity = textField(body, 'entity')
  const role = textField(body, 'role')
  if (entity === undefined) throw required('entity')
  if (role === undefined) throw required('role')
  return { entity, role }
}

const EVENT_TYPES = ['OBJECT_FINALIZE', 'OBJECT_METADATA_UPDATE', 'OBJECT_DELETE', 'OBJECT_ARCHIVE']

function notificationRoutes(storage: StorageService): Route[] {
  const path = '/storage/v1/b/{bucket}/notificationConfigs'
  return [
    {
      id: 'storage.notifications.insert',
      verb: 'POST',
      path,
      permission: 'storage.buckets.update',
      resource: bucketOf,
      async handle(call) {
        const bucket = await storage.buckets.get(call.params['bucket']!)
        const before = await storage.uploadShelf.notifications(bucket.name)
        if (before.length >= NOTIFICATIONS_MAX) throw invalid(`A bucket has at most ${NOTIFICATIONS_MAX} notification configurations.`)
        const id = String(Math.max(0, ...before.map((known) => Number(known.id))) + 1)
        const notification = readNotification(await call.readJson(), bucket.name, id)
        await storage.uploadShelf.addNotification(notification)
        call.sendJson(200, notificationResource(notification, call.origin))
      },
    },
    {
      id: 'storage.notifications.list',
      verb: 'GET',
      path,
      permission: 'storage.buckets.get',
      resource: bucketOf,
      async handle(call) {
        const bucket = await storage.buckets.get(call.params['bucket']!)
        const items = (await storage.uploadShelf.notifications(bucket.name)).map((notification) => notificationResource(notification, call.origin))
        call.sendJson(200, { kind: 'storage#notifications', items })
      },
    },
    {
      id: 'storage.notifications.get',
      verb: 'GET',
      path: `${path}/{notification}`,
      permission: 'storage.buckets.get',
      resource: bucketOf,
      async handle(call) {
        const known = await storage.uploadShelf.notifications(call.params['bucket']!)
        const found = known.find(({ id }) => id === call.params['notification'])
        if (!found) throw noNotification(call.params['notification']!)
        call.sendJson(200, notificationResource(found, call.origin))
      },
    },
    {
      id: 'storage.notifications.delete',
      verb: 'DELETE',
      path: `${path}/{notification}`,
      permission: 'storage.buckets.update',
      resource: bucketOf,
      async handle(call) {
        const gone = await storage.uploadShelf.removeNotification(call.params['bucket']!, call.params['notification']!)
        if (!gone) throw noNotification(call.params['notification']!)
        call.send(204)
      },
    },
  ]
}

function readNotification(body: Record<string, unknown>, bucket: string, id: string): Notification {
  const topic = textField(body, 'topic')
  if (topic === undefined) throw required('topic')
  if (!/^\/\/pubsub\.googleapis\.com\/projects\/[^/]+\/topics\/[^/]+$/.test(topic)) throw invalid(`Invalid topic: ${topic.slice(0, 200)}`)
  const eventTypes = body['event_types'] ?? []
  if (!Array.isArray(eventTypes) || eventTypes.some((type) => !EVENT_TYPES.includes(type))) throw invalid(`event_types is a list of ${EVENT_TYPES.join(', ')}.`)
  const attributes = body['custom_attributes'] ?? {}
  if (typeof attributes !== 'object' || attributes === null || Object.values(attributes).some((value) => typeof value !== 'string')) {
    throw invalid('custom_attributes is an object of texts.')
  }
  const payloadFormat = textField(body, 'payload_format') ?? 'JSON_API_V1'
  if (!['JSON_API_V1', 'NONE'].includes(payloadFormat)) throw invalid(`Invalid payload_format: ${payloadFormat.slice(0, 40)}`)
  return { id, bucket, topic, payloadFormat, eventTypes, objectNamePrefix: textField(body, 'object_name_prefix') ?? null, attributes: attributes as Record<string, string> }
}
