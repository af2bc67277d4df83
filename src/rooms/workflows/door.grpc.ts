/**
 * The same two APIs over gRPC, in plaintext on the house's port: the Python client of executions knows nothing else. Messages are
 * made from the JSON resources of wire.ts, so that both protocols always say the same.
 */
import type { handleUnaryCall, sendUnaryData, Server, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { GrpcAccess, GrpcDoor } from '#ground/door.ts'
import { asFault, Fault, GRPC_STATUS } from '#ground/fault.ts'
import { loadProtos } from '#ground/protos.ts'
import type { Protos } from '#ground/protos.ts'
import { traceFrom, withTrace } from '#ground/trace.ts'
import { invalid } from './faults.ts'
import { parentName } from './names.ts'
import { pageSize, textOf, tokenOf } from './paging.ts'
import type { WorkflowsRoomService } from './service.ts'
import type { Operation } from './types.ts'
import { executionResource, operationResource, workflowResource } from './wire.ts'

type Message = Record<string, unknown>
type Handler = (request: Message) => Promise<Message>

const WORKFLOWS = 'google.cloud.workflows.v1'
const EXECUTIONS = 'google.cloud.workflows.executions.v1'

const onProject = (permission: string): GrpcAccess => ({ permission, resource: ({ parent }) => ({ type: 'project', name: text(parent).split('/')[1] ?? '' }) })
/** By the workflow that an execution belongs to, as over REST. */
const onWorkflow = (permission: string, nameIn: (message: Readonly<Message>) => unknown): GrpcAccess => ({
  permission,
  resource: (message) => ({ type: 'workflow', name: text(nameIn(message)).replace(/\/executions(\/.*)?$/, '') }),
})

/** The permissions of the REST routes. */
const ACCESS: Record<string, GrpcAccess> = {
  [`/${WORKFLOWS}.Workflows/ListWorkflows`]: onProject('workflows.workflows.list'),
  [`/${WORKFLOWS}.Workflows/GetWorkflow`]: onWorkflow('workflows.workflows.get', ({ name }) => name),
  [`/${WORKFLOWS}.Workflows/CreateWorkflow`]: onProject('workflows.workflows.create'),
  [`/${WORKFLOWS}.Workflows/UpdateWorkflow`]: onWorkflow('workflows.workflows.update', ({ workflow }) => (workflow as Message | null)?.['name']),
  [`/${WORKFLOWS}.Workflows/DeleteWorkflow`]: onWorkflow('workflows.workflows.delete', ({ name }) => name),
  [`/${WORKFLOWS}.Workflows/ListWorkflowRevisions`]: onWorkflow('workflows.workflows.listRevision', ({ name }) => name),
  [`/${EXECUTIONS}.Executions/CreateExecution`]: onWorkflow('workflows.executions.create', ({ parent }) => parent),
  [`/${EXECUTIONS}.Executions/ListExecutions`]: onWorkflow('workflows.executions.list', ({ parent }) => parent),
  [`/${EXECUTIONS}.Executions/GetExecution`]: onWorkflow('workflows.executions.get', ({ name }) => name),
  [`/${EXECUTIONS}.Executions/CancelExecution`]: onWorkflow('workflows.executions.cancel', ({ name }) => name),
}

export function workflowsGrpcDoor(service: WorkflowsRoomService): GrpcDoor {
  return {
    name: 'workflows',
    access: accessTable(),
    async register(server: Server) {
      const protos = await loadProtos('google/cloud/workflows/v1/workflows.proto', 'google/cloud/workflows/executions/v1/executions.proto')
      server.addService(protos.service(`${WORKFLOWS}.Workflows`), unary(workflowHandlers(service, protos)))
      server.addService(protos.service(`${EXECUTIONS}.Executions`), unary(executionHandlers(service)))
    },
  }
}

/** The permissions of the same methods over REST. */
function accessTable(): Record<string, GrpcAccess> {
  const named = (permission: string, type: string, field: string, within?: string): GrpcAccess => ({
    permission,
    resource(request) {
      const holder = within === undefined ? request : (request[within] as Message | null)
      const name = text(holder?.[field])
      const project = /^projects\/([^/]+)/.exec(name)?.[1]
      return type === 'project' ? { type, name: project ?? '', ...(project !== undefined && { project }) } : { type, name, ...(project !== undefined && { project }) }
    },
  })
  const workflows = {
    ListWorkflows: named('workflows.workflows.list', 'project', 'parent'),
    GetWorkflow: named('workflows.workflows.get', 'workflow', 'name'),
    CreateWorkflow: named('workflows.workflows.create', 'project', 'parent'),
    UpdateWorkflow: named('workflows.workflows.update', 'workflow', 'name', 'workflow'),
    DeleteWorkflow: named('workflows.workflows.delete', 'workflow', 'name'),
    ListWorkflowRevisions: named('workflows.workflows.listRevision', 'workflow', 'name'),
  }
  const executions = {
    ListExecutions: named('workflows.executions.list', 'workflow', 'parent'),
    CreateExecution: named('workflows.executions.create', 'workflow', 'parent'),
    GetExecution: named('workflows.executions.get', 'execution', 'name'),
    CancelExecution: named('workflows.executions.cancel', 'execution', 'name'),
  }
  const full = (service: string, methods: Record<string, GrpcAccess>) => Object.entries(methods).map(([method, access]) => [`/${service}/${method}`, access])
  return Object.fromEntries([...full(`${WORKFLOWS}.Workflows`, workflows), ...full(`${EXECUTIONS}.Executions`, executions)]) as Record<string, GrpcAccess>
}

function unary(handlers: Record<string, Handler>): UntypedServiceImplementation {
  const wrap = (handler: Handler): handleUnaryCall<Message, Message> => (call, done) => void answer(handler, call, done)
  return Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, wrap(handler)]))
}

