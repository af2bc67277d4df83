/** Listing against a plain model: whatever the names, pages put together are exactly the objects a simple filter gives. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { timedGround } from '../../../tests/support/ground.ts'
import { globPattern, listObjects } from './listing.ts'
import type { ListQuery } from './listing.ts'
import { storageMigrations } from './migrations.ts'
import { StorageShelf } from './shelf.ts'
import type { Bucket, StoredObject } from './types.ts'

const BUCKET: Bucket = { name: 'lake', project: 'p', metageneration: 1, created_ms: 1, updated_ms: 1, location: 'US', storageClass: 'STANDARD', config: {} }

const ALL: ListQuery = {
  prefix: '', delimiter: '', startOffset: '', endOffset: '', matchGlob: '', includeTrailingDelimiter: false, versions: false, maxResults: 1000, pageToken: '',
} // prettier-ignore

function object(name: string, generation: number, live: boolean): StoredObject {
  return {
    bucket: 'lake', name, generation, metageneration: 1, live, blob: `b${generation}`, size: 1, crc32c: 'AAAAAA==', md5: null, componentCount: null,
    storageClass: 'STANDARD', created_ms: 1, updated_ms: 1, classUpdated_ms: 1, noncurrent_ms: live ? null : 2, meta: {},
  } // prettier-ignore
}

async function shelfWith(names: string[], versions = 1): Promise<StorageShelf> {
  const { facts, ledger } = await timedGround()
  await ledger.migrate('storage', storageMigrations)
  const shelf = new StorageShelf(ledger, facts)
  await shelf.addBucket(BUCKET, { type: 'storage.bucket.created', subject: 'b', data: {} })
  let generation = 0
  for (const name of names) {
    let replaced: StoredObject | undefined
    for (let version = 0; version < versions; version++) {
      const next = object(name, ++generation, true)
      await shelf.putObject({ object: next, bucket: BUCKET, replaced, fate: 'archive', facts: [], copiedFrom: undefined, also: [] })
      replaced = next
    }
  }
  return shelf
}

async function everyPage(shelf: StorageShelf, query: ListQuery): Promise<{ names: string[]; prefixes: string[]; pages: number }> {
  const names: string[] = []
  const prefixes: string[] = []
  let pageToken = ''
  for (let pages = 1; ; pages++) {
    const page = await listObjects(shelf, 'lake', { ...query, pageToken })
    expect(page.items.length + page.prefixes.length).toBeLessThanOrEqual(query.maxResults)
    names.push(...page.items.map(({ name, generation }) => (query.versions ? `${name}#${generation}` : name)))
    prefixes.push(...page.prefixes)
    if (page.nextPageToken === undefined) return { names, prefixes, pages }
    pageToken = page.nextPageToken
  }
}

const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** The same, by looking at everything. */
function model(names: string[], query: ListQuery) {
  const items: string[] = []
  const prefixes = new Set<string>()
  for (const name of names.toSorted(bytewise)) {
    if (!name.startsWith(query.prefix)) continue
    if (bytewise(name, query.startOffset) < 0) continue
    if (query.endOffset !== '' && bytewise(name, query.endOffset) >= 0) continue
    const at = query.delimiter === '' ? -1 : name.indexOf(query.delimiter, query.prefix.length)
    if (at >= 0) prefixes.add(name.slice(0, at + query.delimiter.length))
    else items.push(name)
  }
  return { names: items, prefixes: [...prefixes] }
}

describe('listing', () => {
  test('pages of any size put together are what a simple filter over all names gives', async () => {
    const unit = fc.constantFrom('a', 'b', '/', '//', 'é', '\u{10ffff}', '\uffff', '%2F', ' ')
    const name = fc.array(unit, { minLength: 1, maxLength: 5 }).map((units) => units.join(''))
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 25 }),
        fc.record({ prefix: fc.oneof(fc.constant(''), name), delimiter: fc.constantFrom('', '/', 'b'), startOffset: fc.oneof(fc.constant(''), name), endOffset: fc.oneof(fc.constant(''), name), maxResults: fc.integer({ min: 1, max: 5 }) }),
        async (names, given) => {
          const query = { ...ALL, ...given }
          const { names: listed, prefixes } = await everyPage(await shelfWith(names), query)
          expect({ names: listed, prefixes }).toEqual(model(names, query))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('versions come oldest first, and a page may end between two of one name', async () => {
    const shelf = await shelfWith(['a', 'b'], 3)
    const { names, pages } = await everyPage(shelf, { ...ALL, versions: true, maxResults: 2 })
    expect(names).toEqual(['a#1', 'a#2', 'a#3', 'b#4', 'b#5', 'b#6'])
    expect(pages).toBe(3)
    expect((await everyPage(shelf, ALL)).names).toEqual(['a', 'b'])
  })

  test('a token that is not ours is refused', async () => {
    const shelf = await shelfWith(['a'])
    for (const pageToken of ['x', 'bnVsbA', Buffer.from('{"name":1}').toString('base64url')]) {
      await expect(listObjects(shelf, 'lake', { ...ALL, pageToken })).rejects.toMatchObject({ reason: 'invalid' })
    }
  })

  test.each([
    ['a/*', ['a/b'], ['a/b/c', 'ab']],
    ['a/**', ['a/b', 'a/b/c'], ['ab']],
    ['**/c', ['c', 'a/c', 'a/b/c'], ['ac']],
    ['?.csv', ['a.csv'], ['ab.csv', '/.csv']],
    ['[a-c]x', ['ax', 'cx'], ['dx']],
    ['[!a]x', ['bx'], ['ax']],
    ['*.{csv,json}', ['a.csv', 'b.json'], ['a.txt']],
    ['a\\*', ['a*'], ['ab']],
    ['a.b', ['a.b'], ['axb']],
  ])('the glob %s takes what it should and nothing else', (glob, taken, left) => {
    const pattern = globPattern(glob)
    expect(taken.filter((name) => pattern.test(name))).toEqual(taken)
    expect(left.filter((name) => pattern.test(name))).toEqual([])
  })

  test('a glob that cannot be read is refused', () => {
    for (const glob of ['[a', '{a,b', 'x'.repeat(2000)]) expect(() => globPattern(glob)).toThrow()
  })
})

