/** The secrets room's meaning: values that only those get who name them, each version sealed by the vault. */
import { crc32c } from '@node-rs/crc32'
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import type { Vault } from '#ground/vault.ts'
import { changed, invalid, noSecret, noVersion, notEnabled, tooMany } from './faults.ts'
import { ANNOTATIONS_BYTES_MAX, LABELS_MAX, SECRETS_MAX, SECRET_BYTES_MAX } from './limits.ts'
import type { SecretShelf } from './shelf.ts'
import type { Secret, SecretConfig, SecretVersion, VersionState } from './types.ts'

export interface SecretParts {
  shelf: SecretShelf
  vault: Vault
  clock: Clock
  ids: Ids
}

type Json = Record<string, unknown>

const SECRET_ID = /^[A-Za-z0-9_-]{1,255}$/
const CONFIG = ['labels', 'annotations', 'replication', 'topics', 'rotation', 'versionAliases', 'versionDestroyTtl', 'expireTime'] as const

export const belongsTo = (versionId: string): string => `secrets/versions/${versionId}`

export class SecretsService {
  readonly shelf: SecretShelf
  private readonly parts: SecretParts

  constructor(parts: SecretParts) {
    this.parts = parts
    this.shelf = parts.shelf
  }

  async create(project: string, location: string | null, id: string, body: Json): Promise<Secret> {
    if (!SECRET_ID.test(id)) throw invalid(`Not a secret id: ${JSON.stringify(id.slice(0, 80))}`, 'A secret id has 1 to 255 letters, digits, hyphens and underscores.')
    const { shelf, clock, ids } = this.parts
    if ((await shelf.count(project)) >= SECRETS_MAX) throw tooMany(SECRETS_MAX)
    const now_ms = clock.now_ms()
    const secret: Secret = { id: ids.next(), name: secretName(project, location, id), project, location, secret: id, created_ms: now_ms, etag: this.etag(), config: this.configOf(body, now_ms) }
    await shelf.add(secret)
    return secret
  }

  async get(name: string): Promise<Secret> {
    const found = await this.parts.shelf.find(name)
    if (!found) throw noSecret(name)
    const { expireTime } = found.config
    if (expireTime === undefined || Date.parse(expireTime) > this.parts.clock.now_ms()) return found
    await this.parts.shelf.remove(found)
    throw noSecret(name)
  }

  async patch(name: string, body: Json, mask: string[]): Promise<Secret> {
    const found = await this.get(name)
    if (mask.length === 0) throw invalid('updateMask is needed.')
    const given = this.configOf(body, this.parts.clock.now_ms())
    const config: SecretConfig = { ...found.config }
    for (const path of mask.map(camel)) {
      const field = (path === 'ttl' ? 'expireTime' : path.split('.')[0]) as (typeof CONFIG)[number]
      if (!CONFIG.includes(field)) throw invalid(`${path} cannot be changed.`)
      if (given[field] === undefined) delete config[field]
      else Object.assign(config, { [field]: given[field] })
    }
    if (typeof body['etag'] === 'string' && body['etag'] !== '' && body['etag'] !== found.etag) throw changed()
    const after = { ...found, config, etag: this.etag() }
    await this.parts.shelf.change(found, after)
    return after
  }

  async remove(name: string, etag: string | null): Promise<void> {
    const found = await this.get(name)
    if (etag !== null && etag !== '' && etag !== found.etag) throw changed()
    await this.parts.shelf.remove(found)
  }

  async addVersion(name: string, data: Buffer, checksum: string | undefined): Promise<SecretVersion> {
    const { shelf, vault, clock, ids } = this.parts
    const secret = await this.get(name)
    if (data.length > SECRET_BYTES_MAX) throw invalid(`The secret payload is ${data.length} bytes; ${SECRET_BYTES_MAX} are allowed.`)
    if (checksum !== undefined && Number(checksum) !== crc32c(data)) throw invalid('The payload does not have the checksum that was sent with it.')
    const [newest] = await shelf.versions(secret.id, Number.MAX_SAFE_INTEGER, 1)
    const version: SecretVersion = { id: ids.next(), secret: secret.id, number: (newest?.number ?? 0) + 1, state: 'ENABLED', created_ms: clock.now_ms(), destroyed_ms: null, etag: this.etag() }
    await shelf.addVersion(secret, version, vault.seal(data, belongsTo(version.id)))
    return version
  }

