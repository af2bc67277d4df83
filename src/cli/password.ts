/** A secret from the person: typed without being shown, or the first line of stdin. Never an argument, which every user of the machine can see. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Fault } from '#ground/fault.ts'

export async function readPassword(prompt: string): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write(prompt)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY })
  try {
    for await (const line of lines) {
      if (line.trim() !== '') return line.trim()
      break
    }
  } finally {
    lines.close()
    if (process.stdin.isTTY) process.stderr.write('\n')
  }
  throw new Fault('INVALID_ARGUMENT', 'usage', 'Nothing was given.', { hint: 'Type it when asked, or pipe it in.' })
}
