/** What people print, and what the log shows of it. */
import { expect, test } from 'vitest'
import { fakeClock } from '#ground/clock.ts'
import { InstanceOutput } from './output.ts'
import type { Printed } from './output.ts'

function printed(lines: string[], stream: 'stdout' | 'stderr' = 'stderr'): Printed[] {
  const entries: Printed[] = []
  const output = new InstanceOutput(fakeClock(), (entry) => entries.push(entry))
  for (const line of lines) output.line(line, stream, 'run-1')
  output.flush()
  return entries
}

test('a traceback is one entry, with the causes it names', () => {
  const trace = ['Traceback (most recent call last):', '  File "main.py", line 3, in main', '    int("x")', 'ValueError: invalid literal', '', 'During handling of the above exception, another exception occurred:', '', 'Traceback (most recent call last):', '  File "main.py", line 5, in main', 'KeyError: 1']
  expect(printed(trace)).toEqual([{ severity: 'ERROR', text: trace.join('\n'), execution: 'run-1' }])
})

test('a stack of Node is one entry', () => {
  const stack = ['TypeError: x is not a function', '    at handler (/code/index.js:3:5)', '    at next (/code/index.js:9:1)']
  expect(printed(stack)).toEqual([{ severity: 'ERROR', text: stack.join('\n'), execution: 'run-1' }])
})

test('a JSON line has its own severity, labels and fields', () => {
  expect(printed(['{"severity":"WARNING","message":"slow","took_ms":7,"logging.googleapis.com/labels":{"part":"a"}}', '{"severity":"notice","message":"hello"}'], 'stdout')).toEqual([
    { severity: 'WARNING', json: { took_ms: 7, message: 'slow' }, execution: 'run-1', labels: { part: 'a' } },
    { severity: 'NOTICE', text: 'hello', execution: 'run-1' },
  ])
})

test('plain lines are text, as errors from stderr, and what only looks like JSON stays text', () => {
  expect(printed(['hello', '{half'], 'stdout').map(({ severity, text }) => [severity, text])).toEqual([['DEFAULT', 'hello'], ['DEFAULT', '{half']])
  expect(printed(['oops'])[0]).toMatchObject({ severity: 'ERROR', text: 'oops' })
})

test('what is held back for more lines goes out by itself after a moment', async () => {
  const clock = fakeClock()
  const entries: Printed[] = []
  const output = new InstanceOutput(clock, (entry) => entries.push(entry))
  output.line('Traceback (most recent call last):', 'stderr', undefined)
  expect(entries).toEqual([])
  await clock.advance(1000)
  expect(entries).toHaveLength(1)
})
