/** A subscription's settings out of what a client sent, with the service's defaults. */
import { unimplemented } from '#ground/fault.ts'
import { checkDuration, seconds } from './durations.ts'
import { invalid, tooLarge, tooSmall } from './faults.ts'
import { parseFilter } from './filter.ts'
import { checkKeys, flagOf, labelsOf, objectOf, textMap, textOf, wholeOf } from './json.ts'
import type { Json } from './json.ts'
import {
  ACK_DEADLINE_S_DEFAULT, ACK_DEADLINE_S_MAX, ACK_DEADLINE_S_MIN, BACKOFF_S_MAX, BACKOFF_S_MAX_DEFAULT, BACKOFF_S_MIN_DEFAULT, DELIVERY_ATTEMPTS_DEFAULT,
  DELIVERY_ATTEMPTS_MAX, DELIVERY_ATTEMPTS_MIN, EXPIRATION_S_DEFAULT, EXPIRATION_S_MIN, RETENTION_S_DEFAULT,
} from './limits.ts'
import { checkName } from './names.ts'
import { retention } from './topic-config.ts'
import type { BigqueryConfig, CloudStorageConfig, PushConfig, SubscriptionConfig } from './types.ts'

export const SUBSCRIPTION_CHANGEABLE = [
  'labels', 'ackDeadlineSeconds', 'messageRetentionDuration', 'retainAckedMessages', 'enableExactlyOnceDelivery', 'expirationPolicy', 'deadLetterPolicy', 'retryPolicy',
  'pushConfig', 'bigqueryConfig', 'cloudStorageConfig', 'bigtableConfig', 'messageTransforms',
]
const FIELDS = [...SUBSCRIPTION_CHANGEABLE, 'enableMessageOrdering', 'filter']
const OUTPUT_ONLY = ['name', 'topic', 'state', 'detached', 'topicMessageRetentionDuration', 'analyticsHubSubscriptionInfo', 'tags']

export function readSubscriptionConfig(body: Json): SubscriptionConfig {
  const given = checkKeys(body, FIELDS, 'subscription', OUTPUT_ONLY)
  if (given['bigtableConfig'] !== undefined) throw unimplemented('Bigtable subscriptions')
  if (Array.isArray(given['messageTransforms']) && given['messageTransforms'].length > 0) throw unimplemented('Message transforms')
  const has = (key: string) => given[key] !== undefined
  const config: SubscriptionConfig = {
    ackDeadlineSeconds: ackDeadline(given['ackDeadlineSeconds'] ?? 0),
    messageRetentionDuration: has('messageRetentionDuration') ? retention(given['messageRetentionDuration']) : `${RETENTION_S_DEFAULT}s`,
    expirationPolicy: has('expirationPolicy') ? expiration(objectOf(given['expirationPolicy'], 'expirationPolicy')) : { ttl: `${EXPIRATION_S_DEFAULT}s` },
  }
  if (has('labels')) config.labels = labelsOf(given['labels'])
  if (given['retainAckedMessages'] !== undefined && flagOf(given['retainAckedMessages'], 'retainAckedMessages')) config.retainAckedMessages = true
  if (has('enableMessageOrdering') && flagOf(given['enableMessageOrdering'], 'enableMessageOrdering')) config.enableMessageOrdering = true
  if (has('enableExactlyOnceDelivery') && flagOf(given['enableExactlyOnceDelivery'], 'enableExactlyOnceDelivery')) config.enableExactlyOnceDelivery = true
  if (has('filter') && given['filter'] !== '') {
    config.filter = textOf(given['filter'], 'filter')
    parseFilter(config.filter)
  }
  if (has('deadLetterPolicy')) addDeadLetter(config, objectOf(given['deadLetterPolicy'], 'deadLetterPolicy'))
  if (has('retryPolicy')) config.retryPolicy = retry(objectOf(given['retryPolicy'], 'retryPolicy'))
  if (has('pushConfig')) addPush(config, objectOf(given['pushConfig'], 'pushConfig'))
  if (has('bigqueryConfig')) addTable(config, objectOf(given['bigqueryConfig'], 'bigqueryConfig'))
  if (has('cloudStorageConfig')) addBucket(config, objectOf(given['cloudStorageConfig'], 'cloudStorageConfig'))
  const ways = [config.pushConfig, config.bigqueryConfig, config.cloudStorageConfig].filter((way) => way !== undefined)
  if (ways.length > 1) throw invalid('Only one of push_config, bigquery_config and cloud_storage_config can be set on a subscription.')
  if (ways.length > 0 && config.enableExactlyOnceDelivery) throw invalid('Exactly-once delivery is for pull subscriptions only.')
  return config
}

