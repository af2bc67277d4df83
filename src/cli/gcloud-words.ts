/** The grammar of gcloud's command lines: words, and flags as `--name=value`, `--name value`, `--name` or `--no-name`. */
import { Fault } from '#ground/fault.ts'

export interface GcloudWords {
  /** The command and its arguments, in order. */
  words: string[]
  flags: Map<string, string[]>
}

/** Flags that take no value. All others take the next word where they have none. */
const SWITCHES = new Set([
  'quiet', 'q', 'async', 'gen2', 'no-gen2', 'trigger-http', 'allow-unauthenticated', 'no-allow-unauthenticated', 'retry', 'no-retry', 'recursive', 'r', 'raw', 'auto-ack', 'no-user-output-enabled', 'force', 'docker-artifact-registry', 'ignore-file-none',
  'disable', 'clear-env-vars', 'clear-labels', 'clear-secrets', 'help', 'h', 'wait', 'uniform-bucket-level-access',
])

export function gcloudWords(args: readonly string[]): GcloudWords {
  const words: string[] = []
  const flags = new Map<string, string[]>()
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!
    if (word === '--') {
      words.push(...args.slice(at + 1))
      break
    }
    const [, name, value] = /^--?([a-zA-Z][\w-]*)(?:=([\s\S]*))?$/.exec(word) ?? []
    if (name === undefined) words.push(word)
    else if (value !== undefined || SWITCHES.has(name)) add(flags, name, value ?? 'true')
    else {
      const next = args[++at]
      if (next === undefined) throw new Fault('INVALID_ARGUMENT', 'usage', `argument --${name}: expected one argument`)
      add(flags, name, next)
    }
  }
  return { words, flags }
}

function add(flags: Map<string, string[]>, name: string, value: string): void {
  flags.set(name, [...(flags.get(name) ?? []), value])
}
