/** What can go wrong in the logs room. */
import { Fault } from '#ground/fault.ts'

export const invalid = (message: string, hint?: string) => new Fault('INVALID_ARGUMENT', 'invalid', message, hint === undefined ? {} : { hint })

export const badFilter = (what: string, at: number) => invalid(`Unparseable filter: ${what} at column ${at + 1}.`, 'For example: severity>=ERROR AND resource.labels.function_name="hello"')
