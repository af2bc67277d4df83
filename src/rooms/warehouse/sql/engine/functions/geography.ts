/** GEOGRAPHY as WKT text on a sphere. Points, lines and polygons; no overlay (unions, differences, buffers). */
import type { ScalarFunction } from '../scalar.ts'

const EARTH_M = 6_371_010
type Point = [number, number]
interface Shape {
  kind: 'POINT' | 'LINESTRING' | 'POLYGON' | 'MULTIPOINT' | 'MULTILINESTRING' | 'MULTIPOLYGON' | 'GEOMETRYCOLLECTION'
  /** Points of a point or line; rings of a polygon; members of the rest. */
  points?: Point[]
  rings?: Point[][]
  members?: Shape[]
}

const radians = (degrees: number) => (degrees * Math.PI) / 180
const degrees = (value: number) => (value * 180) / Math.PI

function parse(text: string): Shape {
  let rest = text.trim().replace(/^SRID=\d+;/i, '')
  const bad = (): never => {
    throw new Error(`Invalid WKT: ${text}`)
  }
  const eat = (pattern: RegExp): string => {
    const match = pattern.exec(rest)
    if (!match) return bad()
    rest = rest.slice(match[0].length)
    return match[0]
  }
  const list = <T>(item: () => T): T[] => {
    if (/^\s*EMPTY/i.test(rest)) return eat(/^\s*EMPTY/i), []
    eat(/^\s*\(/)
    const out = [item()]
    while (/^\s*,/.test(rest)) {
      eat(/^\s*,/)
      out.push(item())
    }
    eat(/^\s*\)/)
    return out
  }
  const point = (): Point => {
    const bracketed = /^\s*\(/.test(rest) && eat(/^\s*\(/)
    const pair = eat(/^\s*[-+\d.eE]+\s+[-+\d.eE]+/).trim().split(/\s+/).map(Number) as Point
    if (bracketed) eat(/^\s*\)/)
    if (!(Math.abs(pair[1]) <= 90)) throw new Error(`Latitude must be between -90 and 90 degrees inclusive, got ${pair[1]}`)
    return pair
  }
  const shape = (): Shape => {
    const kind = eat(/^\s*[A-Za-z]+/).trim().toUpperCase() as Shape['kind']
    switch (kind) {
      case 'POINT': return { kind, points: list(point) }
      case 'LINESTRING': return { kind, points: list(point) }
      case 'POLYGON': return { kind, rings: list(() => list(point)) }
      case 'MULTIPOINT': return { kind, members: list(point).map((p) => ({ kind: 'POINT', points: [p] })) }
      case 'MULTILINESTRING': return { kind, members: list(() => list(point)).map((points) => ({ kind: 'LINESTRING', points })) }
      case 'MULTIPOLYGON': return { kind, members: list(() => list(() => list(point))).map((rings) => ({ kind: 'POLYGON', rings })) }
      case 'GEOMETRYCOLLECTION': return { kind, members: list(shape) }
      default: return bad()
    }
  }
  const out = shape()
  if (rest.trim()) bad()
  return out
}

const number = (value: number) => String(Number(value.toPrecision(15)))
const pair = ([x, y]: Point) => `${number(x)} ${number(y)}`
const line = (points: readonly Point[]) => `(${points.map(pair).join(', ')})`

function print(shape: Shape): string {
  if (isEmpty(shape)) return `${shape.kind === 'POINT' || shape.kind === 'LINESTRING' || shape.kind === 'POLYGON' ? 'GEOMETRYCOLLECTION' : shape.kind} EMPTY`
  if (shape.kind === 'POINT' || shape.kind === 'LINESTRING') return `${shape.kind}${line(shape.points!)}`
  if (shape.kind === 'POLYGON') return `POLYGON(${shape.rings!.map(line).join(', ')})`
  if (shape.kind === 'MULTIPOINT') return `MULTIPOINT(${shape.members!.map((each) => pair(each.points![0]!)).join(', ')})`
  if (shape.kind === 'GEOMETRYCOLLECTION') return `GEOMETRYCOLLECTION(${shape.members!.map(print).join(', ')})`
  return `${shape.kind}(${shape.members!.map((each) => print(each).replace(/^[A-Z]+/, '')).join(', ')})`
}

const isEmpty = (shape: Shape): boolean => (shape.points ? !shape.points.length : shape.rings ? !shape.rings.length : shape.members!.every(isEmpty))
const pointsOf = (shape: Shape): Point[] => shape.points ?? shape.rings?.flat() ?? shape.members!.flatMap(pointsOf)
const linesOf = (shape: Shape): Point[][] => (shape.kind === 'LINESTRING' ? [shape.points!] : (shape.rings ?? shape.members?.flatMap(linesOf) ?? []))
const polygonsOf = (shape: Shape): Point[][][] => (shape.rings ? [shape.rings] : (shape.members?.flatMap(polygonsOf) ?? []))

type Vector = [number, number, number]
const vector = ([x, y]: Point): Vector => [Math.cos(radians(y)) * Math.cos(radians(x)), Math.cos(radians(y)) * Math.sin(radians(x)), Math.sin(radians(y))]
const cross = (a: Vector, b: Vector): Vector => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const size = (a: Vector) => Math.sqrt(dot(a, a))
const angle = (a: Vector, b: Vector) => Math.atan2(size(cross(a, b)), dot(a, b))
const between = (a: Point, b: Point) => angle(vector(a), vector(b)) * EARTH_M

function toSegment(p: Point, a: Point, b: Point): number {
  const [vp, va, vb] = [vector(p), vector(a), vector(b)]
  const normal = cross(va, vb)
  const inside = dot(cross(normal, va), vp) > 0 && dot(cross(vb, normal), vp) > 0
  if (inside && size(normal) > 1e-15) return Math.abs(Math.asin(dot(normal, vp) / size(normal))) * EARTH_M
  return Math.min(between(p, a), between(p, b))
}

function inPolygon(p: Point, rings: readonly Point[][], edge: boolean): boolean {
  for (const ring of rings) for (let i = 0; i + 1 < ring.length; i++) if (toSegment(p, ring[i]!, ring[i + 1]!) < 1e-6) return edge
  let inside = false
  for (const ring of rings) {
    for (let i = 0, k = ring.length - 1; i < ring.length; k = i++) {
      const [xi, yi] = ring[i]!
      const [xk, yk] = ring[k]!
      if (yi > p[1] !== yk > p[1] && p[0] < ((xk - xi) * (p[1] - yi)) / (yk - yi) + xi) inside = !inside
    }
  }
  return inside
}

function crosses(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point) => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)
}

