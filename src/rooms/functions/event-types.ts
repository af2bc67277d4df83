/** The names of events in the first generation and as CloudEvents. */
import { invalid } from './faults.ts'

const LEGACY: Readonly<Record<string, string>> = {
  'google.storage.object.finalize': 'google.cloud.storage.object.v1.finalized',
  'google.storage.object.delete': 'google.cloud.storage.object.v1.deleted',
  'google.storage.object.archive': 'google.cloud.storage.object.v1.archived',
  'google.storage.object.metadataUpdate': 'google.cloud.storage.object.v1.metadataUpdated',
  'google.pubsub.topic.publish': 'google.cloud.pubsub.topic.v1.messagePublished',
}
/** From before 2018, and still in tutorials. */
const OLDER: Readonly<Record<string, string>> = {
  'providers/cloud.storage/eventTypes/object.change': 'google.cloud.storage.object.v1.finalized',
  'providers/cloud.pubsub/eventTypes/topic.publish': 'google.cloud.pubsub.topic.v1.messagePublished',
}

export function fromLegacyType(type: string): string {
  const found = LEGACY[type] ?? OLDER[type]
  if (found === undefined) throw invalid(`Events of the type ${type.slice(0, 120)} do not happen in this house.`, `It has ${Object.keys(LEGACY).join(', ')}.`)
  return found
}

export const toLegacyType = (type: string): string => Object.entries(LEGACY).find(([, its]) => its === type)?.[0] ?? type