function ackDeadline(value: unknown): number {
  const wanted_s = wholeOf(value, 'ackDeadlineSeconds')
  if (wanted_s === 0) return ACK_DEADLINE_S_DEFAULT
  if (wanted_s < ACK_DEADLINE_S_MIN) throw tooSmall('ack_deadline_seconds', wanted_s, ACK_DEADLINE_S_MIN)
  if (wanted_s > ACK_DEADLINE_S_MAX) throw tooLarge('ack_deadline_seconds', wanted_s, ACK_DEADLINE_S_MAX)
  return wanted_s
}

/** Without a ttl a subscription never expires. */
function expiration(given: Json): { ttl?: string } {
  const { ttl } = checkKeys(given, ['ttl'], 'subscription.expiration_policy')
  if (ttl === undefined) return {}
  const text = checkDuration(ttl, 'expirationPolicy.ttl')
  if (seconds(text) === 0) return {}
  if (seconds(text) < EXPIRATION_S_MIN) throw tooSmall('expiration_policy.ttl.seconds', seconds(text), EXPIRATION_S_MIN)
  return { ttl: text }
}

function addDeadLetter(config: SubscriptionConfig, given: Json): void {
  const { deadLetterTopic, maxDeliveryAttempts } = checkKeys(given, ['deadLetterTopic', 'maxDeliveryAttempts'], 'subscription.dead_letter_policy')
  if (deadLetterTopic === undefined || deadLetterTopic === '') return
  const attempts = wholeOf(maxDeliveryAttempts ?? 0, 'maxDeliveryAttempts') || DELIVERY_ATTEMPTS_DEFAULT
  if (attempts < DELIVERY_ATTEMPTS_MIN) throw tooSmall('max_delivery_attempts', attempts, DELIVERY_ATTEMPTS_MIN)
  if (attempts > DELIVERY_ATTEMPTS_MAX) throw tooLarge('max_delivery_attempts', attempts, DELIVERY_ATTEMPTS_MAX)
  config.deadLetterPolicy = { deadLetterTopic: checkName('topics', deadLetterTopic), maxDeliveryAttempts: attempts }
}

function retry(given: Json): NonNullable<SubscriptionConfig['retryPolicy']> {
  const { minimumBackoff, maximumBackoff } = checkKeys(given, ['minimumBackoff', 'maximumBackoff'], 'subscription.retry_policy')
  const minimum = minimumBackoff === undefined ? `${BACKOFF_S_MIN_DEFAULT}s` : checkDuration(minimumBackoff, 'retryPolicy.minimumBackoff')
  const maximum = maximumBackoff === undefined ? `${BACKOFF_S_MAX_DEFAULT}s` : checkDuration(maximumBackoff, 'retryPolicy.maximumBackoff')
  for (const [name, text] of [['minimum_backoff', minimum], ['maximum_backoff', maximum]] as const) {
    if (seconds(text) < 0) throw tooSmall(`retry_policy.${name}.seconds`, seconds(text), 0)
    if (seconds(text) > BACKOFF_S_MAX) throw tooLarge(`retry_policy.${name}.seconds`, seconds(text), BACKOFF_S_MAX)
  }
  if (seconds(minimum) > seconds(maximum)) throw invalid('The minimum_backoff of a retry policy is not larger than its maximum_backoff.')
  return { minimumBackoff: minimum, maximumBackoff: maximum }
}