async function answer(handler: Handler, call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>): Promise<void> {
  try {
    const trace = traceFrom(call.metadata.get('traceparent')[0]?.toString())
    done(null, await withTrace(trace, () => handler(call.request)))
  } catch (error) {
    const fault = asFault(error)
    done({ code: GRPC_STATUS[fault.code], details: fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}` })
  }
}

function workflowHandlers(service: WorkflowsRoomService, protos: Protos): Record<string, Handler> {
  const { workflows } = service
  const operation = (done: Operation): Message => {
    const { name, metadata, response } = operationResource(done) as { name: string; metadata: Message; response: Message }
    return { name, done: true, metadata: any(protos, metadata), response: any(protos, response) }
  }
  return {
    async listWorkflows({ parent, pageSize: size, pageToken }) {
      const limit = pageSize(size as number)
      const found = await workflows.list(parentIn(parent), textOf(pageToken as string), limit + 1)
      const page = found.slice(0, limit)
      return {
        workflows: page.map(({ workflow, revision }) => message(workflowResource(workflow, revision))),
        nextPageToken: found.length > limit ? tokenOf(page.at(-1)!.workflow.name) : '',
      }
    },
    async getWorkflow({ name, revisionId }) {
      const { workflow, revision } = await workflows.get(text(name), text(revisionId))
      return message(workflowResource(workflow, revision))
    },
    async createWorkflow({ parent, workflow, workflowId }) {
      return operation((await workflows.create(parentIn(parent), text(workflowId), body(workflow))).operation)
    },
    async updateWorkflow({ workflow, updateMask }) {
      const fields = body(workflow)
      const mask = (updateMask as { paths?: string[] } | undefined)?.paths ?? []
      return operation((await workflows.patch(text(fields['name']), fields, mask)).operation)
    },
    deleteWorkflow: async ({ name }) => operation(await service.removeWorkflow(text(name))),
    async listWorkflowRevisions({ name, pageSize: size, pageToken }) {
      const limit = pageSize(size as number)
      const before = Number(textOf(pageToken as string) || Number.MAX_SAFE_INTEGER)
      const { workflow, revisions } = await workflows.revisions(text(name), before, limit + 1)
      const page = revisions.slice(0, limit)
      return {
        workflows: page.map((revision) => message(workflowResource(workflow, revision))),
        nextPageToken: revisions.length > limit ? tokenOf(String(page.at(-1)!.number)) : '',
      }
    },
  }
}

function executionHandlers({ executions }: WorkflowsRoomService): Record<string, Handler> {
  return {
    createExecution: async ({ parent, execution }) => message(executionResource(await executions.create(text(parent), body(execution ?? {})), 'FULL', [])),
    async getExecution({ name, view }) {
      const { execution, steps } = await executions.get(text(name))
      return message(executionResource(execution, view === 'BASIC' ? 'BASIC' : 'FULL', steps))
    },
    async listExecutions({ parent, pageSize: size, pageToken, filter, view }) {
      const { page, cursor } = await executions.list(text(parent), { filter: text(filter), cursor: text(pageToken), limit: pageSize(size as number) })
      return { executions: page.map((execution) => message(executionResource(execution, view === 'FULL' ? 'FULL' : 'BASIC'))), nextPageToken: cursor ?? '' }
    },
    cancelExecution: async ({ name }) => message(executionResource(await executions.cancel(text(name)), 'FULL')),
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function parentIn(value: unknown): string {
  const found = /^projects\/([^/]+)\/locations\/([^/]+)$/.exec(text(value))
  if (!found) throw invalid(`Not a parent: ${text(value).slice(0, 200)}`, 'It has the form projects/P/locations/L.')
  return parentName(found[1]!, found[2]!)
}

/** A resource of the request; what was not sent is not in it. */
function body(value: unknown): Message {
  if (typeof value !== 'object' || value === null) throw new Fault('INVALID_ARGUMENT', 'required', 'The request carries no resource.')
  return value as Message
}

/** Times and durations of the JSON form as the messages that stand for them. */
function message(resource: unknown, key = ''): Message {
  return convert(resource, key) as Message
}

function convert(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((item) => convert(item, ''))
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, convert(item, name)]))
  if (typeof value !== 'string') return value
  if (key.endsWith('Time')) {
    const ms = Date.parse(value)
    return { seconds: String(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 }
  }
  if (key === 'duration') {
    const [seconds, fraction = '0'] = value.replace(/s$/, '').split('.')
    return { seconds, nanos: Number(fraction.padEnd(9, '0')) }
  }
  return value
}

function any(protos: Protos, { '@type': type, ...fields }: Message): Message {
  const typeUrl = String(type)
  const value = typeUrl.endsWith('/google.protobuf.Empty') ? Buffer.alloc(0) : protos.message(typeUrl.slice(typeUrl.indexOf('/') + 1)).serialize(message(fields))
  return { type_url: typeUrl, value }
}
