/** Tables, their rows, models and row access policies over REST. */
import type { Call, Route } from '#ground/door.ts'
import { selectFields } from '#ground/http/fields.ts'
import { unimplemented } from '#ground/fault.ts'
import { invalid, noDataset, noModel, noPolicy, required } from './faults.ts'
import { BODY, body, datasetOf, ifMatch, listLimit, onDataset, onTable, PATH, readToken, rowOptions, sendRows, tableOf, tokenOf } from './requests.ts'
import type { PolicyPort, WarehouseService } from './service.ts'
import { checkedPatch, ROW_POLICY, TABLE } from './shapes.ts'
import type { Json, Table } from './types.ts'
import { policyResource, tableItem, tableResource } from './wire.ts'

export function tableRoutes(service: WarehouseService, policies: PolicyPort): Route[] {
  return [...resourceRoutes(service), ...dataRoutes(service), ...policyRoutes(service, policies), ...modelRoutes(service)]
}

function resourceRoutes({ tables, shelf }: WarehouseService): Route[] {
  const path = `${PATH}/datasets/{datasetId}/tables`
  const one = `${path}/{tableId}`
  const answer = async (call: Call, table: Table) => {
    const dataset = await shelf.dataset(table)
    call.sendJson(200, selectFields(tableResource(table, dataset?.location ?? 'US', call.origin), call.query.get('fields')))
  }
  return [
    {
      id: 'bigquery.tables.list', verb: 'GET', path, permission: 'bigquery.tables.list', resource: onDataset,
      async handle(call) {
        const limit = listLimit(call)
        const found = await tables.list(datasetOf(call), readToken<string>(call) ?? '', limit + 1)
        const page = found.slice(0, limit)
        call.sendJson(200, { kind: 'bigquery#tableList', etag: 'tables', ...(found.length > limit && { nextPageToken: tokenOf(page.at(-1)!.tableId) }), tables: page.map(tableItem), totalItems: page.length })
      },
    },
    {
      id: 'bigquery.tables.insert', verb: 'POST', path, permission: 'bigquery.tables.create', resource: onDataset, ...BODY,
      async handle(call) {
        const given = await body(call, TABLE)
        const tableId = (given['tableReference'] as { tableId?: string } | undefined)?.tableId
        if (!tableId) throw required('tableReference.tableId')
        await answer(call, await tables.create({ ...datasetOf(call), tableId }, given, call.caller.principal))
      },
    },
    { id: 'bigquery.tables.get', verb: 'GET', path: one, permission: 'bigquery.tables.get', resource: onTable, handle: async (call) => answer(call, await tables.get(tableOf(call))) },
    {
      id: 'bigquery.tables.patch', verb: 'PATCH', path: one, permission: 'bigquery.tables.update', resource: onTable, ...BODY,
      async handle(call) {
        await answer(call, await tables.change(tableOf(call), checkedPatch(await call.readJson(), TABLE), { replace: false, etag: ifMatch(call), user: call.caller.principal }))
      },
    },
    {
      id: 'bigquery.tables.update', verb: 'PUT', path: one, permission: 'bigquery.tables.update', resource: onTable, ...BODY,
      handle: async (call) => answer(call, await tables.change(tableOf(call), await body(call, TABLE), { replace: true, etag: ifMatch(call), user: call.caller.principal })),
    },
    {
      id: 'bigquery.tables.delete', verb: 'DELETE', path: one, permission: 'bigquery.tables.delete', resource: onTable,
      async handle(call) {
        await tables.remove(tableOf(call))
        call.send(204)
      },
    },
  ]
}

function dataRoutes({ tabledata }: WarehouseService): Route[] {
  const path = `${PATH}/datasets/{datasetId}/tables/{tableId}`
  return [
    {
      id: 'bigquery.tabledata.list', verb: 'GET', path: `${path}/data`, permission: 'bigquery.tables.getData', resource: onTable,
      async handle(call) {
        const { table, page, rows } = await tabledata.page(tableOf(call), call.caller.principal, { ...rowOptions(call), selected: call.query.get('selectedFields') ?? undefined, signal: call.signal })
        const answer: Json = { kind: 'bigquery#tableDataList', etag: `${table.version}`, totalRows: String(rows), ...(page.next !== undefined && { pageToken: tokenOf({ after: page.next }) }) }
        sendRows(call, answer, page.json)
      },
    },
    {
      id: 'bigquery.tabledata.insertAll', verb: 'POST', path: `${path}/insertAll`, permission: 'bigquery.tables.updateData', resource: onTable, ...BODY,
      async handle(call) {
        const bytes = await call.readBody()
        const errors = await tabledata.insert(tableOf(call), bytes, suffixIn(bytes), call.signal)
        call.sendJson(200, { kind: 'bigquery#tableDataInsertAllResponse', ...(errors.length > 0 && { insertErrors: errors.map(({ index, errors: all }) => ({ index, errors: all.map((error) => ({ ...error, debugInfo: '' })) })) }) })
      },
    },
  ]
}

