/** What the functions room needs of others; `house.ts` plugs it. */
import type { Caller, Resource } from '#ground/door.ts'
import type { Bench } from '#ground/workshop.ts'
import type { Printed } from './runtime/output.ts'
import type { FunctionName, Trigger } from './types.ts'

export interface SourcePort {
  /** The bytes of an object, or undefined where there is none. */
  read(bucket: string, object: string, generation: string | undefined): Promise<AsyncIterable<Buffer> | undefined>
}

/** The world that an instance lives in: credentials, addresses, certificates. */
export interface FunctionWorld {
  readonly files: Readonly<Record<string, string>>
  variables(folder: string): Record<string, string>
  close(): void
}

export interface WorldPort {
  open(wish: { as: string; project: string; region: string; via: string }): Promise<FunctionWorld>
}

export interface SecretPort {
  value(project: string, secret: string, version: string): Promise<Buffer>
}

/** Who is told of what: kept by the events room, called back with `deliver`. */
export interface TriggerPort {
  /** The only trigger of this function from now on. */
  set(functionId: string, name: FunctionName, trigger: Trigger & { kind: 'event' }): Promise<void>
  clear(functionId: string): Promise<void>
}

/** An entry of the log with where it comes from. */
export interface FunctionLogEntry extends Printed {
  name: FunctionName
  generation: 1 | 2
  revision: string
  instance: string
  time_ms: number
}

export interface LogPort {
  write(entry: FunctionLogEntry): void
}

export interface PolicyPort {
  read(resource: Resource): Promise<Record<string, unknown>>
  write(resource: Resource, policy: Record<string, unknown>): Promise<Record<string, unknown>>
}

export interface FunctionPorts {
  bench(): Promise<Bench>
  /** Ends what a killed house left running. */
  clearUp(): Promise<void>
  sources: SourcePort
  worlds: WorldPort
  secrets: SecretPort
  triggers: TriggerPort
  logs: LogPort
  policies: PolicyPort
  /** Whether nobody has to say who they are to do this. */
  openToAll(permission: string, resource: Resource): Promise<boolean>
}

export type { Caller }
