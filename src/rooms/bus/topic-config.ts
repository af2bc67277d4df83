/** A topic's settings out of what a client sent. */
import { unimplemented } from '#ground/fault.ts'
import { checkDuration, seconds } from './durations.ts'
import { invalid, tooLarge, tooSmall } from './faults.ts'
import { checkKeys, labelsOf, objectOf, textOf } from './json.ts'
import type { Json } from './json.ts'
import { RETENTION_S_MAX, RETENTION_S_MIN } from './limits.ts'
import { checkName } from './names.ts'
import type { SchemaSettings, TopicConfig } from './types.ts'

export const TOPIC_CHANGEABLE = ['labels', 'messageStoragePolicy', 'kmsKeyName', 'schemaSettings', 'messageRetentionDuration', 'ingestionDataSourceSettings', 'messageTransforms']
const OUTPUT_ONLY = ['name', 'state', 'satisfiesPzs', 'tags']
const ENCODINGS = ['JSON', 'BINARY', 'ENCODING_UNSPECIFIED']

export function readTopicConfig(body: Json): TopicConfig {
  const given = checkKeys(body, TOPIC_CHANGEABLE, 'topic', OUTPUT_ONLY)
  if (given['ingestionDataSourceSettings'] !== undefined) throw unimplemented('Ingestion from other services into a topic')
  if (Array.isArray(given['messageTransforms']) && given['messageTransforms'].length > 0) throw unimplemented('Message transforms')
  const config: TopicConfig = {}
  if (given['labels'] !== undefined) config.labels = labelsOf(given['labels'])
  if (given['messageStoragePolicy'] !== undefined) config.messageStoragePolicy = objectOf(given['messageStoragePolicy'], 'messageStoragePolicy')
  if (given['kmsKeyName'] !== undefined && given['kmsKeyName'] !== '') config.kmsKeyName = textOf(given['kmsKeyName'], 'kmsKeyName')
  if (given['schemaSettings'] !== undefined) config.schemaSettings = schemaSettings(objectOf(given['schemaSettings'], 'schemaSettings'))
  if (given['messageRetentionDuration'] !== undefined) config.messageRetentionDuration = retention(given['messageRetentionDuration'])
  return config
}

export function retention(value: unknown): string {
  const text = checkDuration(value, 'messageRetentionDuration')
  const wanted_s = seconds(text)
  if (wanted_s < RETENTION_S_MIN) throw tooSmall('message_retention_duration.seconds', wanted_s, RETENTION_S_MIN)
  if (wanted_s > RETENTION_S_MAX) throw tooLarge('message_retention_duration.seconds', wanted_s, RETENTION_S_MAX)
  return text
}

function schemaSettings(given: Json): SchemaSettings {
  const known = checkKeys(given, ['schema', 'encoding', 'firstRevisionId', 'lastRevisionId'], 'topic.schema_settings')
  const encoding = known['encoding'] ?? 'ENCODING_UNSPECIFIED'
  if (!ENCODINGS.includes(encoding as string)) throw invalid(`Invalid value for encoding: ${String(encoding).slice(0, 40)}`)
  const schema = known['schema'] === '_deleted-schema_' ? '_deleted-schema_' : checkName('schemas', known['schema'])
  return {
    schema,
    encoding: encoding as SchemaSettings['encoding'],
    ...(known['firstRevisionId'] !== undefined && known['firstRevisionId'] !== '' && { firstRevisionId: textOf(known['firstRevisionId'], 'firstRevisionId') }),
    ...(known['lastRevisionId'] !== undefined && known['lastRevisionId'] !== '' && { lastRevisionId: textOf(known['lastRevisionId'], 'lastRevisionId') }),
  }
}
