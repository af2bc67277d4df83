/** What can go wrong in the warehouse room, with BigQuery's own codes, reasons and words. */
import { Fault } from '#ground/fault.ts'
import type { DatasetRef, JobRef, TablePath } from './types.ts'

export const datasetName = ({ projectId, datasetId }: DatasetRef): string => `${projectId}:${datasetId}`
export const tableName = ({ projectId, datasetId, tableId }: TablePath): string => `${projectId}:${datasetId}.${tableId}`

export const noDataset = (ref: DatasetRef) => new Fault('NOT_FOUND', 'notFound', `Not found: Dataset ${datasetName(ref)}`)

export const noTable = (ref: TablePath) => new Fault('NOT_FOUND', 'notFound', `Not found: Table ${tableName(ref)}`)

export const noJob = ({ projectId, jobId }: JobRef) => new Fault('NOT_FOUND', 'notFound', `Not found: Job ${projectId}:${jobId}`)

export const noRoutine = ({ projectId, datasetId }: DatasetRef, routineId: string) => new Fault('NOT_FOUND', 'notFound', `Not found: Routine ${projectId}:${datasetId}.${routineId}`)

export const noPolicy = (ref: TablePath, policyId: string) => new Fault('NOT_FOUND', 'notFound', `Not found: Row access policy ${policyId} on table ${tableName(ref)}`)

export const noModel = (ref: TablePath) => new Fault('NOT_FOUND', 'notFound', `Not found: Model ${tableName(ref)}`)

export const datasetTaken = (ref: DatasetRef) => new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Dataset ${datasetName(ref)}`)

export const tableTaken = (ref: TablePath) => new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Table ${tableName(ref)}`)

export const routineTaken = ({ projectId, datasetId }: DatasetRef, routineId: string) => new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Routine ${projectId}:${datasetId}.${routineId}`)

export const jobTaken = ({ projectId, jobId }: JobRef) => new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Job ${projectId}:${jobId}`)

export const datasetInUse = (ref: DatasetRef) => new Fault('FAILED_PRECONDITION', 'resourceInUse', `Dataset ${datasetName(ref)} is still in use`)

export const invalid = (message: string, location?: string) => new Fault('INVALID_ARGUMENT', 'invalid', message, location === undefined ? {} : { details: { location } })

export const invalidParameter = (message: string) => new Fault('INVALID_ARGUMENT', 'invalidParameter', message)

export const required = (what: string) => new Fault('INVALID_ARGUMENT', 'required', `Required parameter is missing: ${what}`)

export const conditionNotMet = () => new Fault('FAILED_PRECONDITION', 'conditionNotMet', 'Precondition check failed.', { httpStatus: 412 })

export const readOnly = (project: string) =>
  new Fault('PERMISSION_DENIED', 'accessDenied', `Access Denied: Project ${project}: its datasets are made by the house and cannot be changed.`)

export const interrupted = (what: string) =>
  new Fault('ABORTED', 'jobInternalError', `The ${what} was interrupted when the house stopped; nothing of it was stored.`, { hint: 'Start it again with a new job id.' })

export const engineEnded = (why: string) =>
  new Fault('ABORTED', 'backendError', `The query engine ended during the job and was started again (${why}); nothing of the job was stored.`, { httpStatus: 503 })

export const resultGone = ({ projectId, jobId }: JobRef) =>
  new Fault('NOT_FOUND', 'notFound', `Not found: the results of job ${projectId}:${jobId} are gone.`, { hint: 'Results without a destination table last 24 hours, and no longer than the engine that made them. Run the query again.' })

export const damagedTable = (ref: TablePath, why: string) =>
  new Fault('DATA_LOSS', 'backendError', `Table ${tableName(ref)} is damaged: ${why}.`, { hint: 'Restore it from a snapshot, or load it again with WRITE_TRUNCATE.', httpStatus: 400 })
