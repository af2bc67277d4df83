/** A process that writes pairs and says each number once its write is acknowledged, until it is killed. */
import { sql } from 'kysely'
import { openSqliteLedger } from './ledger.ts'

const [, , path, from] = process.argv
const ledger = await openSqliteLedger(path!, { durable: true })
const db = ledger.builder()
let next = Number(from)

async function write(): Promise<void> {
  for (;;) {
    const n = next++
    await ledger.write(sql`insert into lefts values (${n})`.compile(db), sql`insert into rights values (${n})`.compile(db))
    process.stdout.write(`${n}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, write))