const segments = (shape: Shape): [Point, Point][] => linesOf(shape).flatMap((points) => points.slice(1).map((point, i): [Point, Point] => [points[i]!, point]))

function distance(a: Shape, b: Shape): number | null {
  if (isEmpty(a) || isEmpty(b)) return null
  if (intersects(a, b)) return 0
  let best = Infinity
  for (const p of pointsOf(a)) for (const q of pointsOf(b)) best = Math.min(best, between(p, q))
  for (const p of pointsOf(a)) for (const [c, d] of segments(b)) best = Math.min(best, toSegment(p, c, d))
  for (const p of pointsOf(b)) for (const [c, d] of segments(a)) best = Math.min(best, toSegment(p, c, d))
  return best
}

function covers(a: Shape, b: Shape, edge: boolean): boolean {
  if (isEmpty(a) || isEmpty(b)) return false
  const polygons = polygonsOf(a)
  if (polygons.length) return pointsOf(b).every((p) => polygons.some((rings) => inPolygon(p, rings, edge || b.kind !== 'POINT'))) && !segments(b).some(([p, q]) => segments(a).some(([c, d]) => crossesInside(p, q, c, d)))
  const lines = segments(a)
  return pointsOf(b).every((p) => pointsOf(a).some((q) => between(p, q) < 1e-6) || lines.some(([c, d]) => toSegment(p, c, d) < 1e-6))
}

