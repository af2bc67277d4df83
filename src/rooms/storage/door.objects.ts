/** Objects over the JSON API: metadata, bytes, lists, copies. Uploads have a door of their own. */
import type { Call, Route } from '#ground/door.ts'
import { selectFields } from '#ground/http/fields.ts'
import { bucketOf, readAclEntry } from './door.buckets.ts'
import { objectHeaders, sendObject } from './download.ts'
import { invalid, noNotification } from './faults.ts'
import { listObjects } from './listing.ts'
import { readMeta } from './meta.ts'
import type { Put } from './objects.ts'
import { readPreconditions, wholeNumber } from './preconditions.ts'
import { generationOf, listQuery, refuseCustomerKeys, textField } from './requests.ts'
import type { PolicyPort, StorageService } from './service.ts'
import type { AclEntry, StoredObject } from './types.ts'
import { objectAclEntry, objectEtag, objectResource } from './wire.ts'

export function objectRoutes(storage: StorageService, policies: PolicyPort): Route[] {
  const O = '/storage/v1/b/{bucket}/o/{object}'
  const ref = (call: Call) => ({ bucket: call.params['bucket']!, name: call.params['object']!, generation: generationOf(call.query) })
  const answer = (call: Call, object: StoredObject) =>
    call.sendJson(200, selectFields(objectResource(object, call.origin, call.query.get('projection')), call.query.get('fields')), { etag: objectEtag(object) })

  const get = async (call: Call) => {
    refuseCustomerKeys(call.request)
    const object = await storage.objects.get(ref(call), readPreconditions(call.query))
    if (call.query.get('alt') !== 'media') return answer(call, object)
    return sendObject(call, storage.blobs, object, { ...objectHeaders(object), etag: objectEtag(object) })
  }
  const change = (mode: 'merge' | 'replace') => async (call: Call) =>
    answer(call, await storage.objects.change(ref(call), await call.readJson(), mode, readPreconditions(call.query)))

  const target = (call: Call, body: Record<string, unknown>): Put => ({
    bucket: call.params['targetBucket'] ?? call.params['bucket']!,
    name: call.params['targetObject'] ?? call.params['object']!,
    meta: readMeta(body),
    storageClass: textField(body, 'storageClass') ?? null,
    conditions: readPreconditions(call.query),
  })
  const copy = async (call: Call) => {
    refuseCustomerKeys(call.request)
    const body = await call.readJson()
    await call.require('storage.objects.create', { type: 'bucket', name: call.params['targetBucket']! })
    const source = { bucket: call.params['bucket']!, name: call.params['object']!, generation: generationOf(call.query, 'sourceGeneration') }
    return storage.objects.copy(source, readPreconditions(call.query, 'Source'), target(call, body), body)
  }

  return [
    { id: 'storage.objects.get', verb: 'GET', path: O, permission: 'storage.objects.get', resource: bucketOf, handle: get },
    {
      id: 'storage.objects.get.media',
      verb: 'GET',
      path: '/download/storage/v1/b/{bucket}/o/{object}',
      permission: 'storage.objects.get',
      resource: bucketOf,
      handle: get,
    },
    {
      id: 'storage.objects.list',
      verb: 'GET',
      path: '/storage/v1/b/{bucket}/o',
      permission: 'storage.objects.list',
      resource: bucketOf,
      async handle(call) {
        await storage.buckets.get(call.params['bucket']!)
        const page = await listObjects(storage.shelf, call.params['bucket']!, listQuery(call.query))
        const body = {
          kind: 'storage#objects',
          ...(page.nextPageToken !== undefined && { nextPageToken: page.nextPageToken }),
          ...(page.prefixes.length > 0 && { prefixes: page.prefixes }),
          ...(page.items.length > 0 && { items: page.items.map((object) => objectResource(object, call.origin, call.query.get('projection'))) }),
        }
        call.sendJson(200, selectFields(body, call.query.get('fields')))
      },
    },
    { id: 'storage.objects.patch', verb: 'PATCH', path: O, permission: 'storage.objects.update', resource: bucketOf, handle: change('merge') },
    { id: 'storage.objects.update', verb: 'PUT', path: O, permission: 'storage.objects.update', resource: bucketOf, handle: change('replace') },
    {
      id: 'storage.objects.delete',
      verb: 'DELETE',
      path: O,
      permission: 'storage.objects.delete',
      resource: bucketOf,
      async handle(call) {
        await storage.objects.remove(ref(call), readPreconditions(call.query))
        call.send(204)
      },
    },
    {
      id: 'storage.objects.copy',
      verb: 'POST',
      path: `${O}/copyTo/b/{targetBucket}/o/{targetObject}`,
      permission: 'storage.objects.get',
      resource: bucketOf,
      handle: async (call) => answer(call, await copy(call)),
    },
    {
      id: 'storage.objects.rewrite',
      verb: 'POST',
      path: `${O}/rewriteTo/b/{targetBucket}/o/{targetObject}`,
      permission: 'storage.objects.get',
      resource: bucketOf,
      handle: (call) => rewrite(call, storage, copy),
    },
    {
      id: 'storage.objects.move',
      verb: 'POST',
      path: `${O}/moveTo/o/{targetObject}`,
      permission: 'storage.objects.move',
      resource: bucketOf,
      async handle(call) {
        const source = { bucket: call.params['bucket']!, name: call.params['object']! }
        answer(call, await storage.objects.move(source, readPreconditions(call.query, 'Source'), target(call, await call.readJson())))
      },
    },
    {
      id: 'storage.objects.compose',
      verb: 'POST',
      path: `${O}/compose`,
      permission: 'storage.objects.create',
      resource: bucketOf,
      async handle(call) {
        refuseCustomerKeys(call.request)
        const body = await call.readJson()
        const destination = (body['destination'] ?? {}) as Record<string, unknown>
        answer(call, await storage.objects.compose(target(call, destination), readSources(body['sourceObjects'])))
      },
    },
    ...aclRoutes(storage, O),
    ...objectIamRoutes(storage, policies, O),
  ]
}

