/** Page sizes and tokens of lists, read from a query. */
import { invalid } from './faults.ts'
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from './limits.ts'

export function pageSize(given: string | number | null | undefined): number {
  const size = Number(given ?? 0)
  if (!Number.isInteger(size) || size < 0) throw invalid('pageSize must be a whole number that is not negative.')
  return size === 0 ? PAGE_SIZE_DEFAULT : Math.min(size, PAGE_SIZE_MAX)
}

export const tokenOf = (text: string): string => Buffer.from(text).toString('base64url')

export const textOf = (token: string | null | undefined): string => Buffer.from(token ?? '', 'base64url').toString()
