import { expect, test } from 'vitest'
import { ownerOf } from './peer.ts'

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:10B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:10B8 01 00000000:00000000 00:00000000 00000000  1001        0 222 1 0 20 4 30 10 -1
   2: 0100007F:10B8 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0 20 4 30 10 -1
`

test('the kernel’s table says whose the other end of a connection is, not whose ours is', () => {
  expect(ownerOf(TABLE, 50_000, 4280)).toBe(1001)
})

test('a connection that is not in the table has no known owner', () => {
  expect(ownerOf(TABLE, 50_001, 4280)).toBeUndefined()
  expect(ownerOf('', 50_000, 4280)).toBeUndefined()
})
