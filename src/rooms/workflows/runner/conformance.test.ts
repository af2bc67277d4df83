/** Every case of the shared conformance folder, run in this process on a virtual clock. Not the APIs: check.py drives those. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fromPlain } from '../language/json.ts'
import { differences, type Expectations } from './expectations.ts'
import { runWorkflow } from './run.ts'
import { Stub, type StubHosts } from './stub.ts'

const root = process.env['POTOROO_CONFORMANCE'] ?? resolve(import.meta.dirname, '../../../../../shared/conformance')
const folder = join(root, 'workflows')
const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
const names = existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'main.yaml'))) : []

describe('the conformance cases of workflows', () => {
  if (names.length === 0) it.skip(`no cases at ${folder}: set POTOROO_CONFORMANCE to the folder that has them`, () => {})

  it.each(names)('%s ends as the case expects, and also when its state is written and read at every wait', async (name) => {
    const at = join(folder, name)
    for (const roundTrip of [false, true]) {
      const stub = new Stub(read(join(at, 'stub.json')) as StubHosts)
      const run = await runWorkflow({
        source: readFileSync(join(at, 'main.yaml'), 'utf8'), argument: fromPlain(read(join(at, 'args.json'))), http: stub,
        ...(roundTrip ? { atRest: (state: string) => state } : {}),
      })
      expect(differences(read(join(at, 'expected.json')) as Expectations, run, stub.calls)).toEqual([])
    }
  })
})
