/** Logs, metrics and their names. Human on a terminal, JSON lines otherwise; Prometheus text at /metrics. */
import pino from 'pino'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export type Log = pino.Logger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Keys whose values never reach a log line, however deep they are given. */
const SECRET_KEYS = ['authorization', 'password', 'token', 'access_token', 'private_key', 'assertion', 'secret', 'signature']

export function openLog(level: LogLevel, out: NodeJS.WritableStream & { isTTY?: boolean } = process.stderr): Log {
  const redact = { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '*****' }
  if (!out.isTTY) return pino({ level, redact, base: null, formatters: { level: (label) => ({ level: label }) } }, out)
  return pino({ level, redact, base: null }, { write: (line: string) => void out.write(humanLine(JSON.parse(line))) })
}

export const silentLog = (): Log => pino({ level: 'silent' })

const LEVEL_WORDS: Record<number, string> = { 20: 'debug', 30: 'info', 40: '\x1b[33mwarn\x1b[0m', 50: '\x1b[31merror\x1b[0m' }

function humanLine({ level, time, msg, err, ...rest }: Record<string, unknown>): string {
  const clock = new Date(Number(time)).toISOString().slice(11, 23)
  const extra = Object.entries(rest).map(([key, value]) => `\x1b[2m${key}=${typeof value === 'string' ? value : JSON.stringify(value)}\x1b[0m`)
  const stack = err ? `\n${(err as { stack?: string }).stack ?? JSON.stringify(err)}` : ''
  return `${clock} ${LEVEL_WORDS[Number(level)] ?? level} ${msg ?? ''} ${extra.join(' ')}${stack}\n`
}

export interface Metrics {
  readonly registry: Registry
  counter(name: string, help: string, labels?: string[]): Counter<string>
  gauge(name: string, help: string, labels?: string[], collect?: (gauge: Gauge<string>) => void | Promise<void>): Gauge<string>
  /** Seconds, with buckets from half a millisecond to a minute. */
  seconds(name: string, help: string, labels?: string[]): Histogram<string>
}

const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Metrics of one house, with the process's own; several houses may live in one test process. */
export function openMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    counter: (name, help, labelNames = []) => new Counter({ name, help, labelNames, registers }),
    gauge: (name, help, labelNames = [], collect) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        ...(collect && {
          async collect() {
            await collect(this)
          },
        }),
      }),
    seconds: (name, help, labelNames = []) => new Histogram({ name, help, labelNames, registers, buckets: SECONDS_BUCKETS }),
  }
}
