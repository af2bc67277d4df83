/** The shapes of request bodies. What has the wrong type is refused with the field's name, before anything is done with it. */
import { invalid } from './faults.ts'
import type { Json } from './types.ts'

export type Shape = 'string' | 'boolean' | 'integer' | 'number' | 'any' | 'object' | 'labels' | readonly [Shape] | { readonly [key: string]: Shape }

const TABLE_REFERENCE = { projectId: 'string', datasetId: 'string', tableId: 'string' } as const satisfies Shape
const DATASET_REFERENCE = { projectId: 'string', datasetId: 'string' } as const satisfies Shape
const ROUTINE_REFERENCE = { projectId: 'string', datasetId: 'string', routineId: 'string' } as const satisfies Shape
const TIME_PARTITIONING = { type: 'string', field: 'string', expirationMs: 'integer', requirePartitionFilter: 'boolean' } as const satisfies Shape
const RANGE_PARTITIONING = { field: 'string', range: { start: 'integer', end: 'integer', interval: 'integer' } } as const satisfies Shape
const CLUSTERING = { fields: ['string'] } as const satisfies Shape
const CONNECTION_PROPERTIES = [{ key: 'string', value: 'string' }] as const satisfies Shape

export const DATASET: Shape = {
  datasetReference: DATASET_REFERENCE, friendlyName: 'string', description: 'string', defaultTableExpirationMs: 'integer', defaultPartitionExpirationMs: 'integer', labels: 'labels',
  access: ['object'], location: 'string', defaultEncryptionConfiguration: 'object', defaultCollation: 'string', defaultRoundingMode: 'string', maxTimeTravelHours: 'integer', storageBillingModel: 'string',
  isCaseInsensitive: 'boolean', resourceTags: 'labels',
}

export const TABLE: Shape = {
  tableReference: TABLE_REFERENCE, friendlyName: 'string', description: 'string', labels: 'labels', schema: 'object', timePartitioning: TIME_PARTITIONING, rangePartitioning: RANGE_PARTITIONING, clustering: CLUSTERING,
  requirePartitionFilter: 'boolean', expirationTime: 'integer', view: { query: 'string', useLegacySql: 'boolean', userDefinedFunctionResources: ['object'] },
  materializedView: { query: 'string', enableRefresh: 'boolean', refreshIntervalMs: 'integer', allowNonIncrementalDefinition: 'boolean', maxStaleness: 'string' },
  externalDataConfiguration: 'object', encryptionConfiguration: 'object', defaultCollation: 'string', defaultRoundingMode: 'string', tableConstraints: 'object', resourceTags: 'labels', maxStaleness: 'string',
}

const QUERY_PARAMETERS = [{ name: 'string', parameterType: 'object', parameterValue: 'object' }] as const satisfies Shape

export const JOB: Shape = {
  jobReference: { projectId: 'string', jobId: 'string', location: 'string' },
  configuration: {
    labels: 'labels', dryRun: 'boolean', jobTimeoutMs: 'integer', reservation: 'string',
    query: {
      query: 'string', useLegacySql: 'boolean', destinationTable: TABLE_REFERENCE, defaultDataset: DATASET_REFERENCE, createDisposition: 'string', writeDisposition: 'string', priority: 'string',
      useQueryCache: 'boolean', parameterMode: 'string', queryParameters: QUERY_PARAMETERS, maximumBytesBilled: 'integer', maximumBillingTier: 'integer', allowLargeResults: 'boolean', flattenResults: 'boolean',
      timePartitioning: TIME_PARTITIONING, rangePartitioning: RANGE_PARTITIONING, clustering: CLUSTERING, schemaUpdateOptions: ['string'], tableDefinitions: 'object', connectionProperties: CONNECTION_PROPERTIES,
      createSession: 'boolean', scriptOptions: 'object', destinationEncryptionConfiguration: 'object', userDefinedFunctionResources: ['object'],
    },
    load: {
      sourceUris: ['string'], destinationTable: TABLE_REFERENCE, schema: 'object', sourceFormat: 'string', autodetect: 'boolean', createDisposition: 'string', writeDisposition: 'string',
      skipLeadingRows: 'integer', fieldDelimiter: 'string', quote: 'string', encoding: 'string', nullMarker: 'string', nullMarkers: ['string'], allowQuotedNewlines: 'boolean', allowJaggedRows: 'boolean',
      maxBadRecords: 'integer', ignoreUnknownValues: 'boolean', schemaUpdateOptions: ['string'], timePartitioning: TIME_PARTITIONING, rangePartitioning: RANGE_PARTITIONING, clustering: CLUSTERING,
      parquetOptions: { enumAsString: 'boolean', enableListInference: 'boolean' }, useAvroLogicalTypes: 'boolean', destinationTableProperties: { friendlyName: 'string', description: 'string', labels: 'labels' },
      destinationEncryptionConfiguration: 'object', projectionFields: ['string'], hivePartitioningOptions: 'object', decimalTargetTypes: ['string'], jsonExtension: 'string', preserveAsciiControlCharacters: 'boolean',
      referenceFileSchemaUri: 'string', columnNameCharacterMap: 'string',
    },
    extract: { sourceTable: TABLE_REFERENCE, destinationUri: 'string', destinationUris: ['string'], destinationFormat: 'string', compression: 'string', fieldDelimiter: 'string', printHeader: 'boolean', useAvroLogicalTypes: 'boolean', sourceModel: 'object' },
    copy: {
      sourceTable: TABLE_REFERENCE, sourceTables: [TABLE_REFERENCE], destinationTable: TABLE_REFERENCE, createDisposition: 'string', writeDisposition: 'string', operationType: 'string', destinationExpirationTime: 'string',
      destinationEncryptionConfiguration: 'object',
    },
  },
}