const crossesInside = (a: Point, b: Point, c: Point, d: Point) => [a, b].every((p) => toSegment(p, c, d) > 1e-6) && [c, d].every((p) => toSegment(p, a, b) > 1e-6) && crosses(a, b, c, d)

function intersects(a: Shape, b: Shape): boolean {
  if (isEmpty(a) || isEmpty(b)) return false
  for (const [from, to] of [[a, b], [b, a]] as const) {
    for (const p of pointsOf(from)) {
      if (polygonsOf(to).some((rings) => inPolygon(p, rings, true))) return true
      if (segments(to).some(([c, d]) => toSegment(p, c, d) < 1e-6) || pointsOf(to).some((q) => between(p, q) < 1e-6)) return true
    }
  }
  return segments(a).some(([p, q]) => segments(b).some(([c, d]) => crosses(p, q, c, d)))
}

const length = (points: readonly Point[]) => points.slice(1).reduce((sum, point, i) => sum + between(points[i]!, point), 0)

/** Area of a ring by the spherical excess of its triangles. */
function ringArea(ring: readonly Point[]): number {
  let sum = 0
  for (let i = 0; i + 1 < ring.length; i++) {
    const [x1, y1] = ring[i]!
    const [x2, y2] = ring[i + 1]!
    const turn = radians(x2 - x1)
    sum += 2 * Math.atan2(Math.tan(turn / 2) * (Math.sin(radians((y1 + y2) / 2)) / Math.cos(radians((y1 - y2) / 2))), 1)
  }
  return Math.abs(sum) * EARTH_M * EARTH_M
}

function centroid(shapes: readonly Shape[]): string {
  const all = shapes.flatMap(pointsOf)
  if (!all.length) return 'GEOMETRYCOLLECTION EMPTY'
  const sum = all.map(vector).reduce((a, b): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]])
  return print({ kind: 'POINT', points: [[degrees(Math.atan2(sum[1], sum[0])), degrees(Math.atan2(sum[2], Math.hypot(sum[0], sum[1])))]] })
}

const BASE32 = '0123456789bcdefghjkmnpqrstuvwxyz'

function geohash([x, y]: Point, size: number): string {
  const box = { x: [-180, 180], y: [-90, 90] }
  let out = ''
  for (let bit = 0, value = 0; out.length < size; bit++) {
    const range = bit % 2 === 0 ? box.x : box.y
    const middle = (range[0]! + range[1]!) / 2
    const high = (bit % 2 === 0 ? x : y) >= middle
    value = value * 2 + (high ? 1 : 0)
    range[high ? 0 : 1] = middle
    if (bit % 5 === 4) {
      out += BASE32[value]
      value = 0
    }
  }
  return out
}

function fromGeohash(text: string): string {
  const box = { x: [-180, 180], y: [-90, 90] }
  let bit = 0
  for (const char of text.toLowerCase()) {
    const value = BASE32.indexOf(char)
    if (value < 0) throw new Error(`Invalid geohash: ${text}`)
    for (let shift = 4; shift >= 0; shift--, bit++) {
      const range = bit % 2 === 0 ? box.x : box.y
      range[(value >> shift) & 1 ? 0 : 1] = (range[0]! + range[1]!) / 2
    }
  }
  return print({ kind: 'POINT', points: [[(box.x[0]! + box.x[1]!) / 2, (box.y[0]! + box.y[1]!) / 2]] })
}

