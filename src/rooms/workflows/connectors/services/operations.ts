/** Further Google services whose calls are mostly long-running: clusters, databases, transfers, pipelines, documents. */
import { describe } from '../description.ts'

const container = describe('container.v1', 'https://container.googleapis.com/', `
  projects.zones.clusters.create POST v1/projects/{projectId}/zones/{zone}/clusters poll=compute
  projects.zones.clusters.delete DELETE v1/projects/{projectId}/zones/{zone}/clusters/{clusterId} poll=compute
  projects.zones.clusters.get GET v1/projects/{projectId}/zones/{zone}/clusters/{clusterId}
  projects.zones.clusters.list GET v1/projects/{projectId}/zones/{zone}/clusters
  projects.locations.clusters.create POST v1/{+parent}/clusters poll=compute
  projects.locations.clusters.delete DELETE v1/{+name} poll=compute
  projects.locations.clusters.get GET v1/{+name}
  projects.locations.clusters.list GET v1/{+parent}/clusters
`)

const sqladmin = describe('sqladmin.v1beta4', 'https://sqladmin.googleapis.com/sql/v1beta4/', `
  databases.delete DELETE projects/{project}/instances/{instance}/databases/{database} poll=compute
  databases.get GET projects/{project}/instances/{instance}/databases/{database}
  databases.insert POST projects/{project}/instances/{instance}/databases poll=compute
  databases.list GET projects/{project}/instances/{instance}/databases
  instances.delete DELETE projects/{project}/instances/{instance} poll=compute
  instances.export POST projects/{project}/instances/{instance}/export poll=compute
  instances.get GET projects/{project}/instances/{instance}
  instances.insert POST projects/{project}/instances poll=compute
  instances.list GET projects/{project}/instances
  instances.patch PATCH projects/{project}/instances/{instance} poll=compute
`)

const spanner = describe('spanner.v1', 'https://spanner.googleapis.com/', `
  projects.instances.databases.sessions.commit POST v1/{+session}:commit
  projects.instances.databases.sessions.create POST v1/{+database}/sessions
  projects.instances.databases.sessions.delete DELETE v1/{+name}
  projects.instances.databases.sessions.executeSql POST v1/{+session}:executeSql
  projects.instances.databases.sessions.read POST v1/{+session}:read
`)

const transfers = [
  ...describe('storagetransfer.v1', 'https://storagetransfer.googleapis.com/', `
    transferJobs.create POST v1/transferJobs
    transferJobs.get GET v1/{+jobName}
    transferJobs.patch PATCH v1/{+jobName}
    transferJobs.run POST v1/{+jobName}:run poll=operation
  `),
  ...describe('bigquerydatatransfer.v1', 'https://bigquerydatatransfer.googleapis.com/', `
    projects.locations.transferConfigs.create POST v1/{+parent}/transferConfigs
    projects.locations.transferConfigs.delete DELETE v1/{+name}
    projects.locations.transferConfigs.get GET v1/{+name}
    projects.locations.transferConfigs.list GET v1/{+parent}/transferConfigs
    projects.locations.transferConfigs.startManualRuns POST v1/{+parent}:startManualRuns
    projects.locations.transferConfigs.runs.get GET v1/{+name}
  `),
]

const documents = describe('documentai.v1', 'https://{location}-documentai.googleapis.com/', `
  projects.locations.processors.batchProcess POST v1/{+name}:batchProcess poll=operation
  projects.locations.processors.process POST v1/{+name}:process
`)

const work = [
  ...describe('dataflow.v1b3', 'https://dataflow.googleapis.com/', `
    projects.locations.templates.create POST v1b3/projects/{projectId}/locations/{location}/templates
    projects.locations.jobs.get GET v1b3/projects/{projectId}/locations/{location}/jobs/{jobId}
  `),
  ...describe('batch.v1', 'https://batch.googleapis.com/', `
    projects.locations.jobs.create POST v1/{+parent}/jobs
    projects.locations.jobs.delete DELETE v1/{+name} poll=operation
    projects.locations.jobs.get GET v1/{+name}
  `),
  ...describe('aiplatform.v1', 'https://{region}-aiplatform.googleapis.com/', `
    projects.locations.customJobs.create POST v1/{+parent}/customJobs
    projects.locations.customJobs.delete DELETE v1/{+name} poll=operation
    projects.locations.customJobs.get GET v1/{+name}
  `),
  ...describe('ml.v1', 'https://ml.googleapis.com/', `
    projects.jobs.list GET v1/{+parent}/jobs
    projects.locations.list GET v1/{+parent}/locations
  `),
  ...describe('transcoder.v1', 'https://transcoder.googleapis.com/', `
    projects.locations.jobs.create POST v1/{+parent}/jobs
    projects.locations.jobs.delete DELETE v1/{+name}
    projects.locations.jobs.get GET v1/{+name}
    projects.locations.jobs.list GET v1/{+parent}/jobs
  `),
]

const office = [
  ...describe('forms.v1', 'https://forms.googleapis.com/', `
    forms.batchUpdate POST v1/forms/{formId}:batchUpdate
    forms.create POST v1/forms
    forms.get GET v1/forms/{formId}
    forms.responses.list GET v1/forms/{formId}/responses
  `),
  ...describe('integrations.v1', 'https://{location}-integrations.googleapis.com/', `
    projects.locations.integrations.list GET v1/{+parent}/integrations
  `),
  ...describe('cloudresourcemanager.v3', 'https://cloudresourcemanager.googleapis.com/', `
    projects.get GET v3/{+name}
    projects.getIamPolicy POST v3/{+resource}:getIamPolicy
    projects.list GET v3/projects
    projects.setIamPolicy POST v3/{+resource}:setIamPolicy
  `),
]

export const operations = [...container, ...sqladmin, ...spanner, ...transfers, ...documents, ...work, ...office]
