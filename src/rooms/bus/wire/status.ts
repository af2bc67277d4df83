/** Faults that carry one word for each ack id, as Google's clients read them: an ErrorInfo among the status' details. */
import { Fault, GRPC_STATUS } from '#ground/fault.ts'
import { VARINT, WireWriter, field, varintSize } from './protobuf.ts'

const LATE = 'PERMANENT_FAILURE_INVALID_ACK_ID'

export function googleRpcError(message: string, ackIds: string[]): Fault {
  return new Fault('FAILED_PRECONDITION', 'EXACTLY_ONCE_ACKID_FAILURE', message, { details: { ackIds: Object.fromEntries(ackIds.map((ackId) => [ackId, LATE])) } })
}

/** google.rpc.Status, for the trailer `grpc-status-details-bin`; undefined where there is nothing to add to the message. */
export function statusDetails(fault: Fault): Buffer | undefined {
  const words = fault.details['ackIds'] as Record<string, string> | undefined
  if (!words) return undefined
  const entries = Object.entries(words).map(([ackId, word]) => field(3, Buffer.concat([field(1, Buffer.from(ackId)), field(2, Buffer.from(word))])))
  const info = Buffer.concat([field(1, Buffer.from(fault.reason)), field(2, Buffer.from('pubsub.googleapis.com')), ...entries])
  const any = Buffer.concat([field(1, Buffer.from('type.googleapis.com/google.rpc.ErrorInfo')), field(2, info)])
  const code = GRPC_STATUS[fault.code]
  const head = new WireWriter(1 + varintSize(code)).varint((1 << 3) | VARINT).varint(code).buffer
  return Buffer.concat([head, field(2, Buffer.from(fault.message)), field(3, any)])
}
