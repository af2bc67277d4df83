/**
 * Where messages lie: rows of the ledger beside records of a log, both synced before they are acknowledged.
 * node bench/bus-log.ts [messages] [bytes]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#ground/clock.ts'
import { Disk } from '#ground/disk.ts'
import { openSqliteLedger } from '#ground/ledger.ts'
import { BlockCache, SegmentLog } from '#ground/log.ts'

const messages = Number(process.argv[2] ?? 100_000)
const bytes = Number(process.argv[3] ?? 1024)
const body = Buffer.alloc(bytes, 'x')

interface Store {
  append(count: number): Promise<void>
  read(): Promise<number>
  close(): Promise<void>
}

async function ledgerStore(folder: string): Promise<Store> {
  const ledger = await openSqliteLedger(join(folder, 'ledger.sqlite'), { durable: true })
  const db = ledger.builder<{ messages: { topic: number; seq: number; time_us: number; payload: Uint8Array } }>()
  await ledger.migrate('bench', [
    {
      number: 1,
      name: 'messages',
      up: (schema) => [
        schema.schema.createTable('messages').addColumn('topic', 'integer').addColumn('seq', 'bigint').addColumn('time_us', 'bigint').addColumn('payload', 'blob').addPrimaryKeyConstraint('messages_key', ['topic', 'seq']),
      ],
    },
  ])
  let next = 0
  return {
    async append(count) {
      const rows = Array.from({ length: count }, () => ({ topic: 1, seq: next++, time_us: 0, payload: body }))
      await ledger.write(db.insertInto('messages').values(rows))
    },
    async read() {
      let seen = 0
      for (;;) {
        const rows = await ledger.read(db.selectFrom('messages').selectAll().where('topic', '=', 1).where('seq', '>=', seen).orderBy('seq').limit(500))
        if (rows.length === 0) return seen
        seen += rows.length
      }
    },
    close: () => ledger.close(),
  }
}

async function logStore(folder: string): Promise<Store> {
  const log = await SegmentLog.open(new Disk(folder, { durable: true }), ['log'], { clock: systemClock(), cache: new BlockCache() })
  return {
    append: async (count) => void (await log.append(new Array<Buffer>(count).fill(body))),
    async read() {
      let seq = 0
      for (let records = await log.read(seq); records.length > 0; records = await log.read(seq)) seq += records.length
      return seq
    },
    close: () => log.close(),
  }
}

for (const [name, open] of [['ledger', ledgerStore], ['log', logStore]] as const) {
  for (const [batch, callers] of [[1, 1], [1, 64], [100, 1], [100, 16]] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
    const store = await open(folder)
    const calls = Math.min(Math.ceil(messages / batch), callers === 1 ? 2000 : 20_000)
    const waits: number[] = []
    const cpu = process.cpuUsage()
    const since = performance.now()
    let left = calls
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (left-- > 0) {
          const asked = performance.now()
          await store.append(batch)
          waits.push(performance.now() - asked)
        }
      }),
    )
    const wrote_s = (performance.now() - since) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const readSince = performance.now()
    const read = await store.read()
    const read_s = (performance.now() - readSince) / 1000
    waits.sort((a, b) => a - b)
    console.log(JSON.stringify({
      store: name, batch, callers, messages: read, bytes, written_per_s: Math.round(read / wrote_s), read_per_s: Math.round(read / read_s),
      append_p50_ms: Number(waits[waits.length >> 1]!.toFixed(2)), append_p99_ms: Number(waits[Math.floor(waits.length * 0.99)]!.toFixed(2)), cpu_us_per_message: Math.round((user + system) / read),
    }))
    await store.close()
    rmSync(folder, { recursive: true })
  }
}
