/** BigQuery subscriptions: each message becomes a row, by the columns that the service documents or by the message's own fields. */
import type { Delivered } from '../delivery/delivered.ts'
import { timeText } from '../durations.ts'
import { isObject } from '../json.ts'
import type { BigqueryConfig, Subscription } from '../types.ts'
import { decodeMessage } from '../wire/message.ts'

/** Where rows go. `id` makes a row that is sent twice count once. */
export interface TablePort {
  exists(table: string): Promise<boolean>
  insert(table: string, rows: { id: string; row: Record<string, unknown> }[], options: { ignoreUnknown: boolean }): Promise<{ refused: { index: number; reason: string }[] }>
}

export async function writeRows(port: TablePort, subscription: Subscription, batch: Delivered[]): Promise<{ refused: Set<string> }> {
  const config = subscription.config.bigqueryConfig!
  const refused = new Set<string>()
  const rows: { id: string; row: Record<string, unknown>; ackId: string }[] = []
  for (const delivered of batch) {
    const row = rowOf(delivered, config, subscription)
    if (row) rows.push({ id: delivered.messageId, row, ackId: delivered.ackId })
    else refused.add(delivered.ackId)
  }
  const { refused: bad } = await port.insert(config.table, rows, { ignoreUnknown: config.dropUnknownFields === true })
  for (const { index } of bad) refused.add(rows[index]!.ackId)
  return { refused }
}

/** Undefined where the message's data has to be an object and is none. */
function rowOf({ record, messageId }: Delivered, config: BigqueryConfig, { name }: Subscription): Record<string, unknown> | undefined {
  const { data, attributes, orderingKey } = decodeMessage(record.payload)
  const metadata = config.writeMetadata && {
    subscription_name: name, message_id: messageId, publish_time: timeText(record.time_us), attributes: JSON.stringify(attributes),
    ...(orderingKey !== '' && { ordering_key: orderingKey }),
  }
  if (!config.useTopicSchema && !config.useTableSchema) return { data: data.toString('utf8'), ...metadata }
  const fields = parsed(data)
  return fields && { ...fields, ...metadata }
}

function parsed(data: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined // Not JSON: it will not be either when it is tried again, and goes to the dead letters.
  }
}
