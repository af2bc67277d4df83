/**
 * The composition root: lays the ground, builds the rooms, wires their ports, opens the doors; and the way back. No meaning lives here.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Disk } from '#ground/disk.ts'
import { Authority } from '#ground/authority.ts'
import { systemClock } from '#ground/clock.ts'
import { Courier } from '#ground/courier.ts'
import { EGRESS_ALLOW_VARIABLE, HOST_MAP_VARIABLE } from '#ground/egress.ts'
import { systemDice } from '#ground/dice.ts'
import { Fault } from '#ground/fault.ts'
import { LedgerFacts, factMigrations } from '#ground/facts.ts'
import { lockFolder } from '#ground/folder-lock.ts'
import { systemIds } from '#ground/ids.ts'
import { LedgerJobs, jobMigrations } from '#ground/jobs.ts'
import { openSqliteLedger } from '#ground/ledger.ts'
import type { Door } from '#ground/door.ts'
import type { Ground, Room } from '#ground/room.ts'
import { openLog, openMetrics } from '#ground/telemetry.ts'
import { VAULT_KEY_VARIABLE } from '#ground/vault-keys.ts'
import { Vault } from '#ground/vault.ts'
import { SANDBOX_VARIABLE, Workshop, rungIn } from '#ground/workshop.ts'
import { Gateway } from '#gateway/gateway.ts'
import { houseDoor } from '#gateway/house-door.ts'
import { gateIdentity } from '#gateway/identity.ts'
import type { Listening } from '#gateway/listener.ts'
import { canTellPeers } from '#gateway/peer.ts'
import { Away } from '#gateway/world/away.ts'
import { worldsDoor } from '#gateway/world/door.ts'
import { Reroutes } from '#gateway/world/hosts.ts'
import { Lent } from '#gateway/world/lent.ts'
import { mappedDoor, parseMapping } from '#gateway/world/mapped.ts'
import { Worlds } from '#gateway/world/worlds.ts'
import { openBus } from '#rooms/bus/room.ts'
import { isHouseTopic } from '#rooms/events/house-topics.ts'
import { openEvents } from '#rooms/events/room.ts'
import { Triggers } from '#rooms/events/triggers/triggers.ts'
import { openFunctions } from '#rooms/functions/room.ts'
import { defaultAccount } from '#rooms/functions/runtime/launcher.ts'
import { openIdentity } from '#rooms/identity/room.ts'
import { openLogs } from '#rooms/logs/room.ts'
import { openSecrets } from '#rooms/secrets/room.ts'
import { secretName } from '#rooms/secrets/service.ts'
import { openStorage } from '#rooms/storage/room.ts'
import { objectResource } from '#rooms/storage/wire.ts'
import { openWarehouse } from '#rooms/warehouse/room.ts'
import { openWorkflows } from '#rooms/workflows/room.ts'
import type { StoredObject } from '#rooms/storage/types.ts'
import type { Config } from './config.ts'
import { cloudEventHeaders, functionSources, functionTriggers, triggerSubscriptions, workflowArgument } from './function-ports.ts'
import { busTables } from './bus-tables.ts'
import { functionEntry, workflowEntry } from './log-entries.ts'
import { VERSION } from './version.ts'
import { warehouseObjects } from './warehouse-objects.ts'

export interface House {
  readonly url: string
  readonly config: Config
  readonly ground: Ground
  readonly rooms: Room[]
  /** Every door that it has, its own included. */
  readonly doors: Door[]
  /** The administrator's token, told once: at the first start of a closed house. */
  readonly firstToken: string | undefined
  stop(): Promise<void>
}

export async function openHouse(config: Config): Promise<House> {
  if (config.ephemeral) refuseKeptData(config.data)
  mkdirSync(config.data, { recursive: true, mode: 0o700 })
  const clock = systemClock()
  const lock = lockFolder(config.data, clock.now_ms())
  // Each thing that is begun names its end here: the way out is the way in, backwards, also when a start fails halfway.
  const wayOut = new AsyncDisposableStack()
  if (config.ephemeral) wayOut.defer(() => rmSync(config.data, { recursive: true, force: true, maxRetries: 5 }))
  wayOut.defer(() => lock.release())
  try {
    return await furnish(config, clock, wayOut)
  } catch (thrown) {
    await wayOut.disposeAsync()
    throw thrown
  }
}

