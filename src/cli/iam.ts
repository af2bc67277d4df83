/** `potoroo iam`: who may do what, and where. */
import type { Command } from 'commander'
import { Fault } from '#ground/fault.ts'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import type { CommonOptions } from './command.ts'
import { table } from './terminal.ts'

interface Policy {
  bindings: { role: string; members: string[] }[]
}

export function iamCommand(): Command {
  return noun('iam', 'Who may do what, and where').addCommand(changeCommand('grant')).addCommand(changeCommand('revoke')).addCommand(showCommand()).addCommand(rolesCommand())
}

function changeCommand(word: 'grant' | 'revoke'): Command {
  const about = word === 'grant' ? 'Give somebody a role' : 'Take a role away'
  return withHouse(verb(word, about, [`iam ${word} user:ada@example.com roles/viewer project/my-project`, `iam ${word} allUsers roles/storage.objectViewer gs://public`]))
    .argument('<member>', 'user:EMAIL, serviceAccount:EMAIL, allAuthenticatedUsers or allUsers')
    .argument('<role>', 'such as roles/storage.objectViewer')
    .argument('[place]', 'project/NAME, gs://BUCKET, KIND/NAME, or house', 'house')
    .action(async (member: string, role: string, place: string, options: CommonOptions) => {
      const policy = await houseOf(options).json<Policy>('POST', `/potoroo/v1/policies:${word}`, { json: { member, role, ...placeIn(place) } })
      terminalOf(options).show(policy, () => policyText(policy))
    })
}

function showCommand(): Command {
  return withHouse(verb('show', 'Show who has which role', ['iam show', 'iam show project/my-project', 'iam show gs://lake']))
    .argument('[place]', 'project/NAME, gs://BUCKET, KIND/NAME, or house', 'house')
    .action(async (place: string, options: CommonOptions) => {
      const policy = await houseOf(options).json<Policy>('GET', '/potoroo/v1/policies', { query: placeIn(place) })
      terminalOf(options).show(policy, () => policyText(policy))
    })
}

function rolesCommand(): Command {
  return withHouse(verb('roles', 'List the roles there are', ['iam roles'])).action(async (options: CommonOptions) => {
    const { roles } = await houseOf(options).json<{ roles: { name: string; title: string }[] }>('GET', '/v1/roles')
    terminalOf(options).show(roles, () => table(['ROLE', 'TITLE'], roles.map(({ name, title }) => [name, title])))
  })
}

function placeIn(text: string): { type: string; name: string } {
  if (text === 'house') return { type: 'house', name: 'house' }
  const bucket = /^gs:\/\/([^/]+)\/?$/.exec(text)?.[1]
  if (bucket !== undefined) return { type: 'bucket', name: bucket }
  const at = text.indexOf('/')
  if (at > 0 && at < text.length - 1) return { type: text.slice(0, at), name: text.slice(at + 1) }
  throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(text)} is not a place for roles.`, { hint: 'For example project/my-project, gs://lake, or house.' })
}

function policyText({ bindings }: Policy): string {
  if (bindings.length === 0) return 'Nobody has a role here.'
  return table(['ROLE', 'MEMBER'], bindings.flatMap(({ role, members }) => members.map((member) => [role, member])))
}
