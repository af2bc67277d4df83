/** What runs code: Functions, Run, Workflows, Compute Engine, Build. */
import { describe, resource } from '../description.ts'

const functionsV1 = describe('cloudfunctions.v1', 'https://cloudfunctions.googleapis.com/', `
  projects.locations.functions.call POST v1/{+name}:call
  projects.locations.functions.create POST v1/{+location}/functions poll=operation
  projects.locations.functions.delete DELETE v1/{+name} poll=operation
  projects.locations.functions.generateDownloadUrl POST v1/{+name}:generateDownloadUrl
  projects.locations.functions.generateUploadUrl POST v1/{+parent}/functions:generateUploadUrl
  projects.locations.functions.get GET v1/{+name}
  projects.locations.functions.getIamPolicy GET v1/{+resource}:getIamPolicy
  projects.locations.functions.list GET v1/{+parent}/functions
  projects.locations.functions.patch PATCH v1/{+name} poll=operation
  projects.locations.functions.setIamPolicy POST v1/{+resource}:setIamPolicy
  projects.locations.functions.testIamPermissions POST v1/{+resource}:testIamPermissions
  projects.locations.list GET v1/{+name}/locations
  operations.get GET v1/{+name}
  operations.list GET v1/operations
`)

const functionsV2 = describe('cloudfunctions.v2', 'https://cloudfunctions.googleapis.com/', `
  ${resource('projects.locations.functions', 'v2', 'functions', 'poll=operation')}
  projects.locations.functions.generateDownloadUrl POST v2/{+name}:generateDownloadUrl
  projects.locations.functions.generateUploadUrl POST v2/{+parent}/functions:generateUploadUrl
  projects.locations.functions.getIamPolicy GET v2/{+resource}:getIamPolicy
  projects.locations.functions.setIamPolicy POST v2/{+resource}:setIamPolicy
  projects.locations.functions.testIamPermissions POST v2/{+resource}:testIamPermissions
  projects.locations.operations.get GET v2/{+name}
  projects.locations.operations.list GET v2/{+name}/operations
  projects.locations.runtimes.list GET v2/{+parent}/runtimes
`)

const run = [
  ...describe('run.v1', 'https://{location}-run.googleapis.com/', `
    namespaces.jobs.create POST apis/run.googleapis.com/v1/{+parent}/jobs
    namespaces.jobs.delete DELETE apis/run.googleapis.com/v1/{+name}
    namespaces.jobs.get GET apis/run.googleapis.com/v1/{+name}
    namespaces.jobs.list GET apis/run.googleapis.com/v1/{+parent}/jobs
    namespaces.jobs.run POST apis/run.googleapis.com/v1/{+name}:run
    namespaces.executions.get GET apis/run.googleapis.com/v1/{+name}
    namespaces.services.create POST apis/serving.knative.dev/v1/{+parent}/services
    namespaces.services.delete DELETE apis/serving.knative.dev/v1/{+name}
    namespaces.services.get GET apis/serving.knative.dev/v1/{+name}
    namespaces.services.list GET apis/serving.knative.dev/v1/{+parent}/services
    namespaces.services.replaceService PUT apis/serving.knative.dev/v1/{+name}
  `),
  ...describe('run.v2', 'https://run.googleapis.com/', `
    ${resource('projects.locations.jobs', 'v2', 'jobs', 'poll=operation')}
    projects.locations.jobs.run POST v2/{+name}:run poll=operation
    projects.locations.jobs.executions.get GET v2/{+name}
    ${resource('projects.locations.services', 'v2', 'services', 'poll=operation')}
  `),
]

const workflows = [
  ...describe('workflows.v1', 'https://workflows.googleapis.com/', `
    ${resource('projects.locations.workflows', 'v1', 'workflows', 'poll=operation')}
    projects.locations.operations.get GET v1/{+name}
    projects.locations.operations.list GET v1/{+name}/operations
  `),
  ...describe('workflowexecutions.v1', 'https://workflowexecutions.googleapis.com/', `
    projects.locations.workflows.executions.cancel POST v1/{+name}:cancel
    projects.locations.workflows.executions.create POST v1/{+parent}/executions
    projects.locations.workflows.executions.get GET v1/{+name}
    projects.locations.workflows.executions.list GET v1/{+parent}/executions
    projects.locations.workflows.executions.callbacks.list GET v1/{+parent}/callbacks
  `),
]

const computeEngine = describe('compute.v1', 'https://compute.googleapis.com/compute/v1/', `
  instances.delete DELETE projects/{project}/zones/{zone}/instances/{instance} poll=compute
  instances.get GET projects/{project}/zones/{zone}/instances/{instance}
  instances.insert POST projects/{project}/zones/{zone}/instances poll=compute
  instances.list GET projects/{project}/zones/{zone}/instances
  instances.reset POST projects/{project}/zones/{zone}/instances/{instance}/reset poll=compute
  instances.setLabels POST projects/{project}/zones/{zone}/instances/{instance}/setLabels poll=compute
  instances.setMachineType POST projects/{project}/zones/{zone}/instances/{instance}/setMachineType poll=compute
  instances.setMetadata POST projects/{project}/zones/{zone}/instances/{instance}/setMetadata poll=compute
  instances.start POST projects/{project}/zones/{zone}/instances/{instance}/start poll=compute
  instances.stop POST projects/{project}/zones/{zone}/instances/{instance}/stop poll=compute
`)

const build = describe('cloudbuild.v1', 'https://cloudbuild.googleapis.com/', `
  projects.builds.cancel POST v1/projects/{projectId}/builds/{id}:cancel
  projects.builds.create POST v1/projects/{projectId}/builds poll=operation
  projects.builds.get GET v1/projects/{projectId}/builds/{id}
  projects.builds.list GET v1/projects/{projectId}/builds
`)

export const compute = [...functionsV1, ...functionsV2, ...run, ...workflows, ...computeEngine, ...build]
