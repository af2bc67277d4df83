/** `npm start`: sets up what is missing, then runs the house. The same as `bin/potoroo up`. */
import { join } from 'node:path'
import { runWithNode24 } from './node24.mjs'
import { ROOT, fetchAnalyzer, setUp } from './set-up.mjs'

await setUp()
fetchAnalyzer()
await runWithNode24(ROOT, join(ROOT, 'src', 'cli', 'main.ts'), ['up', ...process.argv.slice(2)])
