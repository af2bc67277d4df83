/** What the house's authority may say, checked by OpenSSL as Node carries it. */
import { X509Certificate } from 'node:crypto'
import { createServer, connect } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { Authority } from './authority.ts'
import { authorityCertificate, hostCertificate } from './certificates.ts'
import { fakeClock, systemClock } from './clock.ts'
import { Disk } from './disk.ts'
import { newEcKeyPair, privatePem } from './key-pairs.ts'

const DOMAINS = ['googleapis.com', 'run.app']
const DAY_MS = 24 * 3600_000

test('is the same at the next start, and another once it has to speak for other names or ends soon', async () => {
  const disk = new Disk(testFolder(), { durable: false })
  const clock = fakeClock()
  const first = (await Authority.open({ disk, clock, domains: DOMAINS })).certificate
  expect((await Authority.open({ disk, clock, domains: DOMAINS })).certificate).toBe(first)
  const wider = (await Authority.open({ disk, clock, domains: [...DOMAINS, 'example.com'] })).certificate
  expect(wider).not.toBe(first)
  await clock.advance(5 * 365 * DAY_MS - 80 * DAY_MS)
  expect((await Authority.open({ disk, clock, domains: [...DOMAINS, 'example.com'] })).certificate).not.toBe(wider)
})

test('speaks for its domains and what is below them, and for nothing that only looks alike', async () => {
  const authority = await Authority.open({ disk: new Disk(testFolder(), { durable: false }), clock: systemClock(), domains: DOMAINS })
  for (const host of ['googleapis.com', 'storage.googleapis.com', 'a.b.run.app']) expect([host, authority.contextFor(host) !== undefined]).toEqual([host, true])
  for (const host of ['evilgoogleapis.com', 'googleapis.com.evil.example', 'localhost', '127.0.0.1', '']) expect([host, authority.contextFor(host)]).toEqual([host, undefined])
})

/** Whether a client that trusts the authority takes this host's certificate. */
async function accepted(host: string, servername: string): Promise<string> {
  const now_ms = Date.now()
  const valid = { from_ms: now_ms, until_ms: now_ms + DAY_MS }
  const [issuer, leaf] = [await newEcKeyPair(), await newEcKeyPair()]
  const name = 'Test authority'
  const ca = authorityCertificate({ name, domains: DOMAINS, privateKey: issuer.privateKey, valid })
  const cert = hostCertificate({ host, publicKey: leaf.publicKey, authority: { name, privateKey: issuer.privateKey }, valid })
  expect(new X509Certificate(ca).ca).toBe(true)
  expect(new X509Certificate(cert).checkIssued(new X509Certificate(ca))).toBe(true)
  const server = createServer({ key: privatePem(leaf.privateKey), cert: cert + ca })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return new Promise((resolve) => {
    const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', servername, ca }, () => resolve('accepted'))
    socket.once('error', (error) => resolve(error.message))
    onTestFinished(() => void socket.destroy())
  })
}

test('what a stolen key signs for another name, clients refuse', async () => {
  expect(await accepted('storage.googleapis.com', 'storage.googleapis.com')).toBe('accepted')
  expect(await accepted('bank.example', 'bank.example')).toBe('permitted subtree violation')
  expect(await accepted('googleapis.com.evil.example', 'googleapis.com.evil.example')).toBe('permitted subtree violation')
})