function geoJson(shape: Shape): unknown {
  const names: Record<Shape['kind'], string> = { POINT: 'Point', LINESTRING: 'LineString', POLYGON: 'Polygon', MULTIPOINT: 'MultiPoint', MULTILINESTRING: 'MultiLineString', MULTIPOLYGON: 'MultiPolygon', GEOMETRYCOLLECTION: 'GeometryCollection' }
  const coordinates = (each: Shape): unknown => (each.kind === 'POINT' ? each.points![0] : (each.points ?? each.rings ?? each.members!.map(coordinates)))
  if (shape.kind === 'GEOMETRYCOLLECTION') return { type: 'GeometryCollection', geometries: shape.members!.map(geoJson) }
  return { type: names[shape.kind], coordinates: coordinates(shape) }
}

function fromGeoJson(value: { type: string; coordinates: never; geometries?: never[] }): Shape {
  const kind = value.type.toUpperCase() as Shape['kind']
  switch (kind) {
    case 'POINT': return { kind, points: [value.coordinates] }
    case 'LINESTRING': return { kind, points: value.coordinates }
    case 'POLYGON': return { kind, rings: value.coordinates }
    case 'MULTIPOINT': return { kind, members: (value.coordinates as Point[]).map((point) => ({ kind: 'POINT', points: [point] })) }
    case 'MULTILINESTRING': return { kind, members: (value.coordinates as Point[][]).map((points) => ({ kind: 'LINESTRING', points })) }
    case 'MULTIPOLYGON': return { kind, members: (value.coordinates as Point[][][]).map((rings) => ({ kind: 'POLYGON', rings })) }
    case 'GEOMETRYCOLLECTION': return { kind, members: (value.geometries ?? []).map(fromGeoJson) }
    default: throw new Error(`Invalid GeoJSON type: ${value.type}`)
  }
}

const one = (name: string, returns: string, run: (shape: Shape) => unknown): ScalarFunction => ({ name: `gs_st_${name}`, parameters: ['VARCHAR'], returns, run: (text: string) => run(parse(text)) })
const both = (name: string, returns: string, run: (a: Shape, b: Shape) => unknown): ScalarFunction => ({ name: `gs_st_${name}`, parameters: ['VARCHAR', 'VARCHAR'], returns, run: (a: string, b: string) => run(parse(a), parse(b)) })
const onePoint = (shape: Shape): Point | null => {
  if (isEmpty(shape)) return null
  if (shape.kind !== 'POINT') throw new Error('The GEOGRAPHY is not a single point')
  return shape.points![0]!
}

