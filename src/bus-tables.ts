/** The tables that BigQuery subscriptions of the bus write to: rows streamed into the warehouse, each counted once by its message id. */
import { Fault } from '#ground/fault.ts'
import type { TablePort } from '#rooms/bus/outlets/table.ts'
import type { WarehouseService } from '#rooms/warehouse/service.ts'

export function busTables(warehouse: () => WarehouseService): TablePort {
  return {
    async exists(table) {
      try {
        await warehouse().tables.get(pathOf(table))
        return true
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code === 'NOT_FOUND') return false
        throw thrown
      }
    },
    async insert(table, rows, { ignoreUnknown }) {
      // One row that does not fit does not hold up the others; it goes to the dead letters.
      const body = { ignoreUnknownValues: ignoreUnknown, skipInvalidRows: true, rows: rows.map(({ id, row }) => ({ insertId: id, json: row })) }
      const refused = await warehouse().tabledata.insert(pathOf(table), Buffer.from(JSON.stringify(body)), undefined, new AbortController().signal)
      return { refused: refused.map(({ index, errors }) => ({ index, reason: errors[0]?.message ?? 'the row does not fit' })) }
    },
  }
}

/** `project.dataset.table`, or with a colon behind the project. */
function pathOf(table: string): { projectId: string; datasetId: string; tableId: string } {
  const found = /^([^.:]+(?::[^.:]+)?)[.:]([^.]+)\.([^.]+)$/.exec(table)
  if (!found) throw new Fault('INVALID_ARGUMENT', 'invalid', `${JSON.stringify(table.slice(0, 200))} is not a table: project.dataset.table is wanted.`)
  return { projectId: found[1]!, datasetId: found[2]!, tableId: found[3]! }
}