export function addPush(config: SubscriptionConfig, given: Json): void {
  const known = checkKeys(given, ['pushEndpoint', 'attributes', 'oidcToken', 'pubsubWrapper', 'noWrapper'], 'subscription.push_config')
  delete config.pushConfig
  const endpoint = known['pushEndpoint'] ?? ''
  if (endpoint === '') return
  const url = URL.parse(textOf(endpoint, 'pushEndpoint'))
  if (!url || !/^https?:$/.test(url.protocol)) throw invalid(`Invalid push endpoint given (endpoint=${String(endpoint).slice(0, 300)}).`)
  const push: PushConfig = { pushEndpoint: endpoint as string }
  if (known['attributes'] !== undefined) push.attributes = textMap(known['attributes'], 'pushConfig.attributes')
  if (known['oidcToken'] !== undefined) {
    const token = checkKeys(objectOf(known['oidcToken'], 'oidcToken'), ['serviceAccountEmail', 'audience'], 'subscription.push_config.oidc_token')
    push.oidcToken = textMap(token, 'oidcToken')
    if (!push.oidcToken.serviceAccountEmail) throw invalid('A push subscription with an OIDC token names the service account that it is for.')
  }
  if (known['noWrapper'] !== undefined) {
    const { writeMetadata } = checkKeys(objectOf(known['noWrapper'], 'noWrapper'), ['writeMetadata'], 'subscription.push_config.no_wrapper')
    push.noWrapper = writeMetadata === undefined ? {} : { writeMetadata: flagOf(writeMetadata, 'writeMetadata') }
  } else if (known['pubsubWrapper'] !== undefined) push.pubsubWrapper = {}
  config.pushConfig = push
}

function addTable(config: SubscriptionConfig, given: Json): void {
  const known = checkKeys(given, ['table', 'useTopicSchema', 'useTableSchema', 'writeMetadata', 'dropUnknownFields', 'serviceAccountEmail'], 'subscription.bigquery_config', ['state'])
  if (known['table'] === undefined || known['table'] === '') return
  const table = textOf(known['table'], 'bigqueryConfig.table')
  if (!/^[^.:]+(?::[^.:]+)?[.:][^.:]+\.[^.:]+$/.test(table)) throw invalid(`Invalid table name given (table=${table.slice(0, 300)}).`, 'It has the form PROJECT.DATASET.TABLE.')
  config.bigqueryConfig = { ...known, table } as BigqueryConfig
}

function addBucket(config: SubscriptionConfig, given: Json): void {
  const known = checkKeys(
    given,
    ['bucket', 'filenamePrefix', 'filenameSuffix', 'filenameDatetimeFormat', 'textConfig', 'avroConfig', 'maxDuration', 'maxBytes', 'maxMessages', 'serviceAccountEmail'],
    'subscription.cloud_storage_config',
    ['state'],
  )
  if (known['bucket'] === undefined || known['bucket'] === '') return
  if (known['avroConfig'] !== undefined) throw unimplemented('Cloud Storage subscriptions that write Avro')
  const suffix = textOf(known['filenameSuffix'] ?? '', 'filenameSuffix')
  if (suffix.endsWith('/')) throw invalid('The filename_suffix of a Cloud Storage subscription does not end in "/".')
  if (known['maxDuration'] !== undefined) {
    const wanted_s = seconds(checkDuration(known['maxDuration'], 'maxDuration'))
    if (wanted_s < 60 || wanted_s > 600) throw invalid('The max_duration of a Cloud Storage subscription lies between 1 and 10 minutes.')
  }
  if (known['maxBytes'] !== undefined && wholeOf(known['maxBytes'], 'maxBytes') < 1000) throw tooSmall('max_bytes', wholeOf(known['maxBytes'], 'maxBytes'), 1000)
  if (known['maxMessages'] !== undefined && wholeOf(known['maxMessages'], 'maxMessages') < 1000) throw tooSmall('max_messages', wholeOf(known['maxMessages'], 'maxMessages'), 1000)
  config.cloudStorageConfig = { ...known, bucket: textOf(known['bucket'], 'cloudStorageConfig.bucket') } as CloudStorageConfig
}
