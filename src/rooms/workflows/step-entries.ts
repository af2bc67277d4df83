/** The history of an execution as a tree of entries with their neighbours. */
import { foldHistory, type StepRecord } from './machine/history.ts'
import type { HistoryBatch } from './shelf.executions.ts'
import { stepEntryResource } from './wire.ts'

export function stepEntryResources(execution: string, batches: readonly HistoryBatch[]): Record<string, unknown>[] {
  const entries = foldHistory(batches)
  const siblings = new Map<string, StepRecord[]>()
  const children = new Map<number, number[]>()
  for (const entry of entries) {
    const family = `${entry.parent} ${entry.thread}`
    append(siblings, family, entry)
    append(children, entry.parent, entry.id)
  }
  const places = new Map<number, { previous?: number; next?: number }>()
  for (const family of siblings.values()) {
    for (const [i, { id }] of family.entries()) {
      const [previous, next] = [family[i - 1]?.id, family[i + 1]?.id]
      places.set(id, { ...(previous !== undefined && { previous }), ...(next !== undefined && { next }) })
    }
  }
  return entries.map((entry) => stepEntryResource(execution, entry, { children: children.get(entry.id) ?? [], ...places.get(entry.id) }))
}

function append<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const items = map.get(key)
  if (items) items.push(item)
  else map.set(key, [item])
}
