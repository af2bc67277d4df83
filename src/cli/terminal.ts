/** What a command shows: data on stdout, talk on stderr, colour and moving lines only on a terminal. */
import { styleText } from 'node:util'

type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold'

/** Honours NO_COLOR and whether the stream is a terminal. */
export function paint(colour: Colour, text: string, stream: NodeJS.WriteStream = process.stderr): string {
  return styleText(colour, text, { stream })
}

export interface TerminalOptions {
  json?: boolean
  quiet?: boolean
}

export class Terminal {
  readonly json: boolean
  private readonly quiet: boolean

  constructor(options: TerminalOptions) {
    this.json = options.json ?? false
    this.quiet = options.quiet ?? false
  }

  /** The answer: `value` for programs with --json, `text` for people otherwise. */
  show(value: unknown, text: () => string): void {
    const answer = this.json ? JSON.stringify(value) : text()
    if (answer !== '') process.stdout.write(`${answer}\n`)
  }

  say(line: string): void {
    if (!this.quiet && !this.json) process.stderr.write(`${line}\n`)
  }

  /** A line that is written over itself while work goes on. Without a terminal there is none. */
  rewrite(line: string): void {
    if (!this.moves) return
    process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns ?? 80)}`)
  }

  /** The last state of that line, which stays. */
  settle(line: string): void {
    if (this.moves) process.stderr.write('\r\x1b[K')
    this.say(line)
  }

  private get moves(): boolean {
    return process.stderr.isTTY && !this.quiet && !this.json
  }
}

/** Bytes to stdout, no faster than it takes them. */
export async function writeOut(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
}

/** Columns as wide as their longest cell. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: string[]) => cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()
  return [paint('dim', line(head), process.stdout), ...rows.map(line)].join('\n')
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

export function durationText(duration_ms: number): string {
  const seconds = duration_ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}