async function furnish(config: Config, clock: Ground['clock'], wayOut: AsyncDisposableStack): Promise<House> {
  const durable = !config.ephemeral && config.durability === 'full'
  const log = openLog(config.logLevel)
  const metrics = openMetrics()
  const ids = systemIds(clock)
  const dice = systemDice()
  const disk = new Disk(config.data, { durable })
  const ledger = await openSqliteLedger(disk.path('ledger.sqlite'), { durable })
  wayOut.defer(() => ledger.close()) // Last of all that writes: it records the others' ends.
  const facts = new LedgerFacts({ ledger, clock, ids, dice, log })
  const jobs = new LedgerJobs({ ledger, clock, ids, dice, log })
  wayOut.defer(() => jobs.stop())
  wayOut.defer(() => facts.stop())
  await ledger.migrate('facts', factMigrations)
  await ledger.migrate('jobs', jobMigrations)
  await jobs.releaseForeignLeases()
  const ground: Ground = { clock, ids, dice, disk, ledger, facts, jobs, log, metrics }

  const vault = await Vault.open({ disk, key: process.env[VAULT_KEY_VARIABLE] })
  const egress = { allow: process.env[EGRESS_ALLOW_VARIABLE], hostMap: process.env[HOST_MAP_VARIABLE] }
  // The one way past the house's own hosts, for what the settings let through to the real cloud.
  const outside = new Courier({ clock, egress })
  wayOut.defer(() => outside.close())
  const isHost = (entry: string) => entry.includes('.')
  const away = new Away({ names: config.passthrough.filter((entry) => !isHost(entry)), courier: outside })
  const identity = openIdentity(
    ground,
    { vault, away, projectOf: async ({ type, name }) => (type === 'bucket' ? (await storage.storage.shelf.bucket(name))?.project : undefined) },
    { mode: config.mode, enforce: config.iam === 'enforce', defaultProject: config.project },
  )
  const { service: accounts } = identity
  const storage = openStorage(ground, {
    signers: { verify: (signer, payload, signature) => accounts.verifySignature(signer, payload, signature) },
    policies: accounts.policies,
  })
  const mappings = config.map.map(parseMapping)
  const reroutes = new Reroutes({ mapped: mappings.map(({ host }) => host), passthrough: config.passthrough.filter(isHost) })
  let listening: Listening | undefined
  /** The addresses of functions are told as the house's own. */
  const isOwn = (host: string, port: number) => port === listening?.port && [listening.host, 'localhost', '127.0.0.1'].includes(host)
  const inside = {
    clock,
    egress,
    localHosts: (host: string, port: number) => (listening && (isOwn(host, port) || (!reroutes.leaves(host) && (reroutes.endsHere(host) || gateway.answersFor(host)))) ? { address: listening.host, port: listening.port } : undefined),
  }
  const courier = new Courier(inside)
  wayOut.defer(() => courier.close())
  // Push goes where a subscription says. In an open house only its own user makes those, and pushes to programs beside it.
  const pusher = new Courier({ ...inside, loopback: config.mode === 'open' })
  wayOut.defer(() => pusher.close())
  const workflows = openWorkflows(ground, {
    courier,
    tokens: {
      access: async (email, scopes) => (await accounts.accessToken(email, { scope: scopes.join(' ') })).token,
      identity: (email, audience) => accounts.identityToken(email, audience),
    },
    logs: { write: async (execution, lines) => lines.forEach((line) => logs.service.write(workflowEntry(execution, line))) },
    callbackBase: () => (listening ? `http://${listening.host}:${listening.port}` : 'https://workflowexecutions.googleapis.com'),
  })
  const bus = openBus(ground, {
    courier: pusher,
    tokens: { identity: (email, audience) => accounts.identityToken(email, audience) },
    policies: accounts.policies,
    isHouseTopic,
    tables: busTables(() => warehouse.warehouse),
    buckets: {
      exists: async (bucket) => (await storage.storage.shelf.bucket(bucket)) !== undefined,
      write: async (bucket, name, bytes, contentType) =>
        void (await storage.storage.uploads.simple({ bucket, name, meta: { contentType }, storageClass: null, conditions: {} }, Readable.from([bytes]), bytes.length, {})),
    },
  })
  const resource = (object: object) => objectResource(object as StoredObject, 'https://www.googleapis.com')
  const triggers = new Triggers({
    ledger,
    clock,
    log,
    resource,
    subscriptions: triggerSubscriptions(() => bus.service),
    destinations: {
      toFunction: (id, event) => functions.service.events.accept(id, event),
      toWorkflow: async (name, event) => void (await workflows.service.executions.create(name, { argument: workflowArgument(event) })),
      toHttp: async (uri, event) => void (await courier.send({ url: uri, method: 'POST', headers: cloudEventHeaders(event), body: JSON.stringify(event.data) })),
    },
  })
  const logs = openLogs(ground)
  const secrets = openSecrets(ground, vault, { policies: accounts.policies })
  const workshop = new Workshop({ disk, clock, ids, log, rung_max: rungIn(process.env[SANDBOX_VARIABLE]) })
  wayOut.defer(() => workshop.close())
  const functions = openFunctions(ground, {
    bench: () => workshop.get(),
    clearUp: () => workshop.clearUp(),
    sources: functionSources(storage.storage),
    worlds: { open: ({ as, project, region, via }) => worlds.open({ as, project, region, via, reach: 'outward' }) },
    secrets: { value: async (project, secret, version) => (await secrets.service.access(secretName(project, null, secret), version)).data },
    triggers: functionTriggers(triggers),
    logs: { write: (entry) => logs.service.write(functionEntry(entry)) },
    policies: accounts.policies,
    openToAll: (permission, on) => accounts.gate.may({ principal: 'allUsers', kind: 'anonymous' }, permission, on),
  })
  const events = openEvents(ground, {
    triggers,
    schedules: {
      courier,
      tokens: { access: async (email, scopes) => (await accounts.accessToken(email, { scope: scopes.join(' ') })).token, identity: (email, audience) => accounts.identityToken(email, audience) },
      async publish(name, { data, attributes }) {
        const topic = bus.service.topics.find(name)
        if (topic) await bus.service.topics.publishOwn(topic, [{ data, attributes, orderingKey: '' }])
        return topic !== undefined
      },
      defaultAccount: (project) => defaultAccount(project, 2),
    },
    serviceUrl: (project, region, service, path) => `https://${region}-${project}.cloudfunctions.net/${service}${path}`,
    topics: {
      async publish(name, messages) {
        const topic = bus.service.topics.find(name)
        if (topic) await bus.service.topics.publishOwn(topic, messages)
        return topic !== undefined
      },
      withId: (id) => bus.service.topics.withId(id).map(({ name }) => name),
    },
    storage: {
      notifications: (bucket) => storage.storage.uploadShelf.notifications(bucket),
      resource,
    },
  })
  const warehouse = openWarehouse(
    ground,
    { objects: warehouseObjects(storage.storage, disk), policies: accounts.policies },
    { analyzerFolder: fileURLToPath(new URL('../.cache/googlesql', import.meta.url)), durable },
  )
  const rooms: Room[] = [identity, storage, warehouse, workflows, bus, logs, secrets, functions, events]
  for (const room of rooms) {
    wayOut.defer(() => room.stop())
    await room.start()
  }

  const figures = {
    version: VERSION,
    durability: durable ? 'full' : 'relaxed',
    data: config.data,
    since_ms: clock.now_ms(),
    project: config.project,
    mode: config.mode === 'open' && config.iam === 'enforce' ? 'open, roles enforced' : config.mode,
    notes: () => [
      ...(canTellPeers ? [] : ['This system does not tell whose a connection is: every local user is trusted as the owner.']),
      ...config.passthrough.map((host) => `Calls ${isHost(host) ? 'to' : 'of'} ${host} leave for the real cloud.`),
      ...(workshop.rung ? [`Functions run on sandbox rung ${workshop.rung.level}: ${workshop.rung.reason}.`] : []),
      ...accounts.strangers.notes(),
    ],
  }
  const lent = new Lent()
  const worlds = new Worlds({
    accounts: identity.children,
    lent,
    reroutes,
    authority: await Authority.open({ disk, clock, domains: reroutes.all }),
    offline: config.offline,
    clock,
    house: () => ({ url, project: config.project, rooms: rooms.map(({ name }) => name) }),
    inject: (socket, protocol) => gateway.inject(socket, protocol),
  })
  wayOut.defer(() => worlds.close())
  const doors = [...rooms.flatMap((room) => room.doors), worldsDoor(worlds), mappedDoor(mappings)]
  const ownDoor = houseDoor({ rooms, doors: () => [ownDoor, ...doors], metrics, figures, failure: () => (ledger.failure ?? disk.failure)?.message })
  const gateway = new Gateway({
    doors: [ownDoor, ...doors],
    grpcDoors: rooms.flatMap((room) => room.grpcDoors ?? []),
    identity: gateIdentity(accounts.gate, (socket) => lent.callerOf(socket)),
    allowedHosts: [config.listen, ...config.allowHost, ...reroutes.all.flatMap((domain) => [domain, `*.${domain}`])],
    standsInFor: (host) => reroutes.endsHere(host),
    away,
    clock,
    ids,
    log,
    metrics,
  })
  const { host, port } = (listening = await gateway.listen(config.listen, config.port))
  wayOut.defer(() => disk.remove('run.json'))
  wayOut.defer(() => gateway.stop()) // First, so that nothing new comes in.
  const url = `http://${host}:${port}`
  if (config.mode === 'open') await identity.first.writeKeyFile(url)
  await functions.begin()
  events.begin()
  await disk.writeWhole(JSON.stringify({ url, port, pid: process.pid, version: VERSION }), 0o600, 'run.json')

  let stopping: Promise<void> | undefined
  return {
    url,
    config,
    ground,
    rooms,
    doors: [ownDoor, ...doors],
    firstToken: identity.firstToken,
    stop: () => (stopping ??= wayOut.disposeAsync()),
  }
}

/** A throw-away house removes its folder at the end, so it takes none that holds something already. */
function refuseKeptData(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return
  throw new Fault('FAILED_PRECONDITION', 'folderInUse', `${folder} holds data already, and a throw-away house would remove it at its end.`, {
    hint: 'Leave --data out, or name a new folder.',
  })
}
