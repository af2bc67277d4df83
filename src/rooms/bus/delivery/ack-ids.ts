/** What a subscriber answers a message with: names the subscription, the record and the lease. Opaque to clients. */

export interface AckId {
  seq: number
  lease: number
  /** Which process gave it out. */
  session: string
}

const FORM = /^([0-9a-z]{1,11})-([0-9a-z]{1,11})-([0-9a-z]{1,8})-([0-9a-z]{1,12})$/

export const ackIdOf = (serial: number, { seq, lease, session }: AckId): string => `${serial.toString(36)}-${seq.toString(36)}-${lease.toString(36)}-${session}`

/** Undefined for what is no ack id of this subscription. */
export function parseAckId(text: string, serial: number): AckId | undefined {
  const found = FORM.exec(text)
  if (!found || Number.parseInt(found[1]!, 36) !== serial) return undefined
  return { seq: Number.parseInt(found[2]!, 36), lease: Number.parseInt(found[3]!, 36), session: found[4]! }
}