function objectIamRoutes(storage: StorageService, policies: PolicyPort, object: string): Route[] {
  const path = `${object}/iam`
  const resource = async (call: Call) => {
    const { bucket, name } = await storage.objects.get({ bucket: call.params['bucket']!, name: call.params['object']!, generation: generationOf(call.query) })
    return { type: 'object', name: `${bucket}/${name}` }
  }
  const shown = async (call: Call, policy: Record<string, unknown>) =>
    call.sendJson(200, { kind: 'storage#policy', resourceId: `projects/_/buckets/${call.params['bucket']}/objects/${call.params['object']}`, version: 1, ...policy })
  return [
    { id: 'storage.objects.getIamPolicy', verb: 'GET', path, permission: 'storage.objects.getIamPolicy', resource: bucketOf, handle: async (call) => shown(call, await policies.read(await resource(call))) },
    {
      id: 'storage.objects.setIamPolicy',
      verb: 'PUT',
      path,
      permission: 'storage.objects.setIamPolicy',
      resource: bucketOf,
      handle: async (call) => shown(call, await policies.write(await resource(call), await call.readJson())),
    },
    {
      id: 'storage.objects.testIamPermissions',
      verb: 'GET',
      path: `${path}/testPermissions`,
      permission: null,
      async handle(call) {
        const permissions = []
        for (const permission of call.query.getAll('permissions')) if (await call.may(permission, bucketOf(call.params))) permissions.push(permission)
        call.sendJson(200, { kind: 'storage#testIamPermissionsResponse', permissions })
      },
    },
  ]
}

/** Bytes are shared, so a rewrite is done at once; a client that asks for it in steps gets its steps, with a token. */
async function rewrite(call: Call, storage: StorageService, copy: (call: Call) => Promise<StoredObject>): Promise<void> {
  const stepText = call.query.get('maxBytesRewrittenPerCall')
  const step = stepText === null ? Number.MAX_SAFE_INTEGER : wholeNumber(stepText, 'maxBytesRewrittenPerCall')
  const source = await storage.objects.get({
    bucket: call.params['bucket']!,
    name: call.params['object']!,
    generation: generationOf(call.query, 'sourceGeneration'),
  })
  const token = call.query.get('rewriteToken')
  const before = token === null || token === '' ? 0 : readRewriteToken(token, source)
  const rewritten = Math.min(source.size, before + Math.max(step, 1 << 20))
  if (rewritten < source.size) {
    await call.readBody()
    return call.sendJson(200, {
      kind: 'storage#rewriteResponse',
      totalBytesRewritten: String(rewritten),
      objectSize: String(source.size),
      done: false,
      rewriteToken: Buffer.from(JSON.stringify([source.bucket, source.name, source.generation, rewritten])).toString('base64url'),
    })
  }
  const object = await copy(call)
  const body = {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: String(object.size),
    objectSize: String(object.size),
    done: true,
    resource: objectResource(object, call.origin, call.query.get('projection')),
  }
  call.sendJson(200, selectFields(body, call.query.get('fields')))
}

