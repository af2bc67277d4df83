/** `potoroo subscription`: create, ls, pull, ack, seek, peek, rm. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { lastOf, listNamed, pathOf, projectOf, wholeName } from './bus-names.ts'
import type { ProjectOptions } from './bus-names.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import { table } from './terminal.ts'

interface Subscription {
  name: string
  topic: string
  ackDeadlineSeconds: number
  filter?: string
  pushConfig?: { pushEndpoint?: string }
}

interface Message {
  data?: string
  attributes?: Record<string, string>
  messageId: string
  publishTime: string
  orderingKey?: string
}

interface Received {
  ackId: string
  message: Message
  deliveryAttempt?: number
}

interface CreateOptions extends ProjectOptions {
  topic: string
  ackDeadline?: string
  filter?: string
  ordered?: boolean
  exactlyOnce?: boolean
  retainAcked?: boolean
  push?: string
  deadLetter?: string
  attempts?: string
}

export function subscriptionCommand(): Command {
  const commands = [createCommand(), listCommand(), pullCommand(), ackCommand(), seekCommand(), peekCommand(), removeCommand()]
  return commands.reduce((parent, command) => parent.addCommand(command), noun('subscription', 'Make subscriptions and take messages from them'))
}

const withProject = (command: Command): Command => withHouse(command).option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')

function createCommand(): Command {
  const examples = ['subscription create reader --topic news', 'subscription create hook --topic news --push http://127.0.0.1:8080/', 'subscription create a --topic news --filter \'attributes.kind = "a"\'']
  return withProject(verb('create', 'Make a subscription', examples))
    .argument('<subscription>', 'its name')
    .requiredOption('--topic <topic>', 'topic that it reads; potoroo.… names a fact of the house')
    .option('--ack-deadline <seconds>', 'time to acknowledge a message')
    .option('--filter <filter>', 'which messages it wants')
    .option('--ordered', 'keep the order of messages with the same key')
    .option('--exactly-once', 'an acknowledged message never comes again')
    .option('--retain-acked', 'keep acknowledged messages for seeking back')
    .option('--push <endpoint>', 'deliver by HTTP requests to this endpoint')
    .option('--dead-letter <topic>', 'where messages go that were tried too often')
    .option('--attempts <count>', 'how often that is')
    .action(async (given: string, options: CreateOptions) => {
      const house = houseOf(options)
      const subscription = await house.json<Subscription>('PUT', pathOf(await wholeName(house, 'subscriptions', given, options)), {
        json: {
          topic: await wholeName(house, 'topics', options.topic, options),
          ...(options.ackDeadline !== undefined && { ackDeadlineSeconds: Number(options.ackDeadline) }),
          ...(options.filter !== undefined && { filter: options.filter }),
          ...(options.ordered && { enableMessageOrdering: true }),
          ...(options.exactlyOnce && { enableExactlyOnceDelivery: true }),
          ...(options.retainAcked && { retainAckedMessages: true }),
          ...(options.push !== undefined && { pushConfig: { pushEndpoint: options.push } }),
          ...(options.deadLetter !== undefined && {
            deadLetterPolicy: { deadLetterTopic: await wholeName(house, 'topics', options.deadLetter, options), ...(options.attempts !== undefined && { maxDeliveryAttempts: Number(options.attempts) }) },
          }),
        },
      })
      terminalOf(options).show(subscription, () => subscription.name)
    })
}

function listCommand(): Command {
  return withProject(verb('ls', 'List subscriptions', ['subscription ls', 'subscription ls --json'])).action(async (options: ProjectOptions) => {
    const house = houseOf(options)
    const all = await Array.fromAsync(listNamed<Subscription>(house, await projectOf(house, options), 'subscriptions'))
    terminalOf(options).show(all, () => {
      if (all.length === 0) return 'No subscriptions yet. `potoroo subscription create NAME --topic TOPIC` makes one.'
      return table(['subscription', 'topic', 'delivers to', 'filter'], all.map((one) => [lastOf(one.name), lastOf(one.topic), one.pushConfig?.pushEndpoint ?? '', one.filter ?? '']))
    })
  })
}

function pullCommand(): Command {
  return withProject(verb('pull', 'Take messages', ['subscription pull reader', 'subscription pull reader -n 10 --ack']))
    .argument('<subscription>', 'its name')
    .option('-n, --limit <count>', 'how many at most', '1')
    .option('--ack', 'acknowledge them')
    .option('--wait', 'wait a while for the first one')
    .action(async (given: string, options: ProjectOptions & { limit: string; ack?: boolean; wait?: boolean }) => {
      const house = houseOf(options)
      const path = pathOf(await wholeName(house, 'subscriptions', given, options))
      const { receivedMessages = [] } = await house.json<{ receivedMessages?: Received[] }>('POST', `${path}:pull`, { json: { maxMessages: Number(options.limit), returnImmediately: !options.wait } })
      if (options.ack && receivedMessages.length > 0) await house.send('POST', `${path}:acknowledge`, { json: { ackIds: receivedMessages.map(({ ackId }) => ackId) } })
      const terminal = terminalOf(options)
      terminal.show(receivedMessages, () => receivedMessages.length === 0 ? '' : table(['id', 'published', 'attributes', 'data', ...(options.ack ? [] : ['ack id'])], receivedMessages.map(({ ackId, message }) => [...cells(message), ...(options.ack ? [] : [ackId])])))
      if (receivedMessages.length === 0) terminal.say('nothing waits')
    })
}

function ackCommand(): Command {
  return withProject(verb('ack', 'Acknowledge messages', ['subscription ack reader 1-0-1-mwp2p9pg']))
    .argument('<subscription>', 'its name')
    .argument('<ack-ids...>', 'as pull showed them')
    .action(async (given: string, ackIds: string[], options: ProjectOptions) => {
      const house = houseOf(options)
      await house.send('POST', `${pathOf(await wholeName(house, 'subscriptions', given, options))}:acknowledge`, { json: { ackIds } })
      terminalOf(options).show({ acknowledged: ackIds.length }, () => `acknowledged ${ackIds.length}`)
    })
}

function seekCommand(): Command {
  const examples = ['subscription seek reader --time 2026-01-01T00:00:00Z', 'subscription seek reader --snapshot before', 'subscription seek reader --end']
  return withProject(verb('seek', 'Go back or forward: to a time, to a snapshot, past everything', examples))
    .argument('<subscription>', 'its name')
    .option('--time <time>', 'what was published before is acknowledged, what came after is not')
    .option('--snapshot <snapshot>', 'as it was when this was made')
    .option('--end', 'past everything that waits')
    .action(async (given: string, options: ProjectOptions & { time?: string; snapshot?: string; end?: boolean }) => {
      const chosen = [options.time, options.snapshot, options.end].filter((choice) => choice !== undefined)
      if (chosen.length !== 1) throw new Fault('INVALID_ARGUMENT', 'usage', 'One of --time, --snapshot and --end is wanted.')
      const house = houseOf(options)
      const name = await wholeName(house, 'subscriptions', given, options)
      const where = options.snapshot !== undefined ? { snapshot: await wholeName(house, 'snapshots', options.snapshot, options) } : { time: options.time ?? THE_END }
      await house.send('POST', `${pathOf(name)}:seek`, { json: where })
      terminalOf(options).show({ sought: name }, () => `${lastOf(name)} goes on from there`)
    })
}

/** Later than anything that was published. */
const THE_END = '9999-01-01T00:00:00Z'

