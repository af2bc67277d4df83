/** The token that a person's command line shows a house: from POTOROO_TOKEN, or kept by `potoroo login` in a private file, by address. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

interface Kept {
  [url: string]: { token: string; principal: string }
}

export function tokenFor(url: string): string | undefined {
  return process.env['POTOROO_TOKEN'] || read()[url]?.token
}

export function keepToken(url: string, token: string, principal: string): string {
  write({ ...read(), [url]: { token, principal } })
  return file()
}

export function forgetToken(url: string): boolean {
  const { [url]: gone, ...rest } = read()
  if (gone) write(rest)
  return gone !== undefined
}

const file = (): string => join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'potoroo', 'credentials.json')

function read(): Kept {
  try {
    return JSON.parse(readFileSync(file(), 'utf8')) as Kept
  } catch {
    return {} // Nobody has logged in yet.
  }
}

function write(kept: Kept): void {
  mkdirSync(dirname(file()), { recursive: true, mode: 0o700 })
  const temporary = `${file()}.new`
  writeFileSync(temporary, JSON.stringify(kept, undefined, 2), { mode: 0o600 })
  renameSync(temporary, file())
}