export const geography: ScalarFunction[] = [
  {
    name: 'gs_st_geogpoint', parameters: ['DOUBLE', 'DOUBLE'], returns: 'VARCHAR',
    run(x: number, y: number) {
      if (!(Math.abs(y) <= 90)) throw new Error(`ST_GEOGPOINT: latitude must be between -90 and 90 degrees inclusive, got ${y}`)
      const turned = x > 180 || x < -180 ? ((((x + 180) % 360) + 360) % 360) - 180 : x
      return print({ kind: 'POINT', points: [[turned, y]] })
    },
  },
  { name: 'gs_st_geogfromtext', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => (text.trim().startsWith('{') ? print(fromGeoJson(JSON.parse(text))) : print(parse(text))) },
  { name: 'gs_st_geogfromgeojson', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (text: string) => print(fromGeoJson(JSON.parse(text))) },
  one('asgeojson', 'VARCHAR', (shape) => JSON.stringify(geoJson(shape)).replace(/([:,])(?=["[{])/g, '$1 ').replace(/(\d),(?=-?\d)/g, '$1, ').replace(/^\{/, '{ ').replace(/\}$/, ' } ')),
  one('x', 'DOUBLE', (shape) => onePoint(shape)?.[0] ?? null),
  one('y', 'DOUBLE', (shape) => onePoint(shape)?.[1] ?? null),
  both('distance', 'DOUBLE', distance),
  both('equals', 'BOOLEAN', (a, b) => covers(a, b, true) && covers(b, a, true)),
  both('contains', 'BOOLEAN', (a, b) => covers(a, b, false)),
  both('covers', 'BOOLEAN', (a, b) => covers(a, b, true)),
  both('intersects', 'BOOLEAN', intersects),
  one('length', 'DOUBLE', (shape) => (polygonsOf(shape).length ? 0 : linesOf(shape).reduce((sum, points) => sum + length(points), 0))),
  one('perimeter', 'DOUBLE', (shape) => polygonsOf(shape).flat().reduce((sum, ring) => sum + length(ring), 0)),
  one('area', 'DOUBLE', (shape) => polygonsOf(shape).reduce((sum, [outer, ...holes]) => sum + ringArea(outer ?? []) - holes.reduce((all, hole) => all + ringArea(hole), 0), 0)),
  { name: 'gs_st_makeline', parameters: ['VARCHAR[]'], returns: 'VARCHAR', run: (items: (string | null)[]) => print({ kind: 'LINESTRING', points: items.flatMap((each) => (each === null ? [] : pointsOf(parse(each)))) }) },
  {
    name: 'gs_st_makepolygon', parameters: ['VARCHAR', 'VARCHAR[]'], returns: 'VARCHAR',
    run: (outer: string, holes: string[]) => print({ kind: 'POLYGON', rings: [outer, ...holes].map((each) => closed(pointsOf(parse(each)))) }),
  },
  one('numpoints', 'BIGINT', (shape) => BigInt(pointsOf(shape).length)),
  one('geometrytype', 'VARCHAR', (shape) => `ST_${({ POINT: 'Point', LINESTRING: 'LineString', POLYGON: 'Polygon', MULTIPOINT: 'MultiPoint', MULTILINESTRING: 'MultiLineString', MULTIPOLYGON: 'MultiPolygon', GEOMETRYCOLLECTION: 'GeometryCollection' } as const)[shape.kind]}`),
  one('dimension', 'BIGINT', (shape) => (isEmpty(shape) ? -1n : polygonsOf(shape).length ? 2n : linesOf(shape).length ? 1n : 0n)),
  one('isempty', 'BOOLEAN', isEmpty),
  one('iscollection', 'BOOLEAN', (shape) => !isEmpty(shape) && (shape.members?.length ?? 0) > 1),
  one('isclosed', 'BOOLEAN', (shape) => !isEmpty(shape) && linesOf(shape).every((points) => between(points[0]!, points.at(-1)!) < 1e-6)),
  {
    name: 'gs_st_pointn', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR',
    run(text: string, index: bigint) {
      const point = pointsOf(parse(text)).at(Number(index > 0n ? index - 1n : index))
      return point ? print({ kind: 'POINT', points: [point] }) : null
    },
  },
  one('centroid', 'VARCHAR', (shape) => centroid([shape])),
  { name: 'gs_st_centroid_agg', parameters: ['VARCHAR[]'], returns: 'VARCHAR', run: (items: (string | null)[]) => centroid(items.filter((each) => each !== null).map(parse)) },
  both('azimuth', 'DOUBLE', (a, b) => {
    const [p, q] = [onePoint(a), onePoint(b)]
    if (!p || !q || between(p, q) < 1e-9) return null
    const turn = radians(q[0] - p[0])
    const y = Math.sin(turn) * Math.cos(radians(q[1]))
    const x = Math.cos(radians(p[1])) * Math.sin(radians(q[1])) - Math.sin(radians(p[1])) * Math.cos(radians(q[1])) * Math.cos(turn)
    const found = Math.atan2(y, x)
    return found < 0 ? found + 2 * Math.PI : found
  }),
  { name: 'gs_st_geohash', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR', run: (text: string, chars: bigint) => { const point = onePoint(parse(text)); return point && geohash(point, Math.min(20, Number(chars))) } },
  { name: 'gs_st_geogpointfromgeohash', parameters: ['VARCHAR'], returns: 'VARCHAR', run: fromGeohash },
]

const closed = (points: Point[]): Point[] => (points.length && between(points[0]!, points.at(-1)!) > 1e-9 ? [...points, points[0]!] : points)