  /** `which` is a number, `latest` or an alias. */
  async version(secret: Secret, which: string): Promise<SecretVersion> {
    const { shelf } = this.parts
    const alias = secret.config.versionAliases?.[which]
    const number = Number(alias ?? which)
    const found = which === 'latest' ? (await shelf.versions(secret.id, Number.MAX_SAFE_INTEGER, 1))[0] : Number.isInteger(number) ? await shelf.version(secret.id, number) : undefined
    if (!found) throw noVersion(`${secret.name}/versions/${which}`)
    return found
  }

  async access(name: string, which: string): Promise<{ version: SecretVersion; secret: Secret; data: Buffer }> {
    const { shelf, vault } = this.parts
    const secret = await this.get(name)
    const version = await this.version(secret, which)
    const sealed = version.state === 'ENABLED' ? await shelf.sealed(version.id) : null
    if (sealed === null) throw notEnabled(`${name}/versions/${version.number}`, version.state)
    return { version, secret, data: vault.open(sealed, belongsTo(version.id)) }
  }

  async setState(name: string, which: string, state: VersionState, etag: string | undefined): Promise<{ version: SecretVersion; secret: Secret }> {
    const { shelf, clock } = this.parts
    const secret = await this.get(name)
    const before = await this.version(secret, which)
    if (etag !== undefined && etag !== '' && etag !== before.etag) throw changed()
    if (before.state === 'DESTROYED') throw notEnabled(`${name}/versions/${before.number}`, before.state)
    const now_ms = clock.now_ms()
    const version: SecretVersion = { ...before, state, etag: this.etag(), destroyed_ms: state === 'DESTROYED' ? now_ms : null }
    await shelf.setState(secret, before, state, version.etag, now_ms)
    return { version, secret }
  }

  /** Everything under the vault's newest key, after it was rotated. */
  async reseal(): Promise<number> {
    const { shelf, vault } = this.parts
    let count = 0
    for (const { id, sealed } of await shelf.allSealed()) {
      const fresh = vault.reseal(sealed, belongsTo(id))
      if (fresh === undefined) continue
      await shelf.reseal(id, sealed, fresh)
      count++
    }
    return count
  }

  private configOf(body: Json, now_ms: number): SecretConfig {
    const { labels, annotations, ttl, expireTime, replication } = body
    if (labels !== undefined && !isPairs(labels)) throw invalid('labels are pairs of text.')
    if (Object.keys(labels ?? {}).length > LABELS_MAX) throw invalid(`A secret has at most ${LABELS_MAX} labels.`)
    if (annotations !== undefined && !isPairs(annotations)) throw invalid('annotations are pairs of text.')
    if (JSON.stringify(annotations ?? {}).length > ANNOTATIONS_BYTES_MAX) throw invalid(`The annotations are over ${ANNOTATIONS_BYTES_MAX} bytes.`)
    const seconds = typeof ttl === 'string' ? Number(ttl.replace(/s$/, '')) : undefined
    if (seconds !== undefined && !(seconds > 0)) throw invalid('ttl is a duration such as 3600s.')
    const expires = seconds === undefined ? expireTime : new Date(now_ms + seconds * 1000).toISOString()
    if (expires !== undefined && (typeof expires !== 'string' || Number.isNaN(Date.parse(expires)))) throw invalid('expireTime is a time such as 2030-01-01T00:00:00Z.')
    const picked = Object.fromEntries(CONFIG.filter((name) => body[name] !== undefined).map((name) => [name, body[name]])) as SecretConfig
    return { ...picked, replication: (replication ?? { automatic: {} }) as Json, ...(expires !== undefined && { expireTime: expires }) }
  }

  private etag(): string {
    return `"${this.parts.ids.next().slice(-14)}"`
  }
}

export const secretName = (project: string, location: string | null, id: string): string => (location === null ? `projects/${project}/secrets/${id}` : `projects/${project}/locations/${location}/secrets/${id}`)

const isPairs = (value: unknown): value is Record<string, string> => typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string')
const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
