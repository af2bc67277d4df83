/** gRPC beside HTTP/1.1 on one port, driven by a real client with a service of the test's own. */
import { Client, Metadata, credentials, status } from '@grpc/grpc-js'
import type { Server, ServiceError, handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { startGateway, testDoor } from '../../tests/support/gateway.ts'

const bytes = (buffer: Buffer) => buffer
const method = (name: string, responseStream = false) => ({ path: `/test.Echo/${name}`, requestStream: false, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes })
const SERVICE = { Say: method('Say'), Hold: method('Hold'), Stream: method('Stream', true) }

async function start() {
  let release = () => {}
  let reached = () => {}
  const held = new Promise<void>((resolve) => (reached = resolve))
  const say: handleUnaryCall<Buffer, Buffer> = (call, done) => done(null, call.request)
  const hold: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    release = () => done(null, call.request)
    reached()
  }
  const stream: handleServerStreamingCall<Buffer, Buffer> = (call) => void call.write(call.request)
  const handlers = { Say: say, Hold: hold, Stream: stream }
  const started = await startGateway({
    doors: [testDoor([{ path: '/hello', handle: (call) => call.send(200, 'hello') }])],
    grpcDoors: [{ name: 'echo', register: async (server: Server) => server.addService(SERVICE, handlers) }],
    limits: { grpcDrain_ms: 500 },
  })
  const client = new Client(`127.0.0.1:${started.port}`, credentials.createInsecure())
  onTestFinished(() => client.close())
  const ask = (name: string, text: string) =>
    new Promise<string>((resolve, reject) =>
      client.makeUnaryRequest(`/test.Echo/${name}`, bytes, bytes, Buffer.from(text), new Metadata(), { deadline: Date.now() + 5000 }, (error: ServiceError | null, answer?: Buffer) => (error ? reject(error) : resolve(String(answer)))),
    )
  return { ...started, client, ask, held, release: () => release() }
}

test('HTTP/1.1 and gRPC are served on one port at the same time', async () => {
  const { url, ask } = await start()
  const answers = await Promise.all([ask('Say', 'one'), fetch(`${url}/hello`).then((answer) => answer.text()), ask('Say', 'two')])
  expect(answers).toEqual(['one', 'hello', 'two'])
})

test('a method that no door has is unimplemented', async () => {
  const { ask } = await start()
  await expect(ask('Nothing', '')).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
})

test('a message over the bound is refused and the connection goes on', async () => {
  const { ask } = await start()
  await expect(ask('Say', 'x'.repeat(13 * 1024 * 1024))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED })
  expect(await ask('Say', 'small')).toBe('small')
})

test('a call in flight is finished when the house stops', async () => {
  const { gateway, ask, held, release } = await start()
  const answer = ask('Hold', 'kept')
  await held
  const stopped = gateway.stop()
  release()
  expect(await answer).toBe('kept')
  await stopped
})

test('a stream without an end of its own does not hold the stop up', async () => {
  const { gateway, client } = await start()
  const stream = client.makeServerStreamRequest('/test.Echo/Stream', bytes, bytes, Buffer.from('x'), new Metadata())
  const ended = new Promise((resolve) => stream.once('error', resolve))
  await new Promise((resolve) => stream.once('data', resolve))
  await gateway.stop()
  await ended
})
