/** `potoroo bucket`: create, ls, rm. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { bucketIn } from './gs-url.ts'
import { readStatus } from './status.ts'
import type { HouseClient } from './house-client.ts'
import { deleteObject, listObjects } from './objects.ts'
import { table } from './terminal.ts'

interface Bucket {
  name: string
  location: string
  storageClass: string
  timeCreated: string
}

interface ProjectOptions extends CommonOptions {
  project?: string
}

interface CreateOptions extends ProjectOptions {
  location: string
  storageClass: string
  versioning?: boolean
  label?: string[]
}

export function bucketCommand(): Command {
  return noun('bucket', 'Make, list and remove buckets').addCommand(createCommand()).addCommand(listCommand()).addCommand(removeCommand())
}

function createCommand(): Command {
  return withHouse(verb('create', 'Make a bucket', ['bucket create gs://lake', 'bucket create lake --location EU --versioning']))
    .argument('<bucket>', 'its name or gs:// URL')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('--location <location>', 'location it reports', 'US')
    .option('--storage-class <class>', 'storage class it reports', 'STANDARD')
    .option('--versioning', 'keep old versions of objects')
    .option('--label <key=value...>', 'labels')
    .action(async (given: string, options: CreateOptions) => {
      const house = houseOf(options)
      const bucket = await house.json<Bucket>('POST', '/storage/v1/b', {
        query: { project: await projectOf(house, options) },
        json: {
          name: bucketIn(given),
          location: options.location,
          storageClass: options.storageClass,
          ...(options.versioning && { versioning: { enabled: true } }),
          ...(options.label && { labels: labelsFrom(options.label) }),
        },
      })
      const terminal = terminalOf(options)
      terminal.show(bucket, () => `gs://${bucket.name}`)
    })
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List buckets', ['bucket ls', 'bucket ls --json']))
    .option('--project <project>', 'project whose buckets to list (GOOGLE_CLOUD_PROJECT)')
    .action(async (options: ProjectOptions) => {
      const house = houseOf(options)
      const buckets = await Array.fromAsync(listBuckets(house, await projectOf(house, options)))
      terminalOf(options).show(buckets, () => bucketsText(buckets))
    })
}

function bucketsText(buckets: Bucket[]): string {
  if (buckets.length === 0) return 'No buckets yet. `potoroo bucket create gs://NAME` makes one.'
  return table(['bucket', 'location', 'class', 'created'], buckets.map((bucket) => [`gs://${bucket.name}`, bucket.location, bucket.storageClass, bucket.timeCreated.slice(0, 19)]))
}

function removeCommand(): Command {
  return withHouse(verb('rm', 'Remove a bucket', ['bucket rm gs://lake', 'bucket rm gs://lake -r']))
    .argument('<bucket>', 'its name or gs:// URL')
    .option('-r, --recursive', 'with every object and version in it')
    .action(async (given: string, options: CommonOptions & { recursive?: boolean }) => {
      const house = houseOf(options)
      const bucket = bucketIn(given)
      const path = `/storage/v1/b/${encodeURIComponent(bucket)}`
      let objects = 0
      if (options.recursive) {
        for await (const { name, generation } of listObjects(house, bucket, { versions: 'true' })) {
          await deleteObject(house, bucket, name, generation)
          objects++
        }
      }
      await house.send('DELETE', path)
      terminalOf(options).show({ removed: bucket, objects }, () => `removed gs://${bucket}${objects === 0 ? '' : ` and ${objects} objects`}`)
    })
}

async function* listBuckets(house: HouseClient, project: string): AsyncGenerator<Bucket> {
  let pageToken: string | undefined
  do {
    const page = await house.json<{ items?: Bucket[]; nextPageToken?: string }>('GET', '/storage/v1/b', { query: { project, pageToken } })
    yield* page.items ?? []
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
}

async function projectOf(house: HouseClient, { project }: ProjectOptions): Promise<string> {
  return project ?? (process.env['GOOGLE_CLOUD_PROJECT'] || (await readStatus(house)).project)
}

function labelsFrom(pairs: string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const mark = pair.indexOf('=')
      if (mark > 0) return [pair.slice(0, mark), pair.slice(mark + 1)]
      throw new Fault('INVALID_ARGUMENT', 'usage', `A label is written key=value, not ${JSON.stringify(pair)}.`)
    }),
  )
}
