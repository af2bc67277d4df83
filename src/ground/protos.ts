/**
 * Google's service definitions, from the installed package of protos: for rooms that speak gRPC. Parsed when first asked for and
 * kept; nothing is cached on disk, since reading the sources back from any made form took as long (docs/decisions/010-protos.md).
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type { ServiceDefinition } from '@grpc/grpc-js'
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'

/** Fields are camelCase, as in JSON; 64-bit numbers and enum values are texts, bytes are Buffers; what was not sent is not there. */
const AS_JSON = { keepCase: false, longs: String, enums: String, defaults: false } as const

const loaded = new Map<string, Promise<Protos>>()

/** `files` are paths in the package, such as `google/pubsub/v1/pubsub.proto`. */
export function loadProtos(...files: string[]): Promise<Protos> {
  const key = files.join(' ')
  let protos = loaded.get(key)
  if (!protos) loaded.set(key, (protos = load(files)))
  return protos
}

export class Protos {
  private readonly definitions: PackageDefinition

  constructor(definitions: PackageDefinition) {
    this.definitions = definitions
  }

  /** `google.pubsub.v1.Publisher`, ready for a server's `addService`. */
  service(name: string): ServiceDefinition {
    const found = this.definitions[name]
    if (!found || 'format' in found) throw new Error(`the loaded protos have no service ${name}`)
    return found as ServiceDefinition
  }

  /** `google.rpc.Status`, to serialize and deserialize. */
  message(name: string): MessageTypeDefinition<object, object> {
    const found = this.definitions[name]
    if (!found || !('format' in found) || !('serialize' in found)) throw new Error(`the loaded protos have no message ${name}`)
    return found as MessageTypeDefinition<object, object>
  }
}

async function load(files: string[]): Promise<Protos> {
  const { load: read } = await import('@grpc/proto-loader')
  const root = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'))
  return new Protos(await read(files, { ...AS_JSON, includeDirs: [root] }))
}
