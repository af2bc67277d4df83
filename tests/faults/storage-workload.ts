/**
 * Writers that keep a history of every call and answer, and the check that a restarted house agrees with it: what was
 * acknowledged is there byte for byte, what was not is there whole or not at all.
 */
import { createHash, randomBytes } from 'node:crypto'

const WRITERS = 6
const NAMES = 12
/** Longer than one chunk now and then, so that kills fall between chunks too. */
const SIZES = [0, 1, 1000, 70_000, 300_000, 1_500_000]
const CHUNK = 256 * 1024

interface Try {
  sha256: string | null
}

interface Name {
  /** What the last acknowledged call left: a hash, or null for a deletion. */
  acknowledged: string | null
  /** Later calls that had no answer: any of them may have happened. */
  open: Try[]
}

export class Workload {
  private readonly names = new Map<string, Name>()
  private readonly labels: { acknowledged: string | undefined; open: string[] } = { acknowledged: undefined, open: [] }
  acknowledgements = 0

  /** Runs until the house goes away. */
  async run(url: string): Promise<void> {
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => this.write(url, writer)))
  }

  async prepare(url: string): Promise<void> {
    await fetch(`${url}/storage/v1/b?project=p`, { method: 'POST', body: '{"name":"faults"}' })
  }

  /** What the house holds now against the history; an empty list is what is promised. */
  async check(url: string): Promise<string[]> {
    const wrong: string[] = []
    for (const [name, known] of this.names) {
      const found = await this.read(url, name)
      const allowed = [known.acknowledged, ...known.open.map(({ sha256 }) => sha256)]
      if (!allowed.includes(found)) wrong.push(`${name}: ${found ?? 'missing'} is none of ${allowed.join(', ')}`)
      // From now on this is what is known.
      this.names.set(name, { acknowledged: found, open: [] })
    }
    const bucket = (await (await fetch(`${url}/storage/v1/b/faults`)).json()) as { labels?: { round?: string } }
    const label = bucket.labels?.round
    if (![this.labels.acknowledged, ...this.labels.open].includes(label)) wrong.push(`the label ${label} is none of ${this.labels.acknowledged}, ${this.labels.open.join(', ')}`)
    Object.assign(this.labels, { acknowledged: label, open: [] })
    return [...wrong, ...(await this.listed(url))]
  }

  /** A listing shows exactly what can be read, with the sizes that are read. */
  private async listed(url: string): Promise<string[]> {
    const wrong: string[] = []
    const { items = [] } = (await (await fetch(`${url}/storage/v1/b/faults/o`)).json()) as { items?: { name: string; size: string }[] }
    for (const { name, size } of items) {
      const length = await fetch(`${url}/download/storage/v1/b/faults/o/${encodeURIComponent(name)}?alt=media`).then((answer) => answer.arrayBuffer()).then(({ byteLength }) => byteLength, unreadable)
      if (length !== Number(size)) wrong.push(`${name}: listed with ${size} bytes, read ${length}`)
    }
    return wrong
  }

  private async read(url: string, name: string): Promise<string | null> {
    const read = async () => {
      const answer = await fetch(`${url}/storage/v1/b/faults/o/${encodeURIComponent(name)}?alt=media`)
      if (answer.status === 404) return null
      return answer.status === 200 ? hash(Buffer.from(await answer.arrayBuffer())) : `status ${answer.status}`
    }
    return read().catch(unreadable)
  }

  private async write(url: string, writer: number): Promise<void> {
    for (let turn = 0; ; turn++) {
      try {
        await this.step(url, writer, turn)
      } catch {
        return // The house has gone; what was under way stays open in the history.
      }
    }
  }

  /** Each writer has names of its own, so that the history of a name is one line. */
  private async step(url: string, writer: number, turn: number): Promise<void> {
    if (writer === 0 && turn % 5 === 4) return this.relabel(url, `${turn}-${randomBytes(4).toString('hex')}`)
    const name = `w${writer}/n${turn % NAMES}`
    const known = this.names.get(name) ?? { acknowledged: null, open: [] }
    this.names.set(name, known)
    if (turn % 7 === 6) return this.attempt(known, null, () => fetch(`${url}/storage/v1/b/faults/o/${encodeURIComponent(name)}`, { method: 'DELETE' }), [204, 404])
    const bytes = randomBytes(SIZES[Math.floor(Math.random() * SIZES.length)]!)
    const upload = writer % 2 === 0 ? () => simple(url, name, bytes) : () => resumable(url, name, bytes)
    return this.attempt(known, hash(bytes), upload, [200])
  }

  private async attempt(known: Name, sha256: string | null, call: () => Promise<Response>, good: number[]): Promise<void> {
    known.open.push({ sha256 })
    const answer = await call()
    await answer.arrayBuffer()
    if (!good.includes(answer.status)) {
      // Refused (a failpoint threw): like no answer, it may or may not have happened.
      return
    }
    known.acknowledged = sha256
    known.open = []
    this.acknowledgements++
  }

  private async relabel(url: string, round: string): Promise<void> {
    this.labels.open.push(round)
    const answer = await fetch(`${url}/storage/v1/b/faults`, { method: 'PATCH', body: JSON.stringify({ labels: { round } }) })
    await answer.arrayBuffer()
    if (answer.status !== 200) return
    Object.assign(this.labels, { acknowledged: round, open: [] })
    this.acknowledgements++
  }
}

function simple(url: string, name: string, bytes: Buffer): Promise<Response> {
  return fetch(`${url}/upload/storage/v1/b/faults/o?uploadType=media&name=${encodeURIComponent(name)}`, { method: 'POST', body: new Uint8Array(bytes) })
}

async function resumable(url: string, name: string, bytes: Buffer): Promise<Response> {
  const begun = await fetch(`${url}/upload/storage/v1/b/faults/o?uploadType=resumable&name=${encodeURIComponent(name)}`, { method: 'POST', body: '{}' })
  const session = begun.headers.get('location')
  await begun.arrayBuffer()
  if (session === null) return begun
  let answer = begun
  for (let at = 0; at === 0 || at < bytes.length; at += CHUNK) {
    const chunk = bytes.subarray(at, at + CHUNK)
    const range = bytes.length === 0 ? 'bytes */0' : `bytes ${at}-${at + chunk.length - 1}/${bytes.length}`
    answer = await fetch(session, { method: 'PUT', headers: { 'content-range': range }, body: new Uint8Array(chunk) })
    if (answer.status !== 308 && answer.status !== 200) return answer
    if (answer.status === 308) await answer.arrayBuffer()
  }
  return answer
}

/** The house ends an answer short rather than send bytes that are not what was stored. */
const unreadable = () => 'unreadable'

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)
