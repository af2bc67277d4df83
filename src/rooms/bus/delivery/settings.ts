/** What delivery needs to know of a subscription, out of its settings. */
import { seconds } from '../durations.ts'
import { parseFilter } from '../filter.ts'
import type { Filter } from '../filter.ts'
import type { SubscriptionConfig } from '../types.ts'

export interface DeliverySettings {
  lease_ms: number
  retention_us: number
  filter: Filter | undefined
  ordered: boolean
  exactlyOnce: boolean
  deadLetterAttempts: number | undefined
  backoff: { min_ms: number; max_ms: number } | undefined
}

export function deliverySettings(config: SubscriptionConfig): DeliverySettings {
  const { retryPolicy, deadLetterPolicy } = config
  return {
    lease_ms: config.ackDeadlineSeconds * 1000,
    retention_us: seconds(config.messageRetentionDuration) * 1e6,
    filter: parseFilter(config.filter ?? ''),
    ordered: config.enableMessageOrdering === true,
    exactlyOnce: config.enableExactlyOnceDelivery === true,
    deadLetterAttempts: deadLetterPolicy?.maxDeliveryAttempts,
    backoff: retryPolicy && { min_ms: seconds(retryPolicy.minimumBackoff) * 1000, max_ms: seconds(retryPolicy.maximumBackoff) * 1000 },
  }
}
