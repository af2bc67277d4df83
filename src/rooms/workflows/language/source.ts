/**
 * A source text as a tree whose every node knows its line and column. It knows YAML and JSON, and nothing of workflows.
 * Refused here, with a position: broken YAML, duplicate keys, alias bombs, deep nesting, more than 128 KB.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode, type YAMLError } from 'yaml'
import { SOURCE_BYTES_MAX, SOURCE_NODES_MAX, VALUE_DEPTH_MAX } from '../limits.ts'
import { indentFlows } from './flow-indent.ts'
import { SourceProblem } from './problems.ts'
import { double, integer, type Value } from './values.ts'

export interface Position {
  line: number
  column: number
  length: number
}

export type Tree = ScalarTree | ListTree | MapTree

export interface ScalarTree {
  kind: 'scalar'
  at: Position
  value: Value
}

export interface ListTree {
  kind: 'list'
  at: Position
  items: Tree[]
}

export interface MapTree {
  kind: 'map'
  at: Position
  entries: MapEntry[]
}

export interface MapEntry {
  key: string
  keyAt: Position
  value: Tree
}

export const START: Position = { line: 1, column: 1, length: 1 }

export function readSource(text: string): Tree {
  const bytes = Buffer.byteLength(text)
  if (bytes > SOURCE_BYTES_MAX) throw new SourceProblem(START, `the source has ${bytes} bytes; at most ${SOURCE_BYTES_MAX} are allowed`)
  const first = parse(text, (at) => at)
  if (!first.badIndent) return first.tree()
  // Tutorials close flow maps at the column of their parent; the library insists on more, so those lines move right.
  const { text: indented, shifts } = indentFlows(text)
  return parse(indented, (at) => ({ ...at, column: Math.max(1, at.column - (shifts.get(at.line) ?? 0)) })).tree()
}

function parse(text: string, place: (position: Position) => Position) {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, intAsBigInt: true, version: '1.2', schema: 'core', prettyErrors: false })
  const position = (from: number, to: number): Position => {
    const { line, col } = lines.linePos(from)
    return place({ line: Math.max(1, line), column: Math.max(1, col), length: Math.max(1, to - from) })
  }
  const badIndent = document.errors.some((error) => error.code === 'BAD_INDENT')
  const tree = () => {
    const error = document.errors[0]
    if (error) throw new SourceProblem(position(error.pos[0], error.pos[1]), yamlMessage(error))
    if (document.contents === null) throw new SourceProblem(START, 'the source is empty')
    return new TreeReader(position).read(document.contents as YamlNode, 0)
  }
  return { badIndent, tree }
}

function yamlMessage(error: YAMLError): string {
  if (error.code === 'DUPLICATE_KEY') return 'this key stands twice in one map'
  if (error.code === 'RESOURCE_EXHAUSTION') return 'nested too deeply'
  return `not valid YAML: ${error.message}`
}

class TreeReader {
  private readonly position: (from: number, to: number) => Position
  private readonly anchors = new Map<string, YamlNode>()
  private nodes = 0

  constructor(position: (from: number, to: number) => Position) {
    this.position = position
  }

  read(node: YamlNode | null, depth: number, missingAt?: Position): Tree {
    if (node === null) return { kind: 'scalar', at: missingAt ?? START, value: null }
    const at = this.position(node.range?.[0] ?? 0, node.range?.[1] ?? 0)
    // Aliases are spelled out here, so a bomb of them runs into this count long before it fills the memory.
    if (++this.nodes > SOURCE_NODES_MAX) throw new SourceProblem(at, `more than ${SOURCE_NODES_MAX} nodes once aliases are resolved`)
    if (depth > VALUE_DEPTH_MAX) throw new SourceProblem(at, `nested deeper than ${VALUE_DEPTH_MAX} levels`)
    if (isAlias(node)) {
      const target = this.anchors.get(node.source)
      if (!target) throw new SourceProblem(at, `the alias *${node.source} has no anchor before it`)
      return this.read(target, depth + 1)
    }
    const tree = this.content(node, at, depth)
    const anchor = (node as { anchor?: string }).anchor
    if (anchor) this.anchors.set(anchor, node)
    return tree
  }

  private content(node: YamlNode, at: Position, depth: number): Tree {
    if (isScalar(node)) return { kind: 'scalar', at, value: scalar(node, at) }
    if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item) => this.read(item as YamlNode | null, depth + 1, at)) }
    if (!isMap(node)) throw new SourceProblem(at, 'neither a scalar nor a list nor a map')
    const entries = node.items.map((pair): MapEntry => {
      const key = pair.key as YamlNode | null
      const keyAt = key?.range ? this.position(key.range[0], key.range[1]) : at
      if (!isScalar(key)) throw new SourceProblem(keyAt, 'a key must be text')
      return { key: keyText(key), keyAt, value: this.read(pair.value as YamlNode | null, depth + 1, keyAt) }
    })
    return { kind: 'map', at, entries }
  }
}

interface YamlScalar {
  value: unknown
  source?: string
  type?: string
}

/** `1: 10` has the key "1", written as it stands. */
function keyText(key: YamlScalar): string {
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}

function scalar({ value, type }: YamlScalar, at: Position): Value {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') {
    const whole = integer(value)
    if (whole === undefined) throw new SourceProblem(at, 'an integer of more than 64 bits')
    return whole
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new SourceProblem(at, 'infinity and NaN are not values of the language')
    return double(value)
  }
  // A folded or literal block ends with a line break that nobody means when the block is one expression.
  if (typeof value === 'string') return type?.startsWith('BLOCK') && /^\$\{[^]*\}\n+$/.test(value) ? value.trimEnd() : value
  if (typeof value === 'boolean') return value
  throw new SourceProblem(at, 'not a value of the language')
}