export const QUERY: Shape = {
  query: 'string', maxResults: 'integer', defaultDataset: DATASET_REFERENCE, timeoutMs: 'integer', jobTimeoutMs: 'integer', dryRun: 'boolean', useQueryCache: 'boolean', useLegacySql: 'boolean', parameterMode: 'string',
  queryParameters: QUERY_PARAMETERS, location: 'string', formatOptions: { useInt64Timestamp: 'boolean', timestampOutputFormat: 'string' }, labels: 'labels', requestId: 'string', maximumBytesBilled: 'integer',
  connectionProperties: CONNECTION_PROPERTIES, createSession: 'boolean', jobCreationMode: 'string', destinationTable: TABLE_REFERENCE, continuous: 'boolean', preserveNulls: 'boolean', writeIncrementalResults: 'boolean',
}

export const ROUTINE: Shape = {
  routineReference: ROUTINE_REFERENCE, routineType: 'string', language: 'string', arguments: ['object'], returnType: 'object', returnTableType: 'object', importedLibraries: ['string'], definitionBody: 'string',
  description: 'string', determinismLevel: 'string', strictMode: 'boolean', dataGovernanceType: 'string', securityMode: 'string',
}

export const ROW_POLICY: Shape = { rowAccessPolicyReference: { projectId: 'string', datasetId: 'string', tableId: 'string', policyId: 'string' }, filterPredicate: 'string', grantees: ['string'] }

/** For PATCH, where null says that something is to go. */
export function checkedPatch(body: Json, shape: Shape): Json {
  const nulls = Object.entries(body).filter(([, value]) => value === null)
  return { ...(check(body, shape, '') as Json), ...Object.fromEntries(nulls) }
}

/**
 * The body as its shape says. Booleans may be written as "true", whole numbers as text or number and are given as text, null counts
 * as absent; keys that the shape does not name are left alone.
 */
export function checked(body: Json, shape: Shape): Json {
  return check(body, shape, '') as Json
}

function check(value: unknown, shape: Shape, path: string): unknown {
  if (value === null || value === undefined) return undefined
  if (typeof shape !== 'string') {
    if (Array.isArray(shape)) {
      if (!Array.isArray(value)) throw wrong(path, 'a list', value)
      return value.map((item, index) => check(item, (shape as readonly [Shape])[0], `${path}[${index}]`))
    }
    if (!isObject(value)) throw wrong(path, 'an object', value)
    const result: Json = { ...value }
    for (const [key, inner] of Object.entries(shape)) {
      if (!Object.hasOwn(value, key)) continue
      const read = check(value[key], inner, path === '' ? key : `${path}.${key}`)
      if (read === undefined) delete result[key]
      else result[key] = read
    }
    return result
  }
  switch (shape) {
    case 'any':
      return value
    case 'string':
      if (typeof value !== 'string') throw wrong(path, 'a string', value)
      return value
    case 'boolean':
      if (typeof value === 'boolean') return value
      if (typeof value === 'string' && /^(?:true|false)$/i.test(value)) return value.toLowerCase() === 'true'
      throw wrong(path, 'a boolean', value)
    case 'integer':
      if ((typeof value === 'number' && Number.isSafeInteger(value)) || (typeof value === 'string' && /^-?\d{1,19}$/.test(value))) return String(value)
      throw wrong(path, 'a whole number', value)
    case 'number':
      if (typeof value === 'number') return value
      if (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) return Number(value)
      throw wrong(path, 'a number', value)
    case 'object':
      if (!isObject(value)) throw wrong(path, 'an object', value)
      return value
    case 'labels':
      if (!isObject(value)) throw wrong(path, 'an object', value)
      for (const [key, label] of Object.entries(value)) if (typeof label !== 'string' && label !== null) throw wrong(`${path}.${key}`, 'a string', label)
      return value
  }
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

function wrong(path: string, wanted: string, value: unknown) {
  return invalid(`Invalid value at '${path}': ${wanted} is wanted, not ${JSON.stringify(value)?.slice(0, 100)}`, path)
}
