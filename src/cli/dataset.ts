/** `potoroo dataset`: create, ls, rm. */
import type { Command } from 'commander'
import { houseOf, noun, terminalOf, verb, withHouse } from './command.ts'
import { table } from './terminal.ts'
import { API, projectOf, type ProjectOptions } from './warehouse.ts'

interface Item {
  datasetReference: { datasetId: string; projectId: string }
  location: string
}

export function datasetCommand(): Command {
  return noun('dataset', 'Make, list and remove datasets').addCommand(createCommand()).addCommand(listCommand()).addCommand(removeCommand())
}

function createCommand(): Command {
  return withHouse(verb('create', 'Make a dataset', ['dataset create sales', 'dataset create sales --location EU']))
    .argument('<dataset>', 'its name')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('--location <location>', 'location it reports', 'US')
    .option('--description <text>', 'what it is for')
    .action(async (datasetId: string, options: ProjectOptions & { location: string; description?: string }) => {
      const house = houseOf(options)
      const project = await projectOf(house, options)
      const made = await house.json('POST', `${API}/projects/${project}/datasets`, {
        json: { datasetReference: { projectId: project, datasetId }, location: options.location, ...(options.description !== undefined && { description: options.description }) },
      })
      terminalOf(options).show(made, () => `${project}.${datasetId}`)
    })
}

function listCommand(): Command {
  return withHouse(verb('ls', 'List datasets', ['dataset ls', 'dataset ls --json']))
    .option('--project <project>', 'project whose datasets to list (GOOGLE_CLOUD_PROJECT)')
    .action(async (options: ProjectOptions) => {
      const house = houseOf(options)
      const project = await projectOf(house, options)
      const items: Item[] = []
      for (let pageToken: string | undefined; ; ) {
        const page = await house.json<{ datasets?: Item[]; nextPageToken?: string }>('GET', `${API}/projects/${project}/datasets`, { query: { pageToken, maxResults: '1000' } })
        items.push(...(page.datasets ?? []))
        if (page.nextPageToken === undefined) break
        pageToken = page.nextPageToken
      }
      terminalOf(options).show(items, () =>
        items.length === 0 ? 'No datasets yet. `potoroo dataset create NAME` makes one.' : table(['dataset', 'location'], items.map(({ datasetReference, location }) => [datasetReference.datasetId, location])),
      )
    })
}

function removeCommand(): Command {
  return withHouse(verb('rm', 'Remove a dataset', ['dataset rm sales', 'dataset rm sales -r']))
    .argument('<dataset>', 'its name')
    .option('--project <project>', 'project it belongs to (GOOGLE_CLOUD_PROJECT)')
    .option('-r, --recursive', 'with every table in it')
    .action(async (datasetId: string, options: ProjectOptions & { recursive?: boolean }) => {
      const house = houseOf(options)
      const project = await projectOf(house, options)
      await house.send('DELETE', `${API}/projects/${project}/datasets/${encodeURIComponent(datasetId)}`, { query: { deleteContents: options.recursive ? 'true' : undefined } })
      terminalOf(options).show({ removed: `${project}.${datasetId}` }, () => `removed ${project}.${datasetId}`)
    })
}
