/** Every function of the standard library that answers at once. */
import { bytesLibrary } from './bytes.ts'
import { collections } from './collections.ts'
import { helpers } from './helpers.ts'
import { jsonLibrary } from './json.ts'
import type { Library } from './library.ts'
import { sysLibrary } from './sys.ts'
import { textLibrary } from './text.ts'
import { timeLibrary } from './time.ts'

export const LIBRARY: Library = Object.freeze({
  ...helpers, ...bytesLibrary, ...collections, ...jsonLibrary, ...sysLibrary, ...textLibrary, ...timeLibrary,
})
