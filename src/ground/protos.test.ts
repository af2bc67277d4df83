import { describe, expect, it } from 'vitest'
import { loadProtos } from './protos.ts'

describe('protos', () => {
  it('gives services whose messages keep maps, durations and 64-bit numbers through the wire', async () => {
    const protos = await loadProtos('google/pubsub/v1/pubsub.proto')
    const { requestSerialize, requestDeserialize } = protos.service('google.pubsub.v1.Subscriber')['CreateSubscription']!
    const sent = { name: 'a', labels: { team: 'x' }, ackDeadlineSeconds: 5, messageRetentionDuration: { seconds: '9007199254740993' } }
    expect(requestDeserialize(requestSerialize(sent))).toEqual(sent)
  })

  it('leaves out what was not sent', async () => {
    const protos = await loadProtos('google/pubsub/v1/pubsub.proto')
    const { requestSerialize, requestDeserialize } = protos.service('google.pubsub.v1.Subscriber')['Pull']!
    expect(requestDeserialize(requestSerialize({ subscription: 's' }))).toEqual({ subscription: 's' })
  })

  it('says which service it does not know', async () => {
    const protos = await loadProtos('google/pubsub/v1/pubsub.proto')
    expect(() => protos.service('google.pubsub.v1.Nobody')).toThrow('no service google.pubsub.v1.Nobody')
  })
})
