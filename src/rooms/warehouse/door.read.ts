/** The Storage Read API over gRPC: read sessions, and their rows as Arrow record batches. */
import { once } from 'node:events'
import type { handleServerStreamingCall, handleUnaryCall, Metadata, Server } from '@grpc/grpc-js'
import type { GrpcDoor, GrpcGate, Resource } from '#ground/door.ts'
import { asFault, Fault, GRPC_STATUS, unimplemented } from '#ground/fault.ts'
import { loadProtos } from '#ground/protos.ts'
import type { Log } from '#ground/telemetry.ts'
import { invalid } from './faults.ts'
import { READ_STREAMS_MAX } from './limits.ts'
import type { ReadSessions } from './read-sessions.ts'
import type { TablePath } from './types.ts'

type Message = Readonly<Record<string, any>>

const SERVICE = 'google.cloud.bigquery.storage.v1.BigQueryRead'

export function readDoor(sessions: ReadSessions, log: Log): GrpcDoor {
  return {
    name: 'warehouse-read',
    access: {
      [`/${SERVICE}/CreateReadSession`]: { permission: 'bigquery.readsessions.create', resource: (message) => onTable(String((message['readSession'] as Message | undefined)?.['table'] ?? '')) },
      [`/${SERVICE}/ReadRows`]: { permission: 'bigquery.readsessions.getData', resource: (message) => onSession(String(message['readStream'] ?? '')) },
      [`/${SERVICE}/SplitReadStream`]: { permission: 'bigquery.readsessions.update', resource: (message) => onSession(String(message['name'] ?? '')) },
    },
    async register(server: Server, gate: GrpcGate) {
      const protos = await loadProtos('google/cloud/bigquery/storage/v1/storage.proto')
      server.addService(protos.service(SERVICE), {
        CreateReadSession: ((call, done) => {
          create(sessions, call.request, gate.callerOf(call.metadata).principal).then((answer) => done(null, answer), (thrown) => done(statusOf(thrown, log)))
        }) satisfies handleUnaryCall<Message, Message>,
        ReadRows: ((call) => {
          const leave = new AbortController()
          call.on('cancelled', () => leave.abort(new Fault('CANCELLED', 'cancelled', 'The reader has gone.')))
          send(sessions, call, leave.signal).then(() => call.end(), (thrown) => call.destroy(asError(thrown, log)))
        }) satisfies handleServerStreamingCall<Message, Message>,
        // No further division is offered: an empty answer says so.
        SplitReadStream: ((_call, done) => done(null, {})) satisfies handleUnaryCall<Message, Message>,
      })
    },
  }
}

async function create(sessions: ReadSessions, request: Message, user: string): Promise<Message> {
  const given = request['readSession'] as Message | undefined
  const parent = /^projects\/([^/]+)$/.exec(String(request['parent'] ?? ''))
  if (!given || !parent) throw invalid('request failed: parent and read_session are required.')
  const format = given['dataFormat'] ?? 'DATA_FORMAT_UNSPECIFIED'
  if (format === 'AVRO') throw unimplemented('CreateReadSession (data_format AVRO)')
  const options = (given['readOptions'] ?? {}) as Message
  const time = (given['tableModifiers'] as Message | undefined)?.['snapshotTime']
  if (time) throw unimplemented('CreateReadSession (snapshot_time)')
  const session = await sessions.create({
    path: pathOf(String(given['table'] ?? '')), projectId: parent[1]!, user, columns: (options['selectedFields'] ?? []) as string[], restriction: String(options['rowRestriction'] ?? ''),
    streams_max: Math.min(Number(request['maxStreamCount'] ?? 0), READ_STREAMS_MAX),
  })
  return {
    name: session.name, expireTime: { seconds: String(Math.floor(session.expires_ms / 1000)), nanos: 0 }, dataFormat: 'ARROW', arrowSchema: { serializedSchema: session.schema }, table: given['table'], readOptions: given['readOptions'],
    streams: session.streams.map(({ name }) => ({ name })), estimatedTotalBytesScanned: String(session.table.bytes), estimatedRowCount: String(session.rows),
  }
}

async function send(sessions: ReadSessions, call: Parameters<handleServerStreamingCall<Message, Message>>[0], signal: AbortSignal): Promise<void> {
  const { readStream, offset } = call.request
  const { schema, batches } = sessions.read(String(readStream ?? ''), Number(offset ?? 0), signal)
  let first = true
  for await (const { batch, rows } of batches) {
    // The first message of a stream brings the schema along.
    const more = call.write({ ...(first && { arrowSchema: { serializedSchema: schema } }), arrowRecordBatch: { serializedRecordBatch: batch, rowCount: String(rows) }, rowCount: String(rows), stats: { progress: { atResponseStart: 0, atResponseEnd: 1 } } })
    first = false
    if (!more) await once(call, 'drain', { signal })
  }
}

export function pathOf(name: string): TablePath {
  const found = /^projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/.exec(name)
  if (!found) throw invalid(`request failed: Invalid table name ${name.slice(0, 200)}; it has the form projects/P/datasets/D/tables/T.`)
  return { projectId: found[1]!, datasetId: found[2]!, tableId: found[3]! }
}

const onTable = (name: string): Resource => ({ type: 'table', name, project: name.split('/')[1] ?? '' })
const onSession = (name: string): Resource => ({ type: 'project', name: name.split('/')[1] ?? '', project: name.split('/')[1] ?? '' })

export function statusOf(thrown: unknown, log: Log): { code: number; details: string; metadata?: Metadata } {
  const fault = asFault(thrown)
  if (fault.code === 'INTERNAL') log.error({ err: thrown }, 'a call of the Storage API met an error of the house')
  return { code: GRPC_STATUS[fault.code], details: fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}` }
}

export function asError(thrown: unknown, log: Log): Error {
  const { code, details } = statusOf(thrown, log)
  return Object.assign(new Error(details), { code, details })
}
