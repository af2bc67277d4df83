/** What an instance prints, as entries of the log: JSON lines by their own severity, a traceback as one entry. */
import type { Clock } from '#ground/clock.ts'
import { ENTRY_CHARS_MAX, ENTRY_JOIN_MS } from '../limits.ts'

export type Severity = 'DEFAULT' | 'DEBUG' | 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR' | 'CRITICAL' | 'ALERT' | 'EMERGENCY'

export interface Printed {
  severity: Severity
  text?: string
  json?: Record<string, unknown>
  /** Of the run that it belongs to, where that is known. */
  execution?: string
  labels?: Record<string, string>
  trace?: string
}

const SEVERITIES = new Set<string>(['DEFAULT', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY'])
const WORDS: Readonly<Record<string, Severity>> = { WARN: 'WARNING', FATAL: 'CRITICAL', ERR: 'ERROR', TRACE: 'DEBUG' }

/** The first line of what goes on over several. */
const OPENS = /^Traceback \(most recent call last\):|^(?:Uncaught )?\w*(?:Error|Exception)\b.*$|^panic: /
const GOES_ON = /^\s+\S|^\S+(?:Error|Exception|Warning|Interrupt|Exit)\b.*$|^During handling of the above exception|^The above exception was the direct cause|^Traceback \(most recent call last\):|^\s*$|^\}$/

type Stream = 'stdout' | 'stderr'

interface Open {
  lines: string[]
  chars: number
  execution: string | undefined
  cancel: () => void
}

export class InstanceOutput {
  private readonly clock: Clock
  private readonly write: (entry: Printed) => void
  private readonly open = new Map<Stream, Open>()

  constructor(clock: Clock, write: (entry: Printed) => void) {
    this.clock = clock
    this.write = write
  }

  line(text: string, stream: Stream, execution: string | undefined): void {
    const group = this.open.get(stream)
    if (group && GOES_ON.test(text) && group.chars + text.length <= ENTRY_CHARS_MAX) {
      group.lines.push(text)
      group.chars += text.length
      return
    }
    this.end(stream)
    if (text.startsWith('{') && this.structured(text, execution)) return
    if (OPENS.test(text)) {
      const cancel = this.clock.after(ENTRY_JOIN_MS, () => this.end(stream))
      this.open.set(stream, { lines: [text], chars: text.length, execution, cancel })
      return
    }
    if (text.trim() !== '') this.write({ severity: stream === 'stderr' ? 'ERROR' : 'DEFAULT', text, ...(execution !== undefined && { execution }) })
  }

  /** What is held back for more lines goes out now. */
  flush(): void {
    this.end('stdout')
    this.end('stderr')
  }

  private end(stream: Stream): void {
    const group = this.open.get(stream)
    if (!group) return
    this.open.delete(stream)
    group.cancel()
    const severity = stream === 'stderr' || group.lines.length > 1 ? 'ERROR' : 'DEFAULT'
    this.write({ severity, text: group.lines.join('\n').trimEnd(), ...(group.execution !== undefined && { execution: group.execution }) })
  }

  private structured(line: string, execution: string | undefined): boolean {
    let given: Record<string, unknown>
    try {
      given = JSON.parse(line) as Record<string, unknown>
    } catch {
      return false // a line that only looks like JSON is text
    }
    const { severity, message, 'logging.googleapis.com/labels': labels, 'logging.googleapis.com/trace': trace, ...rest } = given
    const word = String(severity ?? 'DEFAULT').toUpperCase()
    this.write({
      severity: SEVERITIES.has(word) ? (word as Severity) : (WORDS[word] ?? 'DEFAULT'),
      ...(typeof message === 'string' && Object.keys(rest).length === 0 ? { text: message } : { json: { ...rest, ...(message !== undefined && { message }) } }),
      ...(execution !== undefined && { execution }),
      ...(isLabels(labels) && { labels }),
      ...(typeof trace === 'string' && { trace }),
    })
    return true
  }
}

const isLabels = (value: unknown): value is Record<string, string> => typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string')
