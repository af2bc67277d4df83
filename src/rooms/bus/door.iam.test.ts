/** What a caller may do on a topic, as gRPC tells it: only what it may. */
import { afterAll, expect, test } from 'vitest'
import { Metadata, credentials, makeGenericClientConstructor } from '@grpc/grpc-js'
import type { Client } from '@grpc/grpc-js'
import { loadProtos } from '#ground/protos.ts'
import { houseHere } from '../../../tests/support/house.ts'

const house = await houseHere({ mode: 'closed' })
const token = house.firstToken!
const protos = await loadProtos('google/iam/v1/iam_policy.proto')
const IAM = makeGenericClientConstructor(protos.service('google.iam.v1.IAMPolicy'), 'IAMPolicy') as unknown as new (...parts: unknown[]) => Client & Record<string, any>
const iam = new IAM(new URL(house.url).host, credentials.createInsecure())
afterAll(() => iam.close())

function held(bearer: string | undefined): Promise<string[]> {
  const metadata = new Metadata()
  if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`)
  return new Promise((resolve, reject) => {
    iam['TestIamPermissions']({ resource: 'projects/p/topics/told', permissions: ['pubsub.topics.publish'] }, metadata, (fault: Error | null, answer: { permissions?: string[] }) => (fault ? reject(fault) : resolve(answer.permissions ?? [])))
  })
}

test('a caller is told what it may, and nobody is told anything', async () => {
  await fetch(`${house.url}/v1/projects/p/topics/told`, { method: 'PUT', body: '{}', headers: { authorization: `Bearer ${token}` } })
  expect(await held(token)).toEqual(['pubsub.topics.publish'])
  expect(await held(undefined)).toEqual([])
})
