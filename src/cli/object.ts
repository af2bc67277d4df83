/** `potoroo object`: cp, ls, cat, rm. Local files, gs:// URLs and `-` for this process's own input and output. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { copyAll } from './copy.ts'
import { isGsUrl, parseGsUrl, parseObjectUrl } from './gs-url.ts'
import type { GsUrl } from './gs-url.ts'
import type { HouseClient } from './house-client.ts'
import { deleteObject, downloadObject, listObjects } from './objects.ts'
import type { StoredObject } from './objects.ts'
import { bytesText, table, writeOut } from './terminal.ts'

export function objectCommand(): Command {
  return noun('object', 'Copy, list, show and remove objects').addCommand(copyCommand()).addCommand(listCommand()).addCommand(catCommand()).addCommand(removeCommand())
}

function copyCommand(): Command {
  const examples = ['object cp day.csv gs://lake/', 'object cp gs://lake/day.csv .', 'object cp -r data gs://lake/raw', 'object cp - gs://lake/day.csv < day.csv']
  return withHouse(verb('cp', 'Copy objects and files', examples))
    .argument('<from>', 'file, gs:// URL, or - for input')
    .argument('<to>', 'file or folder, gs:// URL, or - for output')
    .option('-r, --recursive', 'a whole folder, or all objects below a prefix')
    .option('--content-type <type>', 'content type of what is uploaded')
    .action(async (from: string, to: string, options: CommonOptions & { recursive?: boolean; contentType?: string }) => {
      const terminal = terminalOf(options)
      const copied = await copyAll(houseOf(options), { from, to, recursive: options.recursive ?? false, contentType: options.contentType }, terminal)
      if (options.json && to !== '-') terminal.show(copied, () => '')
    })
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List objects', ['object ls gs://lake', 'object ls -r gs://lake/raw/', 'object ls --versions gs://lake/day.csv']))
    .argument('<url>', 'gs:// URL of a bucket or a prefix')
    .option('-r, --recursive', 'what lies in folders too')
    .option('-l, --long', 'with size, time and content type')
    .option('--versions', 'old versions too')
    .action(async (given: string, options: CommonOptions & { recursive?: boolean; long?: boolean; versions?: boolean }) => {
      const { bucket, name } = parseGsUrl(given)
      const prefixes: string[] = []
      const objects = await Array.fromAsync(
        listObjects(houseOf(options), bucket, {
          prefix: name,
          ...(!options.recursive && { delimiter: '/', onPrefix: (prefix: string) => prefixes.push(prefix) }),
          ...(options.versions && { versions: 'true' }),
        }),
      )
      const folders = [...new Set(prefixes)]
      if (objects.length === 0 && folders.length === 0 && name !== '') throw new Fault('NOT_FOUND', 'notFound', `No object of gs://${bucket} starts with ${JSON.stringify(name)}.`)
      terminalOf(options).show({ prefixes: folders, items: objects }, () => listText(bucket, folders, objects, options))
    })
}

function listText(bucket: string, folders: string[], objects: StoredObject[], { long, versions }: { long?: boolean; versions?: boolean }): string {
  const urlOf = (object: StoredObject) => `gs://${bucket}/${object.name}${versions ? `#${object.generation}` : ''}`
  if (objects.length === 0 && folders.length === 0) return ''
  if (!long) return [...folders.map((folder) => `gs://${bucket}/${folder}`), ...objects.map(urlOf)].join('\n')
  const rows = objects.map((object) => [bytesText(Number(object.size)), object.updated.slice(0, 19), object.contentType ?? '', urlOf(object)])
  return table(['size', 'updated', 'type', 'object'], [...folders.map((folder) => ['', '', '', `gs://${bucket}/${folder}`]), ...rows])
}

function catCommand(): Command {
  return withHouse(verb('cat', 'Write objects to the output', ['object cat gs://lake/day.csv | head']))
    .argument('<url...>', 'gs:// URLs of objects')
    .action(async (urls: string[], options: CommonOptions) => {
      const house = houseOf(options)
      for (const url of urls.map(parseObjectUrl)) await writeOut(downloadObject(house, url, { onBytes() {} }))
    })
}

function removeCommand(): Command {
  return withHouse(verb('rm', 'Remove objects', ['object rm gs://lake/day.csv', 'object rm -r gs://lake/raw/']))
    .argument('<url...>', 'gs:// URLs of objects, or of prefixes with -r')
    .option('-r, --recursive', 'everything below the prefix')
    .option('--dry-run', 'only say what would go')
    .action(async (urls: string[], options: CommonOptions & { recursive?: boolean; dryRun?: boolean }) => {
      if (!urls.every(isGsUrl)) throw new Fault('INVALID_ARGUMENT', 'usage', 'Only objects are removed; each is written gs://BUCKET/OBJECT.')
      const house = houseOf(options)
      const removed: string[] = []
      for (const url of urls) {
        for await (const object of meantBy(house, url, options.recursive ?? false)) {
          if (!options.dryRun) await deleteObject(house, object.bucket, object.name)
          removed.push(`gs://${object.bucket}/${object.name}`)
        }
      }
      terminalOf(options).show({ removed, dryRun: options.dryRun ?? false }, () => removed.map((url) => `${options.dryRun ? 'would remove' : 'removed'} ${url}`).join('\n'))
    })
}

async function* meantBy(house: HouseClient, url: string, recursive: boolean): AsyncGenerator<GsUrl> {
  if (!recursive) return yield parseObjectUrl(url)
  const { bucket, name } = parseGsUrl(url)
  for await (const object of listObjects(house, bucket, { prefix: name })) yield { bucket, name: object.name }
}
