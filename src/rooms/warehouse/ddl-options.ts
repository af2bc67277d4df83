/** OPTIONS(...) of DDL statements as the fields of the API's resources. */
import { invalid } from './faults.ts'
import type { Json, TableConfig } from './types.ts'

const DAY_MS = 24 * 3600_000

/** `null` removes, so that ALTER … SET OPTIONS(description = NULL) does. */
export function tableOptions(options: Json): TableConfig & { expires_ms?: number | null } {
  const config: TableConfig & { expires_ms?: number | null } = {}
  for (const [given, value] of Object.entries(options)) {
    const option = given.toLowerCase()
    switch (option) {
      case 'description':
        config.description = value as string
        break
      case 'friendly_name':
        config.friendlyName = value as string
        break
      case 'labels':
        config.labels = pairs(value)
        break
      case 'expiration_timestamp':
        config.expires_ms = value === null ? null : Date.parse(String(value).replace(' ', 'T').replace(/\+00$/, 'Z'))
        break
      case 'require_partition_filter':
        config.requirePartitionFilter = value === 'true'
        break
      case 'partition_expiration_days':
        config['partitionExpirationMs'] = value === null ? null : String(Math.round(Number(value) * DAY_MS))
        break
      case 'kms_key_name':
        config['encryptionConfiguration'] = { kmsKeyName: value }
        break
      case 'default_rounding_mode':
      case 'enable_refresh':
      case 'refresh_interval_minutes':
      case 'max_staleness':
      case 'allow_non_incremental_definition':
      case 'tags':
      case 'enable_change_history':
      case 'storage_uri':
      case 'file_format':
      case 'table_format':
        break
      default:
        throw invalid(`Unknown option: ${given}`)
    }
  }
  return config
}

export function datasetOptions(options: Json): Json {
  const config: Json = {}
  for (const [given, value] of Object.entries(options)) {
    switch (given.toLowerCase()) {
      case 'location':
        config['location'] = value
        break
      case 'description':
        config['description'] = value
        break
      case 'friendly_name':
        config['friendlyName'] = value
        break
      case 'labels':
        config['labels'] = pairs(value)
        break
      case 'default_table_expiration_days':
        config['defaultTableExpirationMs'] = value === null ? null : String(Math.round(Number(value) * DAY_MS))
        break
      case 'default_partition_expiration_days':
        config['defaultPartitionExpirationMs'] = value === null ? null : String(Math.round(Number(value) * DAY_MS))
        break
      case 'max_time_travel_hours':
        config['maxTimeTravelHours'] = String(value)
        break
      case 'is_case_insensitive':
        config['isCaseInsensitive'] = value === 'true'
        break
      case 'storage_billing_model':
      case 'default_kms_key_name':
      case 'default_rounding_mode':
      case 'tags':
      case 'failover_reservation':
      case 'is_primary':
      case 'primary_replica':
        break
      default:
        throw invalid(`Unknown option: ${given}`)
    }
  }
  return config
}

/** ARRAY<STRUCT<STRING, STRING>>. */
function pairs(value: unknown): Record<string, string> {
  if (!Array.isArray(value)) return {}
  return Object.fromEntries(value.map((pair) => [String((pair as unknown[])[0]), String((pair as unknown[])[1])]))
}
