/** The functions room's meaning as one thing: what its doors call, and what other rooms are given through their ports. */
import type { IncomingMessage } from 'node:http'
import type { Call } from '#ground/door.ts'
import { asFault } from '#ground/fault.ts'
import type { Ground } from '#ground/room.ts'
import { Builder, uploadFile } from './build.ts'
import { Deployments } from './deployments.ts'
import { FunctionEvents } from './events.ts'
import { invalid, noFunction, noUpload } from './faults.ts'
import { Fleet } from './fleet.ts'
import { EVENTS_KEPT_MS, PAGE_SIZE_MAX, RUNS_KEPT_MS, UPLOADS_KEPT_MS } from './limits.ts'
import type { FunctionPorts, PolicyPort } from './ports.ts'
import { serviceName } from './names.ts'
import { eventOf } from './request-event.ts'
import type { RequestHead, Sink } from './runtime/instance.ts'
import { Launcher } from './runtime/launcher.ts'
import { Runs, runText } from './runs.ts'
import type { Ran } from './runs.ts'
import { sendEvent } from './send-event.ts'
import { EventShelf } from './shelf.events.ts'
import { FunctionShelf } from './shelf.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, FunctionEvent, FunctionName, RunRecord, TrafficShare } from './types.ts'
import { keepSource } from './source-file.ts'

export interface HttpCallOrder {
  request: RequestHead
  body: Uint8Array
  sink: Sink
  execution: string
}

export class FunctionsService {
  readonly shelf: FunctionShelf
  readonly eventShelf: EventShelf
  readonly launcher: Launcher
  readonly fleet: Fleet
  readonly runs: Runs
  readonly events: FunctionEvents
  readonly deployments: Deployments
  readonly policies: PolicyPort
  private readonly builder: Builder
  private readonly ground: Ground
  private readonly ports: FunctionPorts

  constructor(ground: Ground, ports: FunctionPorts) {
    this.ground = ground
    this.ports = ports
    this.policies = ports.policies
    const { ledger, facts, jobs, clock, dice, ids, disk, log } = ground
    this.shelf = new FunctionShelf(ledger, facts)
    this.eventShelf = new EventShelf(ledger, facts)
    this.launcher = new Launcher({ ports, disk, clock, ids })
    this.fleet = new Fleet({ shelf: this.shelf, launcher: this.launcher, clock, dice, log })
    this.runs = new Runs({ fleet: this.fleet, shelf: this.eventShelf, clock, ids, log, onRun: (found, run) => this.logRun(found, run) })
    this.events = new FunctionEvents({ functions: this.shelf, shelf: this.eventShelf, runs: this.runs, clock, dice, ids, log })
    this.builder = new Builder({ ports, disk, launcher: this.launcher })
    this.deployments = new Deployments({ shelf: this.shelf, builder: this.builder, launcher: this.launcher, fleet: this.fleet, ports, jobs, clock, ids, log, onActive: (id) => this.events.rouse(id) })
  }

  async find(name: FunctionName): Promise<DeployedFunction | undefined> {
    return (await this.shelf.find(name)) ?? (await this.byServiceName(name))
  }

  async get(name: FunctionName): Promise<DeployedFunction> {
    const found = await this.shelf.find(name)
    if (!found) throw noFunction(fullName(name))
    return found
  }

  /** Of Cloud Run's service with this name: policies are kept under the function's. */
  nameOfService(project: string, location: string, service: string): string {
    return fullName({ project, location, id: service })
  }

  /** Either generation's permission will do. */
  async requireInvoker(call: Call, found: DeployedFunction): Promise<void> {
    for (const resource of this.invokerResources(found)) {
      if (await call.may('cloudfunctions.functions.invoke', resource)) return
      if (await call.may('run.routes.invoke', resource)) return
    }
    await call.require(found.generation === 1 ? 'cloudfunctions.functions.invoke' : 'run.routes.invoke', this.invokerResources(found)[0]!)
  }

  /** Whether nobody has to say who they are to call it. */
  async openToAll(found: DeployedFunction): Promise<boolean> {
    for (const resource of this.invokerResources(found)) {
      if ((await this.ports.openToAll('cloudfunctions.functions.invoke', resource)) || (await this.ports.openToAll('run.routes.invoke', resource))) return true
    }
    return false
  }

  /** An HTTP request, whatever kind of function it meets: events may be sent as requests. */
  async callHttp(found: DeployedFunction, { request, body, sink, execution }: HttpCallOrder): Promise<Ran> {
    let event: FunctionEvent | undefined
    const ran = await this.runs.call(found, {
      trigger: 'http',
      execution,
      send: (kind) => {
        if (kind === 'http' || kind === 'typed') return { request, body, sink }
        event = eventOf(request.headers, body, execution, this.ground.clock.now_ms())
        return sendEvent(event, kind)
      },
    })
    if (event !== undefined && ran.error === undefined) {
      sink.head(200, [['content-type', 'text/html; charset=utf-8']])
      sink.chunk(Buffer.from('OK'))
    }
    return ran
  }