function peekCommand(): Command {
  return withProject(verb('peek', 'Look at what waits, without taking it', ['subscription peek reader', 'subscription peek reader -n 50 --json']))
    .argument('<subscription>', 'its name')
    .option('-n, --limit <count>', 'how many at most', '10')
    .action(async (given: string, options: ProjectOptions & { limit: string }) => {
      const house = houseOf(options)
      const { messages } = await house.json<{ messages: Message[] }>('GET', `${pathOf(await wholeName(house, 'subscriptions', given, options))}:peek`, { query: { maxMessages: options.limit } })
      const terminal = terminalOf(options)
      terminal.show(messages, () => messages.length === 0 ? '' : table(['id', 'published', 'attributes', 'data'], messages.map(cells)))
      if (messages.length === 0) terminal.say('nothing waits')
    })
}

function removeCommand(): Command {
  return withProject(verb('rm', 'Remove a subscription with what waits in it', ['subscription rm reader']))
    .argument('<subscription>', 'its name')
    .action(async (given: string, options: ProjectOptions) => {
      const house = houseOf(options)
      const name = await wholeName(house, 'subscriptions', given, options)
      await house.send('DELETE', pathOf(name))
      terminalOf(options).show({ removed: name }, () => `removed ${name}`)
    })
}

const DATA_SHOWN_MAX = 80

function cells({ messageId, publishTime, attributes = {}, data = '' }: Message): string[] {
  const text = Buffer.from(data, 'base64').toString('utf8').replace(/[\p{Cc}]+/gu, ' ')
  const shown = text.length > DATA_SHOWN_MAX ? `${text.slice(0, DATA_SHOWN_MAX - 1)}…` : text
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${value.replace(/[\p{Cc}]+/gu, ' ')}`)
  return [messageId, publishTime.slice(0, 19), pairs.join(' '), shown]
}
