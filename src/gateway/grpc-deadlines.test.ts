import { describe, expect, it } from 'vitest'
import { shorten } from './grpc-deadlines.ts'

const shortened = (timeout: string): unknown => {
  const headers = { 'grpc-timeout': timeout }
  shorten(headers)
  return headers['grpc-timeout']
}

describe('deadlines of gRPC calls', () => {
  it('a deadline that does not fit into 32 bits of milliseconds becomes one of 24 days', () => {
    expect(shortened('99999999S')).toBe('2147483S')
    expect(shortened('1193047H')).toBe('2147483S')
  })

  it('other deadlines stay as they are', () => {
    for (const timeout of ['10S', '59999m', '2147483S', '99999999m', '99999999n']) expect(shortened(timeout)).toBe(timeout)
  })
})
