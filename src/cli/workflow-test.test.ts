/** `potoroo workflow test` as a script uses it: what it prints and how it exits. It needs no house. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { EXIT } from './exit.ts'

const MAIN = resolve(import.meta.dirname, 'main.ts')

async function potoroo(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, 'workflow', 'test', ...args], { env: { ...process.env, NO_COLOR: '1' } })
    return { code: 0, out: stdout, err: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, err: stderr }
  }
}

const SOURCE = `main:
  params: [args]
  steps:
    - nap: {call: sys.sleep, args: {seconds: 3600}}
    - get:
        try: {call: http.get, args: {url: '\${"https://api.test/" + args.id}'}, result: r}
        retry: \${http.default_retry}
    - log: {call: sys.log, args: {text: done}}
    - answer: {return: "\${r.body.value}"}
`
const MOCK = `routes:
  - method: GET
    url: https://api.test/7
    responses:
      - {status: 503}
      - {body: {value: 42}}
expect:
  state: SUCCEEDED
  result: RESULT
  calls_min: {"GET https://api.test/7": 2}
`

function files(result: string) {
  const folder = testFolder()
  const [source, mock] = [join(folder, 'flow.yaml'), join(folder, 'hosts.yaml')]
  writeFileSync(source, SOURCE)
  writeFileSync(mock, MOCK.replace('RESULT', result))
  return { source, mock }
}

describe('potoroo workflow test', () => {
  it('runs an hour of sleep in no time, shows the steps, and is content', async () => {
    const { source, mock } = files('42')
    const { code, out } = await potoroo(source, '--args', '{"id": 7}', '--mock', mock)
    expect(out).toMatch(/✓ nap +std lib call +.*\n✓ get +try retry except/)
    expect(out).toContain('log DEFAULT: "done"')
    expect(out).toContain('✓ 42')
    expect(code).toBe(EXIT.ok)
  })

  it('says what differs from what was expected, and fails for a script', async () => {
    const { source, mock } = files('43')
    const { code, out } = await potoroo(source, '--args', '{"id": 7}', '--mock', mock)
    expect(out).toContain('≠ result 42, not 43')
    expect(code).toBe(EXIT.failedWork)
  })

  it('answers programs as JSON', async () => {
    const { source, mock } = files('42')
    const { out } = await potoroo(source, '--args', '{"id": 7}', '--mock', mock, '--json')
    expect(JSON.parse(out)).toMatchObject({ state: 'SUCCEEDED', result: 42, virtual_seconds: 3601, differences: [] })
  })

  it('refuses a wrong source, a missing file and arguments that are no JSON', async () => {
    const { source } = files('42')
    const bad = join(testFolder(), 'bad.yaml')
    writeFileSync(bad, '- a: {next: nowhere}\n')
    expect(await potoroo(bad)).toMatchObject({ code: EXIT.usage, err: expect.stringContaining("main.yaml:1:13: unknown step 'nowhere'") })
    expect(await potoroo('/nowhere.yaml')).toMatchObject({ code: EXIT.notFound })
    expect(await potoroo(source, '--args', '{')).toMatchObject({ code: EXIT.usage })
  })
})
