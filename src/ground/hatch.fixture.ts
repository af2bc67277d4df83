/** A house that only has a hatch, for `hatch.test.ts` to kill: folder, rung, and a script to run. */
import { systemClock } from './clock.ts'
import { Disk } from './disk.ts'
import { Hatch, type RungLevel } from './hatch.ts'
import { systemIds } from './ids.ts'

const [folder = '', level = '0', script = ''] = process.argv.slice(2)
const clock = systemClock()
setInterval(() => {}, 1000)
const hatch = await Hatch.open({ disk: new Disk(folder, { durable: false }), clock, ids: systemIds(clock), rung_max: Number(level) as RungLevel })
await hatch.start({ name: 'left behind', command: ['/bin/sh', '-c', script], onLine: (line) => console.log(line) })