  /** `functions call` of the first generation: the answer is text, or the error is. */
  async callByName(found: DeployedFunction, data: string): Promise<{ executionId: string; result?: string; error?: string }> {
    const execution = this.ground.ids.next()
    const chunks: Buffer[] = []
    let status = 200
    const order = {
      request: { method: 'POST', target: '/', headers: [['content-type', 'application/json']] as const, host: 'localhost', scheme: 'http', client: '127.0.0.1' },
      body: Buffer.from(data),
      sink: { head: (its: number) => void (status = its), chunk: (bytes: Buffer) => void chunks.push(bytes) },
      execution,
    }
    try {
      const { error } = await this.callHttp(found, order)
      const text = Buffer.concat(chunks).toString('utf8')
      if (error !== undefined) return { executionId: execution, error }
      return status < 400 ? { executionId: execution, result: text } : { executionId: execution, error: text }
    } catch (thrown) {
      return { executionId: execution, error: asFault(thrown).message }
    }
  }

  async setTraffic(found: DeployedFunction, given: unknown): Promise<void> {
    if (given === null || given === undefined) return this.shelf.setTraffic(found.id, null)
    if (!Array.isArray(given)) throw invalid('traffic is a list of revisions with their percent, or null for all to the newest.')
    const shares = given.map((one): TrafficShare => ({ revision: String((one as TrafficShare).revision), percent: Number((one as TrafficShare).percent) }))
    const total = shares.reduce((sum, { percent }) => sum + percent, 0)
    if (shares.some(({ percent }) => !(percent >= 0)) || total !== 100) throw invalid(`The percents of traffic come to ${total}, not to 100.`)
    const ready = new Set((await this.shelf.revisions(found.id, PAGE_SIZE_MAX)).filter(({ state }) => state === 'ready').map(({ id }) => id))
    const unknown = shares.find(({ revision }) => !ready.has(revision))
    if (unknown) throw invalid(`The function has no ready revision ${unknown.revision.slice(0, 80)}.`)
    await this.shelf.setTraffic(found.id, shares)
  }

  async newUpload(): Promise<string> {
    const id = this.ground.ids.uuid()
    await this.shelf.addUpload(id, this.ground.clock.now_ms())
    return id
  }

  async storeUpload(id: string, request: IncomingMessage): Promise<void> {
    const { disk } = this.ground
    const upload = await this.shelf.upload(id)
    if (!upload || upload.stored) throw noUpload()
    await keepSource(disk, `upload-${id}`, request as AsyncIterable<Buffer>, uploadFile(id))
    await this.shelf.uploadStored(id)
  }

  async sendSource(found: DeployedFunction, call: Call): Promise<void> {
    const bytes = found.revision === null ? undefined : await this.ground.disk.readWhole('functions', `${found.revision}.zip`)
    if (!bytes) throw noFunction(fullName(found.name))
    call.send(200, bytes, { 'content-type': 'application/zip', 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' })
  }

  /** What a kill left half-done, and what is too old to keep. */
  async clearUp(): Promise<void> {
    const { disk } = this.ground
    const known = await this.shelf.revisionIds()
    for (const file of await disk.list('functions')) {
      const revision = /^([a-z0-9]+)\.zip$/.exec(file)?.[1]
      if (revision !== undefined && !known.has(revision)) await disk.remove('functions', file)
    }
    const now_ms = this.ground.clock.now_ms()
    for (const id of await this.shelf.oldUploads(now_ms - UPLOADS_KEPT_MS)) {
      await disk.remove('functions', uploadFile(id))
      await this.shelf.forgetUpload(id)
    }
    await this.eventShelf.prune(now_ms - EVENTS_KEPT_MS, now_ms - RUNS_KEPT_MS)
    await this.shelf.pruneOperations(now_ms - RUNS_KEPT_MS)
  }

  /** Those that the deployment wants warm. */
  async warmUp(): Promise<void> {
    for (const found of await this.shelf.list(undefined, undefined, PAGE_SIZE_MAX)) {
      if (found.config.instances_min > 0 && found.revision !== null) await this.fleet.serving(found)
    }
  }

  private invokerResources(found: DeployedFunction) {
    const { name } = found
    const names = [...new Set([fullName(name), fullName({ ...name, id: serviceName(name.id) })])]
    return names.map((one) => ({ type: 'function', name: one, project: name.project }))
  }

  /** Cloud Run's names have neither capitals nor underscores. */
  private async byServiceName(name: FunctionName): Promise<DeployedFunction | undefined> {
    return (await this.shelf.list(name.project, name.location, PAGE_SIZE_MAX)).find((one) => serviceName(one.name.id) === name.id)
  }

  private logRun(found: DeployedFunction, run: RunRecord): void {
    const severity = run.outcome === 'ok' ? 'DEBUG' : 'ERROR'
    this.ports.logs.write({ severity, text: runText(found, run), execution: run.id, name: found.name, generation: found.generation, revision: run.revision, instance: '', time_ms: this.ground.clock.now_ms() })
  }
}
