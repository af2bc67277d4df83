/** The room's things as the JSON API writes them; the gRPC door makes its messages of the same. */
import { timeText } from '../durations.ts'
import { DELETED_TOPIC } from '../names.ts'
import type { SchemaRevision, Snapshot, Subscription, Topic } from '../types.ts'
import type { Json } from '../json.ts'

export const topicResource = ({ name, config }: Topic): Json => ({ name, ...config, state: 'ACTIVE' })

export function subscriptionResource({ name, topic, config }: Subscription, topicRetention: string | undefined): Json {
  const { pushConfig, bigqueryConfig, cloudStorageConfig, ...same } = config
  return {
    name,
    topic,
    pushConfig: pushConfig ?? {},
    ...same,
    ...(bigqueryConfig && { bigqueryConfig: { ...bigqueryConfig, state: 'ACTIVE' } }),
    ...(cloudStorageConfig && { cloudStorageConfig: { ...cloudStorageConfig, state: 'ACTIVE' } }),
    ...(topicRetention !== undefined && topic !== DELETED_TOPIC && { topicMessageRetentionDuration: topicRetention }),
    state: 'ACTIVE',
  }
}

export const snapshotResource = ({ name, topic, expire_ms, labels }: Snapshot): Json => ({ name, topic, expireTime: timeText(expire_ms * 1000), ...(Object.keys(labels).length > 0 && { labels }) })

export function schemaResource({ name, revision, type, definition, created_ms }: SchemaRevision, view: 'BASIC' | 'FULL' = 'FULL'): Json {
  return { name, type, ...(view === 'FULL' && { definition }), revisionId: revision, revisionCreateTime: timeText(created_ms * 1000) }
}
