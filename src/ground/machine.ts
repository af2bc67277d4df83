/** What the machine offers. */
import { availableParallelism as count } from 'node:os'

export const availableParallelism = count()
