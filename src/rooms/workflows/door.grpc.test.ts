/** The gRPC door with grpc-js as a client, from the same public definitions that the generated clients are made from. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '#ground/clock.ts'
import { openMetrics } from '#ground/telemetry.ts'
import type { Ground } from '#ground/room.ts'
import { startGateway } from '../../../tests/support/gateway.ts'
import { testGround } from '../../../tests/support/ground.ts'
import { openWorkflows } from './room.ts'
import type { TokenPort } from './room.ts'

const tokens: TokenPort = { access: async (email) => `access-of-${email}`, identity: async (email, audience) => `identity-of-${email}-for-${audience}` }
type Answer = Record<string, any>

async function connect() {
  const clock = systemClock()
  const ground = { ...(await testGround(clock)), metrics: openMetrics() } as unknown as Ground
  const courier = { send: () => Promise.reject(new Error('no network in this test')) }
  const room = openWorkflows(ground, { courier, tokens, logs: { write: async () => {} }, callbackBase: () => '' })
  await room.start()
  onTestFinished(() => room.stop())
  const { port } = await startGateway({ doors: room.doors, grpcDoors: room.grpcDoors! })
  const root = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'))
  const files = ['google/cloud/workflows/v1/workflows.proto', 'google/cloud/workflows/executions/v1/executions.proto']
  const definitions = loadSync(files, { longs: String, enums: String, defaults: true, includeDirs: [root] })
  const loaded = grpc.loadPackageDefinition(definitions) as any
  const open = (Client: any) => {
    const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
    onTestFinished(() => client.close())
    return (method: string, request: object) => new Promise<Answer>((resolve, reject) => client[method](request, (error: Error | null, answer: Answer) => (error ? reject(error) : resolve(answer))))
  }
  const { v1 } = loaded.google.cloud.workflows
  return { workflows: open(v1.Workflows), executions: open(loaded.google.cloud.workflows.executions.v1.Executions), definitions, clock }
}

describe('plaintext gRPC on the port of the house', () => {
  it('deploys and runs a workflow as the clients of both services do', async () => {
    const { workflows, executions, definitions, clock } = await connect()
    const parent = 'projects/p/locations/l'
    const operation = await workflows('createWorkflow', { parent, workflowId: 'w', workflow: { sourceContents: 'main:\n  params: [a]\n  steps:\n    - r: {return: "${a + 1}"}\n', labels: { k: 'v' } } })
    expect(operation['done']).toBe(true)
    expect(operation['response'].type_url).toBe('type.googleapis.com/google.cloud.workflows.v1.Workflow')
    const workflow = (definitions['google.cloud.workflows.v1.Workflow'] as any).deserialize(operation['response'].value)
    expect(workflow).toMatchObject({ name: `${parent}/workflows/w`, state: 'ACTIVE', labels: { k: 'v' } })

    const started = await executions('createExecution', { parent: `${parent}/workflows/w`, execution: { argument: '41' } })
    expect(started).toMatchObject({ state: 'ACTIVE', workflowRevisionId: workflow.revisionId })
    let ended = started
    for (let tries = 0; tries < 200 && ended['state'] === 'ACTIVE'; tries++) {
      await clock.sleep(10)
      ended = await executions('getExecution', { name: started['name'] })
    }
    expect(ended).toMatchObject({ state: 'SUCCEEDED', result: '42', argument: '41' })
    expect(Number(ended['endTime'].seconds)).toBeGreaterThan(1_700_000_000)
    expect((await executions('listExecutions', { parent: `${parent}/workflows/w` }))['executions']).toHaveLength(1)
    expect((await workflows('listWorkflows', { parent }))['workflows']).toHaveLength(1)
  })

  it('faults have the codes of gRPC', async () => {
    const { workflows, executions } = await connect()
    await expect(executions('getExecution', { name: 'projects/p/locations/l/workflows/w/executions/e' })).rejects.toMatchObject({ code: grpc.status.NOT_FOUND })
    await expect(workflows('createWorkflow', { parent: 'projects/p/locations/l', workflowId: 'w', workflow: { sourceContents: '- a: {next: b}' } })).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT, details: expect.stringContaining("unknown step 'b'"),
    })
  })
})
