/** A PostgreSQL server of the tests' own, from the machine's programs, on a socket file in a temporary folder. */
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'

export interface Postgres {
  /** A connection string to a new, empty database. */
  database(): Promise<string>
  stop(): Promise<void>
}

const START_MS_MAX = 20_000

/** Where initdb and postgres lie, or why there are none. */
export function findPostgres(): { programs: string } | { missing: string } {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const packaged = '/usr/lib/postgresql'
  if (existsSync(packaged)) folders.push(...readdirSync(packaged).map((version) => join(packaged, version, 'bin')))
  const programs = folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
  if (programs === undefined) return { missing: 'no initdb and postgres in PATH or /usr/lib/postgresql' }
  if (isRoot() && !existsSync('/usr/bin/setpriv')) return { missing: 'PostgreSQL refuses to run as root, and there is no setpriv to become another user' }
  return { programs }
}

export async function startPostgres(programs: string): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-pg-'))
  if (isRoot()) chownSync(folder, Number(nobody().uid), Number(nobody().gid))
  const data = join(folder, 'data')
  const [initdb, ...initArguments] = unprivileged([join(programs, 'initdb'), '-D', data, '-U', 'potoroo', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'])
  execFileSync(initdb!, initArguments, { stdio: 'pipe', cwd: folder })
  const [postgres, ...serverArguments] = unprivileged([join(programs, 'postgres'), '-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off'])
  const server = spawn(postgres!, serverArguments, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder })
  await ready(server)
  const url = (name: string) => `postgresql:///${name}?host=${encodeURIComponent(folder)}&user=potoroo`
  let databases = 0
  return {
    async database() {
      const name = `test${++databases}`
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return url(name)
    },
    async stop() {
      server.kill('SIGINT')
      await new Promise((resolve) => server.once('exit', resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let told = ''
    const late = setTimeout(() => reject(new Error(`PostgreSQL did not start:\n${told}`)), START_MS_MAX)
    server.stderr!.on('data', (chunk) => {
      told += chunk
      if (!told.includes('ready to accept connections')) return
      clearTimeout(late)
      resolve()
    })
    server.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}:\n${told}`)))
  })
}

const isRoot = () => process.getuid?.() === 0

function nobody(): { uid: string; gid: string } {
  const id = (flag: string) => execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim()
  return { uid: id('-u'), gid: id('-g') }
}

function unprivileged(command: string[]): string[] {
  if (!isRoot()) return command
  const { uid, gid } = nobody()
  return ['setpriv', '--reuid', uid, '--regid', gid, '--clear-groups', ...command]
}
