/** `potoroo topic`: create, ls, publish, rm. */
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { lastOf, listNamed, pairsOf, pathOf, projectOf, wholeName } from './bus-names.ts'
import type { ProjectOptions } from './bus-names.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import { table } from './terminal.ts'

interface Topic {
  name: string
  messageRetentionDuration?: string
  labels?: Record<string, string>
}

export function topicCommand(): Command {
  return noun('topic', 'Make topics and publish to them').addCommand(createCommand()).addCommand(listCommand()).addCommand(publishCommand()).addCommand(removeCommand())
}

const withProject = (command: Command): Command => withHouse(command).option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')

function createCommand(): Command {
  return withProject(verb('create', 'Make a topic', ['topic create news', 'topic create news --retention 86400s --label team=data']))
    .argument('<topic>', 'its name')
    .option('--retention <duration>', 'keep messages this long for those who seek back, such as 86400s')
    .option('--schema <schema>', 'schema that messages have to fit')
    .option('--encoding <encoding>', 'how messages are written: JSON or BINARY', 'JSON')
    .option('--label <key=value...>', 'labels')
    .action(async (given: string, options: ProjectOptions & { retention?: string; schema?: string; encoding: string; label?: string[] }) => {
      const house = houseOf(options)
      const name = await wholeName(house, 'topics', given, options)
      const schema = options.schema?.includes('/') ? options.schema : `projects/${await projectOf(house, options)}/schemas/${options.schema}`
      const topic = await house.json<Topic>('PUT', pathOf(name), {
        json: {
          ...(options.retention !== undefined && { messageRetentionDuration: options.retention }),
          ...(options.schema !== undefined && { schemaSettings: { schema, encoding: options.encoding } }),
          ...(options.label && { labels: pairsOf(options.label, 'A label') }),
        },
      })
      terminalOf(options).show(topic, () => topic.name)
    })
}

function listCommand(): Command {
  return withProject(verb('ls', 'List topics', ['topic ls', 'topic ls --json'])).action(async (options: ProjectOptions) => {
    const house = houseOf(options)
    const topics = await Array.fromAsync(listNamed<Topic>(house, await projectOf(house, options), 'topics'))
    terminalOf(options).show(topics, () => {
      if (topics.length === 0) return 'No topics yet. `potoroo topic create NAME` makes one.'
      return table(['topic', 'keeps'], topics.map(({ name, messageRetentionDuration }) => [lastOf(name), messageRetentionDuration ?? '']))
    })
  })
}

function publishCommand(): Command {
  return withProject(verb('publish', 'Publish a message', ['topic publish news "Hello"', 'topic publish news --attribute kind=a --key k1 "Hello"', 'topic publish news - < message.json']))
    .argument('<topic>', 'its name')
    .argument('[data]', 'the message, or - for input')
    .option('--attribute <key=value...>', 'attributes')
    .option('--key <key>', 'ordering key')
    .action(async (given: string, data: string | undefined, options: ProjectOptions & { attribute?: string[]; key?: string }) => {
      const house = houseOf(options)
      const body = data === '-' ? await text(process.stdin) : (data ?? '')
      const message = {
        data: Buffer.from(body).toString('base64'),
        ...(options.attribute && { attributes: pairsOf(options.attribute, 'An attribute') }),
        ...(options.key !== undefined && { orderingKey: options.key }),
      }
      const answer = await house.json<{ messageIds: string[] }>('POST', `${pathOf(await wholeName(house, 'topics', given, options))}:publish`, { json: { messages: [message] } })
      terminalOf(options).show(answer, () => answer.messageIds.join('\n'))
    })
}

function removeCommand(): Command {
  return withProject(verb('rm', 'Remove a topic; its subscriptions keep what they have', ['topic rm news']))
    .argument('<topic>', 'its name')
    .action(async (given: string, options: ProjectOptions) => {
      const house = houseOf(options)
      const name = await wholeName(house, 'topics', given, options)
      await house.send('DELETE', pathOf(name))
      terminalOf(options).show({ removed: name }, () => `removed ${name}`)
    })
}
