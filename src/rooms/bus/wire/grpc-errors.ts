/** Faults as gRPC statuses. The library is handed in, since it is loaded with the first HTTP/2 connection only. */
import type { Metadata } from '@grpc/grpc-js'
import { diskFault } from '#ground/disk.ts'
import { GRPC_STATUS, asFault } from '#ground/fault.ts'
import type { Log } from '#ground/telemetry.ts'
import { statusDetails } from './status.ts'

export interface GrpcError {
  code: number
  details: string
  metadata?: Metadata
}

export class GrpcErrors {
  private readonly log: Log
  private readonly newMetadata: () => Metadata

  constructor(log: Log, newMetadata: () => Metadata) {
    this.log = log
    this.newMetadata = newMetadata
  }

  of(thrown: unknown): GrpcError {
    const fault = diskFault(thrown) ?? asFault(thrown)
    if (fault.code === 'INTERNAL') this.log.error({ err: fault.cause ?? fault }, 'a gRPC call met an error of ours')
    const details = fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`
    const status = statusDetails(fault)
    if (!status) return { code: GRPC_STATUS[fault.code], details }
    const metadata = this.newMetadata()
    metadata.set('grpc-status-details-bin', status)
    return { code: GRPC_STATUS[fault.code], details, metadata }
  }
}
