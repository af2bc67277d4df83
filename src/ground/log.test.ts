import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { fakeClock } from './clock.ts'
import { Disk } from './disk.ts'
import { arm, disarm } from './failpoint.ts'
import { BlockCache, SegmentLog } from './log.ts'
import type { LogRecord } from './log.ts'

const SMALL = { segmentBytes: 600, blockBytes: 150 }

function placeFor() {
  const folder = testFolder()
  const clock = fakeClock()
  const disk = new Disk(folder, { durable: true })
  const open = async (sizes = {}) => {
    const log = await SegmentLog.open(disk, ['logs', 'one'], { clock, cache: new BlockCache(2000), ...sizes })
    onTestFinished(() => log.close())
    return log
  }
  return { files: join(folder, 'logs', 'one'), clock, open }
}

async function all(log: SegmentLog, from = log.start): Promise<LogRecord[]> {
  const found: LogRecord[] = []
  for (let records = await log.read(from); records.length > 0; records = await log.read(found.at(-1)!.seq + 1)) found.push(...records)
  return found
}

const texts = (records: LogRecord[]): string[] => records.map(({ payload }) => payload.toString())

describe('an append-only log', () => {
  afterEach(() => disarm())

  it('what was appended is read back in order, after reopening too, over many segments', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.string({ maxLength: 80 }), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 }), async (appends) => {
        const { open } = placeFor()
        const log = await open(SMALL)
        let expected = 0
        for (const group of appends) {
          const { first } = await log.append(group.map((text) => Buffer.from(text)))
          expect(first).toBe(expected)
          expected += group.length
        }
        expect(texts(await all(log))).toEqual(appends.flat())
        await log.close()
        const again = await open(SMALL)
        expect(again.end).toBe(expected)
        expect(texts(await all(again))).toEqual(appends.flat())
        await again.close()
      }),
      { numRuns: 25 },
    )
  })

  it('appends that come together are numbered as they came', async () => {
    const { open } = placeFor()
    const log = await open()
    const placed = await Promise.all(['a', 'b', 'c'].map((text) => log.append([Buffer.from(text), Buffer.from(text)])))
    expect(placed.map(({ first }) => first)).toEqual([0, 2, 4])
    expect(texts(await all(log))).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
  })

  it('a record torn by a kill is cut off, and the next one takes its number', async () => {
    const { open, files } = placeFor()
    const log = await open()
    await log.append([Buffer.from('whole')])
    await log.close()
    const [name] = readdirSync(files)
    const whole = readFileSync(join(files, name!))
    for (const torn of [whole.subarray(0, 3), whole.subarray(0, whole.length - 1), Buffer.from(whole).fill(0, whole.length - 2)]) {
      appendFileSync(join(files, name!), torn)
      const again = await open()
      expect(again.end).toBe(1)
      expect(statSync(join(files, name!)).size).toBe(whole.length)
      await again.close()
    }
    const again = await open()
    expect((await again.append([Buffer.from('next')])).first).toBe(1)
    expect(texts(await all(again))).toEqual(['whole', 'next'])
  })

  it('damage inside a closed segment is told, not served', async () => {
    const { open, files } = placeFor()
    const log = await open(SMALL)
    for (let count = 0; count < 20; count++) await log.append([Buffer.alloc(100, 'x')])
    await log.close()
    const first = join(files, readdirSync(files).sort()[0]!)
    const bytes = readFileSync(first)
    bytes[200]! ^= 1
    writeFileSync(first, bytes)
    const again = await open(SMALL)
    await expect(all(again, 0)).rejects.toMatchObject({ code: 'DATA_LOSS' })
  })

  it('freeing removes whole segments that lie before, and nothing that is still wanted', async () => {
    const { open, files } = placeFor()
    const log = await open(SMALL)
    for (let count = 0; count < 40; count++) await log.append([Buffer.from(String(count).padStart(60, '0'))])
    const before = readdirSync(files).length
    await log.forgetBefore(25)
    expect(readdirSync(files).length).toBeLessThan(before)
    expect(log.start).toBeLessThanOrEqual(25)
    expect(texts(await all(log, 25)).map(Number)).toEqual(Array.from({ length: 15 }, (_, index) => 25 + index))
    expect(await log.read(0)).toEqual([])
    await log.close()
    const again = await open(SMALL)
    expect([again.start, again.end]).toEqual([log.start, 40])
  })

  it('a log that everyone has passed shrinks to nothing, and goes on counting', async () => {
    const { open, files } = placeFor()
    const log = await open()
    await log.append([Buffer.alloc(2_000_000)])
    await log.append([Buffer.alloc(10)])
    await log.forgetBefore(2)
    expect(log.bytes).toBe(0)
    expect(readdirSync(files)).toHaveLength(1)
    await log.close()
    expect((await (await open()).append([Buffer.from('x')])).first).toBe(2)
  })

  it('finds the first record of a time', async () => {
    const { open, clock } = placeFor()
    const log = await open(SMALL)
    const times: number[] = []
    for (let count = 0; count < 30; count++) {
      times.push(clock.now_ms() * 1000)
      await log.append([Buffer.alloc(50)])
      if (count % 3 === 0) await clock.advance(1000)
    }
    for (const time_us of [0, ...times, ...times.map((time) => time + 1), times.at(-1)! + 5e6]) {
      const expected = times.findIndex((time) => time >= time_us)
      expect(await log.seqAt(time_us)).toBe(expected < 0 ? 30 : expected)
    }
  })

  it('a write that the disk refuses leaves nothing behind, and the next one succeeds', async () => {
    const { open } = placeFor()
    const log = await open()
    await log.append([Buffer.from('a')])
    arm('log.write', 'enospc')
    await expect(log.append([Buffer.from('lost')])).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'diskFull' })
    disarm()
    await log.append([Buffer.from('b')])
    await log.close()
    expect(texts(await all(await open()))).toEqual(['a', 'b'])
  })

  it('after a sync that failed nothing more is acknowledged', async () => {
    const { open } = placeFor()
    const log = await open()
    arm('log.sync', 'eio')
    await expect(log.append([Buffer.from('a')])).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'logSync' })
    disarm()
    await expect(log.append([Buffer.from('b')])).rejects.toMatchObject({ reason: 'logSync' })
  })
})