function readRewriteToken(token: string, source: StoredObject): number {
  try {
    const [bucket, name, generation, rewritten] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    if (bucket === source.bucket && name === source.name && generation === source.generation && Number.isSafeInteger(rewritten)) return rewritten
  } catch {
    // Falls through to the same answer as a token for another source.
  }
  throw invalid('Invalid rewriteToken.')
}

function readSources(given: unknown): { name: string; generation?: number | undefined; conditions: { generation?: number } }[] {
  if (!Array.isArray(given)) throw invalid('sourceObjects is a list of objects with a name.')
  return given.map((source: Record<string, unknown> | null) => {
    const name = textField(source ?? {}, 'name')
    if (name === undefined) throw invalid('Each of sourceObjects has a name.')
    const generation = source?.['generation']
    const wanted = (source?.['objectPreconditions'] as { ifGenerationMatch?: unknown } | undefined)?.ifGenerationMatch
    return {
      name,
      generation: generation === undefined || generation === null ? undefined : wholeNumber(String(generation), 'generation'),
      conditions: wanted === undefined || wanted === null ? {} : { generation: wholeNumber(String(wanted), 'ifGenerationMatch') },
    }
  })
}

function aclRoutes(storage: StorageService, object: string): Route[] {
  const path = `${object}/acl`
  const common = { permission: 'storage.objects.setIamPolicy', resource: bucketOf }
  const load = (call: Call) => storage.objects.get({ bucket: call.params['bucket']!, name: call.params['object']!, generation: generationOf(call.query) })
  const save = (target: StoredObject, acl: AclEntry[]) => storage.objects.change(target, { acl }, 'merge', {})
  const put = async (call: Call, entry: AclEntry) => {
    const target = await load(call)
    await save(target, [...(target.meta.acl ?? []).filter(({ entity }) => entity !== entry.entity), entry])
    call.sendJson(200, objectAclEntry(target, entry, call.origin))
  }
  const find = (target: StoredObject, entity: string) => {
    const entry = target.meta.acl?.find((candidate) => candidate.entity === entity)
    if (!entry) throw noNotification(entity)
    return entry
  }
  return [
    {
      id: 'storage.objectAccessControls.list',
      verb: 'GET',
      path,
      ...common,
      async handle(call) {
        const target = await load(call)
        call.sendJson(200, { kind: 'storage#objectAccessControls', items: (target.meta.acl ?? []).map((entry) => objectAclEntry(target, entry, call.origin)) })
      },
    },
    { id: 'storage.objectAccessControls.insert', verb: 'POST', path, ...common, handle: async (call) => put(call, readAclEntry(await call.readJson())) },
    {
      id: 'storage.objectAccessControls.get',
      verb: 'GET',
      path: `${path}/{entity}`,
      ...common,
      async handle(call) {
        const target = await load(call)
        call.sendJson(200, objectAclEntry(target, find(target, call.params['entity']!), call.origin))
      },
    },
    ...(['PUT', 'PATCH'] as const).map(
      (verb): Route => ({
        id: `storage.objectAccessControls.${verb === 'PUT' ? 'update' : 'patch'}`,
        verb,
        path: `${path}/{entity}`,
        ...common,
        handle: async (call) => put(call, readAclEntry({ ...(await call.readJson()), entity: call.params['entity'] })),
      }),
    ),
    {
      id: 'storage.objectAccessControls.delete',
      verb: 'DELETE',
      path: `${path}/{entity}`,
      ...common,
      async handle(call) {
        const target = await load(call)
        const gone = find(target, call.params['entity']!)
        await save(target, (target.meta.acl ?? []).filter((entry) => entry !== gone))
        call.send(204)
      },
    },
  ]
}
