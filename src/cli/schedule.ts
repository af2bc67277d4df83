/** `potoroo schedule`: create, list, describe, pause, resume, run, delete. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import type { HouseClient } from './house-client.ts'
import { readStatus } from './status.ts'
import { table } from './terminal.ts'

const LOCATION = 'europe-west3'

interface PlaceOptions extends CommonOptions {
  project?: string
  location: string
}

interface CreateOptions extends PlaceOptions {
  uri?: string
  method: string
  body?: string
  topic?: string
  message?: string
  timeZone: string
}

interface ScheduleResource {
  name: string
  schedule: string
  timeZone: string
  state: string
  scheduleTime?: string
  lastAttemptTime?: string
  status?: { message?: string }
  httpTarget?: { uri: string }
  pubsubTarget?: { topicName: string }
}

export function scheduleCommand(): Command {
  const commands = [createCommand(), listCommand(), describeCommand(), turnCommand('pause', 'Let a schedule rest'), turnCommand('resume', 'Let it go on'), turnCommand('run', 'Run it now'), deleteCommand()]
  return commands.reduce((command, child) => command.addCommand(child), noun('schedule', 'Requests and messages at their times'))
}

function placed(command: Command): Command {
  return withHouse(command).option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)').option('--location <location>', 'location it stands in', LOCATION)
}

function createCommand(): Command {
  return placed(verb('create', 'Call an address or publish a message at set times', ['schedule create nightly "0 3 * * *" --uri http://127.0.0.1:4280/…/load', 'schedule create tick "every 5 minutes" --topic ticks --message go']))
    .argument('<schedule>', 'its name')
    .argument('<times>', 'cron with five fields, or `every 5 minutes`, `every monday 09:00`')
    .option('--uri <url>', 'what is called')
    .option('--method <verb>', 'how', 'POST')
    .option('--body <text>', 'with what')
    .option('--topic <topic>', 'where a message is published')
    .option('--message <text>', 'which')
    .option('--time-zone <zone>', 'whose clock', 'Etc/UTC')
    .action(async (id: string, times: string, options: CreateOptions) => {
      const house = houseOf(options)
      const parent = await parentOf(house, options)
      const made = await house.json<ScheduleResource>('POST', `/v1/${parent}/jobs`, { json: { name: `${parent}/jobs/${id}`, schedule: times, timeZone: options.timeZone, ...targetOf(options, parent.split('/')[1]!) } })
      terminalOf(options).show(made, () => `${id} runs next at ${made.scheduleTime ?? 'no time'}`)
    })
}

function targetOf({ uri, method, body, topic, message }: CreateOptions, project: string): Record<string, unknown> {
  if ((uri === undefined) === (topic === undefined)) throw new Fault('INVALID_ARGUMENT', 'usage', 'What is called?', { hint: 'Give --uri or --topic.' })
  const encoded = (text: string) => Buffer.from(text).toString('base64')
  if (uri !== undefined) return { httpTarget: { uri, httpMethod: method.toUpperCase(), ...(body !== undefined && { body: encoded(body) }) } }
  return { pubsubTarget: { topicName: topic!.startsWith('projects/') ? topic : `projects/${project}/topics/${topic}`, data: encoded(message ?? '') } }
}

function listCommand(): Command {
  return placed(verb('list', 'List schedules', ['schedule list'])).action(async (options: PlaceOptions) => {
    const house = houseOf(options)
    const { jobs } = await house.json<{ jobs: ScheduleResource[] }>('GET', `/v1/${await parentOf(house, options)}/jobs`)
    const rows = jobs.map((job) => [job.name.split('/').at(-1)!, job.state, job.schedule, job.timeZone, (job.scheduleTime ?? '').slice(0, 19), job.httpTarget?.uri ?? job.pubsubTarget?.topicName ?? ''])
    terminalOf(options).show(jobs, () => table(['schedule', 'state', 'times', 'zone', 'next', 'target'], rows))
  })
}

function describeCommand(): Command {
  return placed(verb('describe', 'Show a schedule', ['schedule describe nightly']))
    .argument('<schedule>', 'its name')
    .action(async (id: string, options: PlaceOptions) => {
      const house = houseOf(options)
      const job = await house.json<ScheduleResource>('GET', `/v1/${await parentOf(house, options)}/jobs/${id}`)
      const last = job.lastAttemptTime === undefined ? 'never ran' : `last ran at ${job.lastAttemptTime}: ${job.status?.message ?? 'well'}`
      terminalOf(options).show(job, () => `${job.name} ${job.state}\n${job.schedule} (${job.timeZone})\n${job.httpTarget?.uri ?? job.pubsubTarget?.topicName ?? ''}\n${last}`)
    })
}

function turnCommand(what: 'pause' | 'resume' | 'run', about: string): Command {
  return placed(verb(what, about, [`schedule ${what} nightly`]))
    .argument('<schedule>', 'its name')
    .action(async (id: string, options: PlaceOptions) => {
      const house = houseOf(options)
      const job = await house.json<ScheduleResource>('POST', `/v1/${await parentOf(house, options)}/jobs/${id}:${what}`, { json: {} })
      terminalOf(options).show(job, () => `${id} ${job.state}`)
    })
}

function deleteCommand(): Command {
  return placed(verb('delete', 'Delete a schedule', ['schedule delete nightly']))
    .argument('<schedule>', 'its name')
    .action(async (id: string, options: PlaceOptions) => {
      const house = houseOf(options)
      await house.send('DELETE', `/v1/${await parentOf(house, options)}/jobs/${id}`)
      terminalOf(options).show({ name: id }, () => `${id} deleted`)
    })
}

async function parentOf(house: HouseClient, { project, location }: PlaceOptions): Promise<string> {
  const chosen = project ?? process.env['GOOGLE_CLOUD_PROJECT'] ?? (await readStatus(house)).project
  if (!chosen) throw new Fault('INVALID_ARGUMENT', 'usage', 'Which project?', { hint: 'Give --project.' })
  return `projects/${chosen}/locations/${location}`
}
