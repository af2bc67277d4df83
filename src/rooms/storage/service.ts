/** The storage room's meaning as one thing: what its doors call, and what other rooms are given through their ports. */
import type { Clock } from '#ground/clock.ts'
import type { Resource } from '#ground/door.ts'
import type { Ground } from '#ground/room.ts'
import { Blobs } from './blobs.ts'
import { Buckets } from './buckets.ts'
import { Objects } from './objects.ts'
import { StorageShelf } from './shelf.ts'
import { UploadShelf } from './shelf.uploads.ts'
import type { Preconditions } from './types.ts'
import { Uploads } from './uploads.ts'

/** Whether a signature is its signer's; `unknown` where the house does not know the signer's key. */
export interface SignerPort {
  verify(signer: string, payload: string, signature: Buffer): Promise<'right' | 'wrong' | 'unknown'>
}

/** Who may do what on a resource: kept by the identity room for all rooms. */
export interface PolicyPort {
  read(resource: Resource): Promise<Record<string, unknown>>
  write(resource: Resource, policy: Record<string, unknown>): Promise<Record<string, unknown>>
}

export interface StoragePorts {
  signers: SignerPort
  policies: PolicyPort
}

export class StorageService {
  readonly shelf: StorageShelf
  readonly uploadShelf: UploadShelf
  readonly blobs: Blobs
  readonly buckets: Buckets
  readonly objects: Objects
  readonly uploads: Uploads
  readonly clock: Clock

  constructor({ ledger, facts, disk, ids, clock }: Pick<Ground, 'ledger' | 'facts' | 'disk' | 'ids' | 'clock'>) {
    this.clock = clock
    this.shelf = new StorageShelf(ledger, facts)
    this.uploadShelf = new UploadShelf(ledger)
    this.blobs = new Blobs(disk, ids)
    this.buckets = new Buckets(this.shelf, clock)
    this.objects = new Objects({ shelf: this.shelf, blobs: this.blobs, buckets: this.buckets, clock })
    this.uploads = new Uploads({ shelf: this.uploadShelf, blobs: this.blobs, objects: this.objects, clock, ids })
  }

  async removeBucket(name: string, conditions: Preconditions): Promise<void> {
    await this.buckets.remove(name, conditions)
    await this.uploadShelf.forgetBucket(name)
    for (const upload of await this.uploadShelf.ofBucket(name)) await this.uploads.forget(upload)
  }
}
