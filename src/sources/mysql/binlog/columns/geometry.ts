import type { Value } from '../../../../model/event/row.ts'
import { corrupt } from '../format/corrupt-event.ts'

const LEAST_ELEMENT_BYTES = 4
/** Nesting of collections; each level takes nine bytes, so data alone could exhaust the stack. */
const MAX_DEPTH = 100

const NAMES = [
  'Point',
  'LineString',
  'Polygon',
  'MultiPoint',
  'MultiLineString',
  'MultiPolygon',
  'GeometryCollection',
] as const
const COLLECTION = 7

type Position = readonly number[]
/** What a geometry holds: positions nested as deeply as its type has it. */
type Coordinates = Position | readonly Coordinates[]
type GeoJson = { readonly [key: string]: Value }

/** Position in the bytes, with the byte order of the geometry being read. */
class WkbCursor {
  at: number
  readonly #bytes: Buffer
  readonly #end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.at = start
    this.#end = end
  }

  need(count: number): void {
    if (this.at + count > this.#end) throw corrupt('geometry past its end')
  }

  u8(): number {
    this.need(1)
    return this.#bytes[this.at++]!
  }

  u32(little: boolean): number {
    this.need(4)
    this.at += 4
    return little ? this.#bytes.readUInt32LE(this.at - 4) : this.#bytes.readUInt32BE(this.at - 4)
  }

  double(little: boolean): number {
    this.need(8)
    this.at += 8
    return little ? this.#bytes.readDoubleLE(this.at - 8) : this.#bytes.readDoubleBE(this.at - 8)
  }
}

/**
 * A geometry as GeoJSON (RFC 7946). Stored as SRID (4 bytes) and WKB. Coordinates come in the order in which they are
 * stored: x before y, and for a geographic reference system longitude before latitude, as GeoJSON wants it and
 * ST_AsGeoJSON prints it. Nothing is projected. An SRID other than 0 and 4326 is named by a `crs` member of the form
 * that ST_AsGeoJSON(g, 17, 2) gives: GeoJSON without it means WGS 84 (4326), and 0 means no reference system at all.
 */
export function readGeometry(bytes: Buffer, start: number, end: number): Value {
  const cursor = new WkbCursor(bytes, start, end)
  const srid = cursor.u32(true)
  const shape = readShape(cursor, 0)
  if (srid === 0 || srid === 4326) return shape
  return { ...shape, crs: { type: 'name', properties: { name: `EPSG:${srid}` } } }
}

function readShape(cursor: WkbCursor, depth: number): GeoJson {
  if (depth > MAX_DEPTH) throw corrupt('geometry nested too deeply')
  const little = cursor.u8() === 1
  const type = cursor.u32(little)
  const name = NAMES[type - 1]
  if (name === undefined) throw corrupt(`geometry type ${type}`)
  if (type === COLLECTION)
    return { type: name, geometries: readMany(cursor, little, () => readShape(cursor, depth + 1)) }
  return { type: name, coordinates: readCoordinates(cursor, type, little) }
}

function readCoordinates(cursor: WkbCursor, type: number, little: boolean): Coordinates {
  const position = (): Position => [cursor.double(little), cursor.double(little)]
  const line = (): Coordinates => readMany(cursor, little, position)
  switch (type) {
    case 1:
      return position()
    case 2:
      return line()
    case 3:
      return readMany(cursor, little, line)
    default:
      return readMany(cursor, little, () => readMember(cursor, type - 3))
  }
}

/** A member of a MULTI… geometry is a whole geometry of its own, byte order and type first. */
function readMember(cursor: WkbCursor, type: number): Coordinates {
  const little = cursor.u8() === 1
  if (cursor.u32(little) !== type) throw corrupt('invalid member of a geometry')
  return readCoordinates(cursor, type, little)
}

function readMany<T>(cursor: WkbCursor, little: boolean, read: () => T): T[] {
  const count = cursor.u32(little)
  // Every element takes at least the four bytes of a count: a wrong one is found before anything is read.
  cursor.need(count * LEAST_ELEMENT_BYTES)
  const items: T[] = []
  for (let i = 0; i < count; i++) items.push(read())
  return items
}
