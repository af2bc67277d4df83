/**
 * kill -9 between an event and its function's run, during the run, and during a build. What was acknowledged is delivered after the
 * restart or known as failed; a deployment comes to its end; what it left half-built is gone. FAULT_ROUNDS sets the number of rounds.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROVING, ask, beginDeploy, deploy, eventsOf, functionPath, makeBucket, objectNames, putObject, until, untilDone } from '../support/functions.ts'
import { faultFolder, faultRounds, startHouse } from '../support/house-process.ts'
import type { HouseProcess } from '../support/house-process.ts'

/** Each round deploys and starts a house three times over: a quarter of what the others run, so that all of them fit into CI's time. */
const ROUNDS = Math.max(3, Math.ceil(faultRounds() / 4))

async function inRounds(play: (data: string) => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const folder = faultFolder()
    await play(join(folder.path, 'data'))
    folder.passed()
  }
}

async function withProver(data: string, retry: boolean, service = {}): Promise<void> {
  const house = await startHouse(data)
  for (const bucket of ['zips', 'landing', 'proofs']) await makeBucket(house.url, bucket)
  await deploy(house.url, { name: 'prover', files: { 'main.py': PROVING }, trigger: { bucket: 'landing', retry }, service })
  await house.stop()
}

async function during<T>(house: HouseProcess, work: (url: string) => Promise<T>): Promise<T> {
  try {
    return await work(house.url)
  } finally {
    await house.kill()
  }
}

const proven = (url: string, name: string) => until(`${name} was run`, async () => (await objectNames(url, 'proofs')).some((proof) => proof.startsWith(name)))
const settled = (url: string) => until('the event has come to an end', async () => (await eventsOf(url, 'prover')).find(({ state }) => state === 'delivered' || state === 'failed'))

describe('an acknowledged upload', () => {
  it.each([true, false])('reaches its function although the house was killed before the run (retry: %s)', { timeout: ROUNDS * 90_000 }, (retry) =>
    inRounds(async (data) => {
      await withProver(data, retry)
      const first = await startHouse(data, { failpoints: 'functions.event.accepted=kill' })
      await putObject(first.url, 'landing', 'day.csv', 'a,b')
      await first.ended
      await during(await startHouse(data), async (url) => {
        await proven(url, 'day.csv')
        expect(await settled(url)).toMatchObject({ state: 'delivered', subject: 'objects/day.csv' })
      })
    }),
  )

  it('whose run the kill interrupted is delivered again with --retry, under the same event id', { timeout: ROUNDS * 90_000 }, () =>
    inRounds(async (data) => {
      await withProver(data, true, { environmentVariables: { TAKES_S: '0.5' } })
      const first = await startHouse(data)
      await putObject(first.url, 'landing', 'day.csv', 'a,b')
      const running = await until('the event is being delivered', async () => (await eventsOf(first.url, 'prover')).find(({ state }) => state === 'running'))
      await first.kill()
      await during(await startHouse(data), async (url) => {
        await proven(url, 'day.csv')
        expect(await settled(url)).toMatchObject({ state: 'delivered', eventId: running.eventId })
      })
    }),
  )

  it('whose run the kill interrupted is known as failed without --retry, and can be replayed', { timeout: ROUNDS * 90_000 }, () =>
    inRounds(async (data) => {
      await withProver(data, false)
      const first = await startHouse(data, { failpoints: 'functions.event.running=kill' })
      await putObject(first.url, 'landing', 'day.csv', 'a,b')
      await first.ended
      await during(await startHouse(data), async (url) => {
        const failed = await settled(url)
        expect(failed).toMatchObject({ state: 'failed', attempts: 1, error: 'The house ended while the function ran.' })
        expect(await objectNames(url, 'proofs')).toEqual([])
        await ask(url, 'POST', `/v1/${functionPath('prover')}/events/${failed.id}:replay`, {})
        await proven(url, 'day.csv')
        await until('the replay is delivered', async () => (await eventsOf(url, 'prover'))[0]?.state === 'delivered')
      })
    }),
  )
})

describe('a kill during a build', () => {
  const POINTS = ['functions.build.fetched', 'functions.build.environment', 'functions.deploy.before-commit']

  it.each(POINTS)('at %s: the deployment comes to its end after the restart, and only its revision is kept', { timeout: ROUNDS * 90_000 }, (point) =>
    inRounds(async (data) => {
      const first = await startHouse(data, { failpoints: `${point}=kill` })
      for (const bucket of ['zips', 'landing', 'proofs']) await makeBucket(first.url, bucket)
      const operation = await beginDeploy(first.url, { name: 'prover', files: { 'main.py': PROVING }, trigger: { bucket: 'landing' } })
      await first.ended
      await during(await startHouse(data), async (url) => {
        expect((await untilDone(url, operation)).error).toBeUndefined()
        await putObject(url, 'landing', 'day.csv', 'a,b')
        await proven(url, 'day.csv')
        const { revisions } = await ask<{ revisions: { id: string }[] }>(url, 'GET', `/v1/${functionPath('prover')}/revisions`)
        expect(readdirSync(join(data, 'functions'))).toEqual(revisions.map(({ id }) => `${id}.zip`))
        expect(readdirSync(join(data, 'hatch', 'code')).toSorted()).toEqual([...revisions.map(({ id }) => id), 'runners'].toSorted())
      })
    }),
  )

  it('leaves the revision before it serving', { timeout: ROUNDS * 90_000 }, () =>
    inRounds(async (data) => {
      await withProver(data, false)
      const first = await startHouse(data, { failpoints: 'functions.build.environment=kill' })
      const operation = await beginDeploy(first.url, { name: 'prover', files: { 'main.py': 'def main(event, context:\n  pass' }, trigger: { bucket: 'landing' } }, 'PATCH')
      await first.ended
      await during(await startHouse(data), async (url) => {
        expect((await untilDone(url, operation)).error?.message).toMatch(/SyntaxError/)
        await putObject(url, 'landing', 'day.csv', 'a,b')
        await proven(url, 'day.csv')
      })
    }),
  )
})
