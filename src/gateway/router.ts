/** Finds the route for a verb and a raw path. Segments are matched as the client encoded them and decoded after, so `a%2Fb` stays one name. */
import { Fault } from '#ground/fault.ts'
import type { Door, Params, Route, Verb } from '#ground/door.ts'

export interface Match {
  door: Door
  route: Route
  params: Params
}

interface Entry {
  door: Door
  route: Route
  names: string[]
}

interface Parameter {
  /** What stands before the parameter in its segment, such as `trigger-`. */
  prefix: string
  /** What follows it, such as `:publish`. */
  suffix: string
  node: Node
}

class Node {
  readonly literals = new Map<string, Node>()
  readonly parameters: Parameter[] = []
  /** Entries that end here, by verb; of several doors the one that owns the host is taken. */
  readonly ends = new Map<Verb, Entry[]>()
  /** Entries that take whatever follows. */
  readonly rests = new Map<Verb, Entry[]>()
}

export class Router {
  private readonly root = new Node()

  add(door: Door): void {
    for (const route of door.routes) this.addRoute(door, route)
  }

  /** The route, or the verbs that this path has, or nothing. */
  find(verb: Verb, path: string, owner: Door | undefined): Match | { verbs: Verb[] } | undefined {
    const segments = path.split('/').slice(1)
    const verbs = new Set<Verb>()
    const match = walk(this.root, segments, 0, [], { verb, owner, verbs })
    if (match) return match
    return verbs.size > 0 ? { verbs: [...verbs] } : undefined
  }

  private addRoute(door: Door, route: Route): void {
    let node = this.root
    const names: string[] = []
    const segments = route.path.split('/').slice(1)
    for (const segment of segments) {
      const pattern = /^([^{}]*)\{(\w+)(=\*\*)?\}(.*)$/.exec(segment)
      if (!pattern) {
        node = literal(node, segment)
        continue
      }
      names.push(pattern[2]!)
      if (pattern[3]) {
        push(node.rests, route.verb, { door, route, names })
        return
      }
      node = parameter(node, pattern[1]!, pattern[4]!)
    }
    push(node.ends, route.verb, { door, route, names })
  }
}

function literal(node: Node, segment: string): Node {
  let next = node.literals.get(segment)
  if (!next) node.literals.set(segment, (next = new Node()))
  return next
}

function parameter(node: Node, prefix: string, suffix: string): Node {
  let found = node.parameters.find((candidate) => candidate.prefix === prefix && candidate.suffix === suffix)
  if (!found) {
    found = { prefix, suffix, node: new Node() }
    node.parameters.push(found)
    // The more a pattern says, the earlier it is tried: `{topic}:publish` before `{topic}`.
    node.parameters.sort((a, b) => b.prefix.length + b.suffix.length - a.prefix.length - a.suffix.length)
  }
  return found.node
}

function push(map: Map<Verb, Entry[]>, verb: Verb, entry: Entry): void {
  const entries = map.get(verb)
  if (entries) entries.push(entry)
  else map.set(verb, [entry])
}

interface Search {
  verb: Verb
  owner: Door | undefined
  verbs: Set<Verb>
}

function walk(node: Node, segments: string[], index: number, values: string[], search: Search): Match | undefined {
  const segment = segments[index]
  if (segment === undefined) return choose(node.ends, values, search)
  const next = node.literals.get(segment)
  const found = next && walk(next, segments, index + 1, values, search)
  if (found) return found
  for (const { prefix, suffix, node: child } of node.parameters) {
    const value = segment.startsWith(prefix) ? withoutSuffix(segment.slice(prefix.length), suffix) : undefined
    if (value === undefined || value === '') continue
    const match = walk(child, segments, index + 1, [...values, value], search)
    if (match) return match
  }
  return choose(node.rests, [...values, segments.slice(index).join('/')], search)
}

function withoutSuffix(segment: string, suffix: string): string | undefined {
  if (suffix === '') return segment
  if (segment.endsWith(suffix)) return segment.slice(0, -suffix.length)
  const encoded = suffix.replace(':', '%3A')
  return segment.endsWith(encoded) ? segment.slice(0, -encoded.length) : undefined
}

function choose(ends: Map<Verb, Entry[]>, values: string[], search: Search): Match | undefined {
  for (const verb of ends.keys()) search.verbs.add(verb)
  const entries = ends.get(search.verb)
  const entry = entries?.find(({ door }) => door === search.owner) ?? entries?.[0]
  if (!entry) return undefined
  const params: Record<string, string> = {}
  for (const [index, name] of entry.names.entries()) params[name] = decode(values[index] ?? '')
  return { door: entry.door, route: entry.route, params }
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch (cause) {
    throw new Fault('INVALID_ARGUMENT', 'invalid', `The path segment ${JSON.stringify(raw.slice(0, 100))} is not percent-encoded UTF-8.`, { cause })
  }
}