/** Only a body that names a suffix is parsed here; all others go to the engine as they are. */
function suffixIn(bytes: Buffer): string | undefined {
  if (!bytes.includes('"templateSuffix"')) return undefined
  let suffix: unknown
  try {
    suffix = (JSON.parse(bytes.toString('utf8')) as { templateSuffix?: unknown }).templateSuffix
  } catch {
    return undefined // The engine says what is wrong with it.
  }
  if (suffix === undefined || suffix === null || suffix === '') return undefined
  if (typeof suffix !== 'string' || !/^\w{1,128}$/.test(suffix)) throw invalid('Invalid value for templateSuffix.', 'templateSuffix')
  return suffix
}

function policyRoutes({ shelf, tables, policies: rowPolicies }: WarehouseService, policies: PolicyPort): Route[] {
  const path = `${PATH}/datasets/{datasetId}/tables/{tableId}`
  const rows = `${path}/rowAccessPolicies`
  return [
    {
      id: 'bigquery.rowAccessPolicies.list', verb: 'GET', path: rows, permission: 'bigquery.rowAccessPolicies.list', resource: onTable,
      async handle(call) {
        await tables.get(tableOf(call))
        call.sendJson(200, { rowAccessPolicies: (await shelf.policies(tableOf(call))).map(policyResource) })
      },
    },
    {
      id: 'bigquery.rowAccessPolicies.get', verb: 'GET', path: `${rows}/{policyId}`, permission: 'bigquery.rowAccessPolicies.list', resource: onTable,
      async handle(call) {
        const policyId = call.params['policyId']!
        const policy = (await shelf.policies(tableOf(call))).find((each) => each.policyId === policyId)
        if (!policy) throw noPolicy(tableOf(call), policyId)
        call.sendJson(200, policyResource(policy))
      },
    },
    {
      id: 'bigquery.rowAccessPolicies.insert', verb: 'POST', path: rows, permission: 'bigquery.rowAccessPolicies.create', resource: onTable, ...BODY,
      async handle(call) {
        const given = await body(call, ROW_POLICY)
        const policyId = (given['rowAccessPolicyReference'] as { policyId?: string } | undefined)?.policyId
        if (!policyId) throw required('rowAccessPolicyReference.policyId')
        call.sendJson(200, policyResource(await rowPolicies.put(tableOf(call), policyId, given, call.caller.principal, true)))
      },
    },
    {
      id: 'bigquery.rowAccessPolicies.update', verb: 'PUT', path: `${rows}/{policyId}`, permission: 'bigquery.rowAccessPolicies.update', resource: onTable, ...BODY,
      handle: async (call) => call.sendJson(200, policyResource(await rowPolicies.put(tableOf(call), call.params['policyId']!, await body(call, ROW_POLICY), call.caller.principal, false))),
    },
    {
      id: 'bigquery.rowAccessPolicies.delete', verb: 'DELETE', path: `${rows}/{policyId}`, permission: 'bigquery.rowAccessPolicies.delete', resource: onTable,
      async handle(call) {
        await rowPolicies.remove(tableOf(call), call.params['policyId']!)
        call.send(204)
      },
    },
    {
      id: 'bigquery.tables.getIamPolicy', verb: 'POST', path: `${path}:getIamPolicy`, permission: 'bigquery.tables.getIamPolicy', resource: onTable,
      async handle(call) {
        await tables.get(tableOf(call))
        call.sendJson(200, await policies.read(onTable(call.params)))
      },
    },
    {
      id: 'bigquery.tables.setIamPolicy', verb: 'POST', path: `${path}:setIamPolicy`, permission: 'bigquery.tables.setIamPolicy', resource: onTable,
      async handle(call) {
        const given = (await call.readJson())['policy']
        if (typeof given !== 'object' || given === null) throw required('policy')
        await tables.get(tableOf(call))
        call.sendJson(200, await policies.write(onTable(call.params), given as Json))
      },
    },
    {
      id: 'bigquery.tables.testIamPermissions', verb: 'POST', path: `${path}:testIamPermissions`, permission: null, resource: onTable,
      async handle(call) {
        const { permissions } = await call.readJson()
        if (!Array.isArray(permissions)) throw required('permissions')
        const allowed = []
        for (const permission of permissions) if (await call.may(String(permission), onTable(call.params))) allowed.push(permission)
        call.sendJson(200, { permissions: allowed })
      },
    },
  ]
}

/** Models are listed, and there are none: training with CREATE MODEL is not offered. */
function modelRoutes({ shelf }: WarehouseService): Route[] {
  const path = `${PATH}/datasets/{datasetId}/models`
  const missing = (call: Call) => {
    throw noModel({ ...datasetOf(call), tableId: call.params['modelId']! })
  }
  return [
    {
      id: 'bigquery.models.list', verb: 'GET', path, permission: 'bigquery.models.list', resource: onDataset,
      async handle(call) {
        if (!(await shelf.dataset(datasetOf(call)))) throw noDataset(datasetOf(call))
        call.sendJson(200, {})
      },
    },
    { id: 'bigquery.models.get', verb: 'GET', path: `${path}/{modelId}`, permission: 'bigquery.models.getMetadata', resource: onDataset, handle: missing },
    { id: 'bigquery.models.delete', verb: 'DELETE', path: `${path}/{modelId}`, permission: 'bigquery.models.delete', resource: onDataset, handle: missing },
    {
      id: 'bigquery.models.patch', verb: 'PATCH', path: `${path}/{modelId}`, permission: 'bigquery.models.updateMetadata', resource: onDataset,
      handle() {
        throw unimplemented('bigquery.models.patch')
      },
    },
  ]
}
